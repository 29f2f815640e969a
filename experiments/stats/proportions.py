"""Did a larger share of the treated do it?

The read-out's convention is the unpooled z test with its Wald interval, which always agree with each other.
The pooled test (Pearson's chi-square) and Newcombe's interval stand beside it for small counts and for
comparison with others.
"""

import math
from dataclasses import dataclass

from scipy import stats

from experiments.stats.estimates import Estimate, Interval, Level, estimate
from experiments.stats.summaries import Counts


@dataclass(frozen=True, slots=True)
class PooledTest:
    """The z test whose square is Pearson's chi-square without continuity correction."""

    statistic: float
    p: float


def compare_proportions(control: Counts, treatment: Counts, alpha: float = 0.05) -> Estimate | None:
    """Unpooled: error^2 = p1 q1 / n1 + p2 q2 / n2."""
    if not (control.usable and treatment.usable):
        return None
    return estimate(
        Level(control.share, control.variance_of_share), Level(treatment.share, treatment.variance_of_share), alpha
    )


def pooled_test(control: Counts, treatment: Counts) -> PooledTest | None:
    """Under the null both arms share one p: error^2 = p q (1 / n1 + 1 / n2)."""
    if not (control.usable and treatment.usable):
        return None
    share = (control.successes + treatment.successes) / (control.subjects + treatment.subjects)
    variance = share * (1 - share) * (1 / control.subjects + 1 / treatment.subjects)
    if variance <= 0:
        return None
    statistic = (treatment.share - control.share) / math.sqrt(variance)
    return PooledTest(statistic, float(2 * stats.norm.sf(abs(statistic))))


def newcombe_interval(control: Counts, treatment: Counts, alpha: float = 0.05) -> Interval | None:
    """The hybrid of two Wilson intervals: Newcombe (1998), method 10. Answers also at 0 of n."""
    ours, theirs = wilson_interval(treatment, alpha), wilson_interval(control, alpha)
    if ours is None or theirs is None:
        return None
    difference = treatment.share - control.share
    below = math.hypot(treatment.share - ours.low, theirs.high - control.share)
    above = math.hypot(ours.high - treatment.share, control.share - theirs.low)
    return Interval(difference - below, difference + above)


def wilson_interval(arm: Counts, alpha: float = 0.05) -> Interval | None:
    """Of one share: the p that a score test would not reject. Wilson (1927)."""
    if not (arm.usable and 0 < alpha < 1):
        return None
    z, n = float(stats.norm.isf(alpha / 2)), arm.subjects
    centre = (arm.share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(arm.variance_of_share + z * z / (4 * n * n))
    return Interval(max(centre - half, 0.0), min(centre + half, 1.0))
