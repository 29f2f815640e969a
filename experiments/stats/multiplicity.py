"""Which of many p-values still mean something, given that so many were asked for?

Each function answers adjusted p-values in the order they came: compare each with the level wanted for the
family.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate


def bonferroni(p_values: Sequence[float]) -> tuple[float, ...]:
    """Any dependence; the family's chance of one false alarm."""
    return tuple(min(1.0, p * len(p_values)) for p in p_values)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm (1979): the same promise as Bonferroni, never weaker. Use this one."""
    count = len(p_values)
    order = sorted(range(count), key=lambda index: p_values[index])
    stepped = [min(1.0, (count - rank) * p_values[index]) for rank, index in enumerate(order)]
    return _restored(order, stepped, max)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Benjamini and Hochberg (1995): the expected share of false alarms among alarms. For exploring segments."""
    count = len(p_values)
    order = sorted(range(count), key=lambda index: p_values[index], reverse=True)
    stepped = [min(1.0, count / (count - rank) * p_values[index]) for rank, index in enumerate(order)]
    return _restored(order, stepped, min)


def _restored(order: list[int], stepped: list[float], keep: Callable[[float, float], float]) -> tuple[float, ...]:
    """Make the steps monotone, then put them back where they came from."""
    monotone = dict(zip(order, accumulate(stepped, keep), strict=True))
    return tuple(monotone[index] for index in range(len(order)))
