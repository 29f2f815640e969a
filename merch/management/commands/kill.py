"""How does an engineer stop a campaign at once?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from merch.management.arguments import person, reason
from merch.releases import pulse


class Command(BaseCommand):
    """Stop a campaign in every process within a second; --lift lets it run again."""

    help = "Stop a campaign at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign", help="The campaign's key.")
        parser.add_argument("--why", default="", type=reason, help="Kept with the kill.")
        parser.add_argument("--by", type=person, metavar="USERNAME", help="Who does it, for the record.")
        parser.add_argument("--lift", action="store_true", help="Let a killed campaign run again.")

    def handle(self, *args: Any, **options: Any) -> None:
        key, told = options["campaign"], {"by": options["by"], "now": timezone.now(), "why": options["why"]}
        try:
            if options["lift"]:
                self.stdout.write("the kill is lifted" if pulse.lift(key, **told) else "it was not killed")
            else:
                pulse.kill(key, **told)
                self.stdout.write(f"{key} is killed; clients stop within their valid_until (60 s with a price)")
        except pulse.UnknownCampaign as unknown:
            raise CommandError(str(unknown)) from unknown
