"""Which background work do audiences need? Celery rings the bell; the runs in PostgreSQL are the list of work."""

from __future__ import annotations

import os
import socket

from celery import shared_task
from django.utils import timezone

from audiences.membership import LeaseLost, RunBusy, due, fruitless, start_run, sweep_exports, waiting
from audiences.membership.execution import execute
from audiences.membership.publish import abandon


@shared_task(name="audiences.start_due_run")
def start_due_run() -> int | None:
    """Start the run of the day that has just closed, or of a behaviour that no run has seen; ring often, it is free."""
    as_of = due(timezone.now())
    return None if as_of is None else int(start_run(as_of).pk)


@shared_task(name="audiences.work_runs")
def work_runs() -> None:
    """Take up every unfinished run that nobody holds: new ones, and those whose worker died."""
    for run in waiting():
        if fruitless(run):
            abandon(run)
            continue
        try:
            execute(run, owner())
        except (RunBusy, LeaseLost):
            continue  # another worker was faster


@shared_task(name="audiences.sweep_exports")
def sweep() -> int:
    """Delete exported files that no run needs."""
    return sweep_exports(timezone.now())


def owner() -> str:
    """Who works: shown to a person who wonders why a run is busy."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}"
