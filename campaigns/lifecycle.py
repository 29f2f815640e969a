"""Which moves may a campaign's intention make?"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What people intend; whether the flight has begun or ended is derived from the clock, never stored."""

    DRAFT = "DRAFT"
    IN_REVIEW = "IN_REVIEW"
    APPROVED = "APPROVED"
    LIVE = "LIVE"
    PAUSED = "PAUSED"
    ENDED = "ENDED"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        """For form and model fields."""
        return [(state.value, state.value.replace("_", " ").capitalize()) for state in cls]


MOVES: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.IN_REVIEW}),
    State.IN_REVIEW: frozenset({State.DRAFT, State.APPROVED}),
    State.APPROVED: frozenset({State.DRAFT, State.LIVE}),
    State.LIVE: frozenset({State.PAUSED, State.ENDED}),
    State.PAUSED: frozenset({State.LIVE, State.ENDED}),
    State.ENDED: frozenset(),
}


class MoveRefused(Exception):
    """A move that the lifecycle does not know; names both states and the moves that are open."""

    def __init__(self, before: State, to: State) -> None:
        allowed = ", ".join(sorted(MOVES[before])) or "none: it is final"
        super().__init__(f"A campaign cannot go from {before} to {to}. Open moves: {allowed}.")
        self.before = before
        self.to = to


def check_move(before: State, to: State) -> None:
    """Raise MoveRefused unless ``before -> to`` is an allowed move."""
    if to not in MOVES[before]:
        raise MoveRefused(before, to)
