"""Do ten thousand random questions about local time get the answer of a slow walk through the zone files?

The walk goes from minute to minute over the pinned tzdata and knows neither tables nor folds. It is asked about zones
of the whole world, half of the time close to a change of clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import pytest

from audiences.hashing import bucket, unit
from audiences.moments import micros
from audiences.rules.days import months_before
from campaigns import schedule
from merch.engine import clock
from merch.engine.document import ZoneTable

PAIRS = 10_000
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2045, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = 60, 3_600, 86_400
SECOND = 1_000_000
FURTHEST = 26 * HOUR  # no clock is further from UTC, and none has jumped further than a day
EPOCH = date(1970, 1, 1)


class Stretch(NamedTuple):
    """Seconds of UTC [start, end) with one offset."""

    start: int
    end: int
    offset: int


def offset(zone: str, second: int) -> int:
    found = datetime.fromtimestamp(second, schedule.zone(zone)).utcoffset()
    assert found is not None
    return int(found.total_seconds())


def walk(zone: str, first: int, last: int) -> list[Stretch]:
    """From minute to minute; an hour that begins and ends with one offset is stepped over."""
    found: list[Stretch] = []
    for hour in range(first // HOUR * HOUR, last, HOUR):
        step = HOUR if offset(zone, hour) == offset(zone, hour + HOUR) else MINUTE
        for start in range(hour, hour + HOUR, step):
            here = offset(zone, start)
            if found and found[-1].offset == here:
                found[-1] = found[-1]._replace(end=start + step)
            else:
                found.append(Stretch(start, start + step, here))
    return found


def shown(wall: int, stretches: list[Stretch]) -> list[int]:
    """Every second at which clocks show this."""
    return [wall - each.offset for each in stretches if each.start <= wall - each.offset < each.end]


def told(zone: str, wall: int, *, last: bool) -> int:
    """When clocks show this; if never, by the clock that they showed before they jumped over it."""
    stretches = walk(zone, wall - FURTHEST, wall + FURTHEST)
    found = shown(wall, stretches)
    if found:
        return found[-1] if last else found[0]
    (before,) = {
        one.offset for one, other in pairwise(stretches) if one.end + one.offset <= wall < other.start + other.offset
    }
    return wall - before


def begun(zone: str, day: int) -> int:
    """The first second whose local date is ``day`` or later."""
    stretches = walk(zone, day * DAY - FURTHEST, day * DAY + FURTHEST)
    return min(max(each.start, day * DAY - each.offset) for each in stretches if each.end + each.offset > day * DAY)


@cache
def tables() -> tuple[dict[str, int], list[ZoneTable]]:
    names, found = schedule.tables(FIRST, LAST)
    return names, [ZoneTable(instants=instants, offsets=offsets) for instants, offsets in found]


def table(zone: str) -> ZoneTable:
    names, found = tables()
    return found[names[zone]]


class Pair(NamedTuple):
    zone: str
    second: int  # of UTC, whole, within the tables


def pairs(number: int) -> Iterator[Pair]:
    """Drawn by hash, so that a failure comes again."""
    names = schedule.names()
    for each in range(number):
        zone = names[bucket("oracle:zone", str(each)) % len(names)]
        chance = unit("oracle:when", str(each))
        changes = table(zone).instants[1:-1]
        if each % 2 and changes:
            change = changes[int(chance * len(changes))]
            yield Pair(zone, change + int((unit("oracle:near", str(each)) - 0.5) * 6 * HOUR))
        else:
            first, last = int(FIRST.timestamp()) + 3 * DAY, int(LAST.timestamp()) - 400 * DAY
            yield Pair(zone, first + int(chance * (last - first)))


def local_date(pair: Pair) -> date:
    return datetime.fromtimestamp(pair.second, schedule.zone(pair.zone)).date()


def number_of(day: date) -> int:
    return (day - EPOCH).days


def wall_of(pair: Pair) -> int:
    """A wall time, read by a clock of two hours later: now and then one that is skipped, or shown twice."""
    return pair.second + offset(pair.zone, pair.second + 2 * HOUR)


def start_of(pair: Pair) -> tuple[int, int]:
    wall = wall_of(pair)
    ours = clock.resolve(table(pair.zone), wall * SECOND, last=False)
    assert micros(schedule.resolve(_naive(wall), pair.zone, last=False).instant) == ours
    return ours, told(pair.zone, wall, last=False) * SECOND


def end_of(pair: Pair) -> tuple[int, int]:
    wall = wall_of(pair)
    ours = clock.resolve(table(pair.zone), wall * SECOND, last=True)
    assert micros(schedule.resolve(_naive(wall), pair.zone, last=True).instant) == ours
    return ours, told(pair.zone, wall, last=True) * SECOND


def _naive(wall: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(seconds=wall)  # noqa: DTZ001 - a wall time


def day_of(pair: Pair) -> tuple[object, object]:
    local = datetime.fromtimestamp(pair.second, schedule.zone(pair.zone))
    day = number_of(local.date())
    return (
        clock.local_day_at(table(pair.zone), pair.second * SECOND),
        (day, begun(pair.zone, day) * SECOND, local.hour),
    )


def next_day(pair: Pair) -> tuple[int, int]:
    return _start(pair, local_date(pair) + timedelta(days=1))


def week(pair: Pair) -> tuple[int, int]:
    day = local_date(pair)
    return _start(pair, day - timedelta(days=day.weekday()))


def month(pair: Pair) -> tuple[int, int]:
    return _start(pair, local_date(pair).replace(day=1))


def months_ago(pair: Pair) -> tuple[int, int]:
    edge = months_before(number_of(local_date(pair)), 1) + 1
    return _start(pair, EPOCH + timedelta(days=edge))


def _start(pair: Pair, day: date) -> tuple[int, int]:
    return clock.day_start(table(pair.zone), number_of(day)), begun(pair.zone, number_of(day)) * SECOND


RULES: tuple[Callable[[Pair], tuple[object, object]], ...] = (
    start_of, end_of, day_of, next_day, week, month, months_ago,
)  # fmt: skip


def test_ten_thousand_pairs_of_zone_and_rule_equal_the_walk() -> None:
    odd = {0: 0, 1: 0, 2: 0}
    for each, pair in enumerate(pairs(PAIRS)):
        rule = RULES[bucket("oracle:rule", str(each)) % len(RULES)]
        ours, theirs = rule(pair)
        assert ours == theirs, (rule.__name__, pair)
        if rule in (start_of, end_of):
            wall = wall_of(pair)
            odd[len(shown(wall, walk(pair.zone, wall - FURTHEST, wall + FURTHEST)))] += 1
    assert odd[0] > 50, "few of them were ever skipped"
    assert odd[2] > 50, "few of them were ever shown twice"


def test_the_tables_equal_the_zone_files_around_every_change_and_in_between() -> None:
    names, _ = tables()
    changes = 0
    for number, zone in {number: zone for zone, number in names.items()}.items():
        held = tables()[1][number]
        for at, change in enumerate(held.instants[1:], 1):
            changes += 1
            assert offset(zone, change - 1) == held.offsets[at - 1] != held.offsets[at] == offset(zone, change)
        for draw in range(200):
            second = int(FIRST.timestamp() + unit(f"oracle:{zone}", str(draw)) * (LAST - FIRST).total_seconds())
            assert clock.offset_at(held, second * SECOND) == offset(zone, second) * SECOND, (zone, second)
    assert changes > 5_000


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        pytest.param("Africa/Cairo", date(2026, 4, 24), 23, id="no-midnight"),
        pytest.param("America/Santiago", date(2026, 9, 6), 23, id="no-midnight-in-the-south"),
        pytest.param("Australia/Lord_Howe", date(2026, 10, 4), 23.5, id="half-an-hour-less"),
        pytest.param("Australia/Lord_Howe", date(2026, 4, 5), 24.5, id="half-an-hour-more"),
        pytest.param("America/Havana", date(2025, 11, 2), 25, id="two-midnights"),
        pytest.param("Pacific/Apia", date(2011, 12, 30), 0, id="a-day-that-never-was"),
        pytest.param("Europe/Stockholm", date(2026, 6, 1), 24, id="a-day-like-others"),
    ],
)
def test_days_are_as_long_as_they_really_were(zone: str, day: date, hours: float) -> None:
    start, end = (clock.day_start(table(zone), number_of(day) + more) for more in (0, 1))

    assert end - start == hours * HOUR * SECOND


def test_nine_every_morning_stays_nine_on_the_wall_when_clocks_change() -> None:
    mornings = [
        clock.resolve(table("Europe/Stockholm"), clock.wall_microseconds(f"2026-{day}T09:00:00"), last=False)
        for day in ("03-28", "03-29", "03-30", "10-24", "10-25", "10-26")
    ]

    gaps = [(later - earlier) // SECOND // HOUR for earlier, later in pairwise(mornings)]
    assert gaps[:2] + gaps[3:] == [23, 24, 25, 24]
