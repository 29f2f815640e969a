"""Where did the events of a subject leave it in its journeys?

Folding, as docs/algorithms/journeys.md tells it: one walk through events and through the instants that time brings.
Journeys of one group are walked together (a *unit*). Events in any order of arrival leave the same marks, because
whoever folds one that is not the newest folds them all again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from merch.engine.clock import DAY, local_day_at, resolve
from merch.engine.document import ZoneTable
from merch.engine.facts import JourneyFact
from merch.engine.journeydoc import AnchorDoc, JourneyDoc, JourneyVersionDoc
from merch.engine.stays import (
    Stay,
    anchors,
    closed_since,
    enters_again,
    inside,
    next_move,
    numbered,
    rests_until,
    time_moves,
    version_at,
)

Unit = tuple[JourneyDoc, ...]  # the highest priority first

SUPERSEDED = "superseded"


class Happening(NamedTuple):
    """One event as journeys see it; sorted as a tuple: instant, then the event's own name."""

    at: int
    name: tuple[str, str]  # source, id
    cells: tuple[str, ...]


class Surroundings(NamedTuple):
    """What a fold needs of the record beside events: its zone, and the entries that its dates give."""

    zone: ZoneTable
    dates: Mapping[str, tuple[int, int]] = {}  # journey -> (version, instant)


def units_of(journeys: Iterable[JourneyDoc]) -> tuple[Unit, ...]:
    """Journeys that must be folded together; one without a group stands alone."""
    found: dict[str, list[JourneyDoc]] = {}
    for each in sorted(journeys, key=lambda journey: (-journey.priority, journey.key)):
        found.setdefault(f"group {each.group}" if each.group else f"journey {each.key}", []).append(each)
    return tuple(tuple(unit) for _, unit in sorted(found.items()))


def surroundings(unit: Unit, traits: Mapping[str, Sequence[Any]], zone: ZoneTable) -> Surroundings:
    """``traits``: name -> (stored value, observed-at)."""
    dates = {journey.key: entry for journey in unit if (entry := date_entry(journey, traits, zone)) is not None}
    return Surroundings(zone, dates)


def date_entry(journey: JourneyDoc, traits: Mapping[str, Sequence[Any]], zone: ZoneTable) -> tuple[int, int] | None:
    """(version, instant) that a date of the subject gives: of the newest version that takes its own instant."""
    for position in range(len(journey.versions) - 1, -1, -1):
        version = journey.versions[position]
        known = traits.get(version.anchor.trait) if version.anchor.kind == "DATE" else None
        if known is None or not isinstance(known[0], int):
            continue
        at = resolve(zone, (known[0] + version.anchor.days) * DAY, last=False)
        if version_at(journey, at) is version and closed_since(journey, at) is None:
            return version.number, at
    return None


def listens(unit: Unit) -> frozenset[str]:
    """Every cell whose events can move a mark of the unit."""
    return frozenset(cell for journey in unit for version in journey.versions for cell in _cells(version))


def _cells(version: JourneyVersionDoc) -> Iterable[str]:
    if version.anchor.kind == "EVENT":
        yield version.anchor.cell
    yield from version.exits
    for step in version.steps:
        for leave in step.leaves:
            yield leave.cell


def refold(unit: Unit, happenings: Iterable[Happening], around: Surroundings) -> dict[str, JourneyFact]:
    """The unit's marks after everything that happened, whatever the order in which it is given."""
    heard = listens(unit)
    walk = Walk(unit, {}, around)
    for happening in sorted(happenings):
        if not heard.isdisjoint(happening.cells):
            walk.meet(happening)
    return walk.facts()


def fold(
    unit: Unit, facts: Mapping[str, JourneyFact], fresh: Iterable[Happening], around: Surroundings
) -> dict[str, JourneyFact] | None:
    """The unit's marks after new events; None where that takes all events of the subject (``refold``)."""
    heard = listens(unit)
    marks = {journey.key: facts[journey.key] for journey in unit if journey.key in facts}
    for happening in sorted(fresh):
        if heard.isdisjoint(happening.cells):
            continue
        if any(_needs_all(journey, marks.get(journey.key), happening, around) for journey in unit):
            return None
        if any(not fact.left for fact in marks.values()):
            walk = Walk(unit, marks, around)
            walk.meet(happening)
            marks = walk.facts()
    return marks


def _needs_all(journey: JourneyDoc, fact: JourneyFact | None, happening: Happening, around: Surroundings) -> bool:
    """Whether this event cannot be folded alone: it is late or counts toward an entry, or versions or dates are new."""
    date = around.dates.get(journey.key)
    if date is not None and date[1] <= happening.at and (fact is None or fact.entered != date[1]):
        return True
    if fact is not None:
        late = happening.at <= max(fact.folded, fact.left)
        if late or fact.known != len(journey.versions) or _is_void(journey, fact, around):
            return True
        if not fact.left:
            return False
    return any(anchors(version.anchor, happening.cells) for version in journey.versions)


def _is_void(journey: JourneyDoc, fact: JourneyFact, around: Surroundings) -> bool:
    """Whether the version is gone, or the date that began the stay is another one now."""
    version = next((each for each in journey.versions if each.number == fact.version), None)
    if version is None:
        return True
    date = around.dates.get(journey.key)
    return version.anchor.kind == "DATE" and (date is None or date[1] != fact.entered)


class Walk:
    """One subject in one unit, walked through time."""

    def __init__(self, unit: Unit, facts: Mapping[str, JourneyFact], around: Surroundings) -> None:
        self._unit = unit
        self._around = around
        self._counted: dict[str, list[int]] = {}
        self.stays = {
            journey.key: Stay.of(facts[journey.key])
            for journey in unit
            if journey.key in facts and not _is_void(journey, facts[journey.key], around)
        }

    def facts(self) -> dict[str, JourneyFact]:
        return {
            journey.key: JourneyFact(
                stay.at, stay.version, stay.entered, stay.step, stay.since, stay.left, stay.why, len(journey.versions)
            )
            for journey in self._unit
            if (stay := self.stays.get(journey.key)) is not None
        }

    def meet(self, happening: Happening) -> None:
        """Time up to the event, then the event."""
        self.pass_time(happening.at)
        for journey in self._unit:
            stay = self.stays.get(journey.key)
            if stay is not None and not stay.left:
                stay.at = happening.at
                inside(journey, stay, happening.at, happening.cells)
            elif self._completes(journey, happening):
                self._enter(journey, version_at(journey, happening.at), happening.at)

    def pass_time(self, until: int) -> None:
        """Everything that time alone brings, up to and at ``until``."""
        while (due := self._due(until)) is not None:
            at, _, journey = due
            stay = self.stays.get(journey.key)
            date = self._around.dates.get(journey.key)
            if date is not None and date[1] == at and (stay is None or stay.entered != at):
                self._enter(journey, numbered(journey, date[0]), at)
            elif stay is not None:
                time_moves(journey, stay, at)

    def _due(self, until: int) -> tuple[int, int, JourneyDoc] | None:
        """The earliest instant at which something moves; at one instant the higher priority goes first."""
        found = []
        for rank, journey in enumerate(self._unit):
            stay = self.stays.get(journey.key)
            at = self._date_due(journey, stay)
            if at is None and stay is not None and not stay.left:
                at = next_move(journey, stay)
            if at is not None and at <= until:
                found.append((at, rank, journey))
        return min(found, key=lambda due: due[:2], default=None)

    def _date_due(self, journey: JourneyDoc, stay: Stay | None) -> int | None:
        date = self._around.dates.get(journey.key)
        if date is None or (stay is not None and stay.entered == date[1]):
            return None
        return date[1] if self._free(journey, date[1]) else None

    def _completes(self, journey: JourneyDoc, happening: Happening) -> bool:
        """Whether this event is the last that an entry needs. Outside it counts, whether or not it lets anybody in."""
        version = version_at(journey, happening.at)
        counted = self._count(journey, happening)
        if version is None or not anchors(version.anchor, happening.cells):
            return False
        near = [at for at in counted if self._within(version.anchor, at, happening.at)]
        return (
            len(near) >= version.anchor.count
            and closed_since(journey, happening.at) is None
            and _may_return(journey, self.stays.get(journey.key), happening.at)
            and self._free(journey, happening.at)
        )

    def _count(self, journey: JourneyDoc, happening: Happening) -> list[int]:
        """The newest instants that count, as many as any version asks for."""
        counted = self._counted.setdefault(journey.key, [])
        if any(anchors(version.anchor, happening.cells) for version in journey.versions):
            counted.append(happening.at)
            del counted[: -max(version.anchor.count for version in journey.versions)]
        return counted

    def _within(self, anchor: AnchorDoc, earlier: int, now: int) -> bool:
        if anchor.local_day:
            return local_day_at(self._around.zone, earlier).day == local_day_at(self._around.zone, now).day
        return anchor.window is None or earlier > now - anchor.window

    def _free(self, journey: JourneyDoc, at: int) -> bool:
        """Whether no other journey of the unit, of the same or a higher priority, holds the subject."""
        return not any(
            self._holds(other, at)
            for other in self._unit
            if other is not journey and other.priority >= journey.priority
        )

    def _holds(self, other: JourneyDoc, at: int) -> bool:
        stay = self.stays.get(other.key)
        return stay is not None and stay.entered <= at and (not stay.left or at < rests_until(other, stay))

    def _enter(self, journey: JourneyDoc, version: JourneyVersionDoc | None, at: int) -> None:
        if version is None:
            return
        for other in self._unit:
            stay = self.stays.get(other.key)
            if other is not journey and stay is not None and not stay.left:
                stay.leave(at, SUPERSEDED)
        self._counted.pop(journey.key, None)
        stay = self.stays[journey.key] = Stay(version.number, at)
        stay.known = len(journey.versions)


def _may_return(journey: JourneyDoc, stay: Stay | None, at: int) -> bool:
    if stay is None:
        return True
    again = enters_again(journey, stay)
    return again is not None and at >= again
