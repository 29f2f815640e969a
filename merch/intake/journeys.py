"""Events arrive: where do they leave their subjects in their journeys? (docs/algorithms/journeys.md)

In the transaction that stores the events, with the subjects' rows locked: whoever folds later sees them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from django.db import connection

from audiences.records import Record
from merch.engine.facts import JourneyFact
from merch.engine.journeys import Happening, Unit, fold, refold
from merch.intake import cells
from merch.intake.book import Book
from merch.intake.listening import Listening, names_of
from merch.intake.reading import Arrival

STORED = """
SELECT subject_id, kind, name, source, event_id, (extract(epoch FROM occurred_at) * 1000000)::bigint, properties::text
FROM {table} WHERE subject_id = ANY(%s) AND name = ANY(%s)
"""
TABLES = ("audiences_event", "audiences_moneyevent")


def heard(arrival: Arrival) -> cells.Cells:
    """The cells that journeys see of an event: also those of customs that the history does not keep."""
    return cells.of_custom(arrival.name) if arrival.kind == "custom" else arrival.cells


def concerns(arrival: Arrival, listening: Listening) -> bool:
    return bool(listening.cells) and not listening.cells.isdisjoint(heard(arrival))


def fold_journeys(records: Mapping[int, Record], fresh: Mapping[int, Sequence[Arrival]], book: Book) -> set[int]:
    """Fold new arrivals, by subject, into the journeys of the records; which records changed."""
    changed: set[int] = set()
    for unit in book.listening.units:
        late = []
        for id_, record in records.items():
            happenings = [_happening(arrival) for arrival in fresh.get(id_, ()) if concerns(arrival, book.listening)]
            if happenings:
                marks = fold(unit, facts_of(record, unit), happenings, book.listening.around(unit, record))
                if marks is None:
                    late.append(id_)
                elif _keep(record, unit, marks):
                    changed.add(id_)
        changed |= refold_stored({id_: records[id_] for id_ in late}, unit, book)
    return changed


def refold_stored(records: Mapping[int, Record], unit: Unit, book: Book) -> set[int]:
    """The unit's marks of these subjects from all their stored events; which records changed."""
    stored = happenings_of(records, unit, book)
    return {
        id_
        for id_, record in records.items()
        if _keep(record, unit, refold(unit, stored.get(id_, ()), book.listening.around(unit, record)))
    }


def happenings_of(ids: Collection[int], unit: Unit, book: Book) -> dict[int, list[Happening]]:
    """What is stored of the subjects that the unit may listen to; one query per table."""
    names = names_of(unit) if ids else []
    found: dict[int, list[Happening]] = {}
    if not names:
        return found
    with connection.cursor() as cursor:
        for table in TABLES:
            # Only the table's name, one of two, is put in here.
            cursor.execute(STORED.format(table=table), [sorted(ids), names])
            for subject, kind, name, source, event_id, at, properties in cursor.fetchall():
                touched = _cells_of(kind, name, msgspec.json.decode(properties), book)
                found.setdefault(subject, []).append(Happening(at, (source, event_id), touched))
    return found


def with_events(ids: Collection[int], book: Book) -> set[int]:
    """Those of whom anything is stored that some journey may listen to."""
    return {id_ for unit in book.listening.units for id_ in happenings_of(ids, unit, book)}


def _happening(arrival: Arrival) -> Happening:
    return Happening(arrival.occurred_at, (arrival.source, arrival.event_id), heard(arrival))


def _cells_of(kind: str, name: str, properties: Mapping[str, Any], book: Book) -> cells.Cells:
    """A stored event as it was when it arrived."""
    if kind == "custom":
        return cells.of_custom(name)
    if kind == "conversion":
        return cells.of_conversion(properties, book)
    if kind == "viewed":
        return cells.of_placement(str(properties.get("placement", "")))
    return cells.of_shown(properties, kind) if "campaign" in properties else ()


def facts_of(record: Record, unit: Unit) -> dict[str, JourneyFact]:
    return {
        journey.key: JourneyFact(*record.journeys[journey.key]) for journey in unit if journey.key in record.journeys
    }


def _keep(record: Record, unit: Unit, marks: Mapping[str, JourneyFact]) -> bool:
    others = _without(record.journeys, (journey.key for journey in unit))
    now = others | {key: list(msgspec.structs.astuple(fact)) for key, fact in marks.items()}
    if now == record.journeys:
        return False
    record.journeys = now
    return True


def forget_gone(record: Record, listening: Listening) -> bool:
    """Drop the marks of journeys that ended."""
    kept = {key: mark for key, mark in record.journeys.items() if key in listening.keys}
    gone = len(kept) < len(record.journeys)
    record.journeys = kept
    return gone


def _without(journeys: Mapping[str, list[Any]], keys: Iterable[str]) -> dict[str, list[Any]]:
    dropped = set(keys)
    return {key: mark for key, mark in journeys.items() if key not in dropped}
