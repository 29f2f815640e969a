"""A wrong offer was live: who saw it, who took it, under which releases, who approved it?"""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from campaigns.models import Campaign
from merch import incident
from merch.management.arguments import moment

COLUMNS = ("subject", "times", "first_at", "last_at", "converted_at")


class Command(BaseCommand):
    """Parse, ask, report; the accounts go to a file."""

    help = (
        "Tell who was shown a campaign, who converted after it, which releases served it and who approved it. "
        "What differs between two releases tells diff_releases."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign", help="The campaign's key.")
        parser.add_argument("--since", type=moment, help="Default: seven days ago.")
        parser.add_argument("--until", type=moment, help="Exclusive. Default: now.")
        parser.add_argument("--price", type=int, help="Only what was shown at this price (its id).")
        parser.add_argument("--csv", type=Path, help="Write the subjects here, one a line.")
        parser.add_argument("--json", action="store_true", help="Everything, for machines.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not Campaign.objects.filter(key=options["campaign"]).exists():
            raise CommandError(f"There is no campaign {options['campaign']!r}. Check the key in admin.")
        until = options["until"] or timezone.now()
        since = options["since"] or until - timedelta(days=7)
        found = incident.of_campaign(options["campaign"], since, until, price=options["price"])
        if options["csv"]:
            self._write(found, options["csv"])
        if options["json"]:
            plain = {
                "seen": [each._asdict() for each in found.seen],
                "releases": found.releases,
                "approvals": [each._asdict() for each in found.approvals],
            }
            self.stdout.write(json.dumps(plain, indent=2, default=str))
            return
        self.stdout.write(f"{len(found.seen)} saw it, {found.converted} of them converted after it.")
        for digest in found.releases:
            self.stdout.write(f"served by release {digest}")
        for signed in found.approvals:
            said = f"approved by {signed.decided_by} at {signed.decided_at:%Y-%m-%d %H:%M} UTC"
            self.stdout.write(f"{said}, asked for by {signed.requested_by}: {signed.content_hash[:19]}")

    def _write(self, found: incident.Incident, path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            rows.writerows([each.subject, each.times, *map(_moment, each[2:])] for each in found.seen)


def _moment(at: Any) -> str:
    return at.isoformat() if at else ""
