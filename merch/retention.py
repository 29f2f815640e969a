"""Which recorded decisions are still kept, and which are let go?

Every decision stays 7 days. After that all randomised ones stay, chosen or not, clicked or not, so that learning is
never selected on outcomes; of the rest a hashed 1 % stays, with its inclusion probability on the row. After 400 days
whole days are dropped.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import connection, transaction

from audiences.hashing import BUCKETS

EVERY = timedelta(days=7)
LEARNING = timedelta(days=400)
SAMPLE = 100  # of 10,000 buckets of the decision's own id
TABLE = "merch_decisionrecord"

# The platform's one hash, as PostgreSQL computes it (audiences.hashing): 60 bits of md5, modulo 10,000.
BUCKET = "('x' || lpad(substr(md5('kept-decisions:' || decision_id::text), 1, 15), 16, '0'))::bit(64)::bigint %% 10000"
THIN = f"DELETE FROM {TABLE} WHERE day < %s AND NOT randomised AND inclusion = 1 AND {BUCKET} >= %s"  # noqa: S608
MARK = f"UPDATE {TABLE} SET inclusion = %s WHERE day < %s AND NOT randomised AND inclusion = 1"  # noqa: S608
PARTS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"


def prune(now: datetime) -> tuple[int, int]:
    """Let go of what is past its keeping: how many records, and how many whole days. A second run finds nothing."""
    today = now.date()
    with transaction.atomic(), connection.cursor() as cursor:
        # A day's records may take longer than a call at a door may.
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        cursor.execute(THIN, [today - EVERY, SAMPLE])
        thinned = cursor.rowcount
        cursor.execute(MARK, [SAMPLE / BUCKETS, today - EVERY])
        cursor.execute(PARTS, [TABLE])
        old = [name for (name,) in cursor.fetchall() if _day_of(name) < today - LEARNING]
        for name in old:
            cursor.execute(f'DROP TABLE "{name}"')
    return thinned, len(old)


def _day_of(partition: str) -> date:
    """The day that a partition made by merch_ensure_day holds."""
    return datetime.strptime(partition.rpartition("_")[2].strip('"'), "%Y%m%d").date()  # noqa: DTZ007
