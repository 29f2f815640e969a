"""How does an engineer stop a campaign at once?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from merch.releases import pulse


class Command(BaseCommand):
    """Stop a campaign in every process within a second; --lift lets it run again."""

    help = "Stop a campaign at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign", help="The campaign's key.")
        parser.add_argument("--why", default="", help="Kept with the kill.")
        parser.add_argument("--lift", action="store_true", help="Let a killed campaign run again.")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        if options["lift"]:
            lifted = pulse.lift(options["campaign"], by=None, now=now, why=options["why"])
            self.stdout.write("the kill is lifted" if lifted else "it was not killed")
            return
        try:
            pulse.kill(options["campaign"], by=None, now=now, why=options["why"])
        except pulse.UnknownCampaign as unknown:
            raise CommandError(str(unknown)) from unknown
        self.stdout.write(f"{options['campaign']} is killed; clients stop within their valid_until (60 s with a price)")
