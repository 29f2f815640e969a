"""How do the backfill commands speak with the terminal? (Their files differ; what is asked and shown does not.)"""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any, ClassVar, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from audiences.rules.problems import Findings
from campaigns.importing.documents import Unreadable as BadYaml
from campaigns.importing.documents import text_of, yaml_of
from merch.backfill import running, runs
from merch.backfill.jobs import Job, Misfit
from merch.backfill.mapping import check_columns
from merch.backfill.rejects import NoRoom, Rejects
from merch.backfill.running import CHUNK, Edge, Plan
from merch.backfill.runs import Identity
from merch.backfill.sources import Source, Unreadable
from merch.backfill.tally import Tally

REJECTS, UNREADABLE, BUSY = 1, 2, 4  # exit codes
SPOKEN_EVERY = 5.0  # seconds, where nobody sees a bar move


class BackfillCommand(BaseCommand):
    """Read the options, plan or apply, report. Subclasses say what a row means."""

    verb: ClassVar[str]
    everybody = False  # whether a file of everybody may be given
    exits = "Exit codes: 0 fine, 1 rows were rejected (the others are written), 2 unreadable file or mapping, 4 busy."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="Rows: .csv, .jsonl (both also .gz) or .parquet.")
        parser.add_argument("--mapping", type=Path, required=True, help="A YAML file that says what each column is.")
        parser.add_argument("--apply", action="store_true", help="Write it. Without: only say what would be written.")
        parser.add_argument("--rate", type=int, metavar="N", help="Write at most N rows a second.")
        parser.add_argument("--rejects", type=Path, help="Where rejected rows go. Default: FILE.rejects.jsonl.")
        parser.add_argument("--allow-rejects", action="store_true", help="Rejected rows are no failure (exit code 0).")
        if self.everybody:
            parser.add_argument(
                "--subjects", type=Path, help="Everybody, for `otherwise`. Default: all known subjects."
            )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["rate"] is not None and options["rate"] < 1:
            raise CommandError("--rate takes a number of rows per second, at least 1.", returncode=UNREADABLE)
        try:
            tally = self._run(options)
        except (Unreadable, BadYaml, Misfit, NoRoom) as bad:
            raise CommandError(str(bad), returncode=UNREADABLE) from bad
        except runs.Busy as busy:
            raise CommandError(str(busy), returncode=BUSY) from busy
        except OperationalError as lost:
            sentence = f"PostgreSQL was lost: {str(lost).strip()}. The same command goes on where this one stopped."
            raise CommandError(sentence) from lost
        if tally.rejects and not options["allow_rejects"]:
            raise CommandError(f"{tally.rejects:,} rows were rejected.", returncode=REJECTS)

    @abstractmethod
    def job(self, mapping: Any, file_digest: str, findings: Findings, now: datetime) -> Job[Any] | None:
        """What this mapping makes of rows; None and findings where it makes nothing."""

    def _run(self, options: dict[str, Any]) -> Tally:
        source = Source(options["file"])
        if options["rejects"] and options["rejects"].resolve() in (source.path.resolve(), options["mapping"].resolve()):
            raise NoRoom("--rejects names what is to be read. Name another file: what stands there is overwritten.")
        everybody = Source(options["subjects"]) if options.get("subjects") else None
        raw = yaml_of(text_of(options["mapping"]), options["mapping"].name)
        digest = source.digest()
        job = self._fitting(raw, source, digest)
        identity = Identity(self.verb, digest, runs.digest_of(raw))
        if options["apply"]:
            path = options["rejects"] or source.path.with_name(f"{source.path.name}.rejects.jsonl")
            return self._apply(job, source, identity, everybody, path, options["rate"])
        with Shown(self._console(), "reading", source.size) as shown:
            edge = Edge(timezone.now, shown.heard, lambda rows: None)
            found = running.plan(job, source, Rejects(options["rejects"]), everybody, edge)
        self._show_plan(found, identity)
        return found.tally

    def _fitting(self, raw: Any, source: Source, digest: str) -> Job[Any]:
        findings = Findings()
        job = self.job(raw, digest, findings, timezone.now())
        columns = source.columns()
        if job is not None and columns is not None:
            check_columns(job.columns, columns, findings)
        if job is None or findings.problems:
            raise Misfit(findings.problems)
        return job

    def _apply(
        self, job: Job[Any], source: Source, identity: Identity, everybody: Source | None, path: Path, rate: int | None
    ) -> Tally:
        with runs.alone(identity):
            run = runs.begin(identity, source.path.name, now=timezone.now())
            if run.rows_done:
                self.stdout.write(f"A run that was begun {run.started_at:%Y-%m-%d %H:%M} UTC goes on.")
                self.stdout.write(f"{run.rows_done:,} rows are behind it.")
            rejects = Rejects(path, run.rejects_size)
            began, before = monotonic(), run.rows_done
            with Shown(self._console(), "writing", source.size) as shown:
                edge = Edge(timezone.now, shown.heard, Pace(rate).wait, min(CHUNK, rate or CHUNK))
                tally = running.apply(job, source, run, rejects, everybody, edge)
        seconds = monotonic() - began
        self._show(tally)
        rows = tally.rows - before
        self.stdout.write(f"Done: {rows:,} rows in {seconds:.1f} s, {rows / max(seconds, 0.001):,.0f} a second.")
        if tally.rejects:
            self.stdout.write(f"Rejected rows and their reasons: {path}")
        self._publish(edge)
        return tally

    def _publish(self, edge: Edge) -> None:
        began = monotonic()
        published = running.publish_owed(edge)
        if published is None:
            hint = "the scheduler brings them once it answers, or rebuild_subjects does."
            self.stderr.write(self.style.WARNING(f"The serving store does not answer: {hint}"))
        else:
            self.stdout.write(f"Published: {published:,} records in {monotonic() - began:.1f} s.")

    def _show_plan(self, found: Plan, identity: Identity) -> None:
        self._show(found.tally)
        known, subjects = found.subjects.known, found.subjects.subjects
        self.stdout.write(f"Subjects: {subjects:,}, of which {subjects - known:,} new and {known:,} known.")
        if found.subjects.torn:
            self.stderr.write(
                self.style.WARNING(f"{found.subjects.torn:,} stand in several arms; the earliest counts.")
            )
        if found.others is not None:
            self.stdout.write(f"Others, for the arm of `otherwise`: {found.others:,}.")
        if (run := runs.interrupted(identity)) is not None:
            self.stdout.write(f"A run was interrupted after {run.rows_done:,} rows; --apply goes on from there.")
        elif (run := runs.finished(identity)) is not None:
            self.stdout.write(f"It was brought in {run.finished_at:%Y-%m-%d %H:%M} UTC; nothing is kept twice.")
        self.stdout.write("Plan only. Add --apply to write it.")

    def _show(self, tally: Tally) -> None:
        table = Table("what", "number", "days")
        table.add_row("rows read", f"{tally.rows:,}")
        table.add_row("rows that `where` leaves out", f"{tally.left_out:,}")
        for name, number in sorted(tally.found.items()):
            table.add_row(name, f"{number:,}", " to ".join(dict.fromkeys(tally.days.get(name, ()))))
        for name, number in tally.written.items():
            table.add_row(name, f"{number:,}")
        for code, number in sorted(tally.refused.items()):
            table.add_row(f"rejected: {code}", f"{number:,}")
        console = self._console()
        console.print(table)
        for examples in tally.examples.values():
            for each in examples:
                console.print(f"row {each.row}: {each.reason}", markup=False, highlight=False)

    def _console(self) -> Console:
        return Console(file=cast(IO[str], self.stdout), width=None if self.stdout.isatty() else 140)


class Pace:
    """At most so many rows a second, on average since the first."""

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._began = monotonic()
        self._rows = 0

    def wait(self, rows: int) -> None:
        self._rows += rows
        if self._rate is not None:
            sleep(max(self._began + self._rows / self._rate - monotonic(), 0.0))


class Shown:
    """A bar with the time of its end; a line now and then where the output is no terminal."""

    def __init__(self, console: Console, verb: str, size: int) -> None:
        self._verb, self._size = verb, max(size, 1)
        self._began = self._spoke = monotonic()
        self._first: int | None = None
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[said]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(verb, total=self._size, said="")

    def __enter__(self) -> Shown:
        self._bar.__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        self._bar.__exit__(*args)

    def heard(self, position: int, rows: int) -> None:
        said = f"{rows:,} rows, {self._end(position)}"
        self._bar.update(self._task, completed=position, said=said)
        if self._bar.disable and monotonic() - self._spoke >= SPOKEN_EVERY:
            self._spoke = monotonic()
            self._console.print(f"{self._verb}: {position / self._size:.0%}, {said}")

    def _end(self, position: int) -> str:
        """By the pace since the first chunk, which a run that goes on did not read itself."""
        if self._first is None:
            self._first, self._began = position, monotonic()
        done = position - self._first
        if not done:
            return "ends later"
        left = (self._size - position) * (monotonic() - self._began) / done
        return f"ends about {timezone.now() + timedelta(seconds=left):%H:%M:%S} UTC"
