"""How does a read-out look as a table?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from audiences.admin.showing import NOTHING, code, moment, table
from experiments.models import Experiment

Result = Mapping[str, Any]


def readout_panel(experiment: Experiment) -> SafeString | str:
    """The newest read-out: each metric and arm with its interval; the document behind a toggle."""
    newest = experiment.readouts.order_by("-as_of").first()
    if newest is None:
        return f"Not read out yet. “manage.py analyze_experiment {experiment.key}” makes one."
    return format_html(
        '{}<p class="merch-hint">As of {}, version {}.</p><details><summary class="merch-hint">All numbers</summary>{}</details>',
        table(("Metric", "Arm", "Subjects", "Value", "Difference to control", "Interval"), rows(newest.result)),
        moment(newest.as_of),
        newest.version,
        code(newest.result),
    )


def rows(result: Result) -> Iterator[tuple[str, ...]]:
    """(metric, arm, subjects, value, difference, interval) of every arm."""
    for metric in result.get("metrics", ()):
        for arm in metric.get("arms", ()):
            interval = arm.get("interval")
            yield (
                str(metric.get("name") or metric.get("key") or metric.get("metric")),
                str(arm.get("arm") or arm.get("key")),
                _whole(arm.get("n", arm.get("subjects"))),
                _figure(arm.get("value", arm.get("mean"))),
                _figure(arm.get("difference", arm.get("effect")), signed=True),
                f"{_figure(interval[0], signed=True)} to {_figure(interval[1], signed=True)}" if interval else NOTHING,
            )


def _whole(value: Any) -> str:
    return NOTHING if value is None else f"{int(value):,}"


def _figure(value: Any, *, signed: bool = False) -> str:
    if value is None:
        return NOTHING
    return f"{float(value):+.4g}" if signed else f"{float(value):.4g}"
