"""Do recorded decisions come out the same when they are made again?"""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rich.progress import Progress

from merch.reexecution import ReleaseGone, differences, records_since

SHOWN = 10


class Command(BaseCommand):
    """Make recorded decisions again in this fresh process; exit code 1 when any differs."""

    help = "Make recorded decisions again and compare."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", help="RFC 3339; decisions from this moment on. Default: all that are kept.")
        parser.add_argument("--sample", type=float, default=1.0, help="Share of decisions to check, 0 to 1.")

    def handle(self, *args: Any, **options: Any) -> None:
        since = _moment(options["since"])
        if not 0 < options["sample"] <= 1:
            raise CommandError("--sample takes a share above 0, at most 1.")
        checked, different = 0, 0
        try:
            with Progress(transient=True) as progress:
                task = progress.add_task("making decisions again", total=None)
                for difference in differences(records_since(since, options["sample"])):
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


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    found = parse_datetime(text)
    if found is None:
        raise CommandError("--since takes a moment such as 2026-11-22T12:00:00Z.")
    return found if found.tzinfo else timezone.make_aware(found)
