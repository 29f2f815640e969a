"""Taking all metrics together, should this variant be shipped?

Ship when at least one success metric is superior, every guardrail is non-inferior, nothing deteriorated significantly
and the data are sound. Schultzberg, Ankargren and Frånberg (2024): since one superior success metric suffices, the
error is split over the success metrics; since all guardrails must hold, each keeps the full error, and it is the power
that must be divided (``power.power_per_metric``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from scipy import stats

from experiments.stats.group_sequential import boundaries
from experiments.stats.non_inferiority import non_inferior
from experiments.stats.spending import Spending, obrien_fleming


class Role(StrEnum):
    SUCCESS = "success"
    GUARDRAIL = "guardrail"


class Verdict(StrEnum):
    SHIP = "SHIP"
    DO_NOT_SHIP = "DO_NOT_SHIP"
    KEEP_RUNNING = "KEEP_RUNNING"
    UNREADABLE = "UNREADABLE"
    """The data are not sound; no verdict may be taken from them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A metric as the rule sees it. ``difference`` and ``error`` are None when nothing could be estimated.

    ``margin`` is what a guardrail may lose, positive and in the metric's unit; 0 asks it to be superior.
    """

    key: str
    role: Role
    difference: float | None
    error: float | None
    higher_is_better: bool = True
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class Criticals:
    """What z must reach for each kind of test at this look; None: that test may not be asked now."""

    success: float | None
    guardrail: float | None
    deterioration: float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What the rule found about one metric. ``non_inferior`` is None for success metrics."""

    key: str
    superior: bool
    non_inferior: bool | None
    deteriorated: bool


@dataclass(frozen=True, slots=True)
class Recommendation:
    """``because`` are sentences for people, never empty."""

    verdict: Verdict
    because: tuple[str, ...]
    findings: tuple[Finding, ...]


def fixed_criticals(metrics: Sequence[Judged], alpha: float = 0.05, deterioration_alpha: float = 0.05) -> Criticals:
    """For a single look. Success two-sided at alpha over their number, guardrails one-sided at the full alpha,
    deterioration one-sided at its own alpha over all metrics."""
    successes = sum(metric.role is Role.SUCCESS for metric in metrics)
    return Criticals(
        success=float(stats.norm.isf(alpha / successes / 2)) if successes else None,
        guardrail=float(stats.norm.isf(alpha)),
        deterioration=float(stats.norm.isf(deterioration_alpha / len(metrics))) if metrics else None,
    )


def criticals_at_look(
    metrics: Sequence[Judged],
    information: Sequence[float],
    planned: float,
    *,
    alpha: float = 0.05,
    deterioration_alpha: float = 0.05,
    spending: Spending = obrien_fleming,
    final: bool = False,
) -> Criticals:
    """For the last of these looks, each kind of test on its own group sequential plan."""
    successes = sum(metric.role is Role.SUCCESS for metric in metrics)

    def bound(level: float, sides: int) -> float | None:
        looks = boundaries(information, planned, alpha=level, spending=spending, sides=sides, final=final)
        return looks[-1].bound if looks else None

    return Criticals(
        success=bound(alpha / successes, 2) if successes else None,
        guardrail=bound(alpha, 1),
        deterioration=bound(deterioration_alpha / len(metrics), 1) if metrics else None,
    )


def recommend(
    metrics: Sequence[Judged], criticals: Criticals, *, final: bool, unsound: Sequence[str] = ()
) -> Recommendation:
    """``unsound`` are sentences of failed quality checks (ratio check, missing data); any of them ends the reading."""
    findings = tuple(_find(metric, criticals) for metric in metrics)
    if unsound:
        return Recommendation(Verdict.UNREADABLE, tuple(unsound), findings)
    if worse := [finding.key for finding in findings if finding.deteriorated]:
        return Recommendation(Verdict.DO_NOT_SHIP, (f"Significantly worse: {', '.join(worse)}.",), findings)
    better = [finding.key for finding in findings if finding.superior and finding.non_inferior is None]
    unproven = [finding.key for finding in findings if finding.non_inferior is False]
    because = (
        f"Superior: {', '.join(better)}." if better else "No success metric is superior.",
        f"Not shown to be within its margin: {', '.join(unproven)}." if unproven else "Every guardrail holds.",
    )
    if better and not unproven:
        return Recommendation(Verdict.SHIP, because, findings)
    return Recommendation(Verdict.DO_NOT_SHIP if final else Verdict.KEEP_RUNNING, because, findings)


def _find(metric: Judged, criticals: Criticals) -> Finding:
    guarded = metric.role is Role.GUARDRAIL
    if metric.difference is None or metric.error is None or metric.error <= 0:
        return Finding(metric.key, superior=False, non_inferior=False if guarded else None, deteriorated=False)
    good = (metric.difference if metric.higher_is_better else -metric.difference) / metric.error
    return Finding(
        key=metric.key,
        superior=criticals.success is not None and good >= criticals.success,
        non_inferior=_holds(metric, criticals.guardrail) if guarded else None,
        deteriorated=criticals.deterioration is not None and -good >= criticals.deterioration,
    )


def _holds(metric: Judged, critical: float | None) -> bool:
    if critical is None or metric.difference is None or metric.error is None:
        return False
    found = non_inferior(
        metric.difference,
        metric.error,
        metric.margin,
        higher_is_better=metric.higher_is_better,
        bound=critical,
    )
    return found is not None and found.holds
