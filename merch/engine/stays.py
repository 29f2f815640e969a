"""Where within one journey is a subject, and what moves it on?

The single steps of the walk in merch.engine.journeys: what time brings, what one event does to those inside.
"""

from __future__ import annotations

from merch.engine.facts import JourneyFact
from merch.engine.journeydoc import END, AnchorDoc, JourneyDoc, JourneyVersionDoc, StepDoc

COMPLETED = "completed"

Cells = tuple[str, ...]


class Stay:
    """A subject inside a journey, or after its last time there, while the walk goes on."""

    __slots__ = ("at", "entered", "known", "left", "since", "step", "version", "why")

    def __init__(self, version: int, entered: int) -> None:
        self.version = version
        self.entered = self.since = self.at = entered
        self.step = 0
        self.left = 0
        self.why = ""
        self.known = 0

    @classmethod
    def of(cls, fact: JourneyFact) -> Stay:
        stay = cls(fact.version, fact.entered)
        stay.at, stay.step, stay.since = fact.folded, fact.step, fact.since
        stay.left, stay.why, stay.known = fact.left, fact.why, fact.known
        return stay

    def leave(self, at: int, why: str) -> None:
        self.left, self.why = at, why


def opens_at(version: JourneyVersionDoc, stay: Stay | JourneyFact, position: int) -> int | None:
    """When a step opens; None while that is not known: it counts from one that has yet to be left."""
    step = version.steps[position]
    if step.since == "ENTRY":
        return max(stay.entered + step.after, stay.since)
    return stay.since + step.after if position == stay.step else None


def rests_until(journey: JourneyDoc, stay: Stay | JourneyFact) -> int:
    """Until when a left journey keeps its group's place."""
    return stay.left + _version(journey, stay).rest if stay.why == COMPLETED else stay.left


def enters_again(journey: JourneyDoc, stay: Stay | JourneyFact) -> int | None:
    """From when a left journey may be entered again; None: never."""
    return None if journey.re_entry is None else max(stay.left + journey.re_entry, rests_until(journey, stay))


def inside(journey: JourneyDoc, stay: Stay, at: int, cells: Cells) -> None:
    """One event, for somebody inside: an exit, or the open step's."""
    version = _version(journey, stay)
    out = next((cell for cell in version.exits if cell in cells), None)
    if out is not None:
        stay.leave(at, out)
        return
    if stay.step >= len(version.steps):
        return
    opens = opens_at(version, stay, stay.step)
    if opens is None or at < opens:
        return
    for step in standing_in(version, version.steps[stay.step]):
        for leave in step.leaves:
            if leave.cell in cells:
                _go(journey, stay, leave.to or version.steps[stay.step].then, at)
                return


def standing_in(version: JourneyVersionDoc, step: StepDoc) -> list[StepDoc]:
    """The step, and those that may stand in for it, in the order in which their rules are asked."""
    by_key = {each.key: each for each in version.steps}
    found = [step]
    while (other := by_key.get(found[-1].otherwise)) is not None and other not in found:
        found.append(other)
    return found


def _go(journey: JourneyDoc, stay: Stay, to: str, at: int) -> None:
    version = _version(journey, stay)
    if to == END:
        stay.leave(at, COMPLETED)
    else:
        stay.step, stay.since = _position(version, to) if to else stay.step + 1, at


def next_move(journey: JourneyDoc, stay: Stay) -> int:
    """The next instant at which time alone moves the stay; there is always one: its length passes."""
    version = _version(journey, stay)
    moves = [_ends_at(version, stay)]
    closes = closes_at(version, stay)
    if closes is not None:
        moves.append(closes)
    boundary = _boundary(journey, stay)
    if boundary is not None:
        moves.append(boundary.start_at)
    return min(moves)


def time_moves(journey: JourneyDoc, stay: Stay, at: int) -> None:
    """At one instant: the length, then a new version, then the step."""
    version = _version(journey, stay)
    boundary = _boundary(journey, stay)
    if at == _ends_at(version, stay):
        stay.leave(at, COMPLETED)
    elif boundary is not None and boundary.start_at == at:
        _cross(journey, stay, boundary)
    else:
        _go(journey, stay, version.steps[stay.step].then, at)


def _ends_at(version: JourneyVersionDoc, stay: Stay) -> int:
    """Its length is over; one that moved to a shorter version ends there."""
    return max(stay.entered + version.length, stay.at)


def closes_at(version: JourneyVersionDoc, stay: Stay | JourneyFact) -> int | None:
    """When the step that is open or waited for is left by time; None: not before the journey ends."""
    if stay.step >= len(version.steps):
        return None
    opens = opens_at(version, stay, stay.step)
    step = version.steps[stay.step]
    if opens is None:
        return None
    if step.closes is not None:
        return opens + step.closes
    follows = _position(version, step.then) if step.then not in ("", END) else stay.step + 1
    if step.then == END or follows >= len(version.steps) or version.steps[follows].since != "ENTRY":
        return None
    return max(opens, stay.entered + version.steps[follows].after)


def _boundary(journey: JourneyDoc, stay: Stay) -> JourneyVersionDoc | None:
    """The next version that moves out or over those who are inside: one that starts later, or that is news."""
    for position, version in enumerate(journey.versions):
        ahead = version.start_at > stay.at or position >= stay.known
        if version.number > stay.version and ahead and version.policy != "STAY":
            return version
    return None


def _cross(journey: JourneyDoc, stay: Stay, to: JourneyVersionDoc) -> None:
    before = _version(journey, stay)
    stay.at = max(stay.at, to.start_at)
    stay.known = max(stay.known, journey.versions.index(to) + 1)
    key = before.steps[stay.step].key if stay.step < len(before.steps) else None
    keys = [step.key for step in to.steps]
    if to.policy == "LEAVE" or (key is not None and key not in keys):
        stay.leave(to.start_at, f"version {to.number}")
        return
    stay.version = to.number
    stay.step = len(to.steps) if key is None else keys.index(key)


def version_at(journey: JourneyDoc, at: int) -> JourneyVersionDoc | None:
    """The version that takes an entry of this instant."""
    found = None
    for version in journey.versions:
        if version.start_at <= at:
            found = version
    return found


def numbered(journey: JourneyDoc, number: int) -> JourneyVersionDoc:
    return next(version for version in journey.versions if version.number == number)


def _version(journey: JourneyDoc, stay: Stay | JourneyFact) -> JourneyVersionDoc:
    return numbered(journey, stay.version)


def _position(version: JourneyVersionDoc, key: str) -> int:
    return next(position for position, step in enumerate(version.steps) if step.key == key)


def anchors(anchor: AnchorDoc, cells: Cells) -> bool:
    return anchor.kind == "EVENT" and anchor.cell in cells


def closed_since(journey: JourneyDoc, at: int) -> int | None:
    """Since when nobody may enter, of an instant at which nobody may."""
    return next((start for start, end in journey.closed if start <= at and (end is None or at < end)), None)
