"""How large must the difference be at this look, so that all looks together err no more than promised?

Scores, not z: with S = Z sqrt(t) the looks are a random walk with independent steps, S_k - S_{k-1} ~ N(theta
d, d) for a step d of information. The part of its density that has not yet stopped is carried from look to
look by quadrature: Armitage, McPherson and Rowe (1969). ``theta`` is the drift: the expected z at full
information.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import optimize, stats

from experiments.stats.quadrature import Floats, panels
from experiments.stats.spending import Spending, obrien_fleming

# Beyond this many deviations from its drift a path is as good as impossible.
_REACH = 7.5
# Below this the quadrature's own rounding is not small beside the error to be spent; see _solve.
_SMALLEST_SPEND = 1e-11
# A look at which the information grew by less than this share may not reject: its grid would be too large to hold.
_SMALLEST_GROWTH = 4e-4


@dataclass(frozen=True, slots=True)
class Look:
    """One look of a plan. ``fraction`` of the planned information, above 1 after an overrun.

    ``bound``: reject when |z| (or z, one-sided) reaches it; None when this look may not reject, because it is
    too early for any error or all of it is spent. ``spent`` is the error of all sides up to and with this
    look.
    """

    fraction: float
    bound: float | None
    spent: float


@dataclass(frozen=True, slots=True)
class _Paths:
    """Paths that have not stopped: where they are, and how probable each place is (density times weight)."""

    points: Floats
    mass: Floats


_START = _Paths(np.zeros(1), np.ones(1))


def boundaries(
    information: Sequence[float],
    planned: float,
    *,
    alpha: float = 0.05,
    spending: Spending = obrien_fleming,
    sides: int = 2,
    final: bool = False,
) -> tuple[Look, ...] | None:
    """Bounds for looks taken at these amounts of information (subjects, or 1 / variance), ascending.

    The amounts are what really arrived. The first look at or beyond ``planned`` spends all that is left, on a
    bound that is solved for its true information; any later look has no bound. So an overrun costs nothing
    and gains nothing. ``final`` says that the last look is the last although less than planned arrived: it
    spends the rest too. That must be decided without a view of the effect. None when the amounts do not
    ascend from above 0.
    """
    fractions = [amount / planned for amount in information] if planned > 0 else []
    if not (_ascending(fractions) and 0 < alpha < 1 and sides in (1, 2)):
        return None
    looks: list[Look] = []
    paths, before, spent = _START, 0.0, 0.0
    for index, fraction in enumerate(fractions):
        step = fraction - before
        if spent >= alpha or step < _SMALLEST_GROWTH * fraction:
            looks.append(Look(fraction, None, spent))
            continue
        everything = fraction >= 1 or (final and index + 1 == len(fractions))
        allowed = alpha if everything else max(spent, sides * spending(alpha / sides, fraction))
        bound = _solve(paths, fraction, step, allowed - spent, sides)
        looks.append(Look(fraction, bound, allowed))
        paths = _advance(paths, fraction, step, bound, 0.0, sides, _finest(fractions, index, step))
        before, spent = fraction, allowed
    return tuple(looks)


def crossing_probabilities(
    fractions: Sequence[float], bounds: Sequence[float | None], *, drift: float = 0.0, sides: int = 2
) -> tuple[float, ...] | None:
    """The chance to stop at each look for the first time. Their sum is the type I error at drift 0, else the power."""
    if not _ascending(fractions) or len(bounds) != len(fractions):
        return None
    stops = []
    paths, before = _START, 0.0
    for index, (fraction, bound) in enumerate(zip(fractions, bounds, strict=True)):
        step = fraction - before
        stops.append(0.0 if bound is None else _stopping(paths, bound * math.sqrt(fraction), step, drift, sides))
        paths = _advance(paths, fraction, step, bound, drift, sides, _finest(fractions, index, step))
        before = fraction
    return tuple(stops)


def inflation(looks: Sequence[Look], *, power: float = 0.8, alpha: float = 0.05, sides: int = 2) -> float | None:
    """How many times the subjects of a fixed test with this power the plan needs, should it run to its end."""
    fractions, bounds = [look.fraction for look in looks], [look.bound for look in looks]
    fixed = float(stats.norm.isf(alpha / sides) + stats.norm.ppf(power))
    if not (_ascending(fractions) and alpha < power < 1) or bounds[-1] is None:
        return None

    def missing(drift: float) -> float:
        return sum(crossing_probabilities(fractions, bounds, drift=drift, sides=sides) or ()) - power

    if missing(4 * fixed) < 0:
        return None
    return float(optimize.brentq(missing, 0.0, 4 * fixed, xtol=1e-8) / fixed) ** 2


def pocock_constant(looks: int, alpha: float = 0.05) -> float | None:
    """C of Pocock (1977): reject when |Z_k| >= C, the looks being equally spaced."""
    return _classic([1.0] * looks, alpha)


def obrien_fleming_constant(looks: int, alpha: float = 0.05) -> float | None:
    """C of O'Brien and Fleming (1979): reject when |Z_k| >= C sqrt(K / k), the looks being equally spaced."""
    return _classic([math.sqrt(looks / k) for k in range(1, looks + 1)], alpha)


def _classic(shape: list[float], alpha: float) -> float | None:
    if not shape or not 0 < alpha < 1:
        return None
    fractions = [k / len(shape) for k in range(1, len(shape) + 1)]

    def excess(constant: float) -> float:
        return sum(crossing_probabilities(fractions, [constant * s for s in shape]) or ()) - alpha

    return float(optimize.brentq(excess, 0.0, 8.0, xtol=1e-9))


def _solve(paths: _Paths, fraction: float, step: float, allowance: float, sides: int) -> float | None:
    """The bound at which as much stops here as may still be spent."""
    if allowance < _SMALLEST_SPEND:
        # Bonferroni's bound: never below the exact one, and indistinguishable from it this far out.
        bound = float(stats.norm.isf(allowance / sides)) if allowance > 0 else math.inf
        return bound if math.isfinite(bound) else None
    root = math.sqrt(fraction)

    def excess(bound: float) -> float:
        return _stopping(paths, bound * root, step, 0.0, sides) - allowance

    return float(optimize.brentq(excess, 0.0, 8.5, xtol=1e-10)) if excess(0.0) > 0 else None


def _stopping(paths: _Paths, score: float, step: float, drift: float, sides: int) -> float:
    """The chance that a path which is still going lands beyond ``score``, or beyond either of plus and minus it."""
    ahead, deviation = paths.points + drift * step, math.sqrt(step)
    chance = stats.norm.sf((score - ahead) / deviation)
    if sides == 2:
        chance = chance + stats.norm.cdf((-score - ahead) / deviation)
    return float(paths.mass @ chance)


def _advance(
    paths: _Paths, fraction: float, step: float, bound: float | None, drift: float, sides: int, finest: float
) -> _Paths:
    """The paths that do not stop here, on a grid fine enough for this step and the next (``finest`` of the two)."""
    root, centre = math.sqrt(fraction), drift * fraction
    stop = math.inf if bound is None else bound * root
    high = min(stop, centre + _REACH * root)
    low = max(-stop if sides == 2 else -math.inf, centre - _REACH * root)
    if low >= high:
        return _Paths(np.zeros(1), np.zeros(1))
    pieces = max(4, math.ceil((high - low) / (2.5 * math.sqrt(finest))))
    points, weights = panels(np.linspace(low, high, pieces + 1))
    deviation = math.sqrt(step)
    distance = (points[:, None] - paths.points - drift * step) / deviation
    density = np.exp(-0.5 * distance**2) @ paths.mass / (deviation * math.sqrt(2 * math.pi))
    return _Paths(points, density * weights)


def _finest(fractions: Sequence[float], index: int, step: float) -> float:
    """The smaller of this step and the next that is large enough to be looked at."""
    nexts = (later - fractions[index] for later in fractions[index + 1 :])
    return min(step, next((gap for gap in nexts if gap >= _SMALLEST_GROWTH * fractions[index]), step))


def _ascending(fractions: Sequence[float]) -> bool:
    return len(fractions) > 0 and fractions[0] > 0 and all(a < b < math.inf for a, b in pairwise([0.0, *fractions]))
