"""A backfill that is killed in the middle goes on where it was, and nothing is kept twice or lost."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from audiences.history import Cell, fold
from audiences.models import Event, Subject
from audiences.moments import micros
from merch.backfill import runs
from merch.backfill.runs import Busy, Identity
from merch.backfill.sources import Source
from merch.models import BackfillRun
from tests.architecture.sources import PROJECT
from tests.factories import EventDefinitionFactory
from tests.merch.subjects.servers import wait_for

BASE = datetime(2019, 5, 1, tzinfo=UTC)
NUMBER, RATE = 1_500, 300
MAPPING = """
subject: who
occurred_at: {column: second, unit: seconds, base: 2019-05-01T00:00:00Z}
name: {constant: bought}
properties: {amount: amount}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Rows of forty people over three days; every hundredth is bad."""
    rows = tmp_path / "rows.csv"
    lines = (f"p{n * 7 % 40},{n * 167 % 250_000},{'much' if n % 100 == 0 else n}" for n in range(1, NUMBER + 1))
    rows.write_text("who,second,amount\n" + "\n".join(lines) + "\n")
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(MAPPING)
    return rows, mapping


@pytest.mark.django_db(transaction=True)
def test_killed_and_begun_again_it_leaves_what_an_undisturbed_run_leaves(
    files: tuple[Path, Path], child_environment: dict[str, str]
) -> None:
    EventDefinitionFactory(name="bought", in_history=True, fields={"amount": "decimal"})
    rows, mapping = files
    command = [sys.executable, "manage.py", "backfill_events", str(rows), "--mapping", str(mapping), "--apply"]
    slow = subprocess.Popen([*command, "--rate", str(RATE)], cwd=PROJECT, env=child_environment)
    wait_for(lambda: BackfillRun.objects.filter(rows_done__gte=2 * RATE).exists(), 40)  # a chunk is a second's worth
    slow.kill()
    slow.wait()
    assert BackfillRun.objects.get().state == BackfillRun.State.RUNNING
    # What a kill between the reject file and the commit leaves behind.
    reject_file = rows.with_name("rows.csv.rejects.jsonl")
    reject_file.write_text(reject_file.read_text() + '{"row": 1')

    told = subprocess.run(command, cwd=PROJECT, env=child_environment, capture_output=True, text=True, check=False)

    assert told.returncode == 1, told.stderr
    assert "rows are behind it" in told.stdout
    assert "15 rows were rejected" in told.stderr
    assert len(reject_file.read_text().splitlines()) == 15
    ids, memory = expected(rows)
    assert Counter(Event.objects.values_list("event_id", flat=True)) == ids
    assert {key: history["event|bought|custom"] for key, history in histories().items()} == memory
    assert BackfillRun.objects.get().state == BackfillRun.State.DONE


def expected(rows: Path) -> tuple[Counter[str], dict[str, Cell]]:
    """Ids and memory, computed by nothing that runs in chunks."""
    digest, ids, memory = Source(rows).digest(), Counter[str](), dict[str, Cell]()
    for number, line in enumerate(rows.read_text().splitlines()[1:], 1):
        who, second, amount = line.split(",")
        if amount != "much":
            ids[blake2b(f"{digest}:{number}".encode(), digest_size=16).hexdigest()] += 1
            memory[who] = fold(memory.get(who), micros(BASE + timedelta(seconds=int(second))))
    return ids, memory


def histories() -> dict[str, Any]:
    return dict(Subject.objects.values_list("key", "history"))


@pytest.mark.django_db(transaction=True)
def test_two_do_not_read_one_file_in_at_once(
    child_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = Identity("events", "f", "m")
    monkeypatch.setattr(runs, "PATIENCE", "100ms")
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=PROJECT, env=child_environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdin is not None
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"

    with pytest.raises(Busy), runs.alone(identity):
        pass
    with runs.alone(Identity("events", "another file", "m")):
        pass
    other.kill()
    other.wait()
    monkeypatch.setattr(runs, "PATIENCE", "10s")
    with runs.alone(identity):
        pass


HOLD = """
import django
django.setup()
from merch.backfill import runs
with runs.alone(runs.Identity("events", "f", "m")):
    print("held", flush=True)
    input()
"""
