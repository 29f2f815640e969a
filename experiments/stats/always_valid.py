"""What may we say at every moment, when the final size cannot be planned?

Intervals and p-values that hold at all looks together, for guardrail alarms and open-ended tests. They pay
with power: a group sequential plan is better wherever the final size can be estimated.
"""

import math
from dataclasses import dataclass

from experiments.stats.estimates import Interval


@dataclass(frozen=True, slots=True)
class AlwaysValid:
    """``multiplier`` stands where a fixed-size interval has 1.96."""

    rho: float
    multiplier: float
    interval: Interval
    p: float


def confidence_sequence(
    difference: float, variance: float, subjects: int, *, alpha: float = 0.05, tuned_for: int = 5000
) -> AlwaysValid | None:
    """The asymptotic normal-mixture sequence of Waudby-Smith and others (2021), both arms together.

    ``variance`` is of the difference. ``tuned_for`` is the number of subjects at which it is narrowest:
    rho^2 = (-2 ln alpha + ln(1 - 2 ln alpha)) / tuned_for. With m = n rho^2 the multiplier is
    sqrt(2 (m + 1) / m * ln(sqrt(m + 1) / alpha)), and p = sqrt(m + 1) exp(-z^2 m / (2 (m + 1))), at most 1.
    """
    if variance <= 0 or subjects < 1 or tuned_for < 1 or not 0 < alpha < 1:
        return None
    rho = math.sqrt((-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / tuned_for)
    mixed = subjects * rho * rho
    multiplier = math.sqrt(2 * (mixed + 1) / mixed * math.log(math.sqrt(mixed + 1) / alpha))
    half = multiplier * math.sqrt(variance)
    # The same mixture with its variance said in the effect's own unit.
    ratio = log_mixture_ratio(difference, variance, mixed * variance)
    return AlwaysValid(rho, multiplier, Interval(difference - half, difference + half), p_of_log_ratio(ratio))


def log_mixture_ratio(difference: float, variance: float, mixing_variance: float) -> float:
    """mSPRT: log likelihood ratio of effects drawn from N(0, tau^2) against no effect. Johari and others (2015).

    sqrt(V / (V + tau^2)) exp(tau^2 d^2 / (2 V (V + tau^2))). Both variances must be positive.
    """
    total = variance + mixing_variance
    return 0.5 * math.log(variance / total) + mixing_variance * difference**2 / (2 * variance * total)


def p_of_log_ratio(log_ratio: float) -> float:
    """Ville's inequality: one over the ratio. The always-valid p of a history is the smallest of its looks."""
    return math.exp(-max(log_ratio, 0.0))
