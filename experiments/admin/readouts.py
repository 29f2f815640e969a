"""How does a read-out look as a table?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.template.loader import render_to_string

from audiences.admin.showing import NOTHING, moment, pretty
from experiments.models import Experiment

Result = Mapping[str, Any]


def readout_panel(experiment: Experiment) -> str:
    """The newest read-out: verdict first, then each metric and arm with its interval; all numbers behind a toggle."""
    newest = experiment.readouts.order_by("-as_of").first()
    if newest is None:
        return f"Not read out yet. “manage.py analyze_experiment {experiment.key}” makes one."
    result = newest.result
    context = {
        "problems": result.get("quality", {}).get("problems", ()),
        "deviations": result.get("deviations", ()),
        "verdicts": (result.get("recommendation") or {}).get("arms", ()),
        "rows": list(rows(result)),
        "as_of": moment(newest.as_of),
        "version": newest.version,
        "document": pretty(result),
    }
    return render_to_string("experiments/admin/readout.html", context)


def rows(result: Result) -> Iterator[tuple[str, ...]]:
    """(metric, arm, subjects, value, difference, interval) of every arm."""
    for metric in result.get("metrics", ()):
        for arm in metric.get("arms", ()):
            interval = arm.get("interval")
            yield (
                str(metric["name"]),
                f"{arm['arm']} (control)" if arm.get("control") else str(arm["arm"]),
                f"{arm['n']:,}",
                _figure(arm.get("value")),
                _figure(arm.get("difference"), signed=True),
                f"{_figure(interval[0], signed=True)} to {_figure(interval[1], signed=True)}" if interval else NOTHING,
            )


def _figure(value: Any, *, signed: bool = False) -> str:
    if value is None:
        return NOTHING
    return f"{float(value):+,.4g}" if signed else f"{float(value):,.4g}"
