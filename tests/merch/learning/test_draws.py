"""Are drawn scores those of the posteriors, and always the same?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from experiments.stats.summaries import Counts
from experiments.stats.thompson import best_arm
from merch.learning.draws import MILLIONTHS, Tried, drawn

A_AND_B = {"a/hero": Tried(200, 20), "b/hero": Tried(200, 30)}


def scores(tried: dict[str, Tried], rows: int = 1_000) -> np.ndarray:
    return np.array(drawn("home", tried, rows)["rows"]) / MILLIONTHS


def test_the_worked_table_of_the_documentation() -> None:
    found = scores(A_AND_B)
    exact = best_arm([Counts(subjects=200, successes=20), Counts(subjects=200, successes=30)])

    assert exact is not None
    assert exact[1].probability_best == pytest.approx(0.933305, abs=1e-6)
    # Four standard errors of a share of 1,000 rows.
    assert abs((found[:, 1] > found[:, 0]).mean() - exact[1].probability_best) < 4 * 0.0079


@pytest.mark.parametrize(("trials", "successes"), [(0, 0), (10, 0), (10, 10), (200, 30), (100_000, 130)])
def test_scores_are_draws_from_the_posterior(trials: int, successes: int) -> None:
    found = scores({"a/hero": Tried(trials, successes)})[:, 0]
    posterior = stats.beta(1 + successes, 1 + trials - successes)

    # The hashes are fixed, so this holds or it does not; a true draw fails it once in a thousand.
    assert stats.kstest(found, posterior.cdf).pvalue > 0.001


def test_equal_knowledge_draws_equal_rows_in_any_order_of_items() -> None:
    assert drawn("home", A_AND_B) == drawn("home", dict(reversed(A_AND_B.items())))
    assert drawn("home", A_AND_B) != drawn("shelf", A_AND_B)


def test_what_is_learned_of_one_item_moves_no_other() -> None:
    before, after = scores(A_AND_B), scores(A_AND_B | {"b/hero": Tried(210, 31)})

    assert (before[:, 0] == after[:, 0]).all()
    assert abs(before[:, 1] - after[:, 1]).max() < 0.01


def test_rows_are_whole_millionths_of_a_probability() -> None:
    body = drawn("home", {"a/hero": Tried(10**6, 0), "b/hero": Tried(10**6, 10**6)}, rows=50)

    assert body["items"] == ["a/hero", "b/hero"]
    assert all(isinstance(score, int) and 0 <= score <= MILLIONTHS for row in body["rows"] for score in row)
