"""How does an engineer go back to an earlier release?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from merch.management.arguments import person, reason
from merch.releases import store


class Command(BaseCommand):
    """Serve an earlier release again and hold publication until a named person lifts the hold."""

    help = "Serve an earlier release again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("digest", help="sha256:..., or its beginning as long as it names one release.")
        parser.add_argument("--why", type=reason, default="roll-back from the command line", help="Kept with it.")
        parser.add_argument("--by", type=person, metavar="USERNAME", help="Who goes back, for the record.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            publication = store.rollback(options["digest"], by=options["by"], now=timezone.now(), why=options["why"])
        except store.UnknownRelease as unknown:
            raise CommandError(str(unknown)) from unknown
        self.stdout.write(f"{publication.release_id} is served again as publication {publication.number}")
        self.stdout.write(
            "Publication is on hold until somebody lifts it: in admin, or publish_release --lift-hold --by NAME."
        )
