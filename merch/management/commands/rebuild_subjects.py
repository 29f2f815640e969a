"""How does a person fill the serving store from the truth?"""

from __future__ import annotations

from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from merch.subjects.rebuilding import RebuildFailed, RebuildRunning, rebuild

EVERY = 1.0  # seconds between two lines of progress


class Command(BaseCommand):
    help = "Write every subject's record to the serving store under the next epoch, then make that epoch valid."

    def handle(self, *args: Any, **options: Any) -> None:
        began = said = monotonic()
        total = 0

        def progress(done: int, of: int) -> None:
            nonlocal said, total
            total = done
            if monotonic() - said >= EVERY:
                said = monotonic()
                left = (said - began) * (of - done) / done
                self.stdout.write(f"{done:,} of {of:,} subjects, about {left:.0f} s to go")

        try:
            epoch = rebuild(now=timezone.now(), progress=progress)
        except (RebuildRunning, RebuildFailed) as failed:
            raise CommandError(f"{failed} Nothing is lost: start it again, or leave it to the sweeper.") from failed
        self.stdout.write(f"Epoch {epoch}: {total:,} subjects in {monotonic() - began:.1f} s.")
