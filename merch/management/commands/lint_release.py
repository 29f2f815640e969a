"""What in a release can never show, or shows by accident?"""

import json
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from merch.engine.compiled import Release
from merch.engine.compiling import compile_release
from merch.reexecution import release_named
from merch.releases import store
from merch.replay import comparing, linting


class Command(BaseCommand):
    """Contradicting, dead, shadowed, colliding and starved campaigns, each with its proof."""

    help = "Look for what can never show, or shows by accident."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("digest", nargs="?", help="sha256:..., its beginning, or 'next'. Default: the served one.")
        parser.add_argument(
            "--decisions", type=int, default=linting.MOST_DECISIONS,
            help="Recorded decisions of 7 days that are made again to find who starves; 0: none.",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="For machines.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = linting.findings(
            _release(options["digest"]), now=timezone.now(), decisions=max(options["decisions"], 0)
        )
        if options["json"]:
            self.stdout.write(json.dumps([msgspec.to_builtins(each) for each in found], indent=2, ensure_ascii=False))
            return
        for each in found:
            self.stdout.write(f"{each.kind}: {each.sentence}\n    {each.proof}")
        self.stdout.write(f"{len(found)} findings" if found else "nothing to look at")


def _release(digest: str | None) -> Release:
    if digest == "next":
        return compile_release(store.preview(timezone.now())[0].document)
    if digest is None:
        served = comparing.served()
        if served is None:
            raise CommandError("Nothing is published yet; give 'next' for what would be.")
        return compile_release(served)
    try:
        return release_named(store.find(digest).digest)
    except store.UnknownRelease as unknown:
        raise CommandError(str(unknown)) from unknown
