"""Between which two observations does a quantile lie?"""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from experiments.stats.estimates import Interval


@dataclass(frozen=True, slots=True)
class QuantileRanks:
    """Ranks counted from 1 in ascending order; ``coverage`` is what the discrete interval really achieves."""

    low: int
    high: int
    coverage: float


@dataclass(frozen=True, slots=True)
class QuantileEstimate:
    """``value`` interpolates linearly between neighbours, as SQL's percentile_cont does."""

    value: float
    interval: Interval
    ranks: QuantileRanks


def quantile_ranks(subjects: int, q: float, alpha: float = 0.05) -> QuantileRanks | None:
    """Order statistics need no assumption on shape: how many of n lie below the quantile is Binomial(n, q).

    None when there are too few subjects for the upper rank to exist. Knowing the ranks, SQL need fetch two
    values only.
    """
    if subjects < 1 or not (0 < q < 1 and 0 < alpha < 1):
        return None
    below = stats.binom(subjects, q)
    low = max(1, int(below.ppf(alpha / 2)))
    high = int(below.ppf(1 - alpha / 2)) + 1
    if high > subjects:
        return None
    return QuantileRanks(low, high, float(below.cdf(high - 1) - below.cdf(low - 1)))


def quantile_interval(ascending: Sequence[float], q: float, alpha: float = 0.05) -> QuantileEstimate | None:
    """For one value per independent subject, already sorted."""
    ranks = quantile_ranks(len(ascending), q, alpha)
    if ranks is None:
        return None
    place = (len(ascending) - 1) * q
    below = int(place)
    above = min(below + 1, len(ascending) - 1)
    value = ascending[below] + (place - below) * (ascending[above] - ascending[below])
    return QuantileEstimate(value, Interval(ascending[ranks.low - 1], ascending[ranks.high - 1]), ranks)
