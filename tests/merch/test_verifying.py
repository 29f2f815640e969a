"""Are recorded decisions made again in other processes, and is one that differs noticed?"""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from msgspec.structs import replace

from benchmarks import million
from config import env
from merch.inputs import pack_decision
from merch.models import DecisionRecord
from merch.reexecution import records_since, unpack
from tests.merch.engine.documents import campaign, document, request, subject
from tests.merch.recorded import recorded, stored

PEOPLE = 12


@pytest.fixture
def decisions(transactional_db: None, valkey: object) -> None:
    now = timezone.now()
    release = document(campaign("one"), campaign("two", priority=40))
    stored(release, now)
    for number in range(PEOPLE):
        recorded(release, request(decision_id=str(uuid4()), key=f"acc_{number}"), subject(), now - timedelta(hours=1))


def verified(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "verify_decisions", *words],
        cwd=env.PROJECT, env=environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.mark.usefixtures("decisions")
def test_workers_share_the_decisions_and_name_those_that_differ(child_environment: dict[str, str]) -> None:
    whole = verified(child_environment, "--workers", "2", "--since", "2020-01-01T00:00:00Z")
    row = DecisionRecord.objects.all()[0]
    other = replace(unpack(row).decision, errors=("somebody lied",))
    DecisionRecord.objects.filter(decision_id=row.decision_id).update(result=pack_decision(other))
    spoilt = verified(child_environment, "--workers", "2")

    assert (whole.returncode, f"{PEOPLE} decisions made again, 0 differences\n") == (0, whole.stdout)
    assert spoilt.returncode == 1
    assert f"{PEOPLE} decisions made again, 1 differences" in spoilt.stdout
    assert f"{row.decision_id} differs" in spoilt.stderr


@pytest.mark.usefixtures("decisions")
def test_the_parts_are_all_of_it_and_nothing_twice() -> None:
    parts = [{row.decision_id for row in records_since(None, 1.0, (number, 3))} for number in (1, 2, 3)]

    assert sum(map(len, parts)) == len(set.union(*parts)) == PEOPLE


@pytest.mark.parametrize("words", [("--workers", "0"), ("--part", "3/2"), ("--sample", "0")])
def test_nonsense_is_refused(words: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match=words[0].removeprefix("--")):
        call_command("verify_decisions", *words)


def test_a_million_in_small(own_home: Path, child_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.million", "--count", "300"],
        cwd=env.PROJECT, env=child_environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "300 decisions made again, 0 differences" in done.stdout


def test_an_altered_answer_is_noticed(tmp_path: Path) -> None:
    assert million.make(tmp_path, 0, 50) == 50
    assert million.check(tmp_path, 0) == (50, 0)

    (file,) = tmp_path.glob("*.decisions")
    data = file.read_bytes()
    file.write_bytes(data.replace(b"SELECTED", b"FALLBACK", 1))

    assert million.check(tmp_path, 0) == (50, 1)
