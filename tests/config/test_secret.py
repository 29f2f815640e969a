"""Is there one server secret, known to nobody else?"""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from config.secret import remembered, server_secret


def test_a_given_secret_is_taken_and_no_file_is_made(tmp_path: Path) -> None:
    assert server_secret("from the environment", tmp_path) == b"from the environment"
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    first = server_secret(None, tmp_path / "new")

    assert len(first) == 64
    assert server_secret(None, tmp_path / "new") == first
    assert stat.S_IMODE((tmp_path / "new" / "secret").stat().st_mode) == 0o600


def test_makers_that_race_all_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as crowd:
        told = set(crowd.map(lambda _: remembered(tmp_path / "secret"), range(8)))

    assert len(told) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
