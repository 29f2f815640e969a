"""A batch of events arrives: what is kept of it, and what does the sender learn?

One transaction: subjects, events, exposures, then the locked records; the order of locks is the same in every batch.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from time import perf_counter
from typing import Any

from django.db import transaction
from msgspec import Struct

from audiences.history import bound, fold_into
from audiences.ingest import NewEvent, Outcome, append
from audiences.records import Record, Ref, Written, ids_of, locked, write
from experiments.exposures import Mark, apply_marks, marks_of, record_exposures
from merch import metrics
from merch.engine.facts import SubjectRecord
from merch.intake.book import Book
from merch.intake.journeys import concerns, fold_journeys
from merch.intake.pins import fold_pin
from merch.intake.reading import KINDS, Arrival, Desk, read
from merch.intake.reads import HistoryReads
from merch.intake.refusals import Refusal
from merch.intake.timing import Clock
from merch.subjects import holds
from merch.subjects.packing import packed_size
from merch.subjects.publish import publish
from merch.subjects.store import store

log = logging.getLogger(__name__)

MOST_EVENTS = 500
RECORD_BOUND = 8 * 1024  # bytes of a packed record
RECORD_TARGET = 7 * 1024  # what a cut leaves, so that the next event does not cut again

LOST = {
    "conflicts": ("duplicate_conflict", "event_id came before with another body; the first one stands."),
    "quarantined": ("quarantined", "It is more than 35 days old: kept aside, not counted. Use backfill_events."),
}


class BatchRefused(ValueError):
    """A whole batch cannot be read; nothing of it is kept."""

    def __init__(self, field: str, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.code = code


class Rejected(Struct, frozen=True):
    """One event of a batch that does not count, by its position in the batch."""

    index: int
    code: str
    message: str


class Receipt(Struct, frozen=True):
    """What became of a batch. ``pending``: it is stored, but decisions may not see it for some seconds."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejected, ...]
    pending: bool = False


def receive(
    batch: Sequence[Any],
    *,
    key_scope: str,
    source: str,
    sent_at: datetime | None,
    now: datetime,
    backfill: bool = False,
) -> Receipt:
    """Read decoded events, keep the good ones once, remember them, publish. Raises BatchRefused, DatabaseError.

    ``key_scope``: "client", or "server" for a trusted sender. ``backfill``: old events are welcome, and no clock is
    corrected.
    """
    if not batch:
        raise BatchRefused("events", "empty", "events is empty; send at least one.")
    if len(batch) > MOST_EVENTS and not backfill:
        raise BatchRefused("events", "too_many", f"events holds {len(batch)}; send at most {MOST_EVENTS} at a time.")
    desk = Desk(source, Clock.of(None if backfill else sent_at, now), Book(), trusted=key_scope == "server")
    arrivals, rejected = _read_all(batch, desk)
    began = perf_counter()
    outcome, written = keep([each for _, each in arrivals], now, desk.book, backfill=backfill)
    metrics.EVENT_COMMIT_SECONDS.observe(perf_counter() - began)
    for name, (code, message) in LOST.items():
        rejected += [Rejected(arrivals[at][0], code, message) for at in getattr(outcome, name)]
    _count([each for _, each in arrivals], outcome, batch, rejected)
    fresh = [arrivals[at][1] for at in outcome.inserted]
    return Receipt(
        accepted=len(outcome.inserted),
        duplicates=len(outcome.duplicates),
        rejected=tuple(sorted(rejected, key=lambda each: each.index)),
        pending=not _published(written, fresh, now),
    )


def _published(written: Sequence[Written], fresh: Sequence[Arrival], now: datetime) -> bool:
    """The records that count them first, then the places that they held: in between both count, never neither."""
    if written and not publish(written, now=now):
        return False
    seen = [(arrival.ref.kind, arrival.ref.key, arrival.hold) for arrival in fresh if arrival.hold]
    try:
        holds.release(store, seen)
    except OSError as missed:
        log.warning("holds of %s impressions end by themselves: %s", len(seen), missed)
    return True


def _read_all(batch: Sequence[Any], desk: Desk) -> tuple[list[tuple[int, Arrival]], list[Rejected]]:
    arrivals: list[tuple[int, Arrival]] = []
    rejected: list[Rejected] = []
    for index, raw in enumerate(batch):
        try:
            arrivals.append((index, read(raw, desk)))
        except Refusal as refusal:
            rejected.append(Rejected(index, refusal.code, str(refusal)))
    return arrivals, rejected


@transaction.atomic
def keep(arrivals: Sequence[Arrival], now: datetime, book: Book, *, backfill: bool) -> tuple[Outcome, list[Written]]:
    """Store arrivals once and fold the new ones into their subjects' records; in the caller's transaction, or its own.

    Publish what is given back after the commit.
    """
    ids = ids_of((arrival.ref for arrival in arrivals), now=now)
    outcome = append([_new_event(arrival, ids, backfill=backfill) for arrival in arrivals], now=now)
    fresh = [arrivals[at] for at in outcome.inserted]
    marks = marks_of(record_exposures([(ids[arrival.ref], row) for arrival in fresh for row in arrival.exposures]))
    touched: dict[int, list[Arrival]] = {id_: [] for id_ in marks}
    for arrival in fresh:
        if arrival.cells or concerns(arrival, book.listening):
            touched.setdefault(ids[arrival.ref], []).append(arrival)
    records = locked(touched)
    moved = fold_journeys(records, touched, book)
    changed = [
        record for id_, record in records.items() if _remember(record, touched[id_], marks.get(id_, [])) or id_ in moved
    ]
    _hold_to_bound(changed)
    return outcome, write(changed, now=now)


def _new_event(arrival: Arrival, ids: dict[Ref, int], *, backfill: bool) -> NewEvent:
    return NewEvent(
        source=arrival.source,
        event_id=arrival.event_id,
        kind=arrival.kind,
        name=arrival.name,
        subject_id=ids[arrival.ref],
        occurred_at=arrival.occurred_at,
        claimed_at=arrival.claimed_at,
        day=arrival.day,
        properties=arrival.properties,
        money=arrival.money,
        backfill=backfill,
    )


def _remember(record: Record, arrivals: Sequence[Arrival], marks: Sequence[Mark]) -> bool:
    for arrival in arrivals:
        fold_into(record.history, arrival.cells, arrival.occurred_at, arrival.session)
        if arrival.pin is not None:
            fold_pin(record.pins, arrival.pin)
    return apply_marks(record, marks) or any(arrival.cells for arrival in arrivals)


def _hold_to_bound(records: Sequence[Record]) -> None:
    reads: HistoryReads | None = None
    for record in records:
        size = packed_size(
            SubjectRecord(
                traits=record.traits,  # type: ignore[arg-type]  # lists pack as tuples do
                consent=record.consent,  # type: ignore[arg-type]
                history=record.history,  # type: ignore[arg-type]
                marks=record.marks,  # type: ignore[arg-type]
                pins=record.pins,  # type: ignore[arg-type]
                journeys=record.journeys,  # type: ignore[arg-type]
            )
        )
        if size > RECORD_BOUND:
            reads = reads or HistoryReads.now()
            cut = bound(record.history, size - RECORD_TARGET, reads.covers)
            metrics.HISTORY_CUT.labels("instants").inc(cut.emptied)
            metrics.HISTORY_CUT.labels("cells").inc(cut.dropped)


def _count(arrivals: Sequence[Arrival], outcome: Outcome, batch: Sequence[Any], rejected: Sequence[Rejected]) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    results = {"inserted": "accepted", "duplicates": "duplicate", "conflicts": "conflict", "quarantined": "quarantined"}
    for name, result in results.items():
        counted.update((arrivals[at].kind, result) for at in getattr(outcome, name))
    lost = {code for code, _ in LOST.values()}
    counted.update((_kind(batch[each.index]), "rejected") for each in rejected if each.code not in lost)
    for (kind, result), number in counted.items():
        metrics.EVENTS_RECEIVED.labels(kind, result).inc(number)


def _kind(raw: Any) -> str:
    """Of an event that could not be read; a label never takes what a sender made up."""
    kind = raw.get("type") if isinstance(raw, dict) else None
    return kind if isinstance(kind, str) and kind in KINDS else "unknown"
