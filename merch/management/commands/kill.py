"""How does an engineer stop a campaign at once?"""

from argparse import ArgumentTypeError
from difflib import get_close_matches
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from audiences.moments import micros
from merch.management.arguments import person, reason
from merch.releases import offline, pulse
from merch.releases.offline import OfflineKill
from merch.releases.serving import Serving


class Command(BaseCommand):
    """Stop a campaign in every process within a second; --lift lets it run again."""

    help = "Stop a campaign at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign", help="The campaign's key.")
        parser.add_argument("--why", default="", type=reason, help="Kept with the kill.")
        parser.add_argument("--by", default="", metavar="USERNAME", help="Who does it, for the record.")
        parser.add_argument("--lift", action="store_true", help="Let a killed campaign run again.")
        parser.add_argument(
            "--offline", action="store_true", help="While PostgreSQL is down: by a signed file on this machine."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["offline"]:
            self._offline(options)
            return
        try:
            self._online(options)
        except pulse.UnknownCampaign as unknown:
            raise CommandError(str(unknown)) from unknown
        except DatabaseError as away:
            raise CommandError(
                f"PostgreSQL cannot be asked: {str(away).splitlines()[0]} Stop the campaign with --offline."
            ) from away

    def _online(self, options: dict[str, Any]) -> None:
        key, now = options["campaign"], timezone.now()
        told = {"by": _person(options["by"]), "now": now, "why": options["why"]}
        for absorbed in pulse.absorb(now):
            self.stdout.write(f"the offline kill of {absorbed} is on record now")
        if options["lift"]:
            self.stdout.write("the kill is lifted" if pulse.lift(key, **told) else "it was not killed")
        else:
            pulse.kill(key, **told)
            self.stdout.write(f"{key} is killed; clients stop within their valid_until (60 s with a price)")

    def _offline(self, options: dict[str, Any]) -> None:
        if options["lift"]:
            raise CommandError("A lift needs PostgreSQL: leave --offline out.")
        key = options["campaign"]
        self._check_known(key)
        kill = OfflineKill(key, micros(timezone.now()), options["by"], options["why"])
        try:
            file = offline.here()
            file.add([kill])
        except OSError as error:
            raise CommandError(f"The file of offline kills cannot be written: {error}") from error
        others = "; other machines were told" if offline.announce(file, [kill]) else ""
        self.stdout.write(
            f"{key} is killed on this machine within a second{others}. It goes on record when PostgreSQL is back."
        )
        if not others:
            self.stderr.write(
                self.style.WARNING("Valkey is away too: run this once on every machine that answers calls.")
            )

    def _check_known(self, key: str) -> None:
        """By the release on this machine's disk, as nobody else can be asked."""
        state = Serving(follow=False).current()
        known = [campaign.key for campaign in state.release.doc.campaigns]
        if state.source == "disk" and key not in known:
            near = get_close_matches(key, known, n=3)
            raise CommandError(
                f"The release on this machine has no campaign {key!r}."
                + (f" Did you mean {' or '.join(near)}?" if near else f" It has: {', '.join(known[:10]) or 'none'}.")
            )


def _person(username: str) -> User | None:
    try:
        return person(username) if username else None
    except ArgumentTypeError as unknown:
        raise CommandError(f"--by: {unknown}") from unknown
