"""What would this account see here, now or at another time, under this release or another?"""

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from audiences.moments import micros
from audiences.people import normalise_id
from merch import answering
from merch.engine.compiled import Release
from merch.engine.decide import decide
from merch.engine.facts import Asked, Request
from merch.management.arguments import moment
from merch.management.context import context_of
from merch.reexecution import release_named
from merch.releases.serving import serving
from merch.releases.store import UnknownRelease, find
from merch.subjects.store import store

PLAIN = UUID(int=0)


class Command(BaseCommand):
    """One decision at the terminal; nothing is recorded and no cap is touched."""

    help = "Make one decision without recording it."

    def add_arguments(self, parser: CommandParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--account", help="Account id.")
        who.add_argument("--device", help="Device id.")
        parser.add_argument("--placement", action="append", required=True, help="Slug; give it again for more.")
        parser.add_argument(
            "--context",
            nargs="+",
            action="extend",
            default=[],
            metavar="NAME=VALUE",
            help="e.g. country=SE locale=sv-SE",
        )
        parser.add_argument("--at", type=moment, help="RFC 3339 moment. Default: now.")
        parser.add_argument("--release", help="sha256:..., or its beginning. Default: the served one.")
        parser.add_argument("--explain", action="store_true", help="Name every candidate with its reason.")

    def handle(self, *args: Any, **options: Any) -> None:
        state = serving.refresh()
        release = _release(options["release"]) if options["release"] else state.release
        now = micros(options["at"] or timezone.now())
        kind, key = _subject(options)
        request = Request(
            decision_id=str(PLAIN), kind=kind, key=key,
            placements=tuple(Asked(slug) for slug in dict.fromkeys(options["placement"])),
            context=context_of(options["context"], release), prefetch=True,
        )  # fmt: skip
        subject = store.read(kind, key, release.doc.layout)
        decision = decide(release, state.pulse, request, subject, now, explain=options["explain"])
        body = answering.body_of(decision, request, trace=options["explain"])
        self.stdout.write(json.dumps(body, indent=2, ensure_ascii=False))


def _subject(options: dict[str, Any]) -> tuple[str, str]:
    """Kind and normalised id."""
    kind, text = ("a", options["account"]) if options["account"] is not None else ("d", options["device"])
    try:
        return kind, normalise_id(text)
    except ValueError as error:
        raise CommandError(f"{'--account' if kind == 'a' else '--device'}: {error}") from error


def _release(digest: str) -> Release:
    try:
        return release_named(find(digest).digest)
    except UnknownRelease as unknown:
        raise CommandError(f"--release: {unknown}") from unknown
