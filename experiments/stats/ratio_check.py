"""Did the arms receive the shares of subjects they were promised?

If not, subjects were lost or duplicated in one arm, and no other number of the read-out may be believed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special, stats

THRESHOLD = 0.001
"""Low, because this test is asked of every experiment and an alarm stops the reading."""


@dataclass(frozen=True, slots=True)
class RatioCheck:
    """``statistic`` is None when an arm that was promised nobody has somebody: no chance explains that, so p is 0."""

    statistic: float | None
    degrees: int
    p: float
    mismatch: bool


def ratio_check(observed: Sequence[int], weights: Sequence[float], threshold: float = THRESHOLD) -> RatioCheck | None:
    """Pearson's chi-square of counts against promised weights, for one look. None below two arms or with nobody."""
    if not _askable(observed, weights):
        return None
    promised = [(count, weight) for count, weight in zip(observed, weights, strict=True) if weight > 0]
    degrees = len(promised) - 1
    if sum(count for count, _ in promised) < sum(observed):
        return RatioCheck(None, degrees, 0.0, mismatch=True)
    scale = sum(observed) / sum(weights)
    statistic = sum((count - weight * scale) ** 2 / (weight * scale) for count, weight in promised)
    p = float(stats.chi2.sf(statistic, degrees))
    return RatioCheck(statistic, degrees, p, mismatch=p < threshold)


def always_valid_ratio_p(
    observed: Sequence[int], weights: Sequence[float], concentration: float = 1000.0
) -> float | None:
    """A p-value for the same question that may be looked at every day: Lindon and Malek (2020).

    One over the likelihood ratio of a Dirichlet mixture around the promise against the promise.
    ``concentration`` is how many subjects the mixture's belief in the promise is worth: more detects small
    imbalances, later.
    """
    if not _askable(observed, weights) or min(weights) <= 0 or concentration <= 0:
        return None
    shares = [weight / sum(weights) for weight in weights]
    belief = [concentration * share for share in shares]
    log_ratio = special.gammaln(concentration) - special.gammaln(concentration + sum(observed))
    for count, share, mass in zip(observed, shares, belief, strict=True):
        log_ratio += special.gammaln(mass + count) - special.gammaln(mass) - count * math.log(share)
    return min(1.0, math.exp(-min(float(log_ratio), 700.0)))


def _askable(observed: Sequence[int], weights: Sequence[float]) -> bool:
    arms = sum(weight > 0 for weight in weights)
    sound = len(observed) == len(weights) and arms >= 2 and min(weights) >= 0 and min(observed) >= 0
    return sound and sum(observed) > 0
