"""How is a key made at the terminal? (It is printed once and stored nowhere.)"""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from merch.issuing import CannotIssue, issue
from merch.keys import Scope


class Command(BaseCommand):
    help = "Make an API key and print it, this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the application that will use it; keep the name when you replace a key")
        parser.add_argument("--scope", choices=[scope.value for scope in Scope], default=Scope.CLIENT.value)
        parser.add_argument("--person", help="user name; for a manage key: whose rights it has")
        parser.add_argument(
            "--origin", action="append", default=[], help="a browser origin, such as https://example.com"
        )
        parser.add_argument("--days", type=int, help="days until it expires; without it, never")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        days = options["days"]
        try:
            issued = issue(
                options["name"],
                Scope(options["scope"]),
                by=None,
                now=now,
                person=person_named(options["person"]) if options["person"] else None,
                origins=options["origin"],
                expires_at=now + timedelta(days=days) if days is not None else None,
            )
        except CannotIssue as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"A {issued.row.scope} key for {issued.row.name}. Keep it now; it is not shown again:")
        self.stdout.write(issued.key)


def person_named(name: str) -> User:
    """Raises CommandError where nobody active has that name."""
    person = User.objects.filter(username=name, is_active=True).first()
    if person is None:
        raise CommandError(f"There is no active user {name!r}.")
    return person
