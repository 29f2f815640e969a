"""Which instants are these wall times, zone by zone?

The pinned tzdata package answers, never the machine's own files, so that every machine builds the same release. Wall
times are naive; a start in the autumn overlap is the first of its two instants, an end the second; a wall time that
the spring gap skips is read by the clock of before the gap, so 02:30 becomes 03:30.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.metadata import version
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo

from campaigns.models import Campaign
from campaigns.problems import Problem

Table = tuple[tuple[int, ...], tuple[int, ...]]

FIRST_YEAR, LAST_YEAR = 2000, 2099  # flights outside are slips of the keyboard

# Offsets have never changed twice within a week; the shortest stay, around Ramadan in Morocco, is four weeks.
_STEP = 4 * 86_400


@cache
def names() -> tuple[str, ...]:
    """Every zone that tzdata has, sorted."""
    return tuple(sorted(files("tzdata").joinpath("zones").read_text(encoding="ascii").split()))


def known(name: str) -> bool:
    """Whether tzdata has this zone; "+02:00" and other mere offsets are none."""
    return name in names()


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of the pinned tzdata. Raises KeyError for a name that it does not have."""
    if not known(name):
        raise KeyError(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def tables(first: datetime, last: datetime) -> tuple[dict[str, int], list[Table]]:
    """For every zone the number of its table, and the tables: (UTC seconds, seconds east of UTC from there on).

    They hold from ``first`` to ``last`` (aware, within 1970 to 2100); each begins at ``first``. Zones that agree all
    that time share one table.
    """
    return _tables(int(first.timestamp()), int(last.timestamp()), version("tzdata"))


@lru_cache(maxsize=8)
def _tables(first: int, last: int, tzdata: str) -> tuple[dict[str, int], list[Table]]:
    numbers: dict[str, int] = {}
    found: dict[Table, int] = {}
    drawn: dict[bytes, int] = {}  # most names are links to the same file
    for name in names():
        data = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
        if data not in drawn:
            table = _table(zone(name), first, last)
            drawn[data] = found.setdefault(table, len(found))
        numbers[name] = drawn[data]
    return numbers, list(found)


def zone_tables(zones: Iterable[str], first: datetime, last: datetime) -> dict[str, Table]:
    """The tables of these zones alone."""
    return {name: _table(zone(name), int(first.timestamp()), int(last.timestamp())) for name in zones}


def _table(tz: ZoneInfo, first: int, last: int) -> Table:
    instants, offsets = [first], [_offset(tz, first)]
    at = first
    while at < last:
        step = min(at + _STEP, last)
        if _offset(tz, step) != offsets[-1]:
            step = _change(tz, at, step)
            instants.append(step)
            offsets.append(_offset(tz, step))
        at = step
    return tuple(instants), tuple(offsets)


def _change(tz: ZoneInfo, before: int, after: int) -> int:
    """The first second in (before, after] with another offset than ``before`` has."""
    old = _offset(tz, before)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(tz, middle) == old:
            before = middle
        else:
            after = middle
    return after


def _offset(tz: ZoneInfo, instant: int) -> int:
    offset = datetime.fromtimestamp(instant, tz).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


class Resolved(NamedTuple):
    """An instant, and what to tell a person about it; no note: nothing is odd."""

    instant: datetime
    note: str = ""


def resolve(wall: datetime, name: str, *, last: bool) -> Resolved:
    """The UTC instant of a wall time in a zone; ``last`` for an end. Raises KeyError for an unknown zone."""
    tz = zone(name)
    early, late = (wall.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early == late:
        return Resolved(early)
    shown = early.astimezone(tz).replace(tzinfo=None)
    if shown != wall:
        return Resolved(early, f"{_told(wall)} does not exist in {name}: clocks go forward. It will be {_told(shown)}.")
    which, taken = ("second", late) if last else ("first", early)
    return Resolved(taken, f"{_told(wall)} happens twice in {name}: clocks go back. The {which} one is taken.")


class MarketInstants(NamedTuple):
    """What a flight means in one market, for accounts in the market's own zone."""

    market: str
    zone: str
    starts: Resolved
    ends: Resolved | None


def instants_per_market(campaign: Campaign, markets: Sequence[tuple[str, str]]) -> list[MarketInstants]:
    """The flight in each (market, zone); a campaign with a zone of its own runs by that one everywhere."""
    return [
        MarketInstants(
            market,
            name,
            resolve(campaign.starts, name, last=False),
            None if campaign.ends is None else resolve(campaign.ends, name, last=True),
        )
        for market, name in ((market, campaign.time_zone or own) for market, own in markets)
        if known(name)
    ]


def flight_problems(starts: datetime, ends: datetime | None, time_zone: str) -> list[Problem]:
    """What is wrong with a flight whatever the day is."""
    found = []
    if time_zone and not known(time_zone):
        hint = "Use a name such as Europe/Stockholm or UTC, or leave it empty for each account's own zone."
        found.append(Problem("flight.zone", f'"{time_zone}" is no time zone.', hint))
    if any(not FIRST_YEAR <= wall.year <= LAST_YEAR for wall in (starts, ends) if wall is not None):
        hint = f"Use a year from {FIRST_YEAR} to {LAST_YEAR}."
        found.append(Problem("flight.year", "The flight is not of this century.", hint))
    if ends is not None and ends <= starts:
        found.append(Problem("flight.empty", "The flight ends before it starts.", "Move the end after the start."))
    return found


def _told(wall: datetime) -> str:
    return f"{wall.day} {wall:%B %Y %H:%M}"
