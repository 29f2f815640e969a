"""Which recorded decisions are still kept, and which are let go?

Every decision stays 7 days. After that all randomised ones stay, chosen or not, clicked or not, so that learning is
never selected on outcomes; of the rest a hashed 1 % stays, with its inclusion probability on the row. After 400 days
whole days are dropped. A pulse's parts are kept as long as a decision made under it may be.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import connection, transaction

from audiences import locks
from audiences.hashing import BUCKETS

EVERY = timedelta(days=7)
LEARNING = timedelta(days=400)
SLACK = timedelta(days=1)
SAMPLE = 100  # of 10,000 buckets of the decision's own id
TABLE = "merch_decisionrecord"

# The platform's one hash, as PostgreSQL computes it (audiences.hashing): 60 bits of md5, modulo 10,000.
BUCKET = "('x' || lpad(substr(md5('kept-decisions:' || decision_id::text), 1, 15), 16, '0'))::bit(64)::bigint %% 10000"
THIN = f"DELETE FROM {TABLE} WHERE day < %s AND NOT randomised AND inclusion = 1 AND {BUCKET} >= %s"  # noqa: S608
MARK = f"UPDATE {TABLE} SET inclusion = %s WHERE day < %s AND NOT randomised AND inclusion = 1"  # noqa: S608
# A head is in force until the next one; a process that is late may decide under it a little longer.
FORGET_HEADS = """
DELETE FROM merch_pulsehead WHERE number < (SELECT max(number) FROM merch_pulsehead WHERE at < %s)
"""
FORGET_PARTS = """
DELETE FROM merch_pulsepart part WHERE NOT EXISTS (
    SELECT FROM merch_pulsehead head, jsonb_each_text(head.parts) named
    WHERE named.key = part.name AND named.value = part.digest
)
"""
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
    _forget_pulses(now)
    return thinned, len(old)


def _forget_pulses(now: datetime) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # A publisher may be about to name a part that nobody names yet.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [locks.PULSE])
        cursor.execute(FORGET_HEADS, [now - LEARNING - SLACK])
        cursor.execute(FORGET_PARTS)


def _day_of(partition: str) -> date:
    """The day that a partition made by merch_ensure_day holds."""
    return datetime.strptime(partition.rpartition("_")[2].strip('"'), "%Y%m%d").date()  # noqa: DTZ007
