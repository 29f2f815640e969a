"""How do a file's rows become events? (They are read, kept and folded as those that arrive by the API.)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from audiences.ingest import TOKEN_SOURCE, Outcome
from audiences.moments import moment
from audiences.records import Ref
from audiences.rules import ValueType
from audiences.rules.problems import Findings
from merch.backfill.cells import instant_of, raw_of, ref_of, value_of
from merch.backfill.jobs import Job, Row, Wrote
from merch.backfill.mapping import EventsMapping, columns_of, text_of
from merch.backfill.tally import Refused, Tally
from merch.intake.book import Book
from merch.intake.reading import CONVERSION_FIELDS, SESSION_FIELD, Arrival, Desk, read
from merch.intake.receiving import keep
from merch.intake.refusals import Refusal
from merch.intake.timing import Clock

SUBJECT_FIELDS = {"a": "account_id", "d": "device_id"}
CONFLICT = (
    "The event's id came before with another body, and the first one stands. Was this row brought in under another "
    "mapping? Then bring the corrected rows in a file of their own."
)


class Events(Job[Arrival]):
    """Ids are a digest of the file's content and the row's number, so a file can be read any number of times."""

    def __init__(self, mapping: EventsMapping, file_digest: str, findings: Findings, *, now: datetime) -> None:
        self._mapping = mapping
        self._digest = file_digest
        self._desk = Desk(mapping.source, Clock.of(None, now), Book(), trusted=True)
        self._own = SESSION_FIELD | (CONVERSION_FIELDS if mapping.type == "conversion" else {})
        self.columns = frozenset(columns_of(mapping))
        self.where = mapping.where
        self._check(findings)

    def _check(self, findings: Findings) -> None:
        declared = self._desk.book.events
        named = self._mapping.name
        for name in [named.constant] if named.column is None else (named.values or {}).values():
            if name not in declared:
                findings.unknown("event", name, declared, "name")
        every: set[str] = set(self._own).union(*(each.fields for each in declared.values()))
        for name in self._mapping.properties.keys() - every:
            findings.unknown("property", name, every, f"properties.{name}")
        if self._mapping.source == TOKEN_SOURCE or not 1 <= len(self._mapping.source) <= 100:
            hint = "Name the sending application in 1 to 100 characters."
            findings.add("mapping.source", "source", f"{self._mapping.source!r} is no source of a file.", hint)

    def read(self, number: int, row: Row) -> Arrival:
        ref = ref_of(row, self._mapping.subject)
        name = text_of(raw_of(row, self._mapping.name))
        if not name:
            raise Refusal("missing_name", f"{self._mapping.name.column} is empty; every row needs its event's name.")
        sent = {
            "type": self._mapping.type,
            "name": name,
            SUBJECT_FIELDS[ref.kind]: ref.key,
            "event_id": self._event_id(number, row),
            "occurred_at": moment(instant_of(row, self._mapping.occurred_at)),
            "properties": self._properties(row, name),
        }
        return read(sent, self._desk)

    def _event_id(self, number: int, row: Row) -> str:
        if self._mapping.event_id is not None:
            return text_of(raw_of(row, self._mapping.event_id))
        return blake2b(f"{self._digest}:{number}".encode(), digest_size=16).hexdigest()

    def _properties(self, row: Row, name: str) -> dict[str, Any]:
        """Those that this event declares; the mapping may name the properties of several."""
        declared = self._desk.book.events.get(name)
        fields: Mapping[str, ValueType] = self._own | (declared.fields if declared else {})
        found = {
            name: value_of(row, cell, fields[name]) for name, cell in self._mapping.properties.items() if name in fields
        }
        return {name: value for name, value in found.items() if value is not None}

    def named(self, item: Arrival) -> tuple[Ref, str]:
        return item.ref, ""

    def count(self, item: Arrival, tally: Tally) -> None:
        tally.add_found(f"event {item.name}")
        tally.add_day(f"event {item.name}", item.day.isoformat())

    def write(self, items: Sequence[tuple[int, Arrival]], *, now: datetime) -> Wrote:
        outcome, written = keep([item for _, item in items], now, Book(), backfill=True)
        return Wrote(_counts(outcome, len(written)), [_conflict(items[at][0]) for at in outcome.conflicts])


def _counts(outcome: Outcome, records: int) -> dict[str, int]:
    return {
        "events new": len(outcome.inserted),
        "events there before": len(outcome.duplicates),
        "records folded": records,
    }


def _conflict(row: int) -> Refused:
    return Refused(row, "conflict", CONFLICT)
