"""How much of the allowed error may have been spent by now?

A spending function takes the error of one side and the fraction of the planned information, both in (0, 1],
and says how much may be spent up to there. Lan and DeMets (1983). A two-sided test at 5 % spends 2.5 % on
each side.
"""

import math
from collections.abc import Callable

from scipy import stats

Spending = Callable[[float, float], float]


def obrien_fleming(alpha: float, fraction: float) -> float:
    """2 - 2 Phi(z_{alpha/2} / sqrt(t)): almost nothing early, so that the last look is nearly a plain test."""
    return float(2 * stats.norm.sf(stats.norm.isf(alpha / 2) / math.sqrt(fraction)))


def pocock(alpha: float, fraction: float) -> float:
    """alpha ln(1 + (e - 1) t): about the same bound at every look; stops early, pays for it at the end."""
    return alpha * math.log(1 + (math.e - 1) * fraction)


def power_family(exponent: float) -> Spending:
    """alpha t^exponent: Kim and DeMets (1987)."""

    def spend(alpha: float, fraction: float) -> float:
        return float(alpha * fraction**exponent)

    return spend


SPENDING: dict[str, Spending] = {
    "obf": obrien_fleming,
    "pocock": pocock,
    "power2": power_family(2),
    "power3": power_family(3),
}
"""By the name under which a plan freezes it."""
