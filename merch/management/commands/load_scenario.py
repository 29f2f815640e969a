"""How is one of the fifteen scenarios put into a running demo?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from merch.demo import staging


class Command(BaseCommand):
    """Parse, call one verb, report."""

    help = "Put a scenario (S1 to S15) into the demo: campaigns, their rules, and people to try it with. Once each."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="S1 ... S15; without one, what there is.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["name"] is None:
            for name in staging.names():
                self.stdout.write(f"{name:<4} {staging.read(name)['title']}")
            return
        try:
            staged = staging.stage(options["name"], now=timezone.now())
            document = staging.read(options["name"])
        except staging.NotStaged as failed:
            raise CommandError(str(failed)) from failed
        self.stdout.write(f"{staged.title}\n\n{document['brief']}\nCampaigns: {', '.join(staged.campaigns)}\n")
        placement = document["try_in"]
        for account in staged.accounts:
            self.stdout.write(f"  manage.py decide --account {account} --placement {placement} --explain")
