"""Which day is it, and which day was n calendar months ago?

Days are counted from 1970-01-01, moments in microseconds from its beginning in UTC. Opens no zone files: who knows the
account's zone hands in the day and the moment it began.
"""

from calendar import monthrange
from collections.abc import Callable
from datetime import date
from functools import lru_cache

HOUR = 3_600_000_000
DAY = 24 * HOUR

# When a day began where the account lives.
DayStarts = Callable[[int], int]

_EPOCH = date(1970, 1, 1).toordinal()


def day_of(moment: int, utc_offset: int = 0) -> tuple[int, int]:
    """The day of a moment, and when it began, where clocks are ``utc_offset`` microseconds ahead of UTC."""
    day = (moment + utc_offset) // DAY
    return day, day * DAY - utc_offset


@lru_cache(maxsize=4096)
def months_before(day: int, months: int) -> int:
    """The last day that, ``months`` calendar months later (clamped to the month's end), is not after ``day``.

    Asking forwards is what people mean by "12 months ago": 29 February 2024 is 12 months ago on 28 February 2025.
    """
    today = date.fromordinal(day + _EPOCH)
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    if year < 1:
        return -_EPOCH  # before any date that can be stored
    length = monthrange(year, month + 1)[1]
    is_month_end = today.day == monthrange(today.year, today.month)[1]
    return date(year, month + 1, length if is_month_end else min(today.day, length)).toordinal() - _EPOCH


def month_edge(today: int, day_start: int, months: int, starts: DayStarts | None = None) -> int:
    """The moment from which something is less than ``months`` months ago: the end of ``months_before(today, months)``.

    ``starts`` knows when that day ended there. Without it days are 24 hours back from ``day_start``.
    """
    after = months_before(today, months) + 1
    return day_start - (today - after) * DAY if starts is None else starts(after)
