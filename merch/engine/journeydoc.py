"""What does a release say about a journey? (Meaning, in prose and tables: docs/algorithms/journeys.md.)

Lengths are microseconds. A cell is named as in the history: "event|skip_limit|custom", "plan_group|main|conversion".
"""

from __future__ import annotations

from typing import Final, Literal

from merch.engine.plain import Doc, Rule

END: Final = "end"  # as a branch: the journey is over


class AnchorDoc(Doc, frozen=True, kw_only=True):
    """EVENT: the ``count``-th event of ``cell`` in a window. DATE: local midnight, ``days`` after the ``trait``."""

    kind: Literal["EVENT", "DATE"] = "EVENT"
    cell: str = ""
    count: int = 1
    window: int | None = None  # None: ever, unless ``local_day``
    local_day: bool = False
    trait: str = ""
    days: int = 0  # -30: thirty days before


class LeaveDoc(Doc, frozen=True, kw_only=True):
    """An event that leaves a step, and for which other; empty: as when time passes."""

    cell: str
    to: str = ""


class StepDoc(Doc, frozen=True, kw_only=True):
    """Opens ``after`` since the entry, or since the step before it was left; never before that one was left."""

    key: str
    after: int = 0
    since: Literal["ENTRY", "PREVIOUS"] = "ENTRY"
    closes: int | None = None  # after it opened; None: when the step after it opens, if that counts from the entry
    rule: Rule | None = None
    otherwise: str = ""  # the step that stands in while the rule does not hold
    leaves: tuple[LeaveDoc, ...] = ()
    then: str = ""  # empty: the next in order
    prefer: tuple[str, ...] = ()  # campaigns that go first in their tier
    suppress: tuple[str, ...] = ()  # "tier|COMMERCIAL", "domain|win-back", "campaign|spring"
    pin: int | None = None


class JourneyVersionDoc(Doc, frozen=True, kw_only=True):
    """Takes the entries from ``start_at`` until the next version's. ``policy``: what then happens to those inside."""

    number: int
    start_at: int
    anchor: AnchorDoc
    steps: tuple[StepDoc, ...]
    length: int
    rest: int = 0
    gate: Rule | None = None
    exits: tuple[str, ...] = ()  # cells
    exit_rule: Rule | None = None
    policy: Literal["STAY", "MOVE", "LEAVE"] = "STAY"
    audiences: dict[str, Rule | None] = {}


class JourneyDoc(Doc, frozen=True, kw_only=True):
    """A journey with all its versions, in order: marks of years ago still have theirs."""

    key: str
    versions: tuple[JourneyVersionDoc, ...]
    re_entry: int | None = None  # after leaving; None: once in a lifetime
    group: str = ""  # a subject is in at most one of a group
    priority: int = 0
    closed: tuple[tuple[int, int | None], ...] = ()  # in these nobody enters
