"""Do recorded decisions come out the same when they are made again?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.progress import Progress

from merch.management.arguments import moment
from merch.reexecution import ReleaseGone, differences, records_since

SHOWN = 10


class Command(BaseCommand):
    """Make recorded decisions again in this fresh process; exit code 1 when any differs."""

    help = "Make recorded decisions again and compare."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=moment, help="Decisions from this moment on. Default: all that are kept.")
        parser.add_argument("--sample", type=float, default=1.0, help="Share of decisions to check, 0 to 1.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 < options["sample"] <= 1:
            raise CommandError("--sample takes a share above 0, at most 1.")
        checked, different = 0, 0
        try:
            with Progress(transient=True) as progress:
                task = progress.add_task("making decisions again", total=None)
                for difference in differences(records_since(options["since"], options["sample"])):
                    checked += 1
                    progress.advance(task)
                    if difference is not None:
                        different += 1
                        if different <= SHOWN:
                            self.stderr.write(f"{difference.decision_id} differs")
        except ReleaseGone as gone:
            raise CommandError(
                f"Release {gone} is no longer kept; verify only decisions since it was served."
            ) from gone
        self.stdout.write(f"{checked} decisions made again, {different} differences")
        if different:
            raise CommandError("A decision that differs is a defect: please report it with its id.")
