"""Do recorded decisions come out the same when they are made again?"""

import subprocess
import sys
from argparse import ArgumentTypeError
from typing import Any, NamedTuple

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.progress import Progress

from merch.management.arguments import moment
from merch.reexecution import ReleaseGone, differences, records_since

SHOWN = 10
MOST_WORKERS = 64


class Checked(NamedTuple):
    """So many were made again, so many came out otherwise."""

    decisions: int
    different: int


def part(text: str) -> tuple[int, int]:
    """ "1/4" is the first of four."""
    number, slash, of = text.partition("/")
    if slash and number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of) <= MOST_WORKERS:
        return int(number), int(of)
    raise ArgumentTypeError(f"{text!r} is no part; write 1/4 for the first of four.")


class Command(BaseCommand):
    """Make recorded decisions again in fresh processes; exit code 1 when any differs."""

    help = "Make recorded decisions again and compare."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=moment, help="Decisions from this moment on. Default: all that are kept.")
        parser.add_argument("--sample", type=float, default=1.0, help="Share of decisions to check, 0 to 1.")
        parser.add_argument("--workers", type=int, default=1, help="Processes; each takes a part of the decisions.")
        parser.add_argument("--part", type=part, default=(1, 1), help="Only this part, such as 1/4.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 < options["sample"] <= 1:
            raise CommandError("--sample takes a share above 0, at most 1.")
        if not 1 <= options["workers"] <= MOST_WORKERS:
            raise CommandError(f"--workers takes 1 to {MOST_WORKERS}.")
        try:
            found = self._here(options) if options["workers"] == 1 else self._in_workers(options)
        except ReleaseGone as gone:
            raise CommandError(
                f"Release {gone} is no longer kept; verify only decisions since it was served."
            ) from gone
        self.stdout.write(f"{found.decisions} decisions made again, {found.different} differences")
        if found.different:
            raise CommandError("A decision that differs is a defect: please report it with its id.")

    def _here(self, options: dict[str, Any]) -> Checked:
        checked, different = 0, 0
        with Progress(transient=True) as progress:
            task = progress.add_task("making decisions again", total=None)
            for difference in differences(records_since(options["since"], options["sample"], options["part"])):
                checked += 1
                progress.advance(task)
                if difference is not None:
                    different += 1
                    if different <= SHOWN:
                        self.stderr.write(f"{difference.decision_id} differs")
        return Checked(checked, different)

    def _in_workers(self, options: dict[str, Any]) -> Checked:
        """Each a process of its own, and so with a hash seed of its own."""
        words = ["--sample", str(options["sample"])]
        if options["since"] is not None:
            words += ["--since", options["since"].isoformat()]
        count = options["workers"]
        workers = [
            subprocess.Popen(
                [sys.executable, "manage.py", "verify_decisions", *words, "--part", f"{number}/{count}"],
                cwd=settings.BASE_DIR, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            for number in range(1, count + 1)
        ]  # fmt: skip
        found = [self._told(worker) for worker in workers]
        return Checked(sum(each.decisions for each in found), sum(each.different for each in found))

    def _told(self, worker: "subprocess.Popen[str]") -> Checked:
        said, complaints = worker.communicate()
        words = said.split()
        if "differences" not in words:
            raise CommandError(f"A worker failed: {complaints.strip() or said.strip()}")
        for line in complaints.splitlines():
            if line.endswith(" differs"):
                self.stderr.write(line)
        return Checked(int(words[0]), int(words[-2]))
