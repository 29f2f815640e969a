"""How many would see this campaign now, and what keeps the others from it?"""

import json
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from audiences.moments import micros
from campaigns import proposal
from campaigns.models import Campaign
from merch.engine.compiled import Release
from merch.engine.compiling import BadRelease, compile_release
from merch.engine.document import CampaignDoc
from merch.management.arguments import moment, share
from merch.management.context import context_of
from merch.releases import build
from merch.releases.serving import serving
from merch.replay.forecasting import Forecast, NoCandidate, forecast
from merch.subjects import sampling


class Command(BaseCommand):
    """Asks a hashed sample of subjects at one moment; a campaign that is not live is asked as if it were."""

    help = "Forecast a campaign's reach, with what keeps others from it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign", help="The campaign's key.")
        parser.add_argument("--sample", type=share, help="Share of subjects asked, 0 to 1. Default: about 2,000.")
        parser.add_argument("--at", type=moment, help="RFC 3339 moment. Default: now.")
        parser.add_argument(
            "--context", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
            help="Sent with each request, beside country and locale of the subject's market; e.g. platform=ios",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="For machines.")

    def handle(self, *args: Any, **options: Any) -> None:
        now = options["at"] or timezone.now()
        state = serving.refresh()
        release = self._with(options["campaign"], state.release)
        context = context_of(options["context"], release)
        wanted = sampling.enough() if options["sample"] is None else options["sample"]
        people = sampling.sampled(wanted, release.doc.layout, now=now)
        try:
            found = forecast(
                release, state.pulse, options["campaign"], people, micros(now), context=context,
                total=sampling.total(),
            )  # fmt: skip
        except NoCandidate as nowhere:
            raise CommandError(f"{nowhere} has no item in any placement.") from nowhere
        self._tell(found, as_json=options["json"])

    def _with(self, key: str, served: Release) -> Release:
        """The served release, where the campaign is in it; else what would be served with it as it stands."""
        if any(campaign.key == key for campaign in served.doc.campaigns):
            return served
        row = Campaign.objects.filter(key=key).first()
        if row is None:
            raise CommandError(f"There is no campaign {key!r}. Check the key in admin.")
        self.stderr.write(self.style.WARNING(f"{key} is not served now: asked as if it were launched as it stands."))
        try:
            tried = msgspec.convert(proposal.content(row), CampaignDoc)
            built = build.build(timezone.now(), also=(tried,))
        except (BadRelease, msgspec.ValidationError) as broken:
            raise CommandError(f"{key} cannot be served as it stands: {broken}") from broken
        if key in built.left_out:
            raise CommandError(f"{key} cannot be served as it stands: {built.left_out[key]}")
        return compile_release(built.document)

    def _tell(self, found: Forecast, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(found.as_json(), indent=2))
            return
        for reach in found.reaches:
            self.stdout.write(f"{found.campaign} in {reach.placement}: {reach.asked} of {found.total} subjects asked")
            for name, one in reach.summary.items():
                self.stdout.write(f"  {name.replace('_', ' '):<14} {one}")
            self.stdout.write("  by reason:")
            for code, one in reach.reasons.items():
                self.stdout.write(f"    {code:<22} {one}")
