"""How is a subject's row locked, changed, and given its next version?

The order of locks is the same everywhere, so that writers never deadlock: rows are made in order of (kind, key),
then locked in order of id. A transaction calls each of the three functions at most once, in the order they stand here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from django.db import connection


class Ref(NamedTuple):
    """A subject by its own name: kind "a" or "d", and the normalised bare id."""

    kind: str
    key: str


class Written(NamedTuple):
    """A subject's record reached this version in PostgreSQL; it has yet to reach the serving store."""

    subject_id: int
    kind: str
    key: str
    version: int


class Record(msgspec.Struct):
    """The truth behind a serving record, locked until the transaction ends. Fields as in audiences.models.Subject."""

    id: int
    kind: str
    key: str
    version: int
    traits: dict[str, list[Any]]
    consent: dict[str, list[Any]]
    history: dict[str, list[Any]]
    marks: dict[str, list[Any]]
    pins: dict[str, list[Any]]
    journeys: dict[str, list[Any]]

    def as_written(self) -> Written:
        return Written(self.id, self.kind, self.key, self.version)


FIND = """
SELECT s.id, s.kind, s.key FROM audiences_subject s
JOIN unnest(%s::text[], %s::text[]) AS asked(kind, key) ON s.kind = asked.kind AND s.key = asked.key
"""
MAKE = """
INSERT INTO audiences_subject
    (kind, key, version, traits, consent, history, marks, pins, journeys, created_at, updated_at)
SELECT kind, key, 0, '{}', '{}', '{}', '{}', '{}', '{}', %s, %s FROM unnest(%s::text[], %s::text[]) AS asked(kind, key)
ORDER BY kind, key ON CONFLICT DO NOTHING
"""
# NO KEY: rows that merely refer to a subject (exposures, list members) need not wait for its writers.
LOCK = """
SELECT id, kind, key, version, traits::text, consent::text, history::text, marks::text, pins::text,
    journeys::text
FROM audiences_subject WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""
WRITE = """
WITH changed AS (
    UPDATE audiences_subject s
    SET traits = given.traits, consent = given.consent, history = given.history, marks = given.marks,
        pins = given.pins, journeys = given.journeys,
        version = nextval('subject_version'), updated_at = %s
    FROM jsonb_to_recordset(%s::jsonb) AS given(id bigint, traits jsonb, consent jsonb, history jsonb, marks jsonb,
        pins jsonb, journeys jsonb)
    WHERE s.id = given.id
    RETURNING s.id, s.kind, s.key, s.version
), owed AS (
    INSERT INTO audiences_dirtysubject (subject_id, version, created_at) SELECT id, version, %s FROM changed
)
SELECT id, kind, key, version FROM changed
"""


def ids_of(refs: Iterable[Ref], *, now: datetime) -> dict[Ref, int]:
    """Row ids by name; subjects that are not known yet are made. One query when all are known, else three."""
    wanted = sorted(set(refs))
    if not wanted:
        return {}
    found = _find(wanted)
    missing = [ref for ref in wanted if ref not in found]
    if missing:
        with connection.cursor() as cursor:
            cursor.execute(MAKE, [now, now, [ref.kind for ref in missing], [ref.key for ref in missing]])
        # A second look, because a conflicting row may have been made by someone else meanwhile.
        found |= _find(missing)
    return found


def locked(ids: Collection[int]) -> dict[int, Record]:
    """The rows, locked against other writers until the transaction ends. Ids that are gone are left out."""
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [sorted(ids)])
        return {
            row[0]: Record(row[0], row[1], row[2], row[3], *(msgspec.json.decode(text) for text in row[4:]))
            for row in cursor.fetchall()
        }


def write(records: Sequence[Record], *, now: datetime) -> list[Written]:
    """Store changed records under the next versions, and note that they are owed to the serving store."""
    if not records:
        return []
    with connection.cursor() as cursor:
        # One JSON value: an array of texts would have every quote in it escaped, letter by letter.
        cursor.execute(WRITE, [now, msgspec.json.encode(records).decode(), now])
        return [Written(*row) for row in cursor.fetchall()]


def _find(refs: Sequence[Ref]) -> dict[Ref, int]:
    with connection.cursor() as cursor:
        cursor.execute(FIND, [[ref.kind for ref in refs], [ref.key for ref in refs]])
        return {Ref(kind, key): id_ for id_, kind, key in cursor.fetchall()}
