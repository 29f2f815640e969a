"""Is every decision record written, or counted as lost, whatever happens to the process or to PostgreSQL?"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from django.db import OperationalError, connection

from config import env
from merch import metrics
from merch.engine.decide import decide
from merch.engine.document import Pulse
from merch.inputs import Entry
from merch.journal import Journal, count_lost
from merch.models import DecisionRecord
from merch.recording import Recorder, write
from merch.watchdog import watching
from tests.merch.engine.documents import NOON, campaign, ready, request, subject

TAKES_SEVEN_WRITES_THREE = """
import sys
from pathlib import Path
from merch.journal import Journal
kept = Journal(Path(sys.argv[1]))
for _ in range(7):
    kept.took()
kept.wrote(3)
print("ready", flush=True)
sys.stdin.read()
"""


def lost() -> float:
    return float(metrics.DECISION_RECORDS_LOST._value.get())


def entry(number: int) -> Entry:
    asked = request(decision_id=str(UUID(int=number)))
    release, who = ready(campaign()), subject()
    return Entry(release, Pulse(), asked, who, decide(release, Pulse(), asked, who, NOON))


def recorder_with(*entries: Entry) -> Recorder:
    made = Recorder(follow=False)
    for each in entries:
        made.record(each)
    return made


def test_records_of_a_killed_process_are_counted_once_and_those_of_a_living_one_not(tmp_path: Path) -> None:
    words = [sys.executable, "-c", TAKES_SEVEN_WRITES_THREE, str(tmp_path)]
    with subprocess.Popen(words, cwd=env.PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while_it_lives = count_lost(tmp_path)
        process.kill()
        process.wait(timeout=10)

    assert (while_it_lives, count_lost(tmp_path), count_lost(tmp_path)) == (0, 4, 0)


def test_a_journal_of_a_reused_process_id_is_counted(tmp_path: Path) -> None:
    """In a container the next process often has the id of the killed one."""
    killed = Journal(tmp_path)
    killed.took()
    killed.close()
    own = Journal(tmp_path)

    assert count_lost(tmp_path) == 1
    assert own.path.exists()
    own.close()
    assert list(tmp_path.iterdir()) == []


def take(journal: Journal, number: int) -> None:
    for _ in range(number):
        journal.took()


def test_many_threads_lose_no_count(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(take, journal, 2_000)
        for _ in range(100):
            journal.wrote(1)
    journal.close()

    assert count_lost(tmp_path) == 8 * 2_000 - 100


def test_a_batch_whose_commit_was_not_heard_of_is_neither_lost_nor_doubled(transactional_db: None) -> None:
    before = lost()
    write([entry(1), entry(2)])
    recorder = recorder_with(entry(1), entry(2), entry(3))

    assert recorder.flush() == 3

    assert DecisionRecord.objects.count() == 3
    assert lost() == before


def test_records_wait_for_a_postgresql_that_went_away_in_the_middle(transactional_db: None) -> None:
    recorder = recorder_with(entry(1))
    connection.ensure_connection()
    with watching(connection.connection.fileno(), 0.0) as watch:
        while not watch.cut:
            pass
        with pytest.raises(OperationalError):
            recorder.flush()
    connection.close()

    assert recorder.flush() == 1
    assert DecisionRecord.objects.count() == 1
