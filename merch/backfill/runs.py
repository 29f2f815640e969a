"""Which run is this, where was it left, and is it alone?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec
from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet

from audiences import locks
from merch.backfill.tally import Tally
from merch.models import BackfillRun

PATIENCE = "10s"  # a killed process' session may have one statement to finish
UNDEFINED_LOCK = "55P03"  # lock_not_available


class Busy(RuntimeError):
    """Another process is reading this file in under this mapping."""


class Identity(msgspec.Struct, frozen=True):
    """A file's content under a mapping's; names and places do not matter."""

    verb: str
    file_digest: str
    mapping_digest: str


def digest_of(mapping: Mapping[str, Any]) -> str:
    """Of what the mapping says, whatever its order and comments."""
    return blake2b(_canonical.encode(mapping), digest_size=32).hexdigest()


def interrupted(identity: Identity) -> BackfillRun | None:
    """A run of the same that did not come to its end."""
    return _rows(identity).filter(state=BackfillRun.State.RUNNING).first()


def finished(identity: Identity) -> BackfillRun | None:
    """A run of the same that did."""
    return _rows(identity).filter(state=BackfillRun.State.DONE).first()


def begin(identity: Identity, file_name: str, *, now: datetime) -> BackfillRun:
    """The interrupted run where it was left, or one from the start. Only while ``alone``."""
    run = _rows(identity).first() or BackfillRun(
        verb=identity.verb,
        file_name=file_name[-255:],
        file_digest=identity.file_digest,
        mapping_digest=identity.mapping_digest,
        state=BackfillRun.State.DONE,
    )
    if run.state == BackfillRun.State.DONE:
        # From the start again: what was kept is not kept twice, and what was refused may be taken now.
        run.state, run.rows_done, run.rejects_size, run.counts = BackfillRun.State.RUNNING, 0, 0, {}
        run.started_at, run.finished_at = now, None
    run.updated_at = now
    run.save()
    return run


def advance(run: BackfillRun, tally: Tally, rejects_size: int, *, now: datetime) -> None:
    """In the chunk's transaction: it and this row are committed together."""
    run.rows_done, run.rejects_size, run.updated_at = tally.rows, rejects_size, now
    run.counts = msgspec.to_builtins(tally)
    run.save(update_fields=["rows_done", "rejects_size", "updated_at", "counts"])


def finish(run: BackfillRun, *, now: datetime) -> None:
    run.state, run.finished_at, run.updated_at = BackfillRun.State.DONE, now, now
    run.save(update_fields=["state", "finished_at", "updated_at"])


def tally_of(run: BackfillRun) -> Tally:
    """The totals of what is committed."""
    return msgspec.convert(run.counts, Tally)


@contextmanager
def alone(identity: Identity) -> Iterator[None]:
    """One process at a time, until the end of the block or of the process. Raises Busy."""
    key = ":".join((identity.verb, identity.file_digest, identity.mapping_digest))
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, %s))", [key, locks.BACKFILL])
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == UNDEFINED_LOCK:
            raise Busy("Another process is reading this file in; wait for it, or stop it and try again.") from error
        raise
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, %s))", [key, locks.BACKFILL])


def _rows(identity: Identity) -> QuerySet[BackfillRun]:
    return BackfillRun.objects.filter(
        verb=identity.verb, file_digest=identity.file_digest, mapping_digest=identity.mapping_digest
    )


_canonical = msgspec.json.Encoder(order="sorted", enc_hook=str)
