"""Which UTC instant is this wall time in that zone, and which day is it there?

Pure table look-ups: the release carries each zone's offsets as tables, so that every process flips at the same instant
whatever its own tzdata says.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from merch.engine.document import ZoneTable

MICROSECONDS = 1_000_000
HOUR = 3_600 * MICROSECONDS
DAY = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def offset_at(table: ZoneTable, instant: int) -> int:
    """Microseconds east of UTC in force at a UTC instant in microseconds."""
    position = bisect_right(table.instants, instant // MICROSECONDS) - 1
    return table.offsets[max(position, 0)] * MICROSECONDS


def instant_text(instant: int) -> str:
    """A UTC instant in microseconds as RFC 3339, for people who ask why."""
    return (EPOCH + instant * MICROSECOND).isoformat().replace("+00:00", "Z")


class LocalDay(NamedTuple):
    """Days since 1970-01-01 of the local date, the instant at which that date began there, the hour on the wall."""

    day: int
    start: int
    hour: int


def local_day_at(table: ZoneTable, instant: int) -> LocalDay:
    """The local day that holds an instant. Where midnight comes twice the day begins at the first, where it never
    comes with the change of clocks; the hour is read from the wall, not counted from either.
    """
    day, since_midnight = divmod(instant + offset_at(table, instant), DAY)
    return LocalDay(day, day_start(table, day), since_midnight // HOUR)


def day_start(table: ZoneTable, day: int) -> int:
    """The instant at which a local day begins."""
    return resolve(table, day * DAY, last=False)


def wall_microseconds(wall: str) -> int:
    """A wall time "2026-11-25T00:00:00" as microseconds since 1970-01-01 on the wall; no zone is meant."""
    return (datetime.fromisoformat(wall).replace(tzinfo=UTC) - EPOCH) // MICROSECOND


def resolve(table: ZoneTable, wall: int, *, last: bool) -> int:
    """The UTC instant of a wall time.

    In the autumn overlap a wall time happens twice: ``last`` picks the second (for ends), else the first (for
    starts). In the spring gap it never happens: then it is read by the clock of before the gap: 02:30 becomes 03:30.
    """
    matches = [
        wall - offset * MICROSECONDS
        for offset in dict.fromkeys(table.offsets)
        if offset_at(table, wall - offset * MICROSECONDS) == offset * MICROSECONDS
    ]
    if matches:
        return max(matches) if last else min(matches)
    return wall - _offset_before_gap(table, wall) * MICROSECONDS


def _offset_before_gap(table: ZoneTable, wall: int) -> int:
    for position in range(1, len(table.instants)):
        instant = table.instants[position] * MICROSECONDS
        before, after = table.offsets[position - 1], table.offsets[position]
        if instant + before * MICROSECONDS <= wall < instant + after * MICROSECONDS:
            return before
    return table.offsets[0]
