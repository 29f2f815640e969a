"""How does an engineer publish what has been approved?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from merch.engine.compiling import BadRelease
from merch.management.arguments import person, reason
from merch.releases import store
from merch.replay import comparing


class Command(BaseCommand):
    """Build from approved content and serve it; --dry-run only says what would be built."""

    help = "Publish a release from approved content."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Build and show, publish nothing.")
        parser.add_argument("--why", default="", type=reason, help="Kept with the publication.")
        parser.add_argument("--by", type=person, metavar="USERNAME", help="Who publishes, for the record.")
        parser.add_argument(
            "--lift-hold", action="store_true", help="Lift the hold of a roll-back first; --by says who does."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["dry_run"]:
                self._preview()
            else:
                self._publish(options)
        except (store.Held, BadRelease) as refused:
            raise CommandError(str(refused)) from refused

    def _preview(self) -> None:
        now = timezone.now()
        built, digest = store.preview(now)
        self._report(digest, len(built.document.campaigns), built.left_out)
        served = comparing.served()
        if served is None:
            self.stdout.write("nothing is published yet, so there is nothing to compare with")
        else:
            found = comparing.compare(served, built.document, now=now)
            self.stdout.write("\n".join(found.lines()))

    def _publish(self, options: dict[str, Any]) -> None:
        now = timezone.now()
        if options["lift_hold"]:
            if options["by"] is None:
                raise CommandError("A hold is lifted by a person: add --by USERNAME.")
            store.lift_hold(by=options["by"], now=now)
        published = store.publish(by=options["by"], now=now, why=options["why"])
        release = published.release
        self._report(release.digest, release.campaigns, published.left_out)
        change = "" if published.changed else " (the same content as before)"
        self.stdout.write(f"served as publication {published.publication.number}{change}")

    def _report(self, digest: str, campaigns: int, left_out: dict[str, str]) -> None:
        self.stdout.write(f"{digest}  {campaigns} campaigns")
        for key, problem in left_out.items():
            self.stderr.write(self.style.WARNING(f"left out {key}: {problem}"))
