"""Which journeys listen to which events, as published now, and in which zone does a subject live?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

import msgspec

from audiences.models import EventDefinition
from audiences.records import Record
from campaigns import journeydocs, schedule
from campaigns.models import Market
from merch.engine.call import MARKET, TIME_ZONE, UTC_TABLE
from merch.engine.document import ZoneTable
from merch.engine.journeydoc import JourneyDoc
from merch.engine.journeys import Surroundings, Unit, listens, surroundings, units_of

FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

OF_CONVERSIONS = frozenset({"conversion", "trial", "paid"})


class Listening:
    """All journeys that take or hold anybody. ``markets``: each one's time zone."""

    def __init__(self, documents: Sequence[Mapping[str, Any]], markets: Mapping[str, str]) -> None:
        journeys = [msgspec.convert(document, JourneyDoc) for document in documents]
        self.units = units_of(journeys)
        self.keys = frozenset(journey.key for journey in journeys)
        self.cells = frozenset(cell for unit in self.units for cell in listens(unit))
        self._markets = markets
        self._documents = documents

    @classmethod
    def now(cls) -> Listening:
        """From the rows as they are; one query without journeys, else two."""
        documents = journeydocs.carried()
        return cls(documents, dict(Market.objects.values_list("code", "time_zone")) if documents else {})

    @property
    def fingerprint(self) -> str:
        """Equal ones leave equal marks of equal events."""
        return sha256(msgspec.json.encode(self._documents, order="sorted")).hexdigest()

    def around(self, unit: Unit, record: Record) -> Surroundings:
        """Of one subject: its zone, and what its dates say. A trait that was removed is null."""
        traits = {name: fact for name, fact in record.traits.items() if fact[0] is not None}
        return surroundings(unit, traits, self._zone(traits))

    def _zone(self, traits: Mapping[str, Sequence[Any]]) -> ZoneTable:
        declared = str(traits[TIME_ZONE][0]) if TIME_ZONE in traits else ""
        if schedule.known(declared):
            return _table(declared)
        market = self._markets.get(str(traits[MARKET][0])) if MARKET in traits else None
        return _table(market) if market is not None and schedule.known(market) else UTC_TABLE


@lru_cache(maxsize=512)
def _table(zone: str) -> ZoneTable:
    """The release's own cover fewer years; where both do, they agree."""
    instants, offsets = schedule.zone_tables([zone], FIRST, LAST)[zone]
    return ZoneTable(instants=instants, offsets=offsets)


def names_of(unit: Unit) -> list[str]:
    """Under which names the unit's events are stored; conversions have the name of any declared event."""
    found: set[str] = set()
    for cell in listens(unit):
        scope, _, rest = cell.partition("|")
        key, _, happening = rest.rpartition("|")
        if happening in OF_CONVERSIONS:
            found |= set(EventDefinition.objects.values_list("name", flat=True))
        else:
            found.add(key if scope == "event" else happening)
    return sorted(found)
