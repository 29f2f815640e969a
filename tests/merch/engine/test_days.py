"""Which day and which hour is it for the account, on the days on which clocks change?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from audiences.moments import micros
from campaigns import schedule
from merch.engine.clock import local_day_at, resolve, wall_microseconds
from merch.engine.document import CapDoc, TraitDoc, ZoneTable
from merch.engine.facts import HistoryCell
from tests.merch.engine.documents import (
    ADULTS,
    HOUR,
    SWEDEN,
    TRAITS,
    campaign,
    decided,
    ready,
    reason,
    request,
    subject,
    with_offer,
)

# Midnight that does not exist, midnight that comes twice, half an hour, changes on either side of midnight.
ZONES = (
    "Europe/Stockholm", "America/New_York", "Africa/Cairo", "America/Santiago", "America/Havana", "Atlantic/Azores",
    "Australia/Lord_Howe", "Asia/Beirut", "America/Scoresbysund", "Asia/Kathmandu", "Pacific/Apia", "UTC",
)  # fmt: skip
EPOCH_DAY = datetime(1970, 1, 1, tzinfo=UTC).date()


@cache
def table(zone: str) -> ZoneTable:
    names, tables = schedule.tables(datetime(2025, 1, 1, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC))
    instants, offsets = tables[names[zone]]
    return ZoneTable(instants=tuple(instants), offsets=tuple(offsets))


def first_instant(zone: str, moment: datetime) -> datetime:
    """The beginning of the local day by the zone files: minute by minute backwards."""
    day = moment.astimezone(schedule.zone(zone)).date()
    found = moment.replace(second=0, microsecond=0)
    for step in (timedelta(hours=30), timedelta(minutes=30), timedelta(minutes=1)):
        while (found - step).astimezone(schedule.zone(zone)).date() >= day:
            found -= step
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_days_around_every_change_of_clocks(zone: str) -> None:
    changes = table(zone).instants[1:5] or (1_795_348_800,)
    for change in changes:
        for half_hours in range(-60, 61):
            moment = datetime.fromtimestamp(change, UTC) + timedelta(minutes=30 * half_hours, seconds=7)
            local = moment.astimezone(schedule.zone(zone))

            found = local_day_at(table(zone), micros(moment))

            assert found.day == (local.date() - EPOCH_DAY).days, moment
            assert found.start == micros(first_instant(zone, moment)), moment
            assert found.hour == local.hour, moment


@given(
    zone=st.sampled_from(ZONES),
    now=st.integers(micros(datetime(2025, 1, 2, tzinfo=UTC)), micros(datetime(2031, 12, 30, tzinfo=UTC))),
)
def test_any_moment_lies_in_its_day(zone: str, now: int) -> None:
    found = local_day_at(table(zone), now)

    assert found.start <= now < found.start + 26 * HOUR
    assert found.hour == datetime.fromtimestamp(now // 1_000_000, schedule.zone(zone)).hour


def test_rules_read_the_hour_on_the_clock_after_it_was_set_back() -> None:
    # Stockholm, 25 October 2026: at 14:30 on the wall, fifteen and a half hours of the day have passed.
    moment = micros(datetime(2026, 10, 25, 13, 30, tzinfo=UTC))
    at_two = campaign(rule={"v": 1, "rule": {"ctx": "hour", "op": "eq", "value": 14}})

    assert reason(decided(ready(at_two), now=moment)) == "SELECTED"


def test_a_day_of_25_hours_counts_both_of_its_first_hours() -> None:
    # Havana, 2 November 2025: midnight comes twice, an hour apart, and both belong to the day.
    shown = micros(datetime(2025, 11, 2, 4, 30, tzinfo=UTC))
    cell = HistoryCell(1, shown, shown, (shown,), (0,))
    leaf = {"history": "campaign", "key": "one", "of": "impression", "agg": "count", "window": "local_day"}
    once = campaign(starts="2025-01-01T00:00:00", rule={"v": 1, "rule": leaf | {"op": "lt", "value": 1}})
    havana = replace(SWEDEN, time_zone="America/Havana")
    release = ready(
        once, markets={"SE": havana}, zones={"America/Havana": 0}, zone_tables=(table("America/Havana"),)
    )  # fmt: skip
    who = subject(history={"campaign|one|impression": cell})

    assert reason(decided(release, who, now=micros(datetime(2025, 11, 2, 12, tzinfo=UTC)))) == "TARGETING_MISS"
    assert reason(decided(release, who, now=micros(datetime(2025, 11, 3, 12, tzinfo=UTC)))) == "SELECTED"


@pytest.mark.parametrize(
    ("zone", "wall", "first", "second"),
    [
        pytest.param("America/New_York", "2026-03-08T02:30:00", "2026-03-08T07:30:00", None, id="a-gap"),
        pytest.param(
            "America/New_York", "2026-11-01T01:30:00", "2026-11-01T05:30:00", "2026-11-01T06:30:00", id="an-overlap"
        ),
        pytest.param("Africa/Cairo", "2026-04-24T00:00:00", "2026-04-23T22:00:00", None, id="no-midnight"),
        pytest.param(
            "America/Havana", "2025-11-02T00:00:00", "2025-11-02T04:00:00", "2025-11-02T05:00:00", id="two-midnights"
        ),
        pytest.param("Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:45:00", None, id="half-an-hour"),
        pytest.param("Europe/Stockholm", "2038-01-19T03:14:08", "2038-01-19T02:14:08", None, id="2038"),
        pytest.param("Europe/Stockholm", "9999-12-31T23:59:59.999999", "9999-12-31T22:59:59.999999", None, id="9999"),
        pytest.param("UTC", "0001-01-01T00:00:00", "0001-01-01T00:00:00", None, id="year-1"),
        pytest.param("UTC", "2024-02-29T00:00:00", "2024-02-29T00:00:00", None, id="leap-day"),
    ],
)
def test_wall_times_as_instants(zone: str, wall: str, first: str, second: str | None) -> None:
    starts, ends = (resolve(table(zone), wall_microseconds(wall), last=last) for last in (False, True))

    assert starts == micros(datetime.fromisoformat(first).replace(tzinfo=UTC))
    assert ends == micros(datetime.fromisoformat(second or first).replace(tzinfo=UTC))


TOKYO, LOS_ANGELES = "Asia/Tokyo", "America/Los_Angeles"
SOMEWHERE = {"zones": {name: at for at, name in enumerate((TOKYO, LOS_ANGELES, "Europe/Stockholm"))}}


def opening(kind: str, now: str, *, context: dict[str, str], **traits: Any) -> str:
    """What becomes, at ``now``, of a campaign that begins at midnight on 25 November wherever the subject lives."""
    release = ready(
        campaign(starts="2026-11-25T00:00:00"),
        zone_tables=tuple(table(name) for name in SOMEWHERE["zones"]),
        **SOMEWHERE,
    )
    asked = request(kind=kind, context={"country": "SE", "locale": "sv-SE"} | context)
    return reason(decided(release, subject(**traits), asked, now=micros(datetime.fromisoformat(f"{now}:00+00:00"))))


@pytest.mark.parametrize(
    ("kind", "zone", "declared", "opens"),
    [
        pytest.param("a", None, None, "2026-11-24T23:00", id="an-account-by-its-market"),
        pytest.param("a", None, TOKYO, "2026-11-24T15:00", id="an-account-by-what-it-declared"),
        pytest.param("a", LOS_ANGELES, TOKYO, "2026-11-24T15:00", id="an-account-that-travels"),
        pytest.param("a", LOS_ANGELES, None, "2026-11-24T23:00", id="an-account-that-travels-and-declared-nothing"),
        pytest.param("d", None, None, "2026-11-24T23:00", id="a-device-by-its-market"),
        pytest.param("d", TOKYO, None, "2026-11-24T15:00", id="a-device-where-it-is"),
        pytest.param("d", TOKYO, LOS_ANGELES, "2026-11-25T08:00", id="a-device-by-what-it-declared"),
        pytest.param("d", "Mars/Olympus", None, "2026-11-24T23:00", id="a-device-nowhere"),
    ],
)
def test_a_flight_opens_once_where_the_subject_lives(
    kind: str, zone: str | None, declared: str | None, opens: str
) -> None:
    context = {} if zone is None else {"time_zone": zone}
    traits = {} if declared is None else {"time_zone": declared}
    before = (datetime.fromisoformat(opens) - timedelta(minutes=1)).isoformat(timespec="minutes")

    assert opening(kind, before, context=context, **traits) == "OUT_OF_SCHEDULE"
    assert opening(kind, opens, context=context, **traits) == "SELECTED"


def test_a_zone_declared_anew_moves_the_flight_and_no_count_of_it() -> None:
    # At 16:00Z it has begun in Tokyo; who declares Los Angeles then waits until it begins there.
    assert opening("a", "2026-11-24T16:00", context={}, time_zone=TOKYO) == "SELECTED"
    assert opening("a", "2026-11-24T16:00", context={}, time_zone=LOS_ANGELES) == "OUT_OF_SCHEDULE"
    # What was seen in the first zone still counts in the second: caps count instants, whatever zone.
    seen = micros(datetime(2026, 11, 24, 16, tzinfo=UTC))
    once = campaign(caps=(CapDoc(scope="CAMPAIGN", event="impression", limit=1, window=None),))
    who = subject(history={"campaign|one|impression": HistoryCell(1, seen, seen, (seen,), (0,))}, time_zone=LOS_ANGELES)
    assert reason(decided(ready(once), who, now=seen + 20 * HOUR)) == "CAPPED"


@pytest.mark.parametrize(
    ("leaf", "midnight"),
    [
        pytest.param(
            {"trait": "expired", "op": "before_days", "value": 60}, "2026-04-01", id="day-59-becomes-60"
        ),
        pytest.param(
            {"trait": "expired", "op": "before_months", "value": 2}, "2026-03-31", id="two-months"
        ),
    ],
)  # fmt: skip
def test_days_since_a_date_change_at_local_midnight(leaf: dict[str, Any], midnight: str) -> None:
    expired = TraitDoc(type="date", profiling=False)
    held = campaign(rule={"v": 1, "rule": leaf})
    day = (datetime(2026, 1, 31, tzinfo=UTC).date() - EPOCH_DAY).days
    for zone in (TOKYO, LOS_ANGELES):
        release = ready(
            held, traits=TRAITS | {"expired": expired},
            zone_tables=tuple(table(name) for name in SOMEWHERE["zones"]), **SOMEWHERE,
        )  # fmt: skip
        began = micros(schedule.resolve(datetime.fromisoformat(midnight), zone, last=False).instant)
        who = subject(expired=day, time_zone=zone)

        assert reason(decided(release, who, now=began - 1)) == "TARGETING_MISS"
        assert reason(decided(release, who, now=began)) == "SELECTED"


def test_one_comes_of_age_at_local_midnight() -> None:
    law = (replace(ADULTS, min_age=0, max_age=18, trial_allowed=False), replace(ADULTS, min_age=18))
    release = ready(
        with_offer(), markets={"SE": replace(SWEDEN, legal=law)},
        zone_tables=tuple(table(name) for name in SOMEWHERE["zones"]), **SOMEWHERE,
    )  # fmt: skip
    born = (datetime(2008, 11, 22, tzinfo=UTC).date() - EPOCH_DAY).days
    for zone in (TOKYO, LOS_ANGELES):
        midnight = micros(schedule.resolve(datetime(2026, 11, 22), zone, last=False).instant)  # noqa: DTZ001
        who = subject(birth_date=born, time_zone=zone)

        assert reason(decided(release, who, now=midnight - 1)) == "LEGAL_BLOCK"
        assert reason(decided(release, who, now=midnight)) == "SELECTED"
