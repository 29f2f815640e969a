"""Why was this decided, and why not something else?"""

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merch.explaining import explain
from merch.reexecution import ReleaseGone, find


class Command(BaseCommand):
    """The full funnel of a recorded decision as JSON."""

    help = "Explain a recorded decision."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("decision_id", type=UUID)
        parser.add_argument("--campaign", help="A campaign that lost: say also what would have changed that.")

    def handle(self, *args: Any, **options: Any) -> None:
        recorded = find(options["decision_id"])
        if recorded is None:
            raise CommandError("No decision has this id. Records arrive within a second and are kept 7 days.")
        try:
            told = explain(recorded, campaign=options["campaign"])
        except ReleaseGone as gone:
            raise CommandError(f"The release {gone} is no longer kept, so the decision cannot be made again.") from gone
        self.stdout.write(json.dumps(told, indent=2, ensure_ascii=False))
