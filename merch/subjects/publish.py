"""How does a committed record reach the serving store, and who sees to it when that fails?

The protocol, and what each race ends in: docs/algorithms/subject-records.md.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import DatabaseError, connection, transaction

from audiences.models import BehaviourBits, DirtySubject, ServingEpoch
from audiences.records import Written
from merch.subjects import scripts, strictness
from merch.subjects.rebuilding import RebuildFailed, RebuildRunning, rebuild
from merch.subjects.rows import Packed, packed_by_id
from merch.subjects.store import Store
from merch.subjects.store import store as serving_store

log = logging.getLogger(__name__)

CHUNK = 500
OWED_AFTER = timedelta(seconds=5)
REPLAYABLE = timedelta(minutes=10)
SWEEP_CHUNKS = 40  # one sweep ends within its turn; the next goes on

MARK_DIRTY = """
UPDATE audiences_dirtysubject d SET written_at = %s
FROM unnest(%s::bigint[], %s::bigint[]) AS done(subject_id, version)
WHERE d.subject_id = done.subject_id AND d.version <= done.version AND d.written_at IS NULL
"""
MARK_BITS = """
UPDATE audiences_behaviourbits b SET published = true
FROM unnest(%s::bigint[], %s::bigint[]) AS done(subject_id, run_id)
WHERE b.subject_id = done.subject_id AND b.run_id = done.run_id AND NOT b.published
"""


class Swept(NamedTuple):
    """What one sweep did. ``reachable`` False: the store did not answer, everything stays owed."""

    reachable: bool
    records: int = 0
    replaying: bool = False
    rebuilt: int | None = None


def publish(written: Iterable[Written], *, now: datetime, store: Store = serving_store) -> bool:
    """After the commit, before the response: bring these subjects' records to the store.

    False: the store was not reached; the sweeper will see to it, and the caller answers 202 pending.
    """
    return publish_ids({each.subject_id for each in written}, now=now, store=store)


def publish_bits(subject_ids: Iterable[int], *, now: datetime, store: Store = serving_store) -> bool:
    """Bring changed behaviour bits to the store. Records go along, so that ``m:`` never comes without ``s:``."""
    return publish_ids(subject_ids, now=now, store=store)


def publish_ids(subject_ids: Iterable[int], *, now: datetime, store: Store = serving_store) -> bool:
    """The subjects' newest committed records and bits, set where they are newer, and marked as written."""
    for chunk in _chunks(sorted(set(subject_ids))):
        try:
            packed = packed_by_id(chunk, now=now)
            scripts.set_if_newer(store, [each.values for each in packed])
            _mark(packed, now)
        except (OSError, DatabaseError) as missed:
            # What is committed stays committed, and owed: a caller must not tell its client that it failed.
            log.warning("publication left to the sweeper: %s", missed)
            return False
    return True


def sweep(*, now: datetime, store: Store = serving_store) -> Swept:
    """Every few seconds: replay after a restart of the store, redo what is owed, rebuild where an epoch is missing."""
    try:
        run_id, held = scripts.state(store)
    except OSError:
        return Swept(reachable=False)
    replaying = _replay_if_restarted(run_id, now)
    records = _redo_owed(now, store, at_once=replaying)
    DirtySubject.objects.filter(written_at__lt=now - REPLAYABLE).delete()
    if held == str(ServingEpoch.objects.get().number).encode():
        _trust_holds(store)
        return Swept(True, records, replaying)
    try:
        return Swept(True, records, replaying, rebuild(now=now, store=store))
    except RebuildRunning:
        return Swept(True, records, replaying)
    except RebuildFailed as failed:
        log.warning("%s; the next sweep tries again", failed)
        return Swept(True, records, replaying)


def _replay_if_restarted(run_id: str, now: datetime) -> bool:
    """Another server, or the same one restarted: what was written lately may be lost, so it is owed again."""
    with transaction.atomic():
        epoch, _ = ServingEpoch.objects.select_for_update().get_or_create(id=1)
        if epoch.store_run_id == run_id:
            return False
        DirtySubject.objects.filter(written_at__gte=now - REPLAYABLE).update(written_at=None)
        BehaviourBits.objects.filter(published=True, run__finished_at__gte=now - REPLAYABLE).update(published=False)
        epoch.store_run_id = run_id
        epoch.save(update_fields=["store_run_id"])
    return True


def _trust_holds(store: Store) -> None:
    """On a server that was put in the place of another, holds may be missing for as long as one lasts."""
    try:
        if scripts.trust_holds(store, strictness.hold_off()):
            log.warning("another serving store: strict caps withhold until its holds are complete")
    except OSError as missed:
        log.warning("strict caps withhold meanwhile: %s", missed)


def _redo_owed(now: datetime, store: Store, *, at_once: bool) -> int:
    """Publish what is owed, oldest first. Fresh rows are left alone: their writer is about to publish them."""
    done = 0
    for _ in range(SWEEP_CHUNKS):
        owed = _owed(now if at_once else now - OWED_AFTER)
        if not owed or not publish_ids(owed, now=now, store=store):
            break
        done += len(owed)
    return done


def _owed(before: datetime) -> list[int]:
    dirty = DirtySubject.objects.filter(written_at=None, created_at__lte=before).order_by("created_at")
    owed = list(dirty.values_list("subject_id", flat=True)[:CHUNK])
    if len(owed) < CHUNK:
        bits = BehaviourBits.objects.filter(published=False).order_by("subject_id")
        owed += bits.values_list("subject_id", flat=True)[: CHUNK - len(owed)]
    return owed


def _mark(packed: Sequence[Packed], now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(MARK_DIRTY, [now, [each.subject_id for each in packed], [each.version for each in packed]])
        bits = [(each.subject_id, each.run) for each in packed if each.run is not None]
        if bits:
            cursor.execute(MARK_BITS, [[id_ for id_, _ in bits], [run for _, run in bits]])


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
