"""May the numbers be believed, and what do they recommend?

A read-out that is taken every day is a test that is asked every day. So a verdict is held against bounds that stay
honest over all looks: group sequential ones when the final size was planned, a confidence sequence when it was not. The
plain p-values beside them are for one look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.comparing import ALPHA, ArmPlan, Json
from experiments.stats.always_valid import confidence_sequence
from experiments.stats.ratio_check import THRESHOLD, always_valid_ratio_p, ratio_check
from experiments.stats.ship_rule import Criticals, Judged, Role, criticals_at_look, recommend
from experiments.totals import ArmTotals

DETERIORATION_ALPHA = 0.05
# Looks closer than this share of information are one look that was taken twice.
SAME_LOOK = 4e-4


@dataclass(frozen=True, slots=True)
class Stage:
    """How far the reading is. ``information``: subjects of all arms with complete windows, of the slowest metric.

    ``looks`` are the amounts of the read-outs before, ascending in time. ``over``: no more subjects will come.
    """

    information: int
    looks: tuple[int, ...] = ()
    planned: int | None = None
    over: bool = False

    @property
    def final(self) -> bool:
        return self.over or (self.planned is not None and self.information >= self.planned)


def quality(plans: Sequence[ArmPlan], found: Mapping[str, ArmTotals]) -> Json:
    """The ratio check on everybody who was exposed, and every sentence that forbids to read on."""
    observed = [found[plan.key].exposed if plan.key in found else 0 for plan in plans]
    check = ratio_check(observed, [plan.share for plan in plans])
    problems = []
    if not sum(observed):
        problems.append("Nobody was exposed.")
    if check is not None and check.mismatch:
        problems.append(
            f"The arms did not receive the shares they were promised (p {check.p:.2g}): "
            "subjects were lost or counted twice in one of them."
        )
    if unknown := sorted(set(found) - {plan.key for plan in plans}):
        problems.append(f"Subjects were exposed to arms that the experiment does not have: {', '.join(unknown)}.")
    return {
        "ratio_check": None
        if check is None
        else {
            "statistic": check.statistic,
            "degrees": check.degrees,
            "p": check.p,
            "mismatch": check.mismatch,
            "threshold": THRESHOLD,
            "always_valid_p": always_valid_ratio_p(observed, [plan.share for plan in plans]),
        },
        "problems": problems,
    }


def recommendations(plans: Sequence[ArmPlan], metrics: Sequence[Json], stage: Stage, unsound: Sequence[str]) -> Json:
    """The ship rule for every treatment, with the error split over them."""
    treatments = [plan for plan in plans if not plan.control]
    arms = []
    bounds = Criticals(None, None, None)
    for plan in treatments:
        judged = [_judged(metric, plan.key) for metric in metrics]
        bounds = criticals(judged, stage, treatments=len(treatments))
        found = recommend(judged, bounds, final=stage.final, unsound=unsound)
        arms.append(
            {
                "arm": plan.key,
                "verdict": found.verdict.value,
                "because": list(found.because),
                "findings": [
                    {
                        "metric": each.key,
                        "superior": each.superior,
                        "non_inferior": each.non_inferior,
                        "deteriorated": each.deteriorated,
                    }
                    for each in found.findings
                ],
            }
        )
    return {
        "basis": "group sequential" if stage.planned else "confidence sequence",
        "final": stage.final,
        "bounds": {"success": bounds.success, "guardrail": bounds.guardrail, "deterioration": bounds.deterioration},
        "arms": arms,
    }


def criticals(judged: Sequence[Judged], stage: Stage, *, treatments: int) -> Criticals:
    """What z must reach now, for each kind of test."""
    alpha = ALPHA / max(treatments, 1)
    if stage.information < 1 or not judged:
        return Criticals(None, None, None)
    if stage.planned:
        before = _ascending(stage.looks, stage.information)
        return criticals_at_look(
            judged,
            [*before, stage.information],
            stage.planned,
            alpha=alpha,
            deterioration_alpha=DETERIORATION_ALPHA,
            final=stage.over,
        )
    successes = sum(metric.role is Role.SUCCESS for metric in judged)
    return Criticals(
        success=_always(stage.information, alpha / successes) if successes else None,
        # One-sided: each side of a sequence errs half as often as both.
        guardrail=_always(stage.information, 2 * alpha),
        deterioration=_always(stage.information, 2 * DETERIORATION_ALPHA / len(judged)),
    )


def _always(subjects: int, alpha: float) -> float | None:
    found = confidence_sequence(0.0, 1.0, subjects, alpha=alpha)
    return found.multiplier if found else None


def _ascending(looks: Sequence[int], information: int) -> list[int]:
    """Looks that brought something; one that was as far as this one is this one."""
    kept: list[int] = []
    for look in looks:
        if look > (kept[-1] if kept else 0) and look < information * (1 - SAME_LOOK):
            kept.append(look)
    return kept


def _judged(metric: Json, arm: str) -> Judged:
    control = next(each for each in metric["arms"] if each["control"])
    treated = next(each for each in metric["arms"] if each["arm"] == arm)
    return Judged(
        key=metric["key"],
        role=Role(metric["role"]),
        difference=treated["difference"],
        error=treated["error"],
        higher_is_better=metric["higher_is_better"],
        margin=abs(control["value"] or 0.0) * metric["tolerance_percent"] / 100,
    )
