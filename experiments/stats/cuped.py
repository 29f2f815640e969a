"""How much of the noise was already there before the experiment?

CUPED: Deng, Xu, Kohavi and Walker (2013). What a subject did before its exposure cannot be an effect of it,
so the part of the outcome that the past predicts is taken out of both arms. The spread shrinks by 1 - rho^2;
the effect stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.stats.estimates import Estimate, Level, estimate
from experiments.stats.summaries import PairTotals


@dataclass(frozen=True, slots=True)
class Adjusted:
    """An estimate with the past taken out, and what that gained.

    ``variance_ratio`` is the squared error beside that of the plain difference: 0.6 is worth 1 / 0.6 times
    the subjects. The levels of the estimate are at the arms' common past, so they compare with one another.
    """

    estimate: Estimate
    theta: float
    unadjusted_difference: float
    variance_ratio: float


def pooled_theta(arms: Sequence[PairTotals]) -> float | None:
    """The slope of outcome (``first``) on past (``second``) over all arms taken as one sample.

    One slope for all: a slope per arm would let the treatment choose its own correction. None if nobody has a
    past.
    """
    if not arms or not all(arm.usable for arm in arms):
        return None
    together = sum(arms[1:], start=arms[0])
    return together.covariance / together.second_variance if together.second_variance > 0 else None


def compare_adjusted(
    control: PairTotals, treatment: PairTotals, alpha: float = 0.05, theta: float | None = None
) -> Adjusted | None:
    """``theta`` None takes it from these two arms; give ``pooled_theta`` of all arms when there are more."""
    slope = pooled_theta((control, treatment)) if theta is None else theta
    if slope is None or not (control.usable and treatment.usable):
        return None
    plain = (control.first_variance / control.subjects) + (treatment.first_variance / treatment.subjects)
    past = (control.second + treatment.second) / (control.subjects + treatment.subjects)
    found = estimate(_level(control, slope, past), _level(treatment, slope, past), alpha)
    if found is None or plain <= 0:
        return None
    return Adjusted(found, slope, treatment.first_mean - control.first_mean, found.error**2 / plain)


def _level(arm: PairTotals, theta: float, common_past: float) -> Level:
    """Mean and variance of Y - theta (X - common past)."""
    variance = arm.first_variance - 2 * theta * arm.covariance + theta * theta * arm.second_variance
    return Level(arm.first_mean - theta * (arm.second_mean - common_past), max(variance, 0.0) / arm.subjects)
