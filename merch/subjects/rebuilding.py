"""How is the serving store filled from PostgreSQL again, without anybody becoming "new" meanwhile?

The protocol, and what each race ends in: docs/algorithms/subject-records.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection

from audiences import locks
from audiences.models import ServingEpoch, Subject
from merch.subjects import scripts, strictness
from merch.subjects.rows import packed_page
from merch.subjects.store import Store
from merch.subjects.store import store as serving_store

PAGE = 1_000
PAGE_SECONDS = 5.0

NEXT_EPOCH = """
INSERT INTO audiences_servingepoch AS row (id, number, store_run_id) VALUES (1, %s, '')
ON CONFLICT (id) DO UPDATE SET number = greatest(row.number, %s) + 1 RETURNING number
"""

Progress = Callable[[int, int], None]  # subjects done, subjects at the beginning


class RebuildRunning(RuntimeError):
    """Another process is rebuilding; its epoch is as good as ours."""


class RebuildFailed(RuntimeError):
    """The store was lost meanwhile; begin again."""


def rebuild(*, now: datetime, progress: Progress | None = None, store: Store = serving_store) -> int:
    """Write every subject's record under the next epoch, then make that epoch valid; gives back the epoch.

    Not inside a transaction: writers must see the new epoch before the first row is read.
    Raises RebuildRunning, RebuildFailed.
    """
    with _alone():
        try:
            run_id, held = scripts.state(store)
            epoch = _next_epoch(int(held or 0))
            scripts.begin_rebuild(store, epoch)
            # Before the epoch: whoever takes a hold needs both.
            scripts.trust_holds(store, strictness.hold_off(), anew=True)
            _fill(now, progress, store)
            if scripts.state(store)[0] != run_id or not scripts.finish_rebuild(store, epoch):
                raise RebuildFailed("The serving store lost its data during the rebuild.")
        except OSError as missed:
            raise RebuildFailed(f"The serving store did not answer during the rebuild: {missed}.") from missed
        ServingEpoch.objects.update(rebuilt_at=now)
    return epoch


def _next_epoch(held: int) -> int:
    """Above the last one and above the store's, which is ahead after PostgreSQL was restored from a backup."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_EPOCH, [held + 1, held])
        return int(cursor.fetchone()[0])


def _fill(now: datetime, progress: Progress | None, store: Store) -> None:
    total, done, after = Subject.objects.count(), 0, 0
    while page := packed_page(after, PAGE, now=now):
        scripts.set_if_newer(store, [each.values for each in page], PAGE_SECONDS)
        after, done = page[-1].subject_id, done + len(page)
        if progress is not None:
            progress(done, total)


@contextmanager
def _alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [locks.REBUILD])
        if not cursor.fetchone()[0]:
            raise RebuildRunning("Another rebuild is running.")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [locks.REBUILD])
