"""What is the difference between two arms, how sure is it, and how large is it beside the control?"""

import math
from dataclasses import dataclass

from scipy import stats


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends belong to it."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Level:
    """An arm's own value and the variance of that value, not of its subjects."""

    value: float
    variance: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """Treatment minus control, two-sided.

    ``degrees`` of freedom are None where the normal distribution is used. ``lift`` is relative to the
    control, 0.1 being plus ten percent, with its delta-method error; both are None when the control is at 0.
    """

    control: float
    treatment: float
    difference: float
    error: float
    statistic: float
    degrees: float | None
    p: float
    interval: Interval
    lift: float | None
    lift_error: float | None


def estimate(control: Level, treatment: Level, alpha: float, degrees: float | None = None) -> Estimate | None:
    """Compare two independent arms. None when neither varies, or when ``alpha`` is not between 0 and 1."""
    difference = treatment.value - control.value
    error = math.sqrt(control.variance + treatment.variance)
    if not (math.isfinite(difference) and 0 < error < math.inf and 0 < alpha < 1):
        return None
    # Student's t is the normal at infinitely many degrees; scipy accepts that.
    reference = stats.norm if degrees is None else stats.t(degrees)
    statistic = difference / error
    half = float(reference.isf(alpha / 2)) * error
    lift, lift_error = relative(control, treatment)
    return Estimate(
        control=control.value,
        treatment=treatment.value,
        difference=difference,
        error=error,
        statistic=statistic,
        degrees=degrees,
        p=float(2 * reference.sf(abs(statistic))),
        interval=Interval(difference - half, difference + half),
        lift=lift,
        lift_error=lift_error,
    )


def relative(control: Level, treatment: Level) -> tuple[float | None, float | None]:
    """Lift over the control and its error: the delta method on T / C - 1 for independent T and C.

    Var(T/C) = Var(T) / C^2 + T^2 Var(C) / C^4.
    """
    if control.value == 0:
        return None, None
    ratio = treatment.value / control.value
    error = math.sqrt(treatment.variance + ratio * ratio * control.variance) / abs(control.value)
    return ratio - 1, error


def repeated_interval(found: Estimate, bound: float | None) -> Interval | None:
    """The interval that holds at every look of a plan, with the look's own ``bound`` in place of 1.96.

    Jennison and Turnbull (1984). None for a look that has no bound.
    """
    if bound is None:
        return None
    return Interval(found.difference - bound * found.error, found.difference + bound * found.error)
