"""When do a run's answers come into force, and who stops them?

Bits come into force in one transaction, marked as owed to the serving store; whoever serves sweeps what is owed.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models.functions import Now

from audiences.membership.bits import take_back_bits, write_bits
from audiences.membership.counts import shrunken, tally
from audiences.membership.lease import Lease, State
from audiences.membership.plan import RunPlan, thawed
from audiences.membership.runs import computed, newest_published, shard_file
from audiences.models import AudienceCount, AudienceRun, BehaviourLeaf, Revision, RunShard


class NotNow(Exception):
    """The run is not in a state in which this can be done; the sentence says what can."""


def conclude(run: AudienceRun, lease: Lease, plan: RunPlan) -> None:
    """Count, then publish, or hold the run for a person. Raises LeaseLost."""
    with lease.writing() as held:
        _unlimited()
        if (reason := superseded(held)) is not None:
            _end(held, State.FAILED, reason)
            return
        if reasons := shrunken(held, plan, tally(held, plan)):
            _end(held, State.HELD, " ".join([*reasons, plan.note]).strip())
            return
        _come_into_force(held, plan)


def accept(run: AudienceRun, *, by: User | None, now: datetime, why: str = "") -> AudienceRun:
    """Publish a held run although an audience shrank. Raises NotNow."""
    with transaction.atomic():
        held = AudienceRun.objects.select_for_update().get(pk=run.pk)
        if held.state != State.HELD:
            raise NotNow(f"Run {held.pk} is {held.get_state_display().lower()}; only a held run can be accepted.")
        if (reason := superseded(held)) is not None:
            raise NotNow(f"{reason} Start another run.")
        if not all(shard_file(shard).is_file() for shard in RunShard.objects.filter(run=held)):
            raise NotNow(f"The files of run {held.pk} are gone from this machine; start another run.")
        _unlimited()
        _record(held, "accepted", by, now, why)
        _come_into_force(held, thawed(held.plan))
    return held


def abandon(run: AudienceRun) -> None:
    """Give up a run that several workers could not bring forward; a person may still resume it."""
    with transaction.atomic():
        held = AudienceRun.objects.select_for_update().get(pk=run.pk)
        if held.state in (State.QUEUED, State.RUNNING):
            _end(
                held, State.FAILED, f"Given up after {held.fence} leases; look into the workers' logs, then resume it."
            )


def superseded(run: AudienceRun) -> str | None:
    """Why this run comes too late, or None."""
    newest = newest_published()
    if newest is None or newest.pk < run.pk:
        return None
    return f"Run {newest.pk}, which is newer, has been published."


def roll_back(run: AudienceRun, *, by: User | None, now: datetime, why: str = "") -> AudienceRun:
    """Put the answers before the newest published run in force again, as a run of its own. Raises NotNow."""
    with transaction.atomic():
        back_from = AudienceRun.objects.select_for_update().get(pk=run.pk)
        newest = newest_published()
        if newest is None or newest.pk != back_from.pk:
            raise NotNow(f"Run {back_from.pk} is not the newest published run; only that one can be taken back.")
        _unlimited()
        earlier = AudienceRun.objects.filter(state=State.PUBLISHED, pk__lt=back_from.pk).order_by("-pk").first()
        restored = computed(earlier)
        back = AudienceRun.objects.create(
            as_of=restored.as_of if restored else back_from.as_of,
            engine=back_from.engine,
            layout=back_from.layout,
            state=State.PUBLISHED,
            plan={"restores": restored.pk if restored else None},
            created_at=now,
            started_at=now,
            finished_at=now,
            note=f"Takes back run {back_from.pk}. {why}".strip(),
        )
        take_back_bits(back, back_from)
        _refill(back, thawed(restored.plan) if restored else None)
        _recount(back, back_from)
        _record(back, "rolled back", by, now, why)
    return back


def _refill(back: AudienceRun, plan: RunPlan | None) -> None:
    """What the restored run had computed is filled, nothing else."""
    leaves = BehaviourLeaf.objects.filter(layout=back.layout)
    filled = [leaf.position for leaf in plan.leaves] if plan else []
    leaves.exclude(position__in=filled).update(filled_by=None)
    leaves.filter(position__in=filled).update(filled_by=back)


def _recount(back: AudienceRun, back_from: AudienceRun) -> None:
    """The sizes before, with the moves turned round; an audience counted for the first time has none."""
    counts = AudienceCount.objects.filter(run=back_from, previous_size__isnull=False)
    AudienceCount.objects.bulk_create(
        AudienceCount(
            run=back,
            audience_id=count.audience_id,
            size=count.previous_size or 0,
            previous_size=count.size,
            entered=count.left,
            left=count.entered,
        )
        for count in counts
    )


def _come_into_force(run: AudienceRun, plan: RunPlan) -> None:
    changed = write_bits(run, plan)
    positions = [leaf.position for leaf in plan.leaves]
    leaves = BehaviourLeaf.objects.filter(layout=run.layout)
    newly = leaves.filter(position__in=positions, filled_by__isnull=True).count()
    leaves.filter(position__in=positions).update(filled_by=run)
    leaves.filter(position__in=plan.unreadable).update(filled_by=None)
    _end(run, State.PUBLISHED, plan.note, changed=changed)
    if newly:
        # What may be released has changed.
        run.refresh_from_db(fields=["finished_at"])
        _record(run, "published", None, run.finished_at or run.created_at, f"{newly} behaviours can now be used.")


def _end(run: AudienceRun, state: AudienceRun.State, note: str, *, changed: int | None = None) -> None:
    run.state, run.note, run.lease_until, run.lease_owner = state, note, None, ""
    run.finished_at = Now()
    if changed is not None:
        run.plan = run.plan | {"changed": changed}
    run.save(update_fields=["state", "note", "lease_until", "lease_owner", "finished_at", "plan"])


def _record(run: AudienceRun, verb: str, by: User | None, now: datetime, why: str) -> None:
    Revision.objects.record(
        actor=by,
        verb=verb,
        object_type="audience run",
        object_key=str(run.pk),
        before=None,
        after={"as_of": run.as_of.isoformat(), "note": run.note},
        now=now,
        why=why,
    )


def _unlimited() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
