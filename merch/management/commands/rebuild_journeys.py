"""How does a person have everybody's marks folded anew?"""

from __future__ import annotations

from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from merch.intake.refolding import RefoldRunning, refold_all
from merch.models import JourneyRebuild

EVERY = 1.0  # seconds between two lines of progress


class Command(BaseCommand):
    help = "Fold the marks of all subjects anew from their stored events; goes on where an interrupted pass was."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--again", action="store_true", help="From the beginning, whatever was done before.")

    def handle(self, *args: Any, **options: Any) -> None:
        began = said = monotonic()

        def progress(run: JourneyRebuild) -> None:
            nonlocal said
            if monotonic() - said >= EVERY:
                said = monotonic()
                self.stdout.write(f"{run.done:,} of {run.total:,} subjects, {run.changed:,} changed")

        try:
            run = refold_all(now=timezone.now(), again=options["again"], progress=progress)
        except RefoldRunning as running:
            raise CommandError(f"{running} Leave it to that one.") from running
        self.stdout.write(f"{run.done:,} subjects, {run.changed:,} changed, in {monotonic() - began:.1f} s.")
