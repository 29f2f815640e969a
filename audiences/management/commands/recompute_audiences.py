"""How large are the audiences, and what are everybody's behaviour bits, as of a moment?"""

from __future__ import annotations

import os
import socket
from datetime import datetime
from typing import IO, Any, cast

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from audiences import membership
from audiences.membership.execution import execute
from audiences.membership.publish import NotNow, accept, roll_back
from audiences.models import AudienceCount, AudienceRun

State = AudienceRun.State
HELD, BUSY = 3, 4  # exit codes


class Command(BaseCommand):
    """Start or resume a run and publish it; or accept a held one, or take the newest back."""

    help = (
        "Recompute audience counts and behaviour bits. Exit codes: 0 published, 1 error, "
        "3 held because an audience shrank (look, then --accept), 4 another worker has the run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slugs", nargs="*", metavar="SLUG", help="Audiences to count; bits are always complete.")
        parser.add_argument("--engine", choices=membership.ENGINES, default="duckdb")
        parser.add_argument("--as-of", help="ISO moment with zone; event windows end before its UTC day. Default: now.")
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--resume", type=int, metavar="RUN", help="Go on with an unfinished or failed run.")
        which.add_argument("--accept", type=int, metavar="RUN", help="Publish a held run; needs --by.")
        which.add_argument("--roll-back", type=int, metavar="RUN", help="Take back the newest run; needs --by.")
        parser.add_argument("--by", metavar="USERNAME", help="Who accepts or rolls back.")
        parser.add_argument("--why", default="", help="Kept in the audit log.")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=cast(IO[str], self.stdout))
        try:
            run = self._run(options, console)
        except membership.RunBusy as busy:
            raise CommandError(str(busy), returncode=BUSY) from busy
        except (membership.LeaseLost, NotNow, membership.UnknownAudience) as refused:
            raise CommandError(str(refused)) from refused
        console.print(_counts(run))
        self.stdout.write(_summary(run))
        if run.state != State.PUBLISHED:
            raise CommandError(f"Run {run.pk}: {run.note}", returncode=HELD if run.state == State.HELD else 1)

    def _run(self, options: dict[str, Any], console: Console) -> AudienceRun:
        now = timezone.now()
        if options["accept"]:
            return accept(_named(options["accept"]), by=_person(options["by"]), now=now, why=options["why"])
        if options["roll_back"]:
            return roll_back(_named(options["roll_back"]), by=_person(options["by"]), now=now, why=options["why"])
        if options["resume"]:
            run = _named(options["resume"])
        else:
            run = membership.start_run(_moment(options["as_of"], now), options["slugs"] or None, options["engine"])
        self.stdout.write(f"run {run.pk} as of {run.as_of.isoformat()}, {run.shards} shards, engine {run.engine}")
        owner = f"{socket.gethostname()[:40]}:{os.getpid()}"
        with Bars(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        ) as bars:
            return execute(run, owner, _Shown(bars), reopen=bool(options["resume"]))


class _Shown:
    """One bar per stage."""

    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self.stages: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self.stages:
            self.stages[stage] = self.bars.add_task({"days": "days of events", "shards": "shards"}[stage])
        self.bars.update(self.stages[stage], completed=done, total=total)


def _named(run_id: int) -> AudienceRun:
    run = AudienceRun.objects.filter(pk=run_id).first()
    if run is None:
        raise CommandError(f"There is no run {run_id}.")
    return run


def _person(username: str | None) -> User:
    if not username:
        raise CommandError("Say who decides this: --by USERNAME.")
    person = User.objects.filter(username=username).first()
    if person is None:
        raise CommandError(f"There is no user {username!r}.")
    return person


def _moment(text: str | None, now: datetime) -> datetime:
    if text is None:
        return now
    found = parse_datetime(text)
    if found is None or found.tzinfo is None:
        raise CommandError(f"--as-of {text!r} is not a moment with a zone; write such as 2026-11-22T00:00:00Z.")
    return found


def _counts(run: AudienceRun) -> Table:
    table = Table("audience", *("before", "now", "entered", "left"), "", title=f"Audiences of run {run.pk}")
    for count in AudienceCount.objects.filter(run=run).select_related("audience").order_by("audience__slug"):
        numbers = [count.previous_size, count.size, count.entered, count.left]
        shown = ["-" if number is None else f"{number:,}" for number in numbers]
        table.add_row(count.audience.slug, *shown, "held" if count.held else "")
    return table


def _summary(run: AudienceRun) -> str:
    changed = run.plan.get("changed")
    owed = "the scheduler brings them to the serving store; where none runs, rebuild_subjects does"
    bits = "" if not changed else f"; bits of {changed:,} subjects changed: {owed}"
    return f"run {run.pk} is {run.get_state_display().lower()}{bits}"
