"""Which arm is probably the best, and what would choosing another one cost?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from experiments.stats.quadrature import panels
from experiments.stats.summaries import Counts

# In standard deviations. Posteriors near 0 or 1 fall off only exponentially; at 40 nothing is left of those either.
_STEPS = np.concatenate((np.arange(11.0), (12.5, 16.0, 20.0, 25.0, 32.0, 40.0)))


@dataclass(frozen=True, slots=True)
class BestArm:
    """``probability_best`` adds up to 1 over arms. ``expected_loss`` is E[best - this], in the metric's unit."""

    probability_best: float
    expected_loss: float


def best_arm(arms: Sequence[Counts], prior: tuple[float, float] = (1.0, 1.0)) -> tuple[BestArm, ...] | None:
    """From Beta posteriors, by integration and not by drawing: P(i best) = integral of f_i times the others' F_j.

    E[best] = integral over [0, 1] of 1 - product of all F_j. The prior's parameters are at least 1.
    """
    if not arms or min(prior) < 1 or not all(arm.usable for arm in arms):
        return None
    a = np.array([prior[0] + arm.successes for arm in arms])
    b = np.array([prior[1] + arm.subjects - arm.successes for arm in arms])
    points, weights = panels(_breakpoints(a, b))
    below = stats.beta.cdf(points, a[:, None], b[:, None])
    density = stats.beta.pdf(points, a[:, None], b[:, None])
    expected_best = float((weights * (1 - below.prod(axis=0))).sum())
    answers = []
    for index in range(len(arms)):
        others = np.delete(below, index, axis=0).prod(axis=0)
        probability = float((weights * density[index] * others).sum())
        answers.append(BestArm(probability, expected_best - float(a[index] / (a[index] + b[index]))))
    return tuple(answers)


def _breakpoints(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every standard deviation of every posterior, so that narrow and wide ones are seen equally well."""
    steps = np.concatenate((-_STEPS, _STEPS))
    mean, deviation = stats.beta.mean(a, b), stats.beta.std(a, b)
    inside = np.clip((mean[:, None] + deviation[:, None] * steps).ravel(), 0.0, 1.0)
    return np.unique(np.concatenate(([0.0, 1.0], inside)))
