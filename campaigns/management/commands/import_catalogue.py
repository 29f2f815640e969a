"""How does a catalogue come in at the terminal? (A plan by default; --apply writes it.)"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any, cast

import msgspec
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from audiences.rules import Problem
from campaigns import importing
from campaigns.importing import Outcome, Verdict

INVALID, UNREADABLE = 1, 2  # exit codes
LONGEST = 60  # characters of a value in the plan


class Command(BaseCommand):
    """Parse, call one verb, report."""

    help = (
        "Bring markets, plans, prices, offers, placements and the like in line with a file, by key. Shows a plan; "
        "--apply writes it, all or nothing. Exit codes: 0 fine, 1 problems (nothing was written), 2 unreadable file."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="A catalogue (.yaml, .json), or rows (.csv, .jsonl, .parquet).")
        parser.add_argument("--mapping", type=Path, help="For rows: a YAML file that says what each column is.")
        parser.add_argument("--apply", action="store_true", help="Write it. Without: only say what would change.")
        parser.add_argument("--rejects", type=Path, help="Where problems go. Default: FILE.rejects.jsonl.")
        parser.add_argument("--by", metavar="USERNAME", help="In whose name it stands in the history.")
        parser.add_argument("--why", default="", help="Kept in the history.")

    def handle(self, *args: Any, **options: Any) -> None:
        document = _document(options["file"], options["mapping"])
        outcome = importing.run(
            document,
            by=_person(options["by"]),
            now=timezone.now(),
            apply=options["apply"],
            why=options["why"] or f"import of {options['file'].name}",
        )
        console = Console(file=cast(IO[str], self.stdout), width=None if self.stdout.isatty() else 200)
        if outcome.changes:
            console.print(_table(outcome))
        self.stdout.write(_summary(outcome))
        if outcome.problems:
            said = "\n".join(f"{each.where}: {each.sentence} {each.hint}" for each in outcome.problems)
            kept = _keep(outcome.problems, options["rejects"] or Path(f"{options['file']}.rejects.jsonl"))
            raise CommandError(
                f"{said}\n{_count(len(outcome.problems))}; nothing was written. {kept}", returncode=INVALID
            )


def _document(path: Path, mapping: Path | None) -> Any:
    try:
        return importing.document_of(path) if mapping is None else importing.document_of_rows(path, mapping)
    except importing.Unreadable as bad:
        raise CommandError(str(bad), returncode=UNREADABLE) from bad


def _keep(problems: tuple[Problem, ...], path: Path) -> str:
    """One problem a line, for whoever mends the file; a folder that cannot be written to is no second failure."""
    try:
        path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in problems))
    except OSError as error:
        return f"They could not be kept in {path}: {error.strerror}."
    return f"They stand in {path}."


def _person(username: str | None) -> User | None:
    if username is None:
        return None
    person = User.objects.filter(username=username, is_active=True).first()
    if person is None:
        raise CommandError(f"There is no active user {username!r}.", returncode=UNREADABLE)
    return person


def _table(outcome: Outcome) -> Table:
    table = Table("what", "key", "", "field", "is", "becomes")
    for line in outcome.lines:
        if line.verdict == Verdict.UNCHANGED:
            continue
        head = [line.section, line.key, str(line.verdict)]
        for each in line.differences or [None]:
            fields = ["", "", ""] if each is None else [each.field, _shown(each.before), _shown(each.after)]
            table.add_row(*head, *fields)
            head = ["", "", ""]
    return table


def _shown(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _summary(outcome: Outcome) -> str:
    counts = ", ".join(f"{outcome.count(verdict)} {verdict}" for verdict in Verdict if outcome.count(verdict))
    if outcome.applied:
        return f"Written: {counts or 'nothing'}."
    if outcome.problems:
        return f"Plan: {counts or 'nothing'}."
    if not outcome.changes:
        return f"Plan: {counts or 'no entries'}; nothing to do."
    return f"Plan: {counts}. Add --apply to write it."


def _count(number: int) -> str:
    return "1 problem" if number == 1 else f"{number} problems"
