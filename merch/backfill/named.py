"""Whom does a file name, and who else is there? (Temporary tables, so that it may be more than memory holds.)"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection

from audiences.records import Ref

PAGE = 2_000

MAKE = """
CREATE TEMP TABLE IF NOT EXISTS {table} (kind text NOT NULL, key text NOT NULL, arm text NOT NULL);
TRUNCATE {table}
"""
NAMED, EVERYBODY = "backfill_named", "backfill_everybody"
COUNT = """
SELECT count(*), count(s.id), count(*) FILTER (WHERE n.arms > 1) FROM (
    SELECT kind, key, count(DISTINCT arm) AS arms FROM backfill_named GROUP BY kind, key
) n LEFT JOIN audiences_subject s ON s.kind = n.kind AND s.key = n.key
"""
EXPOSED = """
SELECT 1 FROM audiences_subject s JOIN experiments_exposure e ON e.subject_id = s.id
WHERE s.kind = o.kind AND s.key = o.key AND e.experiment_id = %s AND e.version = %s
"""
OTHERS = f"""
SELECT count(*) FROM (SELECT DISTINCT kind, key FROM backfill_everybody) o
WHERE NOT EXISTS (SELECT 1 FROM backfill_named n WHERE n.kind = o.kind AND n.key = o.key)
    AND NOT EXISTS ({EXPOSED})
"""  # noqa: S608 - text of our own
# Each is taken out as it is read: a page that is not committed comes again, because the removal is undone with it.
TAKE = f"""
WITH taken AS (
    DELETE FROM backfill_everybody WHERE ctid IN (SELECT ctid FROM backfill_everybody LIMIT {PAGE})
    RETURNING kind, key
)
SELECT DISTINCT o.kind, o.key, EXISTS ({EXPOSED}) FROM taken o
"""  # noqa: S608 - text of our own


class Counted(NamedTuple):
    """Subjects that the file names; those that were known; those in more than one arm."""

    subjects: int
    known: int
    torn: int


def begin(table: str = NAMED) -> None:
    """An empty table of this session."""
    with connection.cursor() as cursor:
        cursor.execute(MAKE.format(table=table))


def add(rows: Iterable[tuple[Ref, str]], table: str = NAMED) -> None:
    """(subject, arm) of each row, in bulk."""
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} (kind, key, arm) FROM STDIN") as stream:
        for ref, arm in rows:
            stream.write_row((ref.kind, ref.key, arm))


def counted() -> Counted:
    with connection.cursor() as cursor:
        cursor.execute(COUNT)
        return Counted(*cursor.fetchone())


def everybody_known(kind: str) -> None:
    """Everybody is who is known already."""
    begin(EVERYBODY)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO backfill_everybody (kind, key, arm) "
            "SELECT kind, key, '' FROM audiences_subject WHERE kind = %s",
            [kind],
        )


def others(experiment: int, version: int) -> int:
    """How many of everybody neither the file names nor an exposure."""
    with connection.cursor() as cursor:
        cursor.execute(OTHERS, [experiment, version])
        return int(cursor.fetchone()[0])


def unexposed(experiment: int, version: int) -> list[Ref]:
    """The next of everybody without an exposure. Empty when there are no more."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(TAKE, [experiment, version])
            page = cursor.fetchall()
        found = [Ref(kind, key) for kind, key, exposed in page if not exposed]
        if found or not page:
            return found
