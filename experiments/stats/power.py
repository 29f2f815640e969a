"""How many subjects must there be to see an effect, and what can be seen with those we have?

All sizes are per arm, as raw numbers; ``whole`` rounds up. ``ratio`` is subjects of the treatment per subject
of the control, and the size is the control's.
"""

import math
from dataclasses import dataclass

from scipy import optimize, stats


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a test must promise: false alarms at most ``alpha``, and the effect found with chance ``power``."""

    alpha: float = 0.05
    power: float = 0.8
    sides: int = 2
    ratio: float = 1.0

    @property
    def possible(self) -> bool:
        return 0 < self.alpha < self.power < 1 and self.sides in (1, 2) and self.ratio > 0

    @property
    def z_alpha(self) -> float:
        return float(stats.norm.isf(self.alpha / self.sides))

    @property
    def z_power(self) -> float:
        return float(stats.norm.ppf(self.power))


PLAIN = Wanted()


def whole(size: float) -> int:
    """The next whole subject; a size that is whole up to rounding stays."""
    return math.ceil(size - 1e-9)


def size_for_proportions(baseline: float, target: float, wanted: Wanted = PLAIN) -> float | None:
    """For the unpooled test: (z_a + z_b)^2 (p0 q0 + p1 q1 / r) / (p1 - p0)^2."""
    if not _shares(baseline, target) or not wanted.possible:
        return None
    spread = baseline * (1 - baseline) + target * (1 - target) / wanted.ratio
    return (wanted.z_alpha + wanted.z_power) ** 2 * spread / (target - baseline) ** 2


def size_for_proportions_pooled(baseline: float, target: float, wanted: Wanted = PLAIN) -> float | None:
    """For the pooled test, whose error under the null differs: Fleiss, Levin and Paik (2003), eq. 4.14."""
    if not _shares(baseline, target) or not wanted.possible:
        return None
    r = wanted.ratio
    together = (baseline + r * target) / (1 + r)
    null = math.sqrt(together * (1 - together) * (1 + 1 / r))
    spread = math.sqrt(baseline * (1 - baseline) + target * (1 - target) / r)
    return (wanted.z_alpha * null + wanted.z_power * spread) ** 2 / (target - baseline) ** 2


def size_for_means(deviation: float, effect: float, wanted: Wanted = PLAIN, rho: float = 0.0) -> float | None:
    """(1 + 1 / r) (z_a + z_b)^2 sd^2 / effect^2, times 1 - rho^2 when CUPED removes what the past explains."""
    if deviation <= 0 or effect == 0 or not -1 < rho < 1 or not wanted.possible:
        return None
    plain = (1 + 1 / wanted.ratio) * ((wanted.z_alpha + wanted.z_power) * deviation / effect) ** 2
    return plain * (1 - rho * rho)


def size_for_means_t(deviation: float, effect: float, wanted: Wanted = PLAIN) -> float | None:
    """The same for Student's t: where the power of the noncentral t reaches what is wanted."""
    normal = size_for_means(deviation, effect, wanted)
    if normal is None:
        return None
    standardised, r = abs(effect) / deviation, wanted.ratio

    def missing(size: float) -> float:
        degrees = size * (1 + r) - 2
        shift = standardised * math.sqrt(size * r / (1 + r))
        critical = stats.t.isf(wanted.alpha / wanted.sides, degrees)
        found = stats.nct.sf(critical, degrees, shift)
        other_side = stats.nct.cdf(-critical, degrees, shift) if wanted.sides == 2 else 0.0
        return float(found + other_side) - wanted.power

    # The t test never needs fewer, and never ten subjects more than twice as many.
    low = max(normal, 3 / (1 + r))
    return low if missing(low) >= 0 else float(optimize.brentq(missing, low, 2 * normal + 10, xtol=1e-6))


def size_for_non_inferiority(
    variance: float, margin: float, wanted: Wanted = PLAIN, true_difference: float = 0.0
) -> float | None:
    """One-sided whatever ``wanted.sides`` says. ``variance`` per subject; ``true_difference`` in the good direction."""
    room = margin + true_difference
    if variance <= 0 or room <= 0 or not wanted.possible:
        return None
    z = float(stats.norm.isf(wanted.alpha)) + wanted.z_power
    return (1 + 1 / wanted.ratio) * z * z * variance / (room * room)


def power_of_difference(effect: float, error: float, alpha: float = 0.05, sides: int = 2) -> float | None:
    """The chance that a z test finds ``effect`` when its standard error is ``error``."""
    if error <= 0 or not 0 < alpha < 1 or sides not in (1, 2):
        return None
    critical, shift = float(stats.norm.isf(alpha / sides)), effect / error
    other_side = float(stats.norm.cdf(-critical - shift)) if sides == 2 else 0.0
    return float(stats.norm.sf(critical - shift)) + other_side


def detectable_effect(error: float, wanted: Wanted = PLAIN) -> float | None:
    """The smallest true effect that is found with the wanted power, given the standard error that will be reached."""
    return (wanted.z_alpha + wanted.z_power) * error if error > 0 and wanted.possible else None


def power_per_metric(
    power: float, *, guardrails: int, deterioration_alpha: float = 0.0, powered_successes: int = 1
) -> float | None:
    """What each test must achieve, so that the whole ship rule says yes to a good change with this ``power``.

    A good change is refused when the success metric is missed, when any guardrail is missed, or on a false
    alarm of deterioration. By the union bound these add up: beta' = (beta - deterioration_alpha) /
    (guardrails + 1). ``deterioration_alpha`` is of all deterioration tests together. None when nothing is
    left to divide.
    """
    left = 1 - power - deterioration_alpha
    if left <= 0 or guardrails < 0 or powered_successes < 1:
        return None
    return 1 - left / (guardrails + powered_successes)


def _shares(baseline: float, target: float) -> bool:
    return 0 < baseline < 1 and 0 < target < 1 and baseline != target
