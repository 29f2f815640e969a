"""Is the probability of each outcome what it says: does it add up, and do hashed subjects come out so?"""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merch.engine.document import BanditRows, StrategyDoc
from merch.engine.propensity import EMPTY, Contender, Entered, Outcome, Round, distribution
from merch.engine.ranking import Entrant, ReadyRows
from tests.merch.engine.contests import HALVES, PRIORITY, WEIGHTED, bandit, counted, drawn_rows, entrants

SUBJECTS = 10_000
FORMULA = StrategyDoc(kind="FORMULA")
A, B, C = (("a/a", None), ("b/b", None), ("c/c", None))
WORKED = ReadyRows(
    BanditRows(
        digest="worked",
        items=("a/a", "b/b", "c/c"),
        rows=((31_000, 24_000, 6_000), (19_000, 27_000, 11_000), (35_000, 20_000, 24_000), (28_000, 21_000, 9_000)),
    )
)
ROWS = drawn_rows([f"{letter}/{letter}" for letter in "hgfedcba"], count=200)
TIED = drawn_rows([f"{letter}/{letter}" for letter in "cadb"], count=100, coarse=4)


def plain(*weights: int) -> list[Contender]:
    return [Contender(each) for each in entrants(*weights)]


def told(found: dict[Outcome, float], expected: dict[Outcome, float]) -> bool:
    return found.keys() == expected.keys() and all(isclose(found[key], expected[key]) for key in expected)


def test_one_order_gives_the_first_everything() -> None:
    assert distribution([Round(plain(1, 1), PRIORITY)]) == {A: 1.0}


def test_nobody_leaves_the_slot_empty() -> None:
    assert distribution([]) == distribution([Round([], WEIGHTED)]) == {EMPTY: 1.0}


def test_a_lottery_shares_by_weight() -> None:
    assert told(distribution([Round(plain(5, 3, 2), WEIGHTED)]), {A: 0.5, B: 0.3, C: 0.2})


def test_who_is_gone_leaves_its_share_to_the_others() -> None:
    first, *others = plain(5, 3, 2)

    assert told(distribution([Round([first._replace(gone=True), *others], WEIGHTED)]), {B: 0.6, C: 0.4})


def test_the_worked_table_of_the_documentation() -> None:
    a, b, c = plain(1, 1, 1)
    b = b._replace(test=Entered("copy", HALVES))

    found = distribution([Round([a, b, c], bandit(1_000), WORKED)])

    assert told(
        found,
        {
            A: 0.9 * 0.875 + 0.1 * (1 / 6 + 1 / 4),
            ("b/b", "a"): 0.9 * 0.125 + 0.1 / 6,
            C: 0.1 * (1 / 6 + 1 / 4),
        },
    )
    assert [round(found[key], 6) for key in (A, ("b/b", "a"), C)] == [0.829167, 0.129167, 0.041667]


def test_an_arm_that_shows_nothing_gives_the_slot_to_the_next() -> None:
    a, b = plain(1, 1)
    arms = (("x", 0.2, True), ("y", 0.3, True), ("none", 0.5, False))

    found = distribution([Round([a._replace(test=Entered("t", arms)), b], PRIORITY)])

    assert told(found, {("a/a", "x"): 0.2, ("a/a", "y"): 0.3, B: 0.5})


def test_candidates_of_one_experiment_share_its_draw() -> None:
    a, b, c = plain(1, 1, 1)
    test = Entered("t", HALVES)

    together = distribution([Round([a._replace(test=test), b._replace(test=test), c], PRIORITY)])
    apart = distribution([Round([a._replace(test=test), b._replace(test=Entered("other", HALVES)), c], PRIORITY)])

    assert told(together, {("a/a", "a"): 0.5, C: 0.5})
    assert told(apart, {("a/a", "a"): 0.5, ("b/b", "a"): 0.25, C: 0.25})


def test_a_shared_arm_may_show_one_and_hide_the_other() -> None:
    a, b = plain(1, 1)
    one = Entered("t", (("x", 0.3, True), ("y", 0.7, False)))
    other = Entered("t", (("x", 0.3, False), ("y", 0.7, True)))

    found = distribution([Round([a._replace(test=one), b._replace(test=other)], WEIGHTED)])

    assert told(found, {("a/a", "x"): 0.3, ("b/b", "y"): 0.7})


def test_what_a_tier_leaves_goes_to_the_next_and_nothing_by_design_takes_it() -> None:
    a, b, c = plain(1, 1, 1)
    rounds = [
        Round([a._replace(test=Entered("t", HALVES))], WEIGHTED),
        Round([b._replace(empty=True, test=Entered("u", HALVES))], PRIORITY),
        Round([c], PRIORITY),
    ]

    assert told(distribution(rounds), {("a/a", "a"): 0.5, EMPTY: 0.25, C: 0.25})


def test_a_category_draws_as_one_and_gives_to_its_cheapest() -> None:
    a, b, c = plain(5, 3, 2)
    one = a._replace(entrant=a.entrant._replace(category="x", inside=1))
    other = b._replace(entrant=b.entrant._replace(category="x", inside=0))

    assert told(distribution([Round([one, other, c], WEIGHTED)]), {B: 0.8, C: 0.2})
    assert told(distribution([Round([one, other._replace(gone=True), c], WEIGHTED)]), {A: 0.8, C: 0.2})


def test_items_without_an_entry_come_after_those_with_one() -> None:
    x, a = Contender(Entrant("x/x", -1)), plain(1)[0]._replace(test=Entered("t", HALVES))

    assert told(distribution([Round([x, a], bandit(), WORKED)]), {("a/a", "a"): 0.5, ("x/x", None): 0.5})


def entered(key: str, shows: Sequence[bool]) -> Entered:
    return Entered(key, tuple(zip(("x", "y", "z"), (0.25, 0.5, 0.25), shows, strict=True)))


TESTS = st.none() | st.builds(entered, st.sampled_from("stuv"), st.tuples(st.booleans(), st.booleans(), st.booleans()))


@st.composite
def contests(draw: st.DrawFn) -> list[Round]:
    letters = iter("abcdefghijkl")
    rounds = []
    for _ in range(draw(st.integers(1, 3))):
        contenders = [
            Contender(
                Entrant(
                    f"{letter}/{letter}", place, draw(st.integers(0, 4)),
                    draw(st.none() | st.integers(-2, 2).map(float)), draw(st.integers(0, 1)),
                    draw(st.sampled_from(["", "", "x", "y"])), draw(st.integers(0, 2)),
                ),
                draw(TESTS), draw(st.integers(0, 5)) == 0, draw(st.integers(0, 9)) == 0,
            )
            for place, letter in zip(range(draw(st.integers(0, 4))), letters, strict=False)
        ]  # fmt: skip
        strategy = draw(st.sampled_from([PRIORITY, WEIGHTED, FORMULA, bandit(), bandit(2_500), bandit(10_000)]))
        rounds.append(Round(contenders, strategy, draw(st.sampled_from([None, ROWS, TIED]))))
    return rounds


@given(contests())
@settings(max_examples=400)
def test_the_probabilities_of_any_contest_add_up_to_one(rounds: list[Round]) -> None:
    found = distribution(rounds)

    assert abs(sum(found.values()) - 1) < 1e-12
    assert all(-1e-15 < probability <= 1 + 1e-12 for probability in found.values())


@given(contests())
@settings(max_examples=150, deadline=None)
def test_what_a_subject_gets_was_probable(rounds: list[Round]) -> None:
    found = distribution(rounds)
    seen = counted(rounds, 60)

    assert all(found.get(each, 0.0) > 0 for each in seen)
    assert all(seen[each] for each, probability in found.items() if probability > 1 - 1e-9)


def entering(found: list[Contender], **tests: Entered) -> list[Contender]:
    return [each._replace(test=tests.get(each.entrant.name[0])) for each in found]


MANY = (
    pytest.param([Round(plain(5, 3, 2, 1), WEIGHTED)], id="weighted"),
    pytest.param(
        [Round(entering(plain(5, 3, 2, 1), a=Entered("t", HALVES), c=Entered("u", HALVES)), WEIGHTED)],
        id="weighted-with-nothing",
    ),
    pytest.param(
        [
            Round(entering(plain(5, 3), a=Entered("t", HALVES), b=Entered("t", HALVES)), WEIGHTED),
            Round([Contender(each._replace(name=f"2{each.name}")) for each in entrants(1, 2)], WEIGHTED),
        ],
        id="two-tiers-one-experiment",
    ),
    pytest.param([Round(plain(*[1] * 8), bandit(), ROWS)], id="rows"),
    pytest.param([Round(plain(*[1] * 4), bandit(), TIED)], id="rows-with-ties"),
    pytest.param(
        [Round(entering(plain(*[1] * 6), h=Entered("t", HALVES), f=Entered("t", HALVES)), bandit(1_500), ROWS)],
        id="rows-floor-and-nothing",
    ),
    pytest.param(
        [
            Round(
                [
                    each._replace(entrant=each.entrant._replace(category="x" if at % 2 else "", inside=-at))
                    for at, each in enumerate(entering(plain(1, 4, 2, 3, 1), d=Entered("t", HALVES)))
                ],
                strategy,
                ROWS,
            )
            for strategy in (WEIGHTED,)
        ],
        id="weighted-category",
    ),
    pytest.param(
        [
            Round(
                [
                    each._replace(entrant=each.entrant._replace(category="x" if at % 2 else "", inside=-at))
                    for at, each in enumerate(entering(plain(*[1] * 8), h=Entered("t", HALVES)))
                ],
                bandit(3_000),
                ROWS,
            )
        ],
        id="bandit-category",
    ),
)


@pytest.mark.parametrize("rounds", MANY)
def test_hashed_subjects_come_out_as_probable(rounds: list[Round]) -> None:
    found = distribution(rounds)
    seen = counted(rounds, SUBJECTS)

    assert set(seen) <= set(found)
    assert chi_square(seen, found) < bound(len(found) - 1)


def chi_square(seen: dict[Outcome, int], found: dict[Outcome, float]) -> float:
    total = sum(seen.values())
    return sum(
        (seen.get(each, 0) - total * probability) ** 2 / (total * probability) for each, probability in found.items()
    )


def bound(freedom: int) -> float:
    """Chance goes above it once in a thousand (Wilson and Hilferty). The hashes are fixed: it holds or it does not."""
    return freedom * (1 - 2 / (9 * freedom) + 3.09 * sqrt(2 / (9 * freedom))) ** 3


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6), st.integers(1, 90), st.lists(st.booleans(), min_size=6))
def test_a_larger_weight_never_lowers_the_probability(weights: Sequence[int], more: int, tests: Sequence[bool]) -> None:
    def first(weight: int) -> float:
        contenders = [
            each._replace(test=Entered(each.entrant.name, HALVES) if test else None)
            for each, test in zip(plain(weight, *weights[1:]), tests, strict=False)
        ]
        found = distribution([Round(contenders, WEIGHTED)])
        return found.get(A, 0.0) + found.get(("a/a", "a"), 0.0)

    assert first(weights[0] + more) >= first(weights[0]) - 1e-12


@given(contests(), st.data())
@settings(max_examples=100)
def test_the_order_of_the_input_plays_no_part(rounds: list[Round], data: st.DataObject) -> None:
    shuffled = [each._replace(contenders=data.draw(st.permutations(each.contenders))) for each in rounds]

    one, other = distribution(rounds), distribution(shuffled)

    assert all(isclose(one.get(each, 0.0), other.get(each, 0.0), abs_tol=1e-12) for each in one.keys() | other.keys())


def test_many_experiments_that_may_show_nothing_stay_exact() -> None:
    weights = [1 + at % 5 for at in range(20)]
    contenders = [each._replace(test=Entered(f"t{at}", HALVES)) for at, each in enumerate(plain(*weights))]

    for strategy in (PRIORITY, WEIGHTED):
        found = distribution([Round(contenders, strategy)])

        assert isclose(found[EMPTY], 0.5**20)
        assert abs(sum(found.values()) - 1) < 1e-12
