"""Is a ratio of two totals different, when subjects and not events were randomised?

Skips per listened track, revenue per session: the denominator varies by subject, so its spread counts too.
"""

from experiments.stats.estimates import Estimate, Level, estimate
from experiments.stats.summaries import PairTotals


def compare_ratios(control: PairTotals, treatment: PairTotals, alpha: float = 0.05) -> Estimate | None:
    """``first`` is the numerator, ``second`` the denominator. Normal distribution."""
    ours, theirs = ratio_level(control), ratio_level(treatment)
    if ours is None or theirs is None:
        return None
    return estimate(ours, theirs, alpha)


def ratio_level(arm: PairTotals) -> Level | None:
    """R = mean of N / mean of D, and by the delta method Var(R) = Var(N - R D) / (n * mean(D)^2).

    Deng, Knoblich and Lu (2018). None without a denominator.
    """
    if not arm.usable or arm.second == 0:
        return None
    ratio = arm.first / arm.second
    residual = arm.first_variance - 2 * ratio * arm.covariance + ratio * ratio * arm.second_variance
    return Level(ratio, max(residual, 0.0) / (arm.subjects * arm.second_mean**2))
