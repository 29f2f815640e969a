"""Does the table of moves say what its words promise?"""

from itertools import pairwise

import pytest

from campaigns.lifecycle import MOVES, MoveRefused, State, check_move


@pytest.mark.parametrize(
    "history",
    [
        pytest.param("DRAFT IN_REVIEW APPROVED LIVE ENDED", id="plain"),
        pytest.param("DRAFT IN_REVIEW DRAFT IN_REVIEW APPROVED DRAFT", id="sent-back"),
        pytest.param("APPROVED LIVE PAUSED LIVE PAUSED ENDED", id="interrupted"),
    ],
)
def test_an_ordinary_history_is_allowed(history: str) -> None:
    for before, to in pairwise(history.split()):
        check_move(State(before), State(to))


@pytest.mark.parametrize("to", State)
@pytest.mark.parametrize("before", State)
def test_every_other_move_is_refused(before: State, to: State) -> None:
    if to in MOVES[before]:
        return

    with pytest.raises(MoveRefused) as refused:
        check_move(before, to)

    assert (refused.value.before, refused.value.to) == (before, to)


def test_nothing_is_live_without_approval() -> None:
    assert {before for before, onward in MOVES.items() if State.LIVE in onward} == {State.APPROVED, State.PAUSED}
    assert {before for before, onward in MOVES.items() if State.APPROVED in onward} == {State.IN_REVIEW}
