"""Which moves may an experiment make from here?"""

from enum import StrEnum


class State(StrEnum):
    """Where an experiment stands. This is intention; who is in it also depends on its dated allocations."""

    DRAFT = "DRAFT"
    """Being written. Assigns nobody; everything may be edited."""
    RUNNING = "RUNNING"
    """Assigns subjects. Arms, weights, rule and salt change only with the version; ramps do not change it."""
    PAUSED = "PAUSED"
    """Assigns nobody for now; everybody gets what they would get without it. Exposure marks are kept."""
    STOPPED = "STOPPED"
    """Assigns nobody ever again. Open metric windows ripen, then somebody decides."""
    CONCLUDED = "CONCLUDED"
    """Read out and decided: the conclusion says which variant is shipped, or that none is. Final."""


MOVES: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.RUNNING}),
    State.RUNNING: frozenset({State.PAUSED, State.STOPPED}),
    State.PAUSED: frozenset({State.RUNNING, State.STOPPED}),
    # Not back to RUNNING: looks were taken and the error they may spend is gone. A clone starts a new plan.
    State.STOPPED: frozenset({State.CONCLUDED}),
    State.CONCLUDED: frozenset(),
}

ASSIGNING: frozenset[State] = frozenset({State.RUNNING})
"""States in which a release carries the experiment."""

HOLDS_BUCKETS: frozenset[State] = frozenset({State.RUNNING, State.PAUSED})
"""States in which nobody else of the layer may claim its buckets, not even those a down-ramp let go."""

FINAL: frozenset[State] = frozenset(state for state, onward in MOVES.items() if not onward)


class MoveRefusedError(Exception):
    """The experiment cannot go from its state to the one asked for. The sentence names the open ways."""

    def __init__(self, before: State, to: State) -> None:
        self.before = before
        self.to = to
        # In the order of State, so that the sentence never varies.
        open_ways = ", ".join(state for state in State if state in MOVES[before])
        if before is to:
            sentence = f"The experiment is already {before}."
        else:
            sentence = f"An experiment that is {before} cannot become {to}."
        if open_ways:
            hint = f"From {before} it may become: {open_ways}."
        else:
            hint = f"{before} is final; clone the experiment to test again."
        super().__init__(f"{sentence} {hint}")


def check_move(before: State, to: State) -> None:
    """Raise ``MoveRefusedError`` unless the move is in ``MOVES``. Staying put is a refused move too."""
    if to not in MOVES[before]:
        raise MoveRefusedError(before, to)
