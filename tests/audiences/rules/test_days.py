"""Is "n months ago" what people mean by it?"""

from calendar import monthrange
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiences.rules.days import DAY, HOUR, day_of, month_edge, months_before

EPOCH = date(1970, 1, 1).toordinal()


def number(day: date | str) -> int:
    return (date.fromisoformat(day) if isinstance(day, str) else day).toordinal() - EPOCH


def later(day: date, months: int) -> date:
    """The same day ``months`` months later, clamped to the month's end."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@pytest.mark.parametrize(
    ("today", "months", "edge"),
    [
        ("2025-02-28", 12, "2024-02-29"),
        ("2026-03-30", 1, "2026-02-28"),
        ("2026-03-31", 1, "2026-02-28"),
        ("2026-02-28", 1, "2026-01-31"),
        ("2026-04-15", 2, "2026-02-15"),
        ("2024-02-28", 12, "2023-02-28"),
        ("2026-01-15", 1, "2025-12-15"),
    ],
)
def test_the_edge_is_the_last_day_whose_anniversary_has_come(today: str, months: int, edge: str) -> None:
    assert months_before(number(today), months) == number(edge)


@given(st.dates(date(1980, 1, 1), date(2100, 1, 1)), st.integers(1, 60))
def test_asking_backwards_equals_counting_forwards(today: date, months: int) -> None:
    edge = months_before(number(today), months)

    assert later(date.fromordinal(edge + EPOCH), months) <= today
    assert later(date.fromordinal(edge + 1 + EPOCH), months) > today


def test_a_moment_is_old_enough_when_its_whole_day_is() -> None:
    today, day_start = day_of(number("2026-04-15") * DAY + 3 * HOUR, utc_offset=2 * HOUR)

    edge = month_edge(today, day_start, 2)

    assert edge == number("2026-02-16") * DAY - 2 * HOUR


def test_who_knows_when_days_began_there_moves_no_edge_with_the_clocks() -> None:
    # Stockholm: the 21st of October is still in summer, the 20th of November in winter.
    today, day_start = day_of(number("2026-11-20") * DAY + 12 * HOUR, utc_offset=HOUR)
    in_summer = {number("2026-10-21"): number("2026-10-21") * DAY - 2 * HOUR}

    assert month_edge(today, day_start, 1, in_summer.__getitem__) == number("2026-10-20") * DAY + 22 * HOUR
    assert month_edge(today, day_start, 1) == number("2026-10-20") * DAY + 23 * HOUR


def test_the_day_is_that_of_the_clock_on_the_wall() -> None:
    moment = number("2026-11-22") * DAY + 23 * HOUR

    assert day_of(moment) == (number("2026-11-22"), number("2026-11-22") * DAY)
    assert day_of(moment, 2 * HOUR) == (number("2026-11-23"), number("2026-11-23") * DAY - 2 * HOUR)
    assert day_of(moment, -8 * HOUR) == (number("2026-11-22"), number("2026-11-22") * DAY + 8 * HOUR)


def test_before_all_calendars_nothing_is_old_enough() -> None:
    assert months_before(number("0001-05-01"), 12) < number("0001-01-01")
