"""Does a process find the newest whole file among broken and foreign ones?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from merch.releases.disk import GENERATIONS, Kept, Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "serving", "release", "test")


def test_the_highest_number_is_found_and_three_are_kept(shelf: Shelf) -> None:
    for number in (1, 2, 3, 10):
        shelf.keep(number, f"name-{number}", f"body-{number}".encode())

    assert shelf.newest() == Kept(10, "name-10", b"body-10")
    assert shelf.newest(above=10) is None
    assert len(list(shelf.folder.iterdir())) == GENERATIONS


def test_files_of_another_deployment_or_kind_are_passed_over(shelf: Shelf) -> None:
    shelf.keep(1, "ours", b"ours")
    Shelf(shelf.folder, "release", "other").keep(2, "theirs", b"theirs")
    pulse = shelf.folder / "release-000000000003"
    Shelf(shelf.folder, "pulse", "test").keep(3, "pulse", b"pulse")
    (shelf.folder / "pulse-000000000003").rename(pulse)

    assert shelf.newest() == Kept(1, "ours", b"ours")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_broken_file_is_passed_over_for_the_one_before(shelf: Shelf, data: st.DataObject) -> None:
    for old in shelf.folder.glob("*"):
        old.unlink()
    shelf.keep(1, "good", b"good " * 50)
    shelf.keep(2, "newer", b"newer " * 50)
    path = shelf.folder / "release-000000000002"
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytes([whole[cut] ^ data.draw(st.integers(1, 255))])
    path.write_bytes(data.draw(st.sampled_from([whole[:cut], whole[:cut] + flipped + whole[cut + 1 :], b"\0" * cut])))

    found = shelf.newest()

    assert found is not None
    assert found.body in (b"good " * 50, b"newer " * 50)


def test_links_and_unreadable_folders_are_no_reason_to_fail(shelf: Shelf, tmp_path: Path) -> None:
    shelf.keep(1, "good", b"good")
    (shelf.folder / "release-000000000009").symlink_to("/etc/hostname")

    assert shelf.newest() == Kept(1, "good", b"good")
    assert Shelf(tmp_path / "nowhere", "release", "test").newest() is None
    Shelf(Path("/proc/nowhere"), "release", "test").keep(1, "x", b"x")


WRITER = """
import sys
from pathlib import Path
from merch.releases.disk import Shelf
shelf = Shelf(Path(sys.argv[1]), "release", "test")
number = 1
print("ready", flush=True)
while True:
    shelf.keep(number, "n", b"x" * 300_000)
    number += 1
"""


def test_killed_in_mid_write_every_file_left_is_whole(tmp_path: Path) -> None:
    for attempt in range(8):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "s")], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.013 * (attempt + 1))
            os.kill(writer.pid, signal.SIGKILL)
        files = list((tmp_path / "s").glob("release-*")) if (tmp_path / "s").exists() else []
        shelf = Shelf(tmp_path / "s", "release", "test")
        assert all(shelf.read(path) is not None for path in files)
