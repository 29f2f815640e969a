"""What is kept of a decision, so that it can be made again?

Taken by reference; packed by a thread of its own, which writes by COPY every 200 ms or 500 records, and once more when
the process ends. Losing some is allowed and counted, never silent: the journal says to the next start how many of a
killed process never arrived.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, connection, transaction
from django.utils import timezone

from experiments.exposures import ExposureRow, insert_exposures
from merch import metrics
from merch.answering import time_text
from merch.engine.facts import Decision
from merch.inputs import MOST_BYTES, Entry, inputs_of, pack_decision, pack_inputs
from merch.journal import Journal, count_lost
from merch.models import DecisionRecord
from merch.subjects.publish import publish
from merch.watchdog import watching

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.2
FLUSH_RECORDS = 500
RETRY_SECONDS = 1.0
MOST_WAITING = 50_000
LONGEST_WRITE = 10.0  # seconds; after that PostgreSQL is frozen, and the records go to the one that takes its place
LAST_WRITE = 2.0  # the same for what waits when the process ends
UNWRITABLE = (DataError, IntegrityError, OverflowError, TypeError, ValueError)  # trying again would not help


class Recorder:
    """A bounded buffer and the thread that empties it (none without ``follow``); for any thread, and after a fork."""

    def __init__(self, *, follow: bool = True) -> None:
        self._follows = follow
        self._waiting: deque[Entry] = deque()
        self._pid = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._journal: Journal | None = None
        self._flushing = threading.Lock()

    def record(self, entry: Entry) -> None:
        """Take a decision for writing; when too many wait it is dropped and counted."""
        self.begin()
        if len(self._waiting) >= MOST_WAITING:
            metrics.DECISION_RECORDS_LOST.inc()
            return
        if self._journal is not None:
            self._journal.took()
        self._waiting.append(entry)
        if len(self._waiting) >= FLUSH_RECORDS:
            self._wake.set()

    def begin(self) -> None:
        """Count what killed processes lost, and start to write; does nothing the second time."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            folder = settings.MERCH_HOME / "journals"
            self._waiting.clear()
            self._flushing = threading.Lock()
            self._journal = Journal(folder)
            lost = count_lost(folder)
            if lost:
                metrics.DECISION_RECORDS_LOST.inc(lost)
                log.warning("%s decision records of killed processes were never written", lost)
            self._pid = os.getpid()
            if self._follows:
                # Not a daemon: the process waits for its last records.
                threading.Thread(target=self._run, name="merch-recorder", daemon=False).start()

    def _run(self) -> None:
        main = threading.main_thread()
        while main.is_alive():
            self._wake.wait(FLUSH_SECONDS)
            self._wake.clear()
            if self._waiting and not self._flush_quietly(LONGEST_WRITE):
                main.join(RETRY_SECONDS)
        self._flush_quietly(LAST_WRITE)
        connection.close()
        if self._journal is not None:
            self._journal.close()

    def _flush_quietly(self, seconds: float) -> bool:
        """Write what waits unless PostgreSQL takes longer than this over one batch; False: not possible now."""
        try:
            connection.ensure_connection()
            while self._waiting:
                # Each batch has its own deadline: under steady load there is always a next one.
                with watching(connection.connection.fileno(), seconds):
                    self._write_batch()
        except DatabaseError as error:
            log.warning("%s decision records wait for PostgreSQL: %s", len(self._waiting), str(error).splitlines()[0])
            connection.close()
            return False
        except Exception:  # whatever it is, the thread must live, or no record is written any more
            log.exception("%s decision records could not be written", len(self._waiting))
            connection.close()
            return False
        return True

    def flush(self) -> int:
        """Write what waits, oldest first; returns how many. Raises DatabaseError with the records still waiting."""
        written = 0
        while self._waiting:
            written += self._write_batch()
        return written

    def _write_batch(self) -> int:
        with self._flushing:
            batch = [self._waiting[index] for index in range(min(len(self._waiting), FLUSH_RECORDS))]
            _write_what_can_be(batch)
            for _ in batch:
                self._waiting.popleft()
            if self._journal is not None:
                self._journal.wrote(len(batch))
        return len(batch)


def _write_what_can_be(batch: list[Entry]) -> None:
    """A record that PostgreSQL will never take must not hold up the others: it is dropped and counted.

    One that is there already came through before, and only the answer to its commit was lost.
    """
    try:
        write(batch)
    except UNWRITABLE:
        there = _written(batch)
        for entry in batch:
            if UUID(entry.decision.decision_id) not in there:
                _write_or_drop(entry)


def _written(batch: list[Entry]) -> set[UUID]:
    ids = [UUID(entry.decision.decision_id) for entry in batch]
    return set(DecisionRecord.objects.filter(decision_id__in=ids).values_list("decision_id", flat=True))


def _write_or_drop(entry: Entry) -> None:
    try:
        write([entry])
    except UNWRITABLE as error:
        metrics.DECISION_RECORDS_LOST.inc()
        log.error("decision %s cannot be recorded: %s", entry.decision.decision_id, error)


def write(entries: Iterable[Entry]) -> None:
    """One transaction: the records by COPY, and each exposure once; then the marks that these left are published."""
    batch = list(entries)
    with transaction.atomic():
        _copy(batch)
        marked = insert_exposures([row for entry in batch for row in _exposures(entry)])
    publish(marked, now=timezone.now())


def _copy(batch: list[Entry]) -> None:
    with connection.cursor() as cursor:
        for day in sorted({_at(entry).date() for entry in batch}):
            cursor.execute("SELECT merch_ensure_day('merch_decisionrecord', %s)", [day])
        # Django translates errors of its own calls only, and these come when the copy ends.
        with (
            connection.wrap_database_errors,
            cursor.copy(
                "COPY merch_decisionrecord (decision_id, day, decided_at, subject, release, pulse, randomised, inputs,"
                " result) FROM STDIN"
            ) as copy,
        ):
            copy.write("".join(map(_line, batch)))


def _at(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.decision.decided_at // 1_000_000, UTC)


def _line(entry: Entry) -> str:
    """As COPY reads it. Only a subject's name may hold what must be escaped: none holds a control character."""
    decision, request = entry.decision, entry.request
    subject = f"{request.kind}:{request.key}".replace("\\", r"\\")
    at = time_text(decision.decided_at)
    chance = "t" if randomised(decision) else "f"
    return (
        f"{decision.decision_id}\t{at[:10]}\t{at}\t{subject}\t{decision.release}\t{decision.pulse}\t{chance}"
        f"\t\\\\x{_packed(entry).hex()}\t\\\\x{pack_decision(decision).hex()}\n"
    )


def randomised(decision: Decision) -> bool:
    """Had chance a part in it: an arm, a holdout, a lottery or a learned draw? Then learning needs it for 400 days."""
    return any(exposure.propensity < 1 for exposure in decision.exposures) or any(
        answer.propensity < 1 or any(slot.propensity < 1 for slot in answer.slots) for answer in decision.answers
    )


def _packed(entry: Entry) -> bytes:
    """The doors keep what they let in small enough; a record that grew past it otherwise is kept, and counted."""
    packed = pack_inputs(inputs_of(entry))
    if len(packed) > MOST_BYTES:
        metrics.DECISION_RECORDS_OVERSIZE.inc()
    return packed


def _exposures(entry: Entry) -> list[ExposureRow]:
    """None of a prefetched answer: its tokens carry them until somebody looks."""
    request, decision = entry.request, entry.decision
    if request.prefetch:
        return []
    return [
        ExposureRow(
            kind=request.kind,
            key=request.key,
            test=exposure.test,
            version=exposure.version,
            arm=exposure.arm,
            ghost=exposure.ghost,
            propensity=exposure.propensity,
            at=decision.decided_at,
            source="decision",
            decision_id=UUID(decision.decision_id),
        )
        for exposure in decision.exposures
    ]


recorder = Recorder()
