"""What is kept of a decision, so that it can be made again?

The inputs that a decision read and the answer it gave, packed; buffered in the process and written by COPY every 200 ms
or 500 records. Losing some is allowed and counted, never silent: each process numbers its records in a memory-mapped
file, so that the next start sees how many of a killed process never arrived.
"""

from __future__ import annotations

import logging
import mmap
import os
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, connection, transaction
from django.utils import timezone

from audiences.moments import moment
from experiments.exposures import ExposureRow, insert_exposures
from merch import metrics
from merch.engine.facts import Decision, Request, Subject
from merch.subjects.publish import publish

log = logging.getLogger(__name__)

FORMAT = 1
FLUSH_SECONDS = 0.2
FLUSH_RECORDS = 500
MOST_WAITING = 50_000
NUMBERS = struct.Struct("<QQ")  # taken, written


class Inputs(msgspec.Struct, frozen=True):
    """Everything besides release, pulse and code that a decision depends on."""

    request: Request
    subject: Subject | None
    now: int
    kills: tuple[str, ...]
    format: int = FORMAT


class Entry(NamedTuple):
    inputs: Inputs
    decision: Decision


_pack = msgspec.msgpack.Encoder()
_inputs = msgspec.msgpack.Decoder(Inputs)
_result = msgspec.msgpack.Decoder(Decision)


def pack_inputs(inputs: Inputs) -> bytes:
    """Compressed MessagePack; see Inputs."""
    return zlib.compress(_pack.encode(inputs), 1)


def unpack_inputs(data: bytes) -> Inputs:
    """Raises msgspec.ValidationError or zlib.error on anything that was not packed here."""
    return _inputs.decode(zlib.decompress(data))


def unpack_decision(data: bytes) -> Decision:
    """As unpack_inputs, for the recorded answer."""
    return _result.decode(zlib.decompress(data))


class Journal:
    """The number of records taken and written by this process, readable after it was killed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / f"decisions-{os.getpid()}-{time.time_ns()}"
        with open(self.path, "w+b") as file:
            file.write(NUMBERS.pack(0, 0))
            file.flush()
            self._map = mmap.mmap(file.fileno(), NUMBERS.size)

    def add(self, *, taken: int = 0, written: int = 0) -> None:
        before = NUMBERS.unpack_from(self._map)
        NUMBERS.pack_into(self._map, 0, before[0] + taken, before[1] + written)

    def close(self) -> None:
        self._map.close()
        self.path.unlink(missing_ok=True)


def count_lost(folder: Path) -> int:
    """Records of processes that are gone and never wrote them; their journals are removed."""
    lost = 0
    for path in folder.glob("decisions-*"):
        pid = int(path.name.split("-")[1])
        if pid != os.getpid() and not Path(f"/proc/{pid}").exists():
            taken, written = NUMBERS.unpack(path.read_bytes())
            lost += max(taken - written, 0)
            path.unlink(missing_ok=True)
    return lost


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
        if self._pid != os.getpid():
            self._begin()
        if len(self._waiting) >= MOST_WAITING:
            metrics.DECISION_RECORDS_LOST.inc()
            return
        self._waiting.append(entry)
        if self._journal is not None:
            self._journal.add(taken=1)
        if len(self._waiting) >= FLUSH_RECORDS:
            self._wake.set()

    def _begin(self) -> None:
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
                threading.Thread(target=self._run, name="merch-recorder", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._wake.wait(FLUSH_SECONDS)
            self._wake.clear()
            try:
                self.flush()
            except DatabaseError as error:
                log.warning("decision records wait for PostgreSQL: %s", str(error).splitlines()[0])
                time.sleep(1)
            finally:
                connection.close()

    def flush(self) -> int:
        """Write what waits, oldest first; returns how many. Raises DatabaseError with the records still waiting."""
        written = 0
        with self._flushing:
            while self._waiting:
                batch = [self._waiting[index] for index in range(min(len(self._waiting), FLUSH_RECORDS))]
                _write_what_can_be(batch)
                for _ in batch:
                    self._waiting.popleft()
                written += len(batch)
                if self._journal is not None:
                    self._journal.add(written=len(batch))
        return written


def _write_what_can_be(batch: list[Entry]) -> None:
    """A record that PostgreSQL will never take must not hold up the others: it is dropped and counted."""
    try:
        write(batch)
    except (DataError, IntegrityError):
        for entry in batch:
            try:
                write([entry])
            except (DataError, IntegrityError) as error:
                metrics.DECISION_RECORDS_LOST.inc()
                log.error("decision %s cannot be recorded: %s", entry.decision.decision_id, error)


def write(entries: Iterable[Entry]) -> None:
    """One transaction: the records by COPY, and each exposure once; then the marks that these left are published."""
    batch = list(entries)
    with transaction.atomic():
        with connection.cursor() as cursor:
            for day in sorted({_at(entry).date() for entry in batch}):
                cursor.execute("SELECT merch_ensure_day('merch_decisionrecord', %s)", [day])
            with cursor.copy(
                "COPY merch_decisionrecord (decision_id, day, decided_at, subject, release, pulse, randomised, inputs,"
                " result) FROM STDIN"
            ) as copy:
                for entry in batch:
                    copy.write_row(_row(entry))
        marked = insert_exposures([row for entry in batch for row in _exposures(entry)])
    publish(marked, now=timezone.now())


def _at(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.decision.decided_at // 1_000_000, UTC)


def _row(entry: Entry) -> tuple[object, ...]:
    decision, request = entry.decision, entry.inputs.request
    return (
        UUID(decision.decision_id),
        _at(entry).date(),
        moment(decision.decided_at),
        f"{request.kind}:{request.key}",
        decision.release,
        decision.pulse,
        any(exposure.propensity < 1 for exposure in decision.exposures),
        pack_inputs(entry.inputs),
        zlib.compress(_pack.encode(decision), 1),
    )


def _exposures(entry: Entry) -> list[ExposureRow]:
    """None of a prefetched answer: its tokens carry them until somebody looks."""
    request, decision = entry.inputs.request, entry.decision
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
