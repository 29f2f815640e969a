"""Who may write for a run now?

A lease is measured by the database's clock. Its fence grows with each lease, and every write requires it, so that a
worker that slept through its lease writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from audiences.models import AudienceRun, RunShard

LEASE = timedelta(minutes=5)
MOST_FRUITLESS_LEASES = 5  # then the scheduler gives up; a person may still resume

State = AudienceRun.State


class LeaseLost(Exception):
    """Another worker holds the run, or it has ended; nothing was written."""


class RunBusy(Exception):
    """The run cannot be taken now; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write for one run until the lease ends; ``fence`` proves it."""

    run_id: int
    fence: int

    def renew(self, **changes: Any) -> None:
        """Extend the lease, with other changes to the run's row. Raises LeaseLost."""
        held = AudienceRun.objects.filter(pk=self.run_id, fence=self.fence, state=State.RUNNING)
        if not held.update(lease_until=Now() + LEASE, **changes):
            raise LeaseLost(f"Run {self.run_id} is no longer held under fence {self.fence}.")

    @contextmanager
    def writing(self) -> Iterator[AudienceRun]:
        """A transaction in which this lease holds: the run's row is locked until the end of it. Raises LeaseLost."""
        with transaction.atomic():
            run = AudienceRun.objects.select_for_update().get(pk=self.run_id)
            if run.fence != self.fence or run.state != State.RUNNING:
                raise LeaseLost(f"Run {self.run_id} is {run.state} under fence {run.fence}, not {self.fence}.")
            yield run

    def fail(self, note: str) -> None:
        """End the run for a reason that another worker would meet again. Raises LeaseLost."""
        with self.writing() as run:
            run.state, run.note, run.lease_until, run.lease_owner = State.FAILED, note, None, ""
            run.finished_at = Now()
            run.save(update_fields=["state", "note", "lease_until", "lease_owner", "finished_at"])

    def give_back(self) -> None:
        """Let the next worker take the run at once; does nothing when the lease is lost."""
        held = AudienceRun.objects.filter(pk=self.run_id, fence=self.fence, state=State.RUNNING)
        held.update(lease_until=None, lease_owner="")


def take(run_id: int, owner: str, *, reopen: bool = False) -> Lease:
    """A lease on an unfinished run that nobody holds; with ``reopen`` also on a failed one. Raises RunBusy."""
    states = [State.QUEUED, State.RUNNING] + ([State.FAILED] if reopen else [])
    with transaction.atomic():
        free = AudienceRun.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=Now()), pk=run_id)
        taken = free.filter(state__in=states).update(
            state=State.RUNNING,
            fence=F("fence") + 1,
            lease_owner=owner[:64],
            lease_until=Now() + LEASE,
            finished_at=None,
        )
        run = AudienceRun.objects.get(pk=run_id)
        if not taken:
            raise RunBusy(_why_busy(run))
        AudienceRun.objects.filter(pk=run_id, started_at__isnull=True).update(started_at=Now())
    return Lease(run_id, run.fence)


def fruitless(run: AudienceRun) -> bool:
    """Have so many leases passed without one finished shard that another will not help?"""
    done = RunShard.objects.filter(run=run, done_at__isnull=False).values_list("counts__fence", flat=True)
    return run.fence - max(done, default=0) >= MOST_FRUITLESS_LEASES


def waiting() -> list[AudienceRun]:
    """Unfinished runs that nobody holds, oldest first: what a sweeper takes up."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=Now())
    return list(AudienceRun.objects.filter(free, state__in=[State.QUEUED, State.RUNNING]).order_by("pk"))


def _why_busy(run: AudienceRun) -> str:
    if run.state == State.RUNNING:
        return f"Run {run.pk} is being computed by {run.lease_owner} until {run.lease_until:%H:%M:%S} UTC."
    return f"Run {run.pk} is {run.get_state_display().lower()}; only an unfinished run can be taken."
