"""When could a subject first have been affected by a test? Recorded once, however often it is said.

The earliest counts. Of own experiments a mark goes into the subject's record, so that a subject stays in its arm when
fewer are let in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection, transaction
from msgspec import Struct

from audiences.moments import moment
from audiences.records import Record, Ref, Written, ids_of, locked, write


class ExposureRow(Struct, frozen=True, kw_only=True):
    """One exposure as a decision, a token, an event or a file says it.

    ``test``: "experiment|KEY" or "holdout|KEY"; ``version``: of the experiment, or the number of the holdout's draw;
    ``at``: UTC microseconds; ``source``: decision, viewed, event or backfill.
    """

    kind: str
    key: str
    test: str
    version: int
    arm: str
    ghost: bool = False
    propensity: float = 1.0
    at: int
    source: str = "decision"
    decision_id: UUID | None = None


class Mark(NamedTuple):
    """What a subject's record shall say of an experiment."""

    subject_id: int
    test: str
    version: int
    arm: str
    at: int


# The first condition is for speed: nearly every exposure has been recorded before, and a conflict locks its row.
INSERT = """
WITH given AS (
    SELECT DISTINCT ON (test.id, said.version, said.subject_id) test.id AS test_id, said.*,
        'epoch'::timestamptz + said.at_micros * interval '1 microsecond' AS at
    FROM jsonb_to_recordset(%s::jsonb) AS said(subject_id bigint, key text, version int, arm text, ghost boolean,
        propensity float8, at_micros bigint, source text, decision_id uuid)
    JOIN {tests} test ON test.key = said.key
    ORDER BY test.id, said.version, said.subject_id, said.at_micros
), recorded AS (
    INSERT INTO experiments_exposure AS held
        ({column}, version, subject_id, arm, ghost, at, source, decision_id, propensity)
    SELECT test_id, version, subject_id, arm, ghost, at, source, decision_id, propensity FROM given
    WHERE NOT EXISTS (
        SELECT 1 FROM experiments_exposure e WHERE e.{column} = given.test_id AND e.version = given.version
            AND e.subject_id = given.subject_id AND e.at <= given.at)
    ORDER BY test_id, version, subject_id
    ON CONFLICT ({column}, version, subject_id) WHERE {column} IS NOT NULL
    DO UPDATE SET arm = excluded.arm, ghost = excluded.ghost, at = excluded.at, source = excluded.source,
        decision_id = excluded.decision_id, propensity = excluded.propensity
    WHERE excluded.at < held.at
    RETURNING {column}, subject_id, version
)
SELECT given.key, given.subject_id, given.version, given.arm, given.at_micros FROM recorded
JOIN given ON given.test_id = recorded.{column} AND given.version = recorded.version
    AND given.subject_id = recorded.subject_id
"""
TESTS = {
    "experiment": {"tests": "experiments_experiment", "column": "experiment_id"},
    "holdout": {"tests": "experiments_holdout", "column": "holdout_id"},
}


def insert_exposures(rows: Sequence[ExposureRow], *, now: datetime | None = None) -> list[Written]:
    """Record exposures and mark the subjects, in one transaction; subjects that are not known yet are made.

    Give what comes back to merch.subjects.publish after the commit. ``now`` None: the latest of the rows.
    """
    if not rows:
        return []
    now = now or moment(max(row.at for row in rows))
    with transaction.atomic():
        ids = ids_of((Ref(row.kind, row.key) for row in rows), now=now)
        marks = record_exposures([(ids[Ref(row.kind, row.key)], row) for row in rows])
        records = locked({mark.subject_id for mark in marks})
        by_subject = marks_of(marks)
        marked = [record for record in records.values() if apply_marks(record, by_subject[record.id])]
        return write(marked, now=now)


def record_exposures(rows: Sequence[tuple[int, ExposureRow]]) -> list[Mark]:
    """Insert exposures of known subjects in the caller's transaction, before it locks their rows.

    Gives back the marks of those that were new or earlier. A test that does not exist (any more) is passed over.
    """
    marks: list[Mark] = []
    for scope, names in TESTS.items():
        said = [_said(id_, row) for id_, row in rows if row.test.startswith(f"{scope}|")]
        if said:
            with connection.cursor() as cursor:
                cursor.execute(INSERT.format(**names), [msgspec.json.encode(said).decode()])
                found = cursor.fetchall()
            # Holdouts leave none: who is withheld follows from id and date alone.
            if scope == "experiment":
                marks += [Mark(id_, f"experiment|{key}", *rest) for key, id_, *rest in found]
    return marks


def marks_of(marks: Sequence[Mark]) -> dict[int, list[Mark]]:
    """Marks by subject."""
    found: dict[int, list[Mark]] = {}
    for mark in marks:
        found.setdefault(mark.subject_id, []).append(mark)
    return found


def apply_marks(record: Record, marks: Sequence[Mark]) -> bool:
    """Put a subject's own marks into its record: of the newest version, the earliest. True: something changed."""
    changed = False
    for mark in marks:
        held = record.marks.get(mark.test)
        if held is None or (-held[0], held[2]) > (-mark.version, mark.at):
            record.marks[mark.test] = [mark.version, mark.arm, mark.at]
            changed = True
    return changed


def _said(subject_id: int, row: ExposureRow) -> dict[str, Any]:
    return {
        "subject_id": subject_id,
        "key": row.test.partition("|")[2],
        "version": row.version,
        "arm": row.arm,
        "ghost": row.ghost,
        "propensity": row.propensity,
        "at_micros": row.at,
        "source": row.source,
        "decision_id": row.decision_id,
    }
