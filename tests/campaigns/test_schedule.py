"""Which instant is a wall time, and does every machine agree?"""

from bisect import bisect_right
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import schedule
from tests.factories import CampaignFactory

FIRST, LAST = datetime(2009, 1, 1, tzinfo=UTC), datetime(2033, 1, 1, tzinfo=UTC)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "zone", "last", "instant", "note"),
    [
        pytest.param("2026-03-08 02:30", "America/New_York", False, "2026-03-08T07:30Z", "not exist", id="T-01-start"),
        pytest.param("2026-03-08 02:30", "America/New_York", True, "2026-03-08T07:30Z", "not exist", id="T-01-end"),
        pytest.param("2026-11-01 01:30", "America/New_York", False, "2026-11-01T05:30Z", "first", id="T-02-start"),
        pytest.param("2026-11-01 01:30", "America/New_York", True, "2026-11-01T06:30Z", "second", id="T-02-end"),
        pytest.param("2026-04-24 00:00", "Africa/Cairo", False, "2026-04-23T22:00Z", "not exist", id="T-04-cairo"),
        pytest.param(
            "2026-09-06 00:00", "America/Santiago", False, "2026-09-06T04:00Z", "not exist", id="T-04-santiago"
        ),
        pytest.param(
            "2026-10-04 02:15", "Australia/Lord_Howe", False, "2026-10-03T15:45Z", "02:45", id="T-04-lord-howe"
        ),
        pytest.param("2011-12-30 12:00", "Pacific/Apia", False, "2011-12-30T22:00Z", "31 December", id="T-04-apia"),
        pytest.param("2026-06-01 09:00", "Europe/Stockholm", False, "2026-06-01T07:00Z", "", id="plain"),
        pytest.param("2028-02-29 00:00", "Europe/Stockholm", False, "2028-02-28T23:00Z", "", id="T-07-leap-day"),
        pytest.param("2038-01-19 03:14:08", "UTC", False, "2038-01-19T03:14:08Z", "", id="T-07-after-2038"),
        pytest.param("2060-07-01 00:00", "Europe/Berlin", False, "2060-06-30T22:00Z", "", id="T-07-beyond-the-table"),
    ],
)
def test_a_wall_time_is_one_instant(text: str, zone: str, last: bool, instant: str, note: str) -> None:
    resolved = schedule.resolve(wall(text), zone, last=last)

    assert resolved.instant == datetime.fromisoformat(instant)
    assert note in resolved.note
    assert bool(note) == bool(resolved.note)


def test_the_note_says_what_it_will_be() -> None:
    resolved = schedule.resolve(wall("2026-03-08 02:30"), "America/New_York", last=False)

    assert resolved.note == (
        "8 March 2026 02:30 does not exist in America/New_York: clocks go forward. It will be 8 March 2026 03:30."
    )


@pytest.mark.parametrize(
    ("starts", "ends", "zone", "expected"),
    [
        pytest.param("2026-01-01", "2026-02-01", "", [], id="good"),
        pytest.param("2026-01-01", None, "UTC", [], id="open"),
        pytest.param("2026-01-01", "2026-01-01", "", ["flight.empty"], id="zero-length"),
        pytest.param("2026-02-01", "2026-01-01", "", ["flight.empty"], id="backwards"),
        pytest.param("0001-01-01", None, "", ["flight.year"], id="year-1"),
        pytest.param("2026-01-01", "9999-12-31", "", ["flight.year"], id="year-9999"),
        pytest.param("2026-01-01", None, "Mars/Olympus", ["flight.zone"], id="no-zone"),
        pytest.param("2026-01-01", None, "+02:00", ["flight.zone"], id="offset-only"),
        pytest.param("2026-01-01", None, "UTC+2", ["flight.zone"], id="utc-plus"),
        pytest.param("2026-01-01", None, "../etc/passwd", ["flight.zone"], id="path"),
        pytest.param("2026-01-01", None, "europe/stockholm", ["flight.zone"], id="case"),
        pytest.param("9999-01-01", "0001-01-01", "x", ["flight.zone", "flight.year", "flight.empty"], id="all-at-once"),
    ],
)
def test_flights_that_cannot_be(starts: str, ends: str | None, zone: str, expected: list[str]) -> None:
    found = schedule.flight_problems(wall(starts), wall(ends) if ends else None, zone)

    assert [problem.id for problem in found] == expected


@pytest.mark.parametrize("text", ["2026-02-30", "2026-01-01T24:00", "2026-01-01T12:60", "31st monthly"])
def test_times_that_are_none_are_no_wall_times(text: str) -> None:
    with pytest.raises(ValueError):
        wall(text)


@settings(deadline=None)  # the first example draws the tables
@given(st.integers(int(FIRST.timestamp()), int(LAST.timestamp())), st.sampled_from(schedule.names()))
def test_tables_agree_with_tzdata_at_any_second(instant: int, name: str) -> None:
    names, tables = schedule.tables(FIRST, LAST)
    instants, offsets = tables[names[name]]

    offset = datetime.fromtimestamp(instant, schedule.zone(name)).utcoffset()

    assert offset is not None
    assert offsets[bisect_right(instants, instant) - 1] == offset.total_seconds()


@pytest.mark.parametrize(
    "name", ["America/New_York", "Africa/Casablanca", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Gaza"]
)
def test_offsets_change_at_the_exact_second(name: str) -> None:
    instants, offsets = schedule.zone_tables([name], FIRST, LAST)[name]
    zone = schedule.zone(name)

    for position in range(1, len(instants)):
        before = datetime.fromtimestamp(instants[position] - 1, zone).utcoffset()
        after = datetime.fromtimestamp(instants[position], zone).utcoffset()
        assert (before, after) != (None, None)
        assert before != after
    assert instants[0] == int(FIRST.timestamp())
    assert list(instants) == sorted(set(instants))
    assert len(offsets) == len(instants)


def test_every_zone_has_a_table_and_equal_ones_share_it() -> None:
    names, tables = schedule.tables(FIRST, LAST)

    assert set(names) == set(schedule.names())
    assert names["Europe/Stockholm"] == names["Europe/Berlin"]
    assert len(set(tables)) == len(tables) < 250
    assert schedule.tables(FIRST, LAST)[0] is names


@pytest.mark.django_db
def test_a_flight_runs_by_each_markets_clock_or_by_its_own() -> None:
    places = [("SE", "Europe/Stockholm"), ("US", "America/New_York"), ("XX", "Nowhere/Land")]
    local, fixed = CampaignFactory(), CampaignFactory(time_zone="Asia/Tokyo", ends=None)

    by_market = schedule.instants_per_market(local, places)
    by_own = schedule.instants_per_market(fixed, places)

    assert [str(each.starts.instant) for each in by_market] == [
        "2025-12-31 23:00:00+00:00",
        "2026-01-01 05:00:00+00:00",
    ]
    assert {str(each.starts.instant) for each in by_own} == {"2025-12-31 15:00:00+00:00"}
    assert [each.ends for each in by_own] == [None, None, None]
