"""Which flights begin or end at another instant than was published, because the law of a zone's clocks was changed?

Wall times and zones are what people approved, and stay; only tzdata is another one. Told in the history of releases.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec

from audiences.moments import micros
from merch.engine.clock import instant_text, resolve, wall_microseconds
from merch.engine.document import CampaignDoc, ReleaseDoc, ZoneTable, parse_release
from merch.models import Release

# Tables of an earlier year end earlier; beyond, a difference would be theirs.
FORESEEN = timedelta(days=4 * 365)


class Moved(NamedTuple):
    """One edge of one flight, by the clocks of one zone; RFC 3339."""

    campaign: str
    zone: str
    edge: str
    before: str
    after: str


class _Pinned(msgspec.Struct):
    tzdata: str


@lru_cache(maxsize=4)
def tzdata_of(digest: str) -> str:
    """The tzdata that a stored release was built with."""
    return msgspec.json.decode(_document(digest), type=_Pinned).tzdata


def since(digest: str, after: ReleaseDoc, *, now: datetime) -> list[Moved]:
    """What moved between a stored release and ``after``; nothing where both have the same tzdata."""
    return [] if tzdata_of(digest) == after.tzdata else moved(parse_release(_document(digest)), after, now=now)


def moved(before: ReleaseDoc, after: ReleaseDoc, *, now: datetime) -> list[Moved]:
    """Edges to come of the campaigns of ``after``, in the order of campaign, zone and edge."""
    return [found for campaign in after.campaigns for found in _of(campaign, before, after, now)]


def _of(campaign: CampaignDoc, before: ReleaseDoc, after: ReleaseDoc, now: datetime) -> Iterator[Moved]:
    walls = {"start": campaign.starts} | ({} if campaign.ends is None else {"end": campaign.ends})
    first, last = micros(now), micros(now + FORESEEN)
    for zone in _zones(campaign, after):
        old, new = _table(before, zone), _table(after, zone)
        if old is None or new is None or old == new:
            continue
        for edge, wall in walls.items():
            was, will_be = (resolve(table, wall_microseconds(wall), last=edge == "end") for table in (old, new))
            if was != will_be and max(was, will_be) >= first and min(was, will_be) < last:
                yield Moved(campaign.key, zone, edge, instant_text(was), instant_text(will_be))


def _zones(campaign: CampaignDoc, release: ReleaseDoc) -> list[str]:
    """Its own, else those of its markets: other zones are those of single accounts."""
    if campaign.time_zone:
        return [campaign.time_zone]
    markets = campaign.markets or release.markets
    return sorted({release.markets[code].time_zone for code in markets if code in release.markets})


def _table(release: ReleaseDoc, zone: str) -> ZoneTable | None:
    number = release.zones.get(zone)
    return None if number is None else release.zone_tables[number]


def _document(digest: str) -> bytes:
    return zlib.decompress(Release.objects.values_list("document", flat=True).get(digest=digest))
