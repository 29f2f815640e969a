"""In which order do those who are able compete, and does chance keep what it promises?"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merch.engine.document import BanditRows, StrategyDoc
from merch.engine.ranking import Draw, Entrant, ReadyRows, order, ready, window_of
from tests.merch.engine.contests import PRIORITY, WEIGHTED, bandit, drawn_rows, entrants

HOUR = 3_600_000_000
SUBJECTS = 10_000
ROWS = ReadyRows(
    BanditRows(
        digest="worked",
        items=("a/a", "b/b", "c/c"),
        rows=((31_000, 24_000, 6_000), (19_000, 27_000, 11_000), (35_000, 20_000, 24_000), (28_000, 21_000, 9_000)),
    )
)
STRATEGIES = st.sampled_from([PRIORITY, WEIGHTED, StrategyDoc(kind="FORMULA"), bandit(), bandit(10_000)])


def draw(subject: str = "acc_1", slot: int = 0, window: int = 7) -> Draw:
    return Draw(subject, "home", slot, window)


def names(found: list[Entrant], strategy: StrategyDoc, at: Draw | None = None, rows: ReadyRows | None = None) -> str:
    return "".join(each.name[0] for each in order(found, strategy, at or draw(), rows).entrants)


def test_priority_keeps_the_arbitration_order() -> None:
    assert names(entrants(1, 9, 5), PRIORITY) == "abc"


def test_a_formula_ranks_by_score_then_place_and_the_missing_last() -> None:
    found = entrants(1, 1, 1, 1, 1, scores=[None, 2.0, -3.0, 2.0, None])

    assert names(found, StrategyDoc(kind="FORMULA")) == "bdcae"


def test_who_is_preferred_stands_first_whatever_the_score() -> None:
    one, other, third = entrants(1, 1, 1, scores=[1.0, 2.0, 3.0])

    assert names([one._replace(stratum=0), other._replace(stratum=1), third._replace(stratum=1)],
                 StrategyDoc(kind="FORMULA")) == "acb"  # fmt: skip


def test_a_category_competes_as_one_at_the_place_of_its_best_member() -> None:
    found = entrants(1, 1, 1, 1, scores=[2.0, 4.0, 3.0, 1.0])
    cheap = found[3]._replace(category="trial", inside=0)
    dear = found[1]._replace(category="trial", inside=1)

    assert names([found[0], dear, found[2], cheap], StrategyDoc(kind="FORMULA")) == "dbca"


def test_a_row_gives_its_order_and_its_scores() -> None:
    seen = Counter(names(entrants(1, 1, 1), bandit(), draw(f"acc_{n}"), ROWS) for n in range(400))
    ranked = order(entrants(1, 1, 1), bandit(), draw(), ROWS)

    assert set(seen) == {"abc", "bac", "acb"}
    assert tuple(ranked.scores[name] for name in ("a/a", "b/b", "c/c")) in {
        tuple(score / 1_000_000 for score in row) for row in ROWS.rows
    }


def test_who_stands_in_no_row_comes_after_those_who_do() -> None:
    found = [*entrants(1, 1, 1), Entrant("x/x", -1), Entrant("y/y", 9)]

    assert {names(found, bandit(), draw(f"acc_{n}"), ROWS)[3:] for n in range(100)} == {"xy"}


def test_equal_scores_of_a_row_are_ranked_by_place() -> None:
    rows = ReadyRows(BanditRows(digest="tied", items=("b/b", "a/a"), rows=((5, 5),)))

    assert names(entrants(1, 1), bandit(), rows=rows) == "ab"


@pytest.mark.parametrize("rows", [None, BanditRows(digest="", items=(), rows=())])
def test_a_bandit_without_rows_ranks_by_priority(rows: BanditRows | None) -> None:
    assert names(entrants(1, 5, 9), bandit(10_000), rows=ready(rows)) == "abc"


def test_the_floor_is_the_share_of_draws_that_explore() -> None:
    explored = sum(order(entrants(1, 1), bandit(1_000), draw(f"acc_{n}"), ROWS).explored for n in range(SUBJECTS))

    assert abs(explored - 1_000) < 4 * 30  # four standard errors


def test_a_weighted_draw_is_first_in_proportion_and_so_among_the_rest() -> None:
    seen = Counter(names(entrants(5, 3, 2), WEIGHTED, draw(f"acc_{n}")) for n in range(SUBJECTS))

    for ranking, expected in {
        "abc": 0.5 * 3 / 5, "acb": 0.5 * 2 / 5, "bac": 0.3 * 5 / 7, "bca": 0.3 * 2 / 7, "cab": 0.2 * 5 / 8,
        "cba": 0.2 * 3 / 8,
    }.items():  # fmt: skip
        assert abs(seen[ranking] / SUBJECTS - expected) < 4 * (expected * (1 - expected) / SUBJECTS) ** 0.5


def test_without_a_weight_one_comes_last() -> None:
    assert {names(entrants(0, 1, 0, 1), WEIGHTED, draw(f"acc_{n}"))[2:] for n in range(100)} == {"ac"}


def test_large_weights_share_as_small_ones_do() -> None:
    first = sum(names(entrants(30_000, 10_000), WEIGHTED, draw(f"acc_{n}")) == "ab" for n in range(SUBJECTS))

    assert abs(first / SUBJECTS - 0.75) < 4 * 0.00433


def test_another_slot_and_another_window_draw_anew() -> None:
    by_slot = {names(entrants(*[1] * 6), WEIGHTED, draw(slot=slot)) for slot in range(6)}
    by_window = {names(entrants(*[1] * 6), WEIGHTED, draw(window=window)) for window in range(6)}

    assert len(by_slot) > 4
    assert len(by_window) > 4


def test_within_a_window_a_retry_draws_the_same() -> None:
    hourly = StrategyDoc(kind="WEIGHTED", window=HOUR)

    assert window_of(hourly, 10 * HOUR) == window_of(hourly, 11 * HOUR - 1) == 10
    assert window_of(hourly, 11 * HOUR) == 11


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.data(), STRATEGIES, st.text(max_size=8))
def test_the_order_of_the_input_plays_no_part(
    weights: list[int], data: st.DataObject, strategy: StrategyDoc, subject: str
) -> None:
    scores = data.draw(
        st.lists(st.none() | st.integers(-2, 2).map(float), min_size=len(weights), max_size=len(weights))
    )
    categories = data.draw(st.lists(st.sampled_from(["", "x", "y"]), min_size=len(weights), max_size=len(weights)))
    found = [
        each._replace(category=category, inside=-each.place, stratum=each.weight % 2)
        for each, category in zip(entrants(*weights, scores=scores), categories, strict=True)
    ]
    rows = drawn_rows(["b/b", "a/a", "d/d"], count=20, coarse=5)

    assert names(found, strategy, draw(subject), rows) == names(
        data.draw(st.permutations(found)), strategy, draw(subject), rows
    )


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6), st.integers(1, 90), st.integers(0, 10_000))
def test_a_larger_weight_never_ranks_lower(weights: list[int], more: int, subject: int) -> None:
    before = names(entrants(*weights), WEIGHTED, draw(f"acc_{subject}"))
    after = names(entrants(weights[0] + more, *weights[1:]), WEIGHTED, draw(f"acc_{subject}"))

    assert after.index("a") <= before.index("a")


def test_draws_keep_their_golden_values() -> None:
    weighted = [names(entrants(5, 3, 2), WEIGHTED, draw(f"acc_{n}")) for n in range(6)]
    learned = [names(entrants(1, 1, 1), bandit(2_000), draw(f"acc_{n}"), ROWS) for n in range(6)]

    assert weighted == ["bca", "abc", "acb", "acb", "acb", "abc"]
    assert learned == ["abc", "bca", "bac", "bac", "cba", "abc"]
