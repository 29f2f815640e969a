"""How does an engineer publish what has been approved?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from merch.engine.compiling import BadRelease
from merch.releases import store


class Command(BaseCommand):
    """Build from approved content and serve it; --dry-run only says what would be built."""

    help = "Publish a release from approved content."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Build and show, publish nothing.")
        parser.add_argument("--why", default="", help="Kept with the publication.")
        parser.add_argument("--lift-hold", action="store_true", help="Lift the hold of a roll-back first.")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        if options["dry_run"]:
            built, digest = store.preview(now)
            self._report(digest, len(built.document.campaigns), built.left_out)
            return
        if options["lift_hold"]:
            store.lift_hold(by=None, now=now)
        try:
            published = store.publish(by=None, now=now, why=options["why"])
        except (store.Held, BadRelease) as refused:
            raise CommandError(str(refused)) from refused
        release = published.release
        self._report(release.digest, release.campaigns, published.left_out)
        change = "" if published.changed else " (the same content as before)"
        self.stdout.write(f"served as publication {published.publication.number}{change}")

    def _report(self, digest: str, campaigns: int, left_out: dict[str, str]) -> None:
        self.stdout.write(f"{digest}  {campaigns} campaigns")
        for key, reason in left_out.items():
            self.stderr.write(self.style.WARNING(f"left out {key}: {reason}"))
