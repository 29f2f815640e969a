"""When nothing was done, do the tests say so 95 times of 100?"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from experiments.stats.cuped import compare_adjusted
from experiments.stats.estimates import Estimate
from experiments.stats.means import compare_means
from experiments.stats.proportions import compare_proportions
from experiments.stats.ratios import compare_ratios
from experiments.stats.summaries import Counts, Moments, PairTotals

RUNS = 2_000
SUBJECTS = 2_000
ALLOWED = (0.035, 0.065)
"""Three standard errors of 2,000 runs around 5 %."""

Totals = dict[str, PairTotals]


def arm(rng: np.random.Generator) -> Totals:
    past = rng.gamma(2.0, 5.0, SUBJECTS)
    revenue = rng.gamma(2.0, 5.0, SUBJECTS) + 0.6 * past
    sessions = 1 + rng.poisson(past / 5)
    bought = (rng.random(SUBJECTS) < 0.08).astype(float)

    def pair(a: np.ndarray, b: np.ndarray) -> PairTotals:
        return PairTotals(SUBJECTS, a.sum(), b.sum(), a @ a, b @ b, a @ b)

    return {
        "bought": pair(bought, bought),
        "revenue-past": pair(revenue, past),
        "revenue-sessions": pair(revenue, sessions),
    }


@pytest.fixture(scope="module")
def runs() -> list[tuple[Totals, Totals]]:
    rng = np.random.default_rng(20_260_101)
    return [(arm(rng), arm(rng)) for _ in range(RUNS)]


def share(control: Totals, treatment: Totals) -> Estimate | None:
    return compare_proportions(counts(control["bought"]), counts(treatment["bought"]))


def counts(pair: PairTotals) -> Counts:
    return Counts(int(pair.first), pair.subjects)


def mean(control: Totals, treatment: Totals) -> Estimate | None:
    return compare_means(moments(control["revenue-past"]), moments(treatment["revenue-past"]))


def moments(pair: PairTotals) -> Moments:
    return Moments(pair.subjects, pair.first_mean, pair.first_variance)


def ratio(control: Totals, treatment: Totals) -> Estimate | None:
    return compare_ratios(control["revenue-sessions"], treatment["revenue-sessions"])


def adjusted(control: Totals, treatment: Totals) -> Estimate | None:
    found = compare_adjusted(control["revenue-past"], treatment["revenue-past"])
    return found.estimate if found else None


@pytest.mark.parametrize("compare", [share, mean, ratio, adjusted])
def test_two_equal_arms_differ_in_one_of_twenty_runs(
    compare: Callable[[Totals, Totals], Estimate | None], runs: list[tuple[Totals, Totals]]
) -> None:
    found = [compare(control, treatment) for control, treatment in runs]
    p_values = np.array([estimate.p for estimate in found if estimate])
    z_values = np.array([estimate.statistic for estimate in found if estimate])

    assert len(p_values) == RUNS
    assert ALLOWED[0] <= (p_values < 0.05).mean() <= ALLOWED[1]
    # Shares take few values, so their p-values are a little lumpy: a tie-breaking test would ask too much.
    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    assert abs(z_values.mean()) < 3 / RUNS**0.5


def test_the_past_removes_the_noise_it_explains(runs: list[tuple[Totals, Totals]]) -> None:
    ratios = [
        found.variance_ratio for c, t in runs if (found := compare_adjusted(c["revenue-past"], t["revenue-past"]))
    ]
    # Var(past) = 50 and revenue = own noise of 50 plus 0.6 past, so rho^2 = 18 / 68.
    assert np.mean(ratios) == pytest.approx(1 - 18 / 68, abs=0.01)
