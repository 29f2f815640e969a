"""How does an engineer go back to an earlier release?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from merch.releases import store


class Command(BaseCommand):
    """Serve an earlier release again and hold publication until a named person lifts the hold."""

    help = "Serve an earlier release again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("digest", help="sha256:..., or its beginning as long as it names one release.")
        parser.add_argument("--why", default="roll-back from the command line")

    def handle(self, *args: Any, **options: Any) -> None:
        digest = options["digest"]
        digest = digest if digest.startswith("sha256:") else f"sha256:{digest}"
        try:
            publication = store.rollback(digest, by=None, now=timezone.now(), why=options["why"])
        except store.UnknownRelease as unknown:
            raise CommandError(str(unknown)) from unknown
        self.stdout.write(f"{publication.release_id} is served again as publication {publication.number}")
        self.stdout.write("Publication is on hold; lift it in admin, or with publish_release --lift-hold.")
