"""Which journeys do tests walk through, and how is an event written?

The cohesive conversion journey is that of docs/algorithms/journeys.md: times are those of Stockholm, UTC+1 in winter.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from audiences.moments import micros
from merch.engine.clock import DAY
from merch.engine.facts import JourneyFact
from merch.engine.journeydoc import AnchorDoc, JourneyDoc, JourneyVersionDoc, LeaveDoc, StepDoc
from merch.engine.journeys import Happening, Surroundings, refold, units_of
from tests.merch.engine.documents import STOCKHOLM

SKIP, SUBSCRIBED = "event|skip_limit|custom", "plan_group|main|conversion"
SCREEN_SEEN = "campaign|screen|impression"
AROUND = Surroundings(STOCKHOLM)
LISTENED = {"v": 1, "rule": {"trait": "listening_days", "op": "gte", "value": 5}}


def at(text: str) -> int:
    """ "11-23 07:00" is 2026-11-23T07:00:00Z, "2027-..." of that year."""
    year = "" if text.startswith("2027") else "2026-"
    return micros(datetime.fromisoformat(f"{year}{text}+00:00"))


def event(text: str, cell: str = SKIP, name: str = "") -> Happening:
    return Happening(at(text), ("app", name or f"{text} {cell}"), (cell,))


def version(number: int = 1, start: str = "11-01 00:00", **changes: Any) -> JourneyVersionDoc:
    plain = JourneyVersionDoc(
        number=number,
        start_at=at(start),
        anchor=AnchorDoc(cell=SKIP, count=2, local_day=True),
        steps=(
            StepDoc(key="hint"),
            StepDoc(key="card", after=3 * DAY),
            StepDoc(key="screen", after=7 * DAY, rule=LISTENED, leaves=(LeaveDoc(cell=SCREEN_SEEN),)),
        ),
        length=14 * DAY,
        rest=30 * DAY,
        exits=(SUBSCRIBED,),
    )
    return replace(plain, **changes)


def journey(*versions: JourneyVersionDoc, key: str = "cohesive", **changes: Any) -> JourneyDoc:
    return replace(JourneyDoc(key=key, versions=versions or (version(),), re_entry=90 * DAY), **changes)


def marks(events: list[Happening], *journeys: JourneyDoc, around: Surroundings = AROUND) -> dict[str, JourneyFact]:
    """Everything folded at once, over all units."""
    found: dict[str, JourneyFact] = {}
    for unit in units_of(journeys or (journey(),)):
        found |= refold(unit, events, around)
    return found
