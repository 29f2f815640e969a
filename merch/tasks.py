"""Which background work keeps serving up to date? Celery rings the bell; rows in PostgreSQL are the list of work."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from audiences import ingest
from campaigns import behaviours
from merch import retention
from merch.intake import refolding
from merch.learning import refreshing
from merch.releases import pulse, store
from merch.subjects import publish


@shared_task(name="merch.sweep_subjects")
def sweep_subjects() -> None:
    """Bring owed records to the serving store; rebuild it where it has lost its data."""
    publish.sweep(now=timezone.now())


@shared_task(name="merch.prepare_days")
def prepare_days() -> None:
    """Make the coming days' event tables ahead of their first event."""
    ingest.prepare_days(timezone.now())


@shared_task(name="merch.publish_what_is_behind")
def publish_what_is_behind() -> None:
    """Serve what was approved or edited since the last publication; while a hold stands, nothing."""
    if not store.behind():
        return
    behaviours.ensure()
    if not store.held():
        store.publish(by=None, now=timezone.now(), why="changes since the last publication")


@shared_task(name="merch.absorb_offline_kills")
def absorb_offline_kills() -> None:
    """Write the rows that kills without PostgreSQL still owe."""
    pulse.absorb(timezone.now())


@shared_task(name="merch.learn")
def learn() -> None:
    """Rank by what was learned until now, where placements do."""
    refreshing.refresh(timezone.now())


@shared_task(name="merch.rebuild_journeys")
def rebuild_journeys() -> None:
    """Fold everybody's marks anew after journeys changed; an interrupted pass goes on."""
    if refolding.due():
        try:
            refolding.refold_all(now=timezone.now())
        except refolding.RefoldRunning:
            return


@shared_task(name="merch.prune_decisions")
def prune_decisions() -> None:
    """Let go of decision records that are past their keeping."""
    retention.prune(timezone.now())
