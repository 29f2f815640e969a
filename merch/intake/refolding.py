"""Journeys changed: how does everybody get the marks that the stored events say?

Page by page, each its own transaction, which also writes down how far it is. A subject that an event reaches meanwhile
is folded by intake in the same way, before or after its page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction

from audiences import locks
from audiences.models import Subject
from audiences.records import Written, locked, write
from merch.intake.book import Book
from merch.intake.journeys import forget_gone, refold_stored, with_events
from merch.models import JourneyRebuild
from merch.subjects.publish import publish

PAGE = 500

Progress = Callable[[JourneyRebuild], None]


class RefoldRunning(RuntimeError):
    """Another process is at it; its marks are as good as ours."""


def due() -> bool:
    """Whether the journeys are others than those that everybody was last folded by."""
    last = JourneyRebuild.objects.first()
    now = Book().listening
    if last is None:
        return bool(now.units)
    return last.finished_at is None or last.fingerprint != now.fingerprint


def refold_all(*, now: datetime, again: bool = False, progress: Progress | None = None) -> JourneyRebuild:
    """Everybody's marks anew, or the rest of an interrupted pass by the same journeys. Raises RefoldRunning.

    ``again``: from the beginning, whatever was done. Not inside a transaction: every page commits by itself.
    """
    with _alone():
        book = Book()
        run = _begun(book, now, again=again)
        while (written := _page(run, book, now)) is not None:
            publish(written, now=now)
            if progress is not None:
                progress(run)
        run.finished_at = now
        run.save(update_fields=["finished_at"])
    return run


def _begun(book: Book, now: datetime, *, again: bool) -> JourneyRebuild:
    fingerprint = book.listening.fingerprint
    last = JourneyRebuild.objects.filter(finished_at__isnull=True, fingerprint=fingerprint).first()
    if last is not None and not again:
        return last
    return JourneyRebuild.objects.create(
        fingerprint=fingerprint, total=Subject.objects.count(), started_at=now, updated_at=now
    )


@transaction.atomic
def _page(run: JourneyRebuild, book: Book, now: datetime) -> list[Written] | None:
    """The next subjects; None when there are no more. Only those are locked that have marks, or events to fold."""
    page = list(Subject.objects.filter(pk__gt=run.after).order_by("pk").values_list("pk", "journeys")[:PAGE])
    if not page:
        return None
    ids = [pk for pk, _ in page]
    touched = {pk for pk, journeys in page if journeys} | with_events(ids, book)
    records = locked(touched)
    changed = {id_ for id_, record in records.items() if forget_gone(record, book.listening)}
    for unit in book.listening.units:
        changed |= refold_stored(records, unit, book)
    written = write([records[id_] for id_ in sorted(changed)], now=now)
    run.after, run.done, run.changed, run.updated_at = ids[-1], run.done + len(ids), run.changed + len(changed), now
    run.save(update_fields=["after", "done", "changed", "updated_at"])
    return written


@contextmanager
def _alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [locks.JOURNEYS])
        if not cursor.fetchone()[0]:
            raise RefoldRunning("The marks are being folded anew by another process.")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [locks.JOURNEYS])
