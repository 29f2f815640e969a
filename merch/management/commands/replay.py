"""Which recorded decisions would come out otherwise under another release?"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from merch import reexecution
from merch.engine.compiled import Release
from merch.engine.compiling import compile_release
from merch.management.arguments import moment, share
from merch.reexecution import release_named
from merch.releases import store
from merch.replay.replaying import Replay, Turn, replay


class Command(BaseCommand):
    """Recorded requests are decided again under both releases; nothing is written."""

    help = "Replay recorded requests under two releases and compare."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--release", required=True, help="sha256:..., its beginning, or 'next'.")
        parser.add_argument("--against", required=True, help="The other one.")
        parser.add_argument("--since", type=moment, help="Decisions from this moment on. Default: all that are kept.")
        parser.add_argument("--sample", type=share, default=1.0, help="Share of decisions, 0 to 1.")
        parser.add_argument("--json", action="store_true", help="For machines.")

    def handle(self, *args: Any, **options: Any) -> None:
        before, after = _release(options["release"]), _release(options["against"])
        rows = reexecution.records_since(options["since"], options["sample"])
        found = replay(map(reexecution.unpack, rows), before, after, reexecution.pulse_of, reexecution.release_named)
        if options["json"]:
            self.stdout.write(json.dumps(found.as_json(), indent=2))
        else:
            self._tell(found)

    def _tell(self, found: Replay) -> None:
        self.stdout.write(f"{found.decisions} decisions made again, {found.changed} come out otherwise")
        if found.not_comparable:
            self.stdout.write(f"{found.not_comparable} left out: one release reads what was not recorded")
        for slug, changed in found.placements.items():
            self.stdout.write(f"  {slug:<24} {changed}")
        if found.turns:
            self.stdout.write(f"{'placement':<24} {'campaign':<24} {'before':>8} {'after':>8} {'came':>8} {'went':>8}")
        for turn in found.turns:
            counts = " ".join(f"{count:>8}" for count in (turn.before, turn.after, turn.gained, turn.lost))
            self.stdout.write(f"{turn.placement:<24} {turn.campaign:<24} {counts}")
            for line in _because(turn):
                self.stdout.write(f"    {line}")


def _because(turn: Turn) -> list[str]:
    parts = (("went by", turn.lost_because), ("came from", turn.came_because))
    return [f"{word} " + ", ".join(f"{code} {count}" for code, count in why.items()) for word, why in parts if why]


def _release(digest: str) -> Release:
    if digest == "next":
        return compile_release(store.preview(timezone.now())[0].document)
    try:
        return release_named(store.find(digest).digest)
    except store.UnknownRelease as unknown:
        raise CommandError(str(unknown)) from unknown
