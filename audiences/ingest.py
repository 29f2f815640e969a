"""How is an event stored exactly once?

The insert itself decides who was first. The same id with another body is a conflict: the first one stands, the second
is kept apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec
from django.db import connection
from msgspec import Struct

from audiences.models import EventConflict, QuarantinedEvent
from audiences.moments import moment

TOKEN_SOURCE = "token"  # noqa: S105 - the source of events that a token vouches for
LATEST = timedelta(days=35)

Key = tuple[str, str, str]  # source, event id, day ("" for money: unique for ever)


class NewEvent(Struct, frozen=True, kw_only=True, gc=False):
    """One event to store. Instants in UTC microseconds; ``occurred_at`` is corrected, ``claimed_at`` is not.

    ``day`` makes the id unique and must be one that a retry repeats. ``money``: unique for ever, never too late.
    ``backfill``: never too late.
    """

    source: str
    event_id: str
    kind: str
    name: str
    subject_id: int
    occurred_at: int
    claimed_at: int
    day: date
    properties: Mapping[str, Any] = {}
    money: bool = False
    backfill: bool = False

    def digest(self) -> str:
        """Of what a retry repeats. A token vouches for everything but the time, and a slot is clicked once."""
        at = 0 if self.source == TOKEN_SOURCE else self.claimed_at
        body = _canonical.encode((self.kind, self.name, self.subject_id, at, self.properties))
        return blake2b(body, digest_size=16).hexdigest()


class Outcome(Struct, frozen=True):
    """What became of each event, by its position in the batch, ascending."""

    inserted: tuple[int, ...] = ()
    duplicates: tuple[int, ...] = ()
    conflicts: tuple[int, ...] = ()
    quarantined: tuple[int, ...] = ()


_canonical = msgspec.json.Encoder(order="sorted")

ENSURE_DAYS = "SELECT merch_ensure_day('audiences_event', day) FROM unnest(%s::date[]) AS days(day) ORDER BY day"
# Sorted, so that two batches with common ids wait for each other instead of deadlocking.
INSERT = """
INSERT INTO {table} (source, event_id, day, kind, name, subject_id, occurred_at, claimed_at, received_at, properties, digest)
SELECT source, event_id, day, kind, name, subject_id, 'epoch'::timestamptz + occurred_at * interval '1 microsecond',
    'epoch'::timestamptz + claimed_at * interval '1 microsecond', %s, properties, decode(digest, 'hex')
FROM jsonb_to_recordset(%s::jsonb) AS given(source text, event_id text, day date, kind text, name text,
    subject_id bigint, occurred_at bigint, claimed_at bigint, properties jsonb, digest text)
ORDER BY source, event_id, day
ON CONFLICT DO NOTHING
RETURNING source, event_id, day::text
"""  # noqa: E501
HELD = """
SELECT held.source, held.event_id, held.day::text, encode(held.digest, 'hex') FROM {table} held
JOIN unnest(%s::text[], %s::text[], %s::date[]) AS asked(source, event_id, day)
ON held.source = asked.source AND held.event_id = asked.event_id {and_day}
"""
TABLES = {False: "audiences_event", True: "audiences_moneyevent"}


def append(events: Sequence[NewEvent], *, now: datetime) -> Outcome:
    """Store each event once, in the caller's transaction. At most eight queries, whatever the number of events."""
    too_late = (now - LATEST).date()
    late = [i for i, event in enumerate(events) if event.day < too_late and not event.money and not event.backfill]
    known = set(late)
    fresh = [(i, event) for i, event in enumerate(events) if i not in known]
    _quarantine([events[i] for i in late], now)
    _ensure_days({event.day for _, event in fresh if not event.money})
    inserted: list[int] = []
    duplicates: list[int] = []
    conflicts: list[int] = []
    for money in (True, False):
        batch = _Batch([(i, event) for i, event in fresh if event.money is money], money=money)
        inserted += batch.insert(now)
        same, other = batch.compare()
        duplicates += same
        conflicts += other
    _keep_conflicts([events[i] for i in conflicts], now)
    return Outcome(*(tuple(sorted(found)) for found in (inserted, duplicates, conflicts, late)))


class _Batch:
    """The events of one table. Of those with one key, the first in the batch is the one to insert."""

    def __init__(self, events: Iterable[tuple[int, NewEvent]], *, money: bool) -> None:
        self._money = money
        self._digests: dict[int, str] = {}
        self._firsts: dict[Key, tuple[int, NewEvent]] = {}
        self._losers: list[tuple[int, Key]] = []
        for index, event in events:
            self._digests[index] = event.digest()
            key = self._key(event.source, event.event_id, event.day.isoformat())
            if key in self._firsts:
                self._losers.append((index, key))
            else:
                self._firsts[key] = (index, event)
        self._stood = {key: self._digests[index] for key, (index, _) in self._firsts.items()}

    def insert(self, now: datetime) -> list[int]:
        if not self._firsts:
            return []
        rows = [_row(event, self._digests[index]) for index, event in self._firsts.values()]
        with connection.cursor() as cursor:
            # Only the table's name, one of two, is put in here.
            cursor.execute(INSERT.format(table=TABLES[self._money]), [now, msgspec.json.encode(rows).decode()])
            new = {self._key(*found) for found in cursor.fetchall()}
        self._losers += [(index, key) for key, (index, _) in self._firsts.items() if key not in new]
        held_before = [key for key in self._firsts if key not in new]
        self._stood |= self._held(held_before)
        return [self._firsts[key][0] for key in new]

    def compare(self) -> tuple[list[int], list[int]]:
        """Those that were not inserted: same body, other body."""
        same = [index for index, key in self._losers if self._digests[index] == self._stood[key]]
        found = set(same)
        return same, [index for index, _ in self._losers if index not in found]

    def _held(self, keys: Sequence[Key]) -> dict[Key, str]:
        if not keys:
            return {}
        asked = [self._firsts[key][1] for key in keys]
        sources, ids = [event.source for event in asked], [event.event_id for event in asked]
        query = HELD.format(table=TABLES[self._money], and_day="" if self._money else "AND held.day = asked.day")
        with connection.cursor() as cursor:
            cursor.execute(query, [sources, ids, [event.day for event in asked]])
            return {self._key(source, id_, day): digest for source, id_, day, digest in cursor.fetchall()}

    def _key(self, source: str, event_id: str, day: str) -> Key:
        return source, event_id, "" if self._money else day


def prepare_days(now: datetime, *, ahead: int = 2) -> None:
    """Make the partitions of today and the days ahead, so that no first event of a day waits for its table."""
    _ensure_days({(now + timedelta(days=days)).date() for days in range(ahead + 1)})


def _ensure_days(days: set[date]) -> None:
    if days:
        with connection.cursor() as cursor:
            cursor.execute(ENSURE_DAYS, [sorted(days)])


def _row(event: NewEvent, digest: str) -> dict[str, Any]:
    row = msgspec.structs.asdict(event)
    del row["money"], row["backfill"]
    return row | {"digest": digest}


def _body(event: NewEvent) -> dict[str, Any]:
    """An event as it is kept when it is not counted: everything needed to play it again."""
    return {
        "kind": event.kind,
        "name": event.name,
        "subject_id": event.subject_id,
        "occurred_at": moment(event.occurred_at).isoformat(),
        "claimed_at": moment(event.claimed_at).isoformat(),
        "day": event.day.isoformat(),
        "properties": dict(event.properties),
    }


def _quarantine(events: Sequence[NewEvent], now: datetime) -> None:
    if events:
        QuarantinedEvent.objects.bulk_create(
            [
                QuarantinedEvent(
                    source=event.source, event_id=event.event_id, reason="too_late", body=_body(event), received_at=now
                )
                for event in events
            ],
            ignore_conflicts=True,
        )


def _keep_conflicts(events: Sequence[NewEvent], now: datetime) -> None:
    if events:
        EventConflict.objects.bulk_create(
            [
                EventConflict(source=event.source, event_id=event.event_id, body=_body(event), received_at=now)
                for event in events
            ]
        )
