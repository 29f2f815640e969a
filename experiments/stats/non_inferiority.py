"""Is a guardrail at least not worse by more than we tolerate?"""

from dataclasses import dataclass

from scipy import stats


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """The test of H0 "worse by the margin or more". ``worst`` is the bound of the effect on its bad side."""

    statistic: float
    p: float
    worst: float
    holds: bool


def non_inferior(
    difference: float,
    error: float,
    margin: float,
    *,
    alpha: float = 0.05,
    higher_is_better: bool = True,
    bound: float | None = None,
) -> NonInferiority | None:
    """``margin`` is positive, in the metric's unit; ``alpha`` is one-sided. ``bound`` replaces its quantile at a look.

    Where lower is better, H0 is difference >= margin and ``worst`` the upper bound. Holds when ``worst``
    stays within the margin, which is the same as p <= alpha.
    """
    if error <= 0 or margin < 0 or not 0 < alpha < 1:
        return None
    sign = 1 if higher_is_better else -1
    critical = float(stats.norm.isf(alpha)) if bound is None else bound
    statistic = (sign * difference + margin) / error
    return NonInferiority(
        statistic=statistic,
        p=float(stats.norm.sf(statistic)),
        worst=sign * (sign * difference - critical * error),
        holds=statistic >= critical,
    )
