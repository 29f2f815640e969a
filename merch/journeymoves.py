"""If this version of a journey were published now, who of those inside would stay, move or leave?"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import NamedTuple

import msgspec
from django.db import connection

from audiences.moments import micros
from campaigns import journeydocs
from campaigns.models import JourneyVersion
from merch.engine.call import UTC_TABLE
from merch.engine.facts import JourneyFact
from merch.engine.journeydoc import JourneyDoc
from merch.engine.journeys import Surroundings, Walk

INSIDE = """
SELECT journeys -> %s FROM audiences_subject WHERE (journeys -> %s ->> 5)::bigint = 0
"""


class Moves(NamedTuple):
    """How many subjects. ``stay`` under the version that they are in."""

    stay: int
    move: int
    leave: int

    @property
    def sentence(self) -> str:
        return f"Of those inside, {self.stay:,} stay in their version, {self.move:,} move, {self.leave:,} leave."


def moves(version: JourneyVersion, now: datetime) -> Moves:
    """From the marks, in one query over the subjects; each is brought up to ``now`` first."""
    carried = next((each for each in journeydocs.carried() if each["key"] == version.journey.key), None)
    if carried is None:
        return Moves(0, 0, 0)
    at = micros(now)
    drafted = {**journeydocs.content(version)["version"], "start_at": at}
    journey = msgspec.convert({**carried, "versions": [*carried["versions"], drafted]}, JourneyDoc)
    with connection.cursor() as cursor:
        cursor.execute(INSIDE, [journey.key, journey.key])
        found = Counter(_becomes(journey, JourneyFact(*msgspec.json.decode(mark)), at) for (mark,) in cursor)
    return Moves(found["stay"], found["move"], found["leave"])


def _becomes(journey: JourneyDoc, fact: JourneyFact, now: int) -> str:
    # A date that holds somebody is the one by which they entered.
    walk = Walk((journey,), {journey.key: fact}, Surroundings(UTC_TABLE, {journey.key: (fact.version, fact.entered)}))
    walk.pass_time(now)
    stay = walk.stays[journey.key]
    number = journey.versions[-1].number
    if not stay.left:
        return "move" if stay.version == number else "stay"
    return "leave" if stay.why == f"version {number}" else "over"
