"""Do the ratio check, sizes, corrections, posteriors and guardrail tests hold what they say?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower, TTestIndPower

from experiments.stats.always_valid import confidence_sequence, log_mixture_ratio, p_of_log_ratio
from experiments.stats.multiplicity import benjamini_hochberg, bonferroni, holm
from experiments.stats.non_inferiority import non_inferior
from experiments.stats.power import (
    Wanted,
    detectable_effect,
    power_of_difference,
    power_per_metric,
    size_for_means,
    size_for_means_t,
    size_for_non_inferiority,
    size_for_proportions,
)
from experiments.stats.quantiles import quantile_interval, quantile_ranks
from experiments.stats.ratio_check import always_valid_ratio_p, ratio_check
from experiments.stats.summaries import Counts
from experiments.stats.thompson import best_arm


def test_subjects_in_an_arm_that_was_promised_nobody_are_a_mismatch() -> None:
    check = ratio_check([5_000, 5_000, 1], [1, 1, 0])

    assert check
    assert (check.statistic, check.p, check.mismatch) == (None, 0.0, True)


@pytest.mark.parametrize(
    ("observed", "weights"),
    [([], []), ([5], [1]), ([0, 0], [1, 1]), ([1, 2], [1]), ([1, -2], [1, 1]), ([1, 2], [1, 0])],
)
def test_a_ratio_check_needs_two_arms_and_somebody(observed: list[int], weights: list[float]) -> None:
    assert ratio_check(observed, weights) is None
    assert always_valid_ratio_p(observed, weights) is None


def test_a_daily_look_at_the_ratio_rarely_cries_wolf_and_finds_a_real_loss() -> None:
    rng = np.random.default_rng(11)
    alarms = 0
    for _ in range(200):
        control = np.cumsum(rng.binomial(500, 0.5, 60))
        days = enumerate(control, start=1)
        alarms += any((always_valid_ratio_p([c, 500 * day - c], [1, 1]) or 0) < 0.05 for day, c in days)

    # 5 % is the promise; 18 of 200 is three errors of this simulation above it.
    assert alarms <= 18
    assert (always_valid_ratio_p([50_000, 48_500], [1, 1]) or 1) < 0.001


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=20, deadline=None)
def test_corrections_agree_with_statsmodels(p_values: list[float]) -> None:
    for ours, method in ((bonferroni, "bonferroni"), (holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        assert ours(p_values) == pytest.approx(multipletests(p_values, method=method)[1], abs=1e-12)


def test_correcting_nothing_is_nothing() -> None:
    assert bonferroni([]) == holm([]) == benjamini_hochberg([]) == ()


@pytest.mark.parametrize("ratio", [0.25, 1.0, 3.0])
@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("effect", [0.04, 0.5])
def test_sizes_agree_with_statsmodels(ratio: float, sides: int, effect: float) -> None:
    wanted = Wanted(0.05, 0.9, sides, ratio)
    asked = {"alpha": 0.05, "power": 0.9, "ratio": ratio, "alternative": "two-sided" if sides == 2 else "larger"}

    assert size_for_means(1.0, effect, wanted) == pytest.approx(NormalIndPower().solve_power(effect, **asked), rel=1e-4)
    assert size_for_means_t(1.0, effect, wanted) == pytest.approx(
        TTestIndPower().solve_power(effect, **asked), rel=1e-4
    )


def test_the_size_reaches_the_power_it_was_asked_for() -> None:
    size = size_for_proportions(0.05, 0.055)

    assert size
    error = ((0.05 * 0.95 + 0.055 * 0.945) / size) ** 0.5
    assert power_of_difference(0.005, error) == pytest.approx(0.8, abs=1e-6)
    assert detectable_effect(error) == pytest.approx(0.005, abs=1e-9)


def test_the_whole_rule_needs_more_of_each_metric() -> None:
    """One success metric and three guardrails at 80 %: 95 % each, 1.656 times the subjects."""
    each = power_per_metric(0.8, guardrails=3)

    assert each == pytest.approx(0.95)
    more, plain = size_for_means(1.0, 0.1, Wanted(power=0.95)), size_for_means(1.0, 0.1)
    assert more
    assert plain
    assert more / plain == pytest.approx(1.656, abs=5e-4)
    assert power_per_metric(0.8, guardrails=0) == pytest.approx(0.8)
    assert power_per_metric(0.8, guardrails=3, deterioration_alpha=0.25) is None


@pytest.mark.parametrize("higher_is_better", [True, False])
@pytest.mark.parametrize(("loss", "holds"), [(0.002, True), (0.003, False), (-0.004, True)])
def test_a_guardrail_holds_when_its_worst_case_is_within_the_margin(
    higher_is_better: bool, loss: float, holds: bool
) -> None:
    difference = -loss if higher_is_better else loss
    found = non_inferior(difference, 0.0015, 0.005, higher_is_better=higher_is_better)

    assert found
    assert found.holds is holds
    assert found.holds == (found.p <= 0.05) == (abs(found.worst) < 0.005 or (found.worst > 0) == higher_is_better)


def test_non_inferiority_is_sized_for_its_margin() -> None:
    size = size_for_non_inferiority(1.0, 0.1)

    assert size == pytest.approx(2 * (1.6448536 + 0.8416212) ** 2 / 0.01, rel=1e-6)
    assert size_for_non_inferiority(1.0, 0.1, true_difference=-0.1) is None


@pytest.mark.parametrize(
    "answer",
    [
        size_for_proportions(0.0, 0.1),
        size_for_proportions(0.1, 0.1),
        size_for_means(0.0, 1.0),
        size_for_means(1.0, 0.0),
        size_for_means(1.0, 1.0, rho=1.0),
        size_for_means_t(1.0, 0.0),
        size_for_means(1.0, 1.0, Wanted(power=1.0)),
        power_of_difference(1.0, 0.0),
        detectable_effect(0.0),
        non_inferior(0.1, 0.0, 0.1),
        non_inferior(0.1, 0.1, -0.1),
        confidence_sequence(0.1, 0.0, 10),
        confidence_sequence(0.1, 0.1, 0),
        quantile_ranks(0, 0.5),
        quantile_ranks(5, 0.99),
        quantile_interval([], 0.5),
        best_arm([]),
        best_arm([Counts(2, 1)]),
        best_arm([Counts(1, 2)], prior=(0.5, 0.5)),
    ],
)
def test_an_impossible_wish_is_answered_by_none(answer: object) -> None:
    assert answer is None


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=6))
def test_the_chances_to_be_best_add_up_to_one(arms: list[tuple[int, int]]) -> None:
    found = best_arm([Counts(s, s + f) for s, f in arms if s + f])
    if not found:
        return

    assert sum(arm.probability_best for arm in found) == pytest.approx(1.0, abs=1e-7)
    assert all(arm.expected_loss > -1e-9 for arm in found)


def test_one_mixture_gives_the_sequence_and_the_test() -> None:
    found = confidence_sequence(0.0136, 1.6e-5, 20_000)

    assert found
    ratio = log_mixture_ratio(found.multiplier * 0.004, 1.6e-5, 20_000 * found.rho**2 * 1.6e-5)
    assert p_of_log_ratio(ratio) == pytest.approx(0.05)


def test_a_quantile_interval_covers_as_often_as_it_says() -> None:
    ranks = quantile_ranks(200, 0.9)
    drawn = np.sort(np.random.default_rng(3).exponential(size=(4_000, 200)), axis=1)
    truth = stats.expon.ppf(0.9)

    assert ranks
    covered = ((drawn[:, ranks.low - 1] <= truth) & (truth <= drawn[:, ranks.high - 1])).mean()
    assert covered == pytest.approx(ranks.coverage, abs=0.01)
    assert ranks.coverage >= 0.95
