"""How is the demo loaded at the terminal? (Into an empty database, once; later it changes nothing.)"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from merch.demo import loading, reaching
from merch.subjects.rebuilding import RebuildFailed, RebuildRunning

LISTENERS = 20_000
MOST = 99_999  # five digits of a listener's number


class Command(BaseCommand):
    """Parse, call one verb, report."""

    help = (
        "Load the demo, a made-up music service, into an empty database: catalogue, campaigns, listeners, what they "
        "did, a release and an experiment. Goes on where a load was interrupted; a loaded demo stays as it is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--listeners", type=int, default=LISTENERS, help="How many to make up; default 20000.")
        parser.add_argument("--seed", default="tonika", help="Another seed makes other listeners.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["listeners"] <= MOST:
            raise CommandError(f"--listeners takes 1 to {MOST}.")
        console = Console(file=cast(IO[str], self.stdout))
        columns = (TextColumn("    {task.description:<28}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
        try:
            with Progress(*columns, console=console) as bars:
                loaded = loading.load(
                    now=timezone.now(), count=options["listeners"], seed=options["seed"], shown=_Bars(bars)
                )
        except loading.NotEmpty as full:
            self.stdout.write(str(full))
            return
        except (loading.NotLoaded, RebuildFailed, RebuildRunning) as failed:
            raise CommandError(f"{failed} Start it again: it goes on from there.") from failed
        self.stdout.write(f"{'Loaded' if loaded else 'Already loaded'}; how to get in stands in {reaching.told()}")


class _Bars:
    """A line per step, with its time."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars

    def __call__(self, step: str, total: int) -> Any:
        return self._shown(step, total)

    @contextmanager
    def _shown(self, step: str, total: int) -> Iterator[Callable[[int], None]]:
        task = self.bars.add_task(step, total=total)
        yield lambda done: self.bars.update(task, completed=done)
        self.bars.update(task, completed=total)
        self.bars.stop_task(task)
