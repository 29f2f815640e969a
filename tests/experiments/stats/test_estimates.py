"""Do our differences agree with other people's libraries, and stay silent when there is nothing to say?"""

import math
from dataclasses import astuple

import numpy as np
import pandas as pd
import pytest
import tea_tasting as tt
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, proportions_ztest

from experiments.stats.cuped import compare_adjusted, pooled_theta
from experiments.stats.estimates import Estimate
from experiments.stats.means import compare_means
from experiments.stats.proportions import compare_proportions, newcombe_interval, pooled_test, wilson_interval
from experiments.stats.ratios import compare_ratios
from experiments.stats.summaries import Counts, Moments, PairTotals

RNG = np.random.default_rng(7)
N = 4_000
ARM = RNG.integers(0, 2, N)
PAST = RNG.gamma(1.2, 30.0, N).round()
REVENUE = (0.5 * PAST + RNG.gamma(1.0, 40.0, N) + 2.0 * ARM).round()
SESSIONS = 1.0 + RNG.poisson(3.0, N)


def totals(first: np.ndarray, second: np.ndarray, arm: int) -> PairTotals:
    a, b = first[arm == ARM], second[arm == ARM]
    return PairTotals(len(a), *(int(total) for total in (a.sum(), b.sum(), a @ a, b @ b, a @ b)))


def moments(values: np.ndarray) -> Moments:
    found = Moments.from_totals(len(values), int(values.sum()), int(values @ values))
    assert found
    return found


def tea(metric: tt.metrics.MetricBase[object]) -> object:
    data = pd.DataFrame({"variant": ARM, "revenue": REVENUE, "past": PAST, "sessions": SESSIONS})
    return tt.Experiment(m=metric).analyze(data)["m"]


def agree(found: Estimate, theirs: object) -> None:
    assert found.difference == pytest.approx(theirs.effect_size, rel=1e-9)  # type: ignore[attr-defined]
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-7)  # type: ignore[attr-defined]
    assert found.interval.low == pytest.approx(theirs.effect_size_ci_lower, rel=1e-9)  # type: ignore[attr-defined]


def test_means_agree_with_scipy_and_tea_tasting() -> None:
    control, treatment = REVENUE[ARM == 0], REVENUE[ARM == 1]
    found = compare_means(moments(control), moments(treatment))
    theirs = stats.ttest_ind(treatment, control, equal_var=False)

    assert found
    assert found.p == pytest.approx(theirs.pvalue)
    assert found.degrees == pytest.approx(theirs.df)
    assert astuple(found.interval) == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    agree(found, tea(tt.Mean("revenue")))


def test_ratios_agree_with_tea_tasting() -> None:
    found = compare_ratios(totals(REVENUE, SESSIONS, 0), totals(REVENUE, SESSIONS, 1))

    assert found
    agree(found, tea(tt.RatioOfMeans("revenue", "sessions", use_t=False)))


def test_cuped_agrees_with_tea_tasting_and_gains_what_the_past_explains() -> None:
    found = compare_adjusted(totals(REVENUE, PAST, 0), totals(REVENUE, PAST, 1))

    assert found
    agree(found.estimate, tea(tt.Mean("revenue", "past", use_t=False)))
    rho = np.corrcoef(REVENUE, PAST)[0, 1]
    assert found.variance_ratio == pytest.approx(1 - rho**2, abs=0.01)


def test_proportions_agree_with_statsmodels() -> None:
    control, treatment = Counts(45, 900), Counts(30, 850)
    found, pooled = compare_proportions(control, treatment), pooled_test(control, treatment)
    interval, wilson = newcombe_interval(control, treatment), wilson_interval(control)
    count, subjects = np.array([30, 45]), np.array([850, 900])

    assert found
    assert pooled
    assert interval
    assert wilson
    assert (pooled.statistic, pooled.p) == pytest.approx(proportions_ztest(count, subjects))
    assert astuple(interval) == pytest.approx(confint_proportions_2indep(30, 850, 45, 900, method="newcomb"))
    assert astuple(found.interval) == pytest.approx(confint_proportions_2indep(30, 850, 45, 900, method="wald"))
    assert astuple(wilson) == pytest.approx(proportion_confint(45, 900, method="wilson"))


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.data())
def test_the_interval_and_the_p_value_never_disagree(n0: int, n1: int, data: st.DataObject) -> None:
    control = Counts(data.draw(st.integers(0, n0)), n0)
    treatment = Counts(data.draw(st.integers(0, n1)), n1)
    found = compare_proportions(control, treatment)
    if found is None:
        assert {control.share, treatment.share} <= {0.0, 1.0}
        return

    excludes_zero = found.interval.low > 0 or found.interval.high < 0
    assert excludes_zero == (found.p < 0.05) or math.isclose(found.p, 0.05, rel_tol=1e-9)
    assert (found.lift is None) == (control.successes == 0)


def test_money_in_whole_minor_units_does_not_cancel() -> None:
    """Three subjects at ten million units each, one unit apart: a sum of squares in doubles sees no variance."""
    values = [10_000_000_000, 10_000_000_001, 10_000_000_002]

    found = Moments.from_totals(3, sum(values), sum(v * v for v in values))

    assert found == Moments(3, 10_000_000_001.0, 1.0)


def test_totals_of_two_days_are_the_totals_of_both() -> None:
    assert PairTotals(1, 2, 3, 4, 9, 6) + PairTotals(1, 1, 1, 1, 1, 1) == PairTotals(2, 3, 4, 5, 10, 7)


NOBODY, ONE, FLAT = PairTotals(0, 0, 0, 0, 0, 0), PairTotals(1, 2, 3, 4, 9, 6), PairTotals(9, 9, 0, 9, 0, 0)
GOOD = totals(REVENUE, PAST, 0)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(compare_proportions(Counts(0, 0), Counts(1, 10)), id="nobody-in-control"),
        pytest.param(compare_proportions(Counts(0, 10), Counts(0, 10)), id="nobody-did-it"),
        pytest.param(compare_proportions(Counts(11, 10), Counts(1, 10)), id="more-than-all-did-it"),
        pytest.param(compare_proportions(Counts(1, 10), Counts(2, 10), alpha=0.0), id="alpha-0"),
        pytest.param(pooled_test(Counts(0, 10), Counts(0, 10)), id="nothing-to-pool"),
        pytest.param(newcombe_interval(Counts(0, 0), Counts(1, 10)), id="newcombe-of-nobody"),
        pytest.param(Moments.from_totals(1, 5, 25), id="one-subject-has-no-spread"),
        pytest.param(compare_means(Moments(1, 5.0, 0.0), Moments(9, 5.0, 1.0)), id="one-subject"),
        pytest.param(compare_means(Moments(9, 5.0, 0.0), Moments(9, 6.0, 0.0)), id="no-spread"),
        pytest.param(compare_means(Moments(9, math.nan, 1.0), Moments(9, 6.0, 1.0)), id="not-a-number"),
        pytest.param(compare_means(Moments(9, 5.0, math.inf), Moments(9, 6.0, 1.0)), id="infinite-spread"),
        pytest.param(compare_ratios(FLAT, GOOD), id="denominator-0"),
        pytest.param(compare_ratios(NOBODY, GOOD), id="ratio-of-nobody"),
        pytest.param(compare_adjusted(ONE, GOOD), id="cuped-of-one"),
        pytest.param(compare_adjusted(FLAT, FLAT), id="nobody-has-a-past"),
        pytest.param(pooled_theta(()), id="no-arms"),
    ],
)
def test_an_unanswerable_question_is_answered_by_none(answer: object) -> None:
    assert answer is None


def test_nobody_of_n_still_has_a_newcombe_interval() -> None:
    interval = newcombe_interval(Counts(0, 50), Counts(0, 50))

    assert interval
    assert interval.low < 0 < interval.high
