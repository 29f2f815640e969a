"""How does an engineer read an experiment, or a holdout, out?"""

import json
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rich.console import Console

from experiments.analysis import analyze, analyze_holdout
from experiments.comparing import Json
from experiments.models import Experiment, Holdout, Metric
from experiments.problems import Refused
from experiments.reporting import report


class Command(BaseCommand):
    """Read out, store the read-out of an experiment, and show it."""

    help = "Read an experiment out; windows are [exposure, exposure + w), start included."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # Django has a --version of its own, which says Django's.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", help="The experiment's key, or with --holdout the holdout's.")
        parser.add_argument("--json", action="store_true", help="The whole read-out as JSON.")
        parser.add_argument("--as-of", help="RFC 3339, exclusive. Default: now.")
        parser.add_argument("--version", type=int, help="A former version of the experiment. Default: the current one.")
        parser.add_argument("--holdout", action="store_true", help="Read a holdout: treated against held out.")
        parser.add_argument("--metric", action="append", help="For a holdout, repeatable. Default: every metric.")

    def handle(self, *args: Any, **options: Any) -> None:
        as_of = _moment(options["as_of"])
        try:
            if options["holdout"]:
                result = _holdout(options["key"], options["metric"], as_of)
            else:
                result = _experiment(options["key"], options["version"], as_of)
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        if options["json"]:
            self.stdout.write(json.dumps(result, indent=2))
            return
        # A pipe has no width; the tables are not cut for one.
        with (console := Console(width=None if self.stdout.isatty() else 140)).capture() as printed:
            console.print(report(result))
        self.stdout.write(printed.get())


def _experiment(key: str, version: int | None, as_of: datetime) -> Json:
    experiment = Experiment.objects.filter(key=key).first()
    if experiment is None:
        raise CommandError(f"There is no experiment {key}. There are: {_known(Experiment)}.")
    return analyze(experiment, as_of=as_of, version=version)


def _holdout(key: str, metrics: list[str] | None, as_of: datetime) -> Json:
    holdout = Holdout.objects.filter(key=key).first()
    if holdout is None:
        raise CommandError(f"There is no holdout {key}. There are: {_known(Holdout)}.")
    rows = Metric.objects.select_related("event")
    found = list(rows.filter(key__in=metrics) if metrics else rows)
    if missing := sorted(set(metrics or ()) - {metric.key for metric in found}):
        raise CommandError(f"There is no metric {', '.join(missing)}. There are: {_known(Metric)}.")
    return analyze_holdout(holdout, found, as_of=as_of)


def _known(model: type[Experiment] | type[Holdout] | type[Metric]) -> str:
    return ", ".join(model._default_manager.order_by("key").values_list("key", flat=True)[:20]) or "none yet"


def _moment(text: str | None) -> datetime:
    if text is None:
        return timezone.now()
    found = parse_datetime(text)
    if found is None:
        raise CommandError("--as-of takes a moment such as 2026-11-22T12:00:00Z.")
    return found if found.tzinfo else timezone.make_aware(found)
