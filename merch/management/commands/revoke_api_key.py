"""How is a key taken back at the terminal?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from merch.issuing import revoke
from merch.models import ApiKey


class Command(BaseCommand):
    help = "Refuse an API key from now on, in every process within seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prefix", help="the key's first 12 characters, as lists show them")
        parser.add_argument("--why", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        row = ApiKey.objects.filter(prefix=options["prefix"][:12]).first()
        if row is None:
            raise CommandError(f"No key begins with {options['prefix'][:12]!r}.")
        revoked = revoke(row, by=None, now=timezone.now(), why=options["why"])
        self.stdout.write(f"{row} is revoked." if revoked else f"{row} was revoked already.")
