"""Does the table of moves say what its words promise?"""

from itertools import pairwise

import pytest

from experiments.lifecycle import ASSIGNING, FINAL, HOLDS_BUCKETS, MOVES, MoveRefusedError, State, check_move


@pytest.mark.parametrize(
    "history",
    [
        pytest.param((State.DRAFT, State.RUNNING, State.STOPPED, State.CONCLUDED), id="plain"),
        pytest.param((State.DRAFT, State.RUNNING, State.PAUSED, State.RUNNING, State.STOPPED), id="interrupted"),
        pytest.param((State.DRAFT, State.RUNNING, State.PAUSED, State.STOPPED), id="given-up"),
    ],
)
def test_an_ordinary_history_is_allowed(history: tuple[State, ...]) -> None:
    for before, to in pairwise(history):
        check_move(before, to)


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("to", State)
def test_every_other_move_is_refused(before: State, to: State) -> None:
    if to in MOVES[before]:
        return

    with pytest.raises(MoveRefusedError) as refusal:
        check_move(before, to)

    assert (refusal.value.before, refusal.value.to) == (before, to)


def test_a_refusal_names_the_ways_that_are_open() -> None:
    with pytest.raises(MoveRefusedError) as refusal:
        check_move(State.RUNNING, State.CONCLUDED)

    assert str(refusal.value) == (
        "An experiment that is RUNNING cannot become CONCLUDED. From RUNNING it may become: PAUSED, STOPPED."
    )


def test_a_refusal_from_a_final_state_says_that_it_is_final() -> None:
    with pytest.raises(MoveRefusedError, match="CONCLUDED is final; clone the experiment"):
        check_move(State.CONCLUDED, State.CONCLUDED)


def test_every_state_is_in_the_table_and_reachable_from_a_draft() -> None:
    reached = {State.DRAFT}
    for _ in State:
        reached |= {to for before in reached for to in MOVES[before]}

    assert set(MOVES) == reached == set(State)


def test_only_states_that_can_still_run_hold_buckets() -> None:
    assert ASSIGNING <= HOLDS_BUCKETS
    assert not HOLDS_BUCKETS & FINAL
    assert {State.CONCLUDED} == FINAL
