"""Where does this subject stand in its journeys now, and what follows for a candidate?

Marks, brought up to now, then the rules that only a decision can ask: docs/algorithms/journeys.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from audiences.rules import describe
from merch.engine.clock import DAY, instant_text
from merch.engine.compiled import Candidate, Journeys, ReadyJourney, ReadyRule
from merch.engine.document import CampaignDoc, ZoneTable
from merch.engine.facts import JourneyFact
from merch.engine.journeydoc import StepDoc
from merch.engine.journeys import Unit, Walk, surroundings
from merch.engine.reasons import Reason
from merch.engine.stays import COMPLETED, closed_since, closes_at, enters_again, numbered, opens_at, rests_until


class State(StrEnum):
    NOT_ENTERED = "NOT_ENTERED"
    WAITING = "WAITING"
    AT_STEP = "AT_STEP"
    EXITED = "EXITED"


class Place(NamedTuple):
    """A state, since when, until when if that is known, and in words; at a step, which."""

    state: State
    why: str
    since: int = 0
    until: int | None = None
    step: StepDoc | None = None
    fact: JourneyFact | None = None


Traits = Mapping[str, Sequence[Any]]
Holds = Callable[[ReadyRule], bool | None]  # None: it raised

NOWHERE: Mapping[str, Place] = {}
CODES = {
    State.NOT_ENTERED: Reason.JOURNEY_NOT_ENTERED,
    State.WAITING: Reason.JOURNEY_WAITING,
    State.EXITED: Reason.JOURNEY_EXITED,
}


def places(
    journeys: Journeys, marks: Mapping[str, JourneyFact], traits: Traits, zone: ZoneTable, now: int, holds: Holds
) -> Mapping[str, Place]:
    """By journey, where the subject stands in those that it ever entered. Of a subject in none: nothing at all."""
    if not marks:
        if not journeys.dated:
            return NOWHERE
        units = journeys.dated
    else:
        units = journeys.units
    found: dict[str, Place] = {}
    for unit in units:
        for key, fact in _facts(unit, marks, traits, zone, now).items():
            found[key] = _place(journeys.by_key[key], fact, now, holds)
    return found


def _facts(
    unit: Unit, marks: Mapping[str, JourneyFact], traits: Traits, zone: ZoneTable, now: int
) -> dict[str, JourneyFact]:
    around = surroundings(unit, traits, zone)
    if not around.dates and not any(journey.key in marks for journey in unit):
        return {}
    walk = Walk(unit, marks, around)
    walk.pass_time(now)
    return walk.facts()


def _place(journey: ReadyJourney, fact: JourneyFact, now: int, holds: Holds) -> Place:
    paused = closed_since(journey.doc, now)
    if paused is not None:
        return Place(State.WAITING, f"paused since {instant_text(paused)}", paused)
    if fact.left:
        return _left(journey, fact, now)
    ready = journey.versions[fact.version]
    if ready.exit_rule is not None and holds(ready.exit_rule) is not False:
        return Place(State.EXITED, f"its exit holds: {describe(ready.exit_rule.rule)}", now, fact=fact)
    if ready.gate is not None and holds(ready.gate) is not True:
        return Place(State.NOT_ENTERED, f"needs: {describe(ready.gate.rule)}", now, fact=fact)
    return _inside(journey, fact, now, holds)


def _left(journey: ReadyJourney, fact: JourneyFact, now: int) -> Place:
    rests = rests_until(journey.doc, fact)
    if now < rests:
        return Place(State.WAITING, f"{COMPLETED}, rests until {instant_text(rests)}", fact.left, rests, fact=fact)
    again = enters_again(journey.doc, fact)
    back = "never entered again" if again is None else f"may be entered again from {instant_text(again)}"
    return Place(State.EXITED, f"{fact.why} at {instant_text(fact.left)}, {back}", fact.left, again, fact=fact)


def _inside(journey: ReadyJourney, fact: JourneyFact, now: int, holds: Holds) -> Place:
    version = numbered(journey.doc, fact.version)
    ends = fact.entered + version.length
    if fact.step >= len(version.steps):
        return Place(State.WAITING, f"all steps are behind, ends {instant_text(ends)}", fact.since, ends, fact=fact)
    opens = opens_at(version, fact, fact.step)
    if opens is None or now < opens:
        return Place(State.WAITING, _opens(version.steps[fact.step], fact, opens), fact.since, opens, fact=fact)
    step = journey.versions[fact.version].steps[fact.step]
    closes = closes_at(version, fact)
    until = ends if closes is None else min(closes, ends)
    for doc, rule in step.alternates:
        if rule is None or holds(rule):
            return Place(State.AT_STEP, f"at step {doc.key} since {instant_text(opens)}", opens, until, doc, fact)
    rule = step.alternates[0][1]
    needs = f", needs: {describe(rule.rule)}" if rule else ""
    return Place(State.WAITING, f"step {step.doc.key} is open{needs}", opens, fact=fact)


def _opens(step: StepDoc, fact: JourneyFact, opens: int | None) -> str:
    if opens is None:
        return f"{step.key} opens after the step before it was left"
    return f"day {(opens - fact.entered) // DAY} {step.key} opens {instant_text(opens)}"


def absence(campaign: CampaignDoc, journeys: Journeys, known: Mapping[str, Place]) -> tuple[Reason, str] | None:
    """Row 10: why a campaign of a journey is not shown, or None where its step is there."""
    key = campaign.journey or ""
    journey = journeys.by_key.get(key)
    if journey is None:
        return Reason.JOURNEY_NOT_ENTERED, f"{key}: not running"
    place = known.get(key)
    if place is None:
        return Reason.JOURNEY_NOT_ENTERED, f"{key}: never entered"
    if place.step is not None and (not campaign.steps or place.step.key in campaign.steps):
        return None
    fact = place.fact
    if fact is not None and not fact.left and campaign.steps and place.state in (State.AT_STEP, State.WAITING):
        return _another_step(campaign, journey, fact, waiting="" if place.step else place.why)
    return CODES[place.state], f"{key}: {place.why}"


def _another_step(
    campaign: CampaignDoc, journey: ReadyJourney, fact: JourneyFact, *, waiting: str = ""
) -> tuple[Reason, str]:
    """The first of the campaign's steps that is not behind; where none is, the last that is."""
    version = numbered(journey.doc, fact.version)
    own = [position for position, step in enumerate(version.steps) if step.key in campaign.steps]
    ahead = [position for position in own if position >= fact.step]
    if not ahead:
        behind = f"step {version.steps[own[-1]].key} is behind" if own else "its steps are not in this version"
        return Reason.JOURNEY_EXITED, f"{journey.doc.key}: {behind}"
    if ahead[0] == fact.step:
        why = waiting or f"another step stands in for {version.steps[fact.step].key}"
    else:
        why = _opens(version.steps[ahead[0]], fact, opens_at(version, fact, ahead[0]))
    return Reason.JOURNEY_WAITING, f"{journey.doc.key}: {why}"


def preferring(known: Mapping[str, Place]) -> frozenset[str]:
    """Campaigns that the steps at which the subject is put first in their tiers."""
    return frozenset(key for place in known.values() if place.step is not None for key in place.step.prefer)


def silenced(candidate: Candidate, known: Mapping[str, Place]) -> str | None:
    """The journey and step that silence this campaign now; never one of the journey's own."""
    campaign = candidate.campaign
    names = (f"tier|{campaign.tier}", f"domain|{campaign.domain}", f"campaign|{campaign.key}")
    for key, place in known.items():
        if place.step is not None and campaign.journey != key and any(each in place.step.suppress for each in names):
            return f"journey {key}, step {place.step.key}"
    return None
