"""What can be done with an experiment, by whom, and what is written down about it?

The only writers of state, version and allocations. Each verb is one transaction: lock the row, check the move, write
the history. A verb that is not carried out raises ``Refused`` with every reason. ``by`` is the person who does it, None
the platform itself; ``now`` is an aware UTC moment. Shares of a layer are in buckets of 10,000.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from experiments import claims, readiness
from experiments.draws import draw as draw
from experiments.draws import end_draws as end_draws
from experiments.draws import grow as grow
from experiments.lifecycle import FINAL, HOLDS_BUCKETS, MoveRefusedError, State, check_move
from experiments.models import BUCKETS, Experiment
from experiments.problems import Problem, Refused, refuse_if
from experiments.recording import REDESIGNED, STARTED, Values, may, note, plan, standing
from experiments.recording import design as design

DESIGN_FIELDS = frozenset({"assignment", "layer", "salt", "rule"})
"""Fields of the experiment that, like its variants, may be edited only where ``may_redesign`` says so."""
PLAN_FIELDS = frozenset({"planned_subjects"})
"""Fields that are frozen by the start: nobody chooses the end of a test with its result in view."""

_REDESIGNABLE = frozenset({State.DRAFT, State.PAUSED})


@transaction.atomic
def start(
    experiment: Experiment, buckets: int | None = None, *, by: User | None, now: datetime, why: str = ""
) -> Experiment:
    """Let it assign subjects from ``buckets`` of its layer; an experiment assigned elsewhere takes none."""
    row = _locked(experiment)
    refuse_if([*may(by, row), *_move_problems(row, State.RUNNING, State.DRAFT), *readiness.problems(row)])
    external = row.assignment == Experiment.AssignedBy.EXTERNAL
    refuse_if(_share_problems(buckets, external=external, least=1))
    before = standing(row)
    row.salt = row.salt or f"exp:{row.key}:{row.version}"
    row.state, row.started_at = State.RUNNING, now
    row.save(update_fields=["salt", "state", "started_at"])
    if buckets is not None:
        claims.resize(row, buckets, now=now)
    note(row, STARTED, before, standing(row) | plan(row), by=by, now=now, why=why)
    return row


@transaction.atomic
def ramp(experiment: Experiment, buckets: int, *, by: User | None, now: datetime, why: str = "") -> Experiment:
    """Let more subjects in, or fewer. Nobody changes arm by it; who was exposed stays when it shrinks."""
    row = _locked(experiment)
    external = row.assignment == Experiment.AssignedBy.EXTERNAL
    refuse_if([*may(by, row), *_ramp_problems(row), *_share_problems(buckets, external=external, least=0)])
    before = standing(row)
    claims.resize(row, buckets, now=now)
    note(row, "ramped", before, standing(row), by=by, now=now, why=why)
    return row


@transaction.atomic
def pause(experiment: Experiment, *, by: User | None, now: datetime, why: str = "") -> Experiment:
    """Assign nobody for now. It keeps its buckets, so that nobody else takes them meanwhile."""
    return _moved(experiment, State.PAUSED, "paused", by=by, now=now, why=why)


@transaction.atomic
def resume(experiment: Experiment, *, by: User | None, now: datetime, why: str = "") -> Experiment:
    """Go on, with the arms as they are now; whatever made it unready meanwhile refuses."""
    row = _locked(experiment)
    refuse_if([*may(by, row), *_move_problems(row, State.RUNNING, State.PAUSED), *readiness.problems(row)])
    if row.assignment == Experiment.AssignedBy.OWN:
        claims.refuse_shared_buckets(row)
    return _moved(row, State.RUNNING, "resumed", by=by, now=now, why=why)


@transaction.atomic
def stop(experiment: Experiment, *, by: User | None, now: datetime, why: str = "") -> Experiment:
    """Assign nobody ever again and free its buckets. Windows that are open ripen; then somebody concludes."""
    row = _locked(experiment)
    refuse_if([*may(by, row), *_move_problems(row, State.STOPPED)])
    before = standing(row)
    if row.layer_id is not None:
        claims.release(row, now=now)
    row.state, row.ended_at = State.STOPPED, now
    row.save(update_fields=["state", "ended_at"])
    note(row, "stopped", before, standing(row), by=by, now=now, why=why)
    return row


@transaction.atomic
def conclude(experiment: Experiment, conclusion: str, *, by: User | None, now: datetime, why: str = "") -> Experiment:
    """Write down which variant is shipped, or that none is, and why. Final."""
    row = _locked(experiment)
    empty = [] if conclusion.strip() else [_NO_CONCLUSION]
    refuse_if([*may(by, row), *_move_problems(row, State.CONCLUDED), *empty])
    before = standing(row)
    row.state, row.conclusion = State.CONCLUDED, conclusion.strip()
    row.save(update_fields=["state", "conclusion"])
    note(row, "concluded", before, standing(row), by=by, now=now, why=why)
    return row


@transaction.atomic
def arms_edited(experiment: Experiment, before: Values, *, by: User | None, now: datetime, why: str = "") -> Experiment:
    """Call it after an edit of arms, weights, rule or salt, in the same transaction, so that a refusal undoes the edit.

    ``before`` is what ``design`` said before the edit. A changed design is a new version: nobody's mark of the old one
    counts, and it is read out by itself. While it runs nothing may change: arms would no longer compare.
    """
    row = _locked(experiment)
    after = design(row)
    if after == before:
        return row
    refuse_if([*may(by, row), *_edit_problems(row, before, after)])
    old = row.version
    row.version = old + 1
    row.save(update_fields=["version"])
    note(
        row,
        REDESIGNED,
        {"version": old, "design": before},
        {"version": row.version, "design": after},
        by=by,
        now=now,
        why=why,
    )
    return row


@transaction.atomic
def arms_ranked_otherwise(
    experiment: Experiment, before: Values, after: Values, *, by: User | None, now: datetime, why: str = ""
) -> Experiment:
    """The same for what is written elsewhere: how the arms of a placement experiment rank, before and after."""
    row = _locked(experiment)
    if after == before or State(row.state) == State.DRAFT:
        return row
    refuse_if([*may(by, row), *_frozen(State(row.state))])
    old = row.version
    row.version = old + 1
    row.save(update_fields=["version"])
    then, now_is = {"version": old, "design": before}, {"version": row.version, "design": after}
    note(row, REDESIGNED, then, now_is, by=by, now=now, why=why)
    return row


def may_redesign(experiment: Experiment) -> bool:
    """Whether arms, weights, rule and salt are open for editing (forms ask before they show fields)."""
    return State(experiment.state) in _REDESIGNABLE


_NO_CONCLUSION = Problem(
    "experiment.conclusion", "The conclusion is empty.", "Say which variant is shipped, or that none is, and why."
)


def _locked(experiment: Experiment) -> Experiment:
    # Lock first: two people pressing a button must not both succeed.
    return Experiment.objects.select_for_update().get(pk=experiment.pk)


def _move_problems(row: Experiment, to: State, only_from: State | None = None) -> Iterator[Problem]:
    """Drafts and paused experiments both come to run, by different verbs: a paused one is not started again."""
    before = State(row.state)
    try:
        check_move(before, to)
    except MoveRefusedError as refused:
        sentence, _, hint = str(refused).partition(". ")
        yield Problem("experiment.move", f"{sentence}.", hint)
        return
    if only_from not in (None, before):
        yield Problem("experiment.move", f"It is {before}, not {only_from}.", "Start a draft once; then resume it.")


def _share_problems(buckets: int | None, *, external: bool, least: int) -> Iterator[Problem]:
    if external and buckets is not None:
        yield Problem("experiment.external", "It was assigned elsewhere, so it takes no share.", "Leave the share out.")
    elif not external and (buckets is None or not least <= buckets <= BUCKETS):
        given = "none" if buckets is None else buckets
        hint = f"Give {least} to {BUCKETS:,} buckets; 100 are one percent of the layer."
        yield Problem("experiment.share", f"The share of the layer is {given}.", hint)


def _ramp_problems(row: Experiment) -> Iterator[Problem]:
    if State(row.state) not in HOLDS_BUCKETS:
        yield Problem(
            "experiment.ramp", f"It is {row.state}.", "Only running and paused experiments change their share."
        )


def _edit_problems(row: Experiment, before: Values, after: Values) -> Iterator[Problem]:
    yield from _frozen(State(row.state))
    moved = [name for name in ("layer", "assignment") if before.get(name) != after[name]]
    if moved and row.started_at is not None:
        sentence = f"It has been started; its {' and '.join(moved)} stays."
        yield Problem("experiment.layer_fixed", sentence, "Clone it into another layer.")


def _frozen(state: State) -> Iterator[Problem]:
    if state not in _REDESIGNABLE:
        hint = (
            "Clone it to test again." if state in FINAL | {State.STOPPED} else "Pause it first, then edit and resume."
        )
        yield Problem("experiment.frozen", f"It is {state}; its arms, weights, rule and salt are frozen.", hint)


def _moved(experiment: Experiment, to: State, verb: str, *, by: User | None, now: datetime, why: str) -> Experiment:
    row = _locked(experiment)
    refuse_if([*may(by, row), *_move_problems(row, to)])
    before = standing(row)
    row.state = to
    row.save(update_fields=["state"])
    note(row, verb, before, standing(row), by=by, now=now, why=why)
    return row


__all__ = [
    "DESIGN_FIELDS",
    "PLAN_FIELDS",
    "Refused",
    "arms_edited",
    "arms_ranked_otherwise",
    "conclude",
    "design",
    "draw",
    "end_draws",
    "grow",
    "may_redesign",
    "pause",
    "ramp",
    "resume",
    "start",
    "stop",
]
