"""What do the totals of the arms say about each metric?

No database here: totals in, the plain JSON of a read-out out. The formulas are those of ``experiments.stats``; None
stands where the totals cannot answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from experiments.models import Metric
from experiments.stats.estimates import Estimate, Interval
from experiments.stats.means import compare_means
from experiments.stats.multiplicity import holm
from experiments.stats.power import Wanted, detectable_effect, size_for_means, size_for_proportions, whole
from experiments.stats.proportions import compare_proportions, newcombe_interval, pooled_test
from experiments.stats.summaries import Counts, Moments
from experiments.totals import NOBODY, ArmTotals, Cell

Json = dict[str, Any]

ALPHA = 0.05
HINTED_EFFECT = 0.05
"""Sizes are hinted at for a change of the control's level by this share."""


@dataclass(frozen=True, slots=True)
class ArmPlan:
    """An arm as it was promised. ``share`` is its weight or declared probability; only their ratios matter."""

    key: str
    name: str
    share: float
    control: bool


def metric_document(metric: Metric, position: int, plans: Sequence[ArmPlan], found: Mapping[str, ArmTotals]) -> Json:
    """One metric: every arm's level and, beside the control's, its difference. The control stands first."""
    cells = {plan.key: found[plan.key].cells.get(position, NOBODY) if plan.key in found else NOBODY for plan in plans}
    control = next(plan for plan in plans if plan.control)
    arms = [
        _level(metric, plan, cells[plan.key], found.get(plan.key, ArmTotals()))
        | (_nothing() if plan.control else _difference(metric, cells[control.key], cells[plan.key]))
        for plan in plans
    ]
    _add_holm(arms)
    return {
        "key": metric.key,
        "name": metric.name,
        "kind": metric.kind,
        "role": metric.role,
        "event": metric.event.name,
        "field": metric.field,
        "window_hours": metric.window_hours,
        "higher_is_better": metric.higher_is_better,
        "tolerance_percent": float(metric.tolerance_percent),
        "subjects": sum(cell.subjects for cell in cells.values()),
        "immature": sum(arm["immature"] for arm in arms),
        "unreadable": sum(cell.unreadable for cell in cells.values()),
        "hint": _sizes(metric, cells[control.key]),
        "arms": arms,
    }


def moments(cell: Cell) -> Moments | None:
    """Mean and sample variance, computed exactly and rounded once. None for fewer than two subjects."""
    n = cell.subjects
    if n < 2:
        return None
    total, squares = Fraction(cell.total), Fraction(cell.squares)
    return Moments(n, float(total / n), float((n * squares - total * total) / (n * (n - 1))))


def _counts(cell: Cell) -> Counts:
    return Counts(cell.did, cell.subjects)


def _level(metric: Metric, plan: ArmPlan, cell: Cell, arm: ArmTotals) -> Json:
    value: float | None = None
    deviation: float | None = None
    if metric.kind == Metric.Kind.PROPORTION:
        value = _counts(cell).share if cell.subjects else None
    elif found := moments(cell):
        value, deviation = found.mean, found.variance**0.5
    return {
        "arm": plan.key,
        "name": plan.name,
        "control": plan.control,
        "n": cell.subjects,
        "immature": arm.exposed - cell.subjects,
        "did": cell.did,
        "sum": str(cell.total),
        "sum_of_squares": str(cell.squares),
        "value": value,
        "deviation": deviation,
    }


def _difference(metric: Metric, control: Cell, treatment: Cell) -> Json:
    if metric.kind == Metric.Kind.PROPORTION:
        ours, theirs = _counts(control), _counts(treatment)
        pooled = pooled_test(ours, theirs)
        return _estimate(compare_proportions(ours, theirs, ALPHA)) | {
            "pooled_p": pooled.p if pooled else None,
            "pooled_statistic": pooled.statistic if pooled else None,
            "newcombe": _pair(newcombe_interval(ours, theirs, ALPHA)),
        }
    one, other = moments(control), moments(treatment)
    return _estimate(compare_means(one, other, ALPHA) if one and other else None)


def _estimate(found: Estimate | None) -> Json:
    if found is None:
        return _nothing()
    return {
        "difference": found.difference,
        "error": found.error,
        "statistic": found.statistic,
        "degrees": found.degrees,
        "p": found.p,
        "interval": _pair(found.interval),
        "lift": found.lift,
        "lift_error": found.lift_error,
        "detectable": detectable_effect(found.error),
    }


def _nothing() -> Json:
    names = ("difference", "error", "statistic", "degrees", "p", "interval", "lift", "lift_error", "detectable")
    return dict.fromkeys(names)


def _pair(interval: Interval | None) -> list[float] | None:
    return [interval.low, interval.high] if interval else None


def _add_holm(arms: Sequence[Json]) -> None:
    """Several arms are several chances to err: p over all comparisons of this metric."""
    asked = [arm for arm in arms if arm["p"] is not None]
    for arm in arms:
        arm["p_holm"] = None
    for arm, adjusted in zip(asked, holm([arm["p"] for arm in asked]), strict=True):
        arm["p_holm"] = adjusted


def _sizes(metric: Metric, control: Cell) -> Json:
    """Subjects per arm of equal size that find a change of 5 percent with power .80."""
    size: float | None = None
    if metric.kind == Metric.Kind.PROPORTION:
        if control.subjects:
            base = _counts(control).share
            size = size_for_proportions(base, base * (1 + HINTED_EFFECT), Wanted(alpha=ALPHA))
    elif found := moments(control):
        size = size_for_means(found.variance**0.5, abs(found.mean) * HINTED_EFFECT, Wanted(alpha=ALPHA))
    return {
        "effect": HINTED_EFFECT,
        "power": 0.8,
        "subjects_per_arm": None if size is None else whole(size),
    }
