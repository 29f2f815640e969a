"""What is different between two releases, in words, and whom does it reach?"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from merch.engine.document import ReleaseDoc
from merch.management.arguments import share
from merch.releases import store
from merch.replay import comparing


class Command(BaseCommand):
    """Field by field, rules as sentences; then what is touched, and subjects gained and lost on a sample."""

    help = "Tell the difference between two releases in words."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("before", help="sha256:..., or its beginning as long as it names one release.")
        parser.add_argument("after", help="The other one, or 'next' for what would be published now.")
        parser.add_argument("--sample", type=share, help="Share of subjects asked, 0 to 1. Default: about 2,000.")
        parser.add_argument("--json", action="store_true", help="For machines.")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        before = _document(options["before"])
        after = store.preview(now)[0].document if options["after"] == "next" else _document(options["after"])
        found = comparing.compare(before, after, now=now, sample=options["sample"])
        if options["json"]:
            self.stdout.write(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
        else:
            self.stdout.write("\n".join(found.lines()))


def _document(digest: str) -> ReleaseDoc:
    try:
        return comparing.document_of(store.find(digest))
    except store.UnknownRelease as unknown:
        raise CommandError(str(unknown)) from unknown
