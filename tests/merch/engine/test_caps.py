"""When has it been shown enough? (The tables of docs/algorithms/caps.md.)"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from audiences.history import session_hash
from merch.engine.clock import DAY, EPOCH, MICROSECOND, local_day_at
from merch.engine.compiled import Release
from merch.engine.document import CampaignDoc, CapDoc, CooldownDoc, PlacementDoc, PressureDoc
from merch.engine.facts import HistoryCell, Request, Subject
from merch.engine.windows import Moment, Window
from tests.merch.engine.documents import (
    CONTEXTS,
    HERO,
    HOUR,
    NOON,
    STOCKHOLM,
    campaign,
    decided,
    item,
    only,
    ready,
    reason,
    request,
    subject,
    with_offer,
)

MINUTE = HOUR // 60
IMPRESSIONS = CapDoc(scope="CAMPAIGN", event="impression", limit=2)
MINE = "campaign|one|impression"


def at(text: str) -> int:
    """Minutes of UTC as microseconds: 2026-11-21T23:00."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // MICROSECOND


def cell(*instants: int, sessions: tuple[str, ...] = ()) -> HistoryCell:
    hashes = tuple(map(session_hash, sessions)) or (0,) * len(instants)
    return HistoryCell(len(instants), min(instants), max(instants), instants, hashes)


def in_session(name: str, *placements: str) -> Request:
    asked = request(*placements)
    return replace(asked, context=asked.context | {"session_id": name})


def detail(release: Release, who: Subject, asked: Request | None = None, now: int = NOON) -> str:
    (loss,) = only(decided(release, who, asked, now=now)).losses
    return f"{loss.reason}: {loss.detail}"


DAILY, WEEKLY, MONTHLY = (replace(IMPRESSIONS, kind="CALENDAR_LOCAL", unit=unit) for unit in ("DAY", "WEEK", "MONTH"))


@pytest.mark.parametrize(
    ("cap", "shown", "now", "code"),
    [
        (DAILY, ("2026-11-21T22:59", "2026-11-21T23:00"), "2026-11-22T12:00", "SELECTED"),
        (DAILY, ("2026-11-21T23:00", "2026-11-22T11:00"), "2026-11-22T12:00", "CAPPED"),
        (DAILY, ("2026-11-21T23:00", "2026-11-22T11:00"), "2026-11-22T22:59", "CAPPED"),
        (DAILY, ("2026-11-21T23:00", "2026-11-22T11:00"), "2026-11-22T23:00", "SELECTED"),
        # The clocks went back on 25 October: a day of 25 hours.
        (DAILY, ("2026-10-24T22:00", "2026-10-25T21:30"), "2026-10-25T22:59", "CAPPED"),
        (DAILY, ("2026-10-24T21:59", "2026-10-25T21:30"), "2026-10-25T22:59", "SELECTED"),
        # A week begins on Monday: NOON is a Sunday.
        (WEEKLY, ("2026-11-15T23:00", "2026-11-16T00:00"), "2026-11-22T12:00", "CAPPED"),
        (WEEKLY, ("2026-11-15T22:59", "2026-11-16T00:00"), "2026-11-22T12:00", "SELECTED"),
        (WEEKLY, ("2026-11-15T23:00", "2026-11-16T00:00"), "2026-11-22T23:00", "SELECTED"),
        (MONTHLY, ("2026-10-31T23:00", "2026-11-16T00:00"), "2026-11-30T22:59", "CAPPED"),
        (MONTHLY, ("2026-10-31T22:59", "2026-11-16T00:00"), "2026-11-30T22:59", "SELECTED"),
        (MONTHLY, ("2026-10-31T23:00", "2026-11-16T00:00"), "2026-11-30T23:00", "SELECTED"),
    ],
)
def test_days_weeks_and_months_are_those_of_where_the_account_lives(
    cap: CapDoc, shown: tuple[str, ...], now: str, code: str
) -> None:
    who = subject({MINE: cell(*map(at, shown))})

    assert reason(decided(ready(campaign(caps=(cap,))), who, now=at(now))) == code


@pytest.mark.parametrize(
    ("sessions", "asked", "code"),
    [
        (("a", "a"), in_session("a"), "CAPPED"),
        (("a", "b"), in_session("a"), "SELECTED"),
        (("a", "a"), in_session("b"), "SELECTED"),
        (("a", "b"), request(), "CAPPED"),  # no session: the last 30 minutes
    ],
)
def test_a_session_is_the_one_that_the_request_names(sessions: tuple[str, str], asked: Request, code: str) -> None:
    once = ready(campaign(caps=(replace(IMPRESSIONS, kind="SESSION"),)), contexts=CONTEXTS | {"session_id": "string"})
    who = subject({MINE: cell(NOON - 30 * MINUTE + 1, NOON - MINUTE, sessions=sessions)})

    assert reason(decided(once, who, asked)) == code


def test_without_a_session_what_was_half_an_hour_ago_is_over() -> None:
    once = ready(campaign(caps=(replace(IMPRESSIONS, kind="SESSION", limit=1),)))

    assert reason(decided(once, subject({MINE: cell(NOON - 30 * MINUTE)}))) == "SELECTED"
    assert reason(decided(once, subject({MINE: cell(NOON - 30 * MINUTE + 1)}))) == "CAPPED"


@pytest.mark.parametrize(
    ("cap", "asked", "said"),
    [
        (DAILY, None, "2 of 2 impressions of campaign one per day; resets 2026-11-22T23:00:00Z"),
        (WEEKLY, None, "2 of 2 impressions of campaign one per week; resets 2026-11-22T23:00:00Z"),
        (MONTHLY, None, "2 of 2 impressions of campaign one per month; resets 2026-11-30T23:00:00Z"),
        (replace(IMPRESSIONS, kind="SESSION"), in_session("a"),
         "2 of 2 impressions of campaign one per session; resets with the next session"),
        (replace(IMPRESSIONS, kind="SESSION"), None,
         "2 of 2 impressions of campaign one per session; resets 2026-11-22T12:10:00Z"),
        (replace(IMPRESSIONS, kind="LIFETIME"), None, "2 of 2 impressions of campaign one ever"),
        (replace(IMPRESSIONS, window=7 * DAY), None,
         "2 of 2 impressions of campaign one in 7 days; resets 2026-11-29T11:40:00Z"),
        (replace(IMPRESSIONS, window=7 * DAY, limit=1), None,
         "2 of 1 impressions of campaign one in 7 days; resets 2026-11-29T11:50:00Z"),
    ],
)  # fmt: skip
def test_the_detail_names_cap_count_limit_and_when_it_lets_go(cap: CapDoc, asked: Request | None, said: str) -> None:
    capped = ready(campaign(caps=(cap,)), contexts=CONTEXTS | {"session_id": "string"})
    who = subject({MINE: cell(NOON - 20 * MINUTE, NOON - 10 * MINUTE, sessions=("a", "a"))})

    assert detail(capped, who, asked) == f"CAPPED: {said}"


ZONES = {"Europe/Stockholm": STOCKHOLM}
INSTANTS = st.integers(at("2026-01-02T00:00"), at("2027-01-01T00:00"))


@given(now=INSTANTS, shown=st.lists(INSTANTS, min_size=1, max_size=20), unit=st.sampled_from(("DAY", "WEEK", "MONTH")))
def test_a_calendar_window_counts_what_a_calendar_counts(now: int, shown: list[int], unit: str) -> None:
    def period(instant: int) -> tuple[int, ...]:
        local = (EPOCH + instant * MICROSECOND).astimezone(ZoneInfo("Europe/Stockholm"))
        return {"DAY": (local.toordinal(),), "WEEK": local.isocalendar()[:2], "MONTH": (local.year, local.month)}[unit]

    past = tuple(sorted(instant for instant in shown if instant <= now)) or (now,)
    day = local_day_at(STOCKHOLM, now)
    moment = Moment(now, STOCKHOLM, day.day, day.start, 0)
    window = Window("CALENDAR_LOCAL", None, unit)

    assert window.how_many(cell(*past), moment) == sum(period(instant) == period(now) for instant in past)
    resets = window.resets(cell(*past), 1, moment)
    assert resets is not None
    assert period(resets) != period(now)
    assert period(resets - 1) == period(now)


@given(
    now=INSTANTS,
    ago=st.lists(st.integers(0, 30 * DAY), min_size=1, max_size=20, unique=True),
    limit=st.integers(1, 20),
    days=st.integers(1, 20),
)
def test_a_rolling_cap_lets_go_at_the_moment_that_it_names(now: int, ago: list[int], limit: int, days: int) -> None:
    window, shown = Window("ROLLING", days * DAY), cell(*sorted(now - each for each in ago))

    def count(moment: int) -> int:
        return window.how_many(shown, Moment(moment, STOCKHOLM, 0, 0, 0))

    resets = window.resets(shown, limit, Moment(now, STOCKHOLM, 0, 0, 0))
    if count(now) < limit:
        assert resets is None
    else:
        assert resets is not None
        assert count(resets) < limit <= count(resets - 1)


@pytest.mark.parametrize(
    ("scope", "counted", "code"),
    [
        ("OFFER", "offer|trial|impression", "CAPPED"),
        ("OFFER", "offer|other|impression", "SELECTED"),
        ("PLACEMENT", "placement|home|impression", "CAPPED"),
        ("FORMAT", "format|hero|impression", "CAPPED"),
        ("TIER", "tier|COMMERCIAL|impression", "CAPPED"),
        ("ALL", "all||impression", "CAPPED"),
        ("ALL", "all||click", "SELECTED"),
    ],
)
def test_each_scope_has_its_own_counter(scope: str, counted: str, code: str) -> None:
    who = subject({counted: cell(NOON - HOUR)})
    cap = CapDoc(scope=scope, event="impression", limit=1, window=DAY)

    assert reason(decided(ready(with_offer(), shared_caps=(cap,)), who)) == code
    assert reason(decided(ready(with_offer(caps=(cap,))), who)) == code


@pytest.mark.parametrize(
    ("scope", "counted", "code"),
    [
        ("PLACEMENT", "surface|one@home|impression", "CAPPED"),
        ("PLACEMENT", "surface|one@shelf|impression", "SELECTED"),
        ("PLACEMENT", "placement|home|impression", "SELECTED"),
        ("ALL", "campaign|one|impression", "CAPPED"),
        ("ALL", "all||impression", "SELECTED"),
        ("FORMAT", "campaign|one|impression", "CAPPED"),
        ("CAMPAIGN", "campaign|one|impression", "CAPPED"),
    ],
)
def test_in_an_exempt_tier_a_campaigns_own_cap_counts_its_own(scope: str, counted: str, code: str) -> None:
    """S5: update your payment, once per session and surface, whatever marketing shows."""
    cap = CapDoc(scope=scope, event="impression", limit=1, kind="SESSION")
    who = subject({counted: cell(NOON - MINUTE)})

    assert reason(decided(ready(campaign(tier="SERVICE", caps=(cap,))), who)) == code


@pytest.mark.parametrize(
    ("cost", "tier", "counted", "code"),
    [
        (1, "COMMERCIAL", "interrupt||impression", "CAPPED"),
        (1, "COMMERCIAL", "all||impression", "SELECTED"),
        (0, "COMMERCIAL", "interrupt||impression", "SELECTED"),
        (1, "SERVICE", "interrupt||impression", "SELECTED"),
    ],
)
def test_a_cap_of_interruptions_covers_what_interrupts_alone(cost: int, tier: str, counted: str, code: str) -> None:
    cap = CapDoc(scope="INTERRUPT", event="impression", limit=1, kind="SESSION")
    placement = PlacementDoc(rank=1, format="hero", slots=1, max_age=60, interruption_cost=cost)
    release = ready(campaign(tier=tier), placements={"home": placement}, shared_caps=(cap,))

    assert reason(decided(release, subject({counted: cell(NOON - MINUTE)}))) == code


def test_interruptions_chosen_in_the_same_call_count_toward_their_cap() -> None:
    cap = CapDoc(scope="INTERRUPT", event="impression", limit=1, kind="SESSION")
    placement = PlacementDoc(rank=1, format="hero", slots=1, max_age=60, interruption_cost=1)
    shown = campaign(items=(item("first"), item("second", placement="shelf")))
    release = ready(shown, placements={"home": placement, "shelf": replace(placement, rank=2)}, shared_caps=(cap,))

    answers = decided(release, subject({}), in_session("s", "home", "shelf")).answers

    assert [each.reason for each in answers] == ["SELECTED", "EMPTY"]


DISMISSED = CooldownDoc(scope="CAMPAIGN", event="dismissal", length=30 * DAY)
FULL_SCREEN = CooldownDoc(scope="FORMAT", event="impression", length=DAY, scope_key="hero")


@pytest.mark.parametrize(
    ("what", "shared", "history", "code"),
    [
        (campaign(cooldowns=(DISMISSED,)), (), {}, "SELECTED"),
        (campaign(cooldowns=(DISMISSED,)), (), {"campaign|one|dismissal": cell(NOON - 30 * DAY + 1)}, "COOLDOWN"),
        (campaign(cooldowns=(DISMISSED,)), (), {"campaign|one|dismissal": cell(NOON - 30 * DAY)}, "SELECTED"),
        (campaign(cooldowns=(DISMISSED,)), (), {"campaign|two|dismissal": cell(NOON)}, "SELECTED"),
        (campaign(), (FULL_SCREEN,), {"format|hero|impression": cell(NOON - HOUR)}, "COOLDOWN"),
        (campaign(), (replace(FULL_SCREEN, scope_key="card"),), {"format|hero|impression": cell(NOON)}, "SELECTED"),
        (campaign(tier="SERVICE"), (FULL_SCREEN,), {"format|hero|impression": cell(NOON - HOUR)}, "SELECTED"),
        (campaign(tier="SERVICE", cooldowns=(DISMISSED,)), (), {"campaign|one|dismissal": cell(NOON)}, "COOLDOWN"),
    ],
)
def test_cooldowns(
    what: CampaignDoc, shared: tuple[CooldownDoc, ...], history: dict[str, HistoryCell], code: str
) -> None:
    assert reason(decided(ready(what, shared_cooldowns=shared), subject(history))) == code


def test_a_cooldown_says_until_when() -> None:
    resting = ready(campaign(cooldowns=(DISMISSED,)))
    who = subject({"campaign|one|dismissal": cell(NOON - DAY)})

    said = "30 days after the last of dismissals of campaign one; resets 2026-12-21T12:00:00Z"
    assert detail(resting, who) == f"COOLDOWN: {said}"


PRESSURE = PressureDoc(allowance=6, shrink=2, least=2)
COSTS = {"full-screen": 4, "card": 1}


def of_format(format: str, cost: int, **changes: Any) -> Release:
    """One placement and one campaign in a format of this cost."""
    shown = campaign(creatives={"hero": replace(HERO, format=format)}, **changes)
    placement = PlacementDoc(rank=1, format=format, slots=1, max_age=60, interruption_cost=cost)
    return ready(shown, placements={"home": placement}, costs=COSTS, pressure=PRESSURE)


FULL, CARD, INLINE = of_format("full-screen", 4), of_format("card", 1), of_format("inline", 0)
ONE_FULL = {"format|full-screen|impression": cell(NOON - 6 * DAY)}
DISMISSALS = {"all||dismissal": cell(NOON - 6 * DAY)}
TWO_CARDS = {
    "format|card|impression": cell(NOON - 6 * DAY, NOON - 5 * DAY),
    "all||dismissal": cell(NOON - 6 * DAY, NOON - 5 * DAY, NOON - 4 * DAY),
}


@pytest.mark.parametrize(
    ("history", "full", "card"),
    [
        ({}, "SELECTED", "SELECTED"),
        (ONE_FULL, "PRESSURE", "SELECTED"),
        (ONE_FULL | DISMISSALS, "PRESSURE", "PRESSURE"),
        (TWO_CARDS, "PRESSURE", "PRESSURE"),
        ({"format|full-screen|impression": cell(NOON - 7 * DAY)}, "SELECTED", "SELECTED"),
        ({"format|full-screen|impression": cell(NOON - 7 * DAY + 1)}, "PRESSURE", "SELECTED"),
    ],
)
def test_pressure(history: dict[str, HistoryCell], full: str, card: str) -> None:
    who = subject(history)

    assert reason(decided(FULL, who)) == full
    assert reason(decided(CARD, who)) == card
    assert reason(decided(INLINE, who)) == "SELECTED"
    assert reason(decided(of_format("full-screen", 4, tier="LEGAL"), who)) == "SELECTED"


def test_pressure_names_what_was_borne_and_when_it_eases() -> None:
    said = detail(FULL, subject(ONE_FULL | {"all||dismissal": cell(NOON - 5 * DAY)}))

    assert said == (
        "PRESSURE: 4 borne in 7 days and 4 more, of 6 that dismissals took down to 4; resets 2026-11-23T12:00:00Z"
    )


def two_placements(cost: int, **changes: Any) -> Release:
    """The same campaign in two placements of one format."""
    shown = campaign(items=(item("a"), item("b", placement="shelf")), **changes.pop("campaign", {}))
    placements = {
        slug: PlacementDoc(rank=rank, format="hero", slots=1, max_age=600, interruption_cost=cost)
        for rank, slug in enumerate(("home", "shelf"))
    }
    return ready(shown, placements=placements, costs={"hero": cost}, **changes)


ONE_A_DAY = CapDoc(scope="ALL", event="impression", limit=1, window=DAY)


@pytest.mark.parametrize(
    ("cost", "changes", "second"),
    [
        pytest.param(0, {"shared_caps": (ONE_A_DAY,)}, "SELECTED", id="soft"),
        pytest.param(0, {"shared_caps": (replace(ONE_A_DAY, strict=True),)}, "EMPTY", id="strict"),
        pytest.param(4, {"shared_caps": (ONE_A_DAY,)}, "EMPTY", id="two-full-screens"),
        pytest.param(4, {"pressure": PRESSURE}, "EMPTY", id="pressure"),
        pytest.param(3, {"pressure": PRESSURE}, "SELECTED", id="pressure-with-room"),
        pytest.param(4, {"shared_cooldowns": (FULL_SCREEN,)}, "EMPTY", id="cooldown"),
        pytest.param(0, {"shared_cooldowns": (FULL_SCREEN,)}, "SELECTED", id="cooldown-of-what-does-not-interrupt"),
    ],
)
def test_one_answer_does_not_overshoot_by_itself(cost: int, changes: dict[str, Any], second: str) -> None:
    first, other = decided(two_placements(cost, **changes), subject(), request("shelf", "home")).answers

    assert (other.reason, first.reason) == ("SELECTED", second)


STRICT = replace(IMPRESSIONS, limit=3, kind="CALENDAR_LOCAL", unit="DAY", strict=True)


def test_a_strict_cap_names_the_hold_that_its_winner_needs() -> None:
    who = subject({MINE: cell(NOON - DAY, NOON - HOUR)})
    decision = decided(ready(campaign(caps=(STRICT,))), who)
    (hold,) = decision.holds
    (slot,) = only(decision).slots

    assert (hold.candidate, hold.cell, hold.limit, hold.count) == ("one/hero", MINE, 3, 1)
    assert slot.hold == hold.key
    assert only(decision).valid_until <= NOON + 5 * MINUTE


def test_the_key_of_a_hold_repeats_on_a_retry_and_only_then() -> None:
    strict = ready(campaign(caps=(STRICT,)), contexts=CONTEXTS | {"session_id": "string"})

    def key(who: Subject, asked: Request, now: int) -> str:
        return decided(strict, who, asked, now=now).holds[0].key

    first = key(subject(), in_session("a"), NOON)
    assert key(subject(), in_session("a"), NOON + 59 * MINUTE) == first
    others = {
        key(subject(), in_session("b"), NOON),
        key(subject(), in_session("a"), NOON + HOUR),
        key(subject({MINE: cell(NOON)}), in_session("a"), NOON),
    }
    assert len(others) == 3
    assert first not in others


def test_a_soft_cap_a_loser_and_a_fallback_need_no_hold() -> None:
    assert decided(ready(campaign(caps=(replace(STRICT, strict=False),)))).holds == ()
    assert decided(ready(campaign(caps=(STRICT,))), kills=("one",)).holds == ()
    assert decided(ready(campaign(tier="HOUSE", fallback=True, caps=(STRICT,)))).holds == ()


@pytest.mark.parametrize(("answer", "degraded"), [("CAPPED", ()), ("DEGRADED_NO_COUNTERS", ("DEGRADED_NO_COUNTERS",))])
def test_what_the_store_answered_decides_again(answer: str, degraded: tuple[str, ...]) -> None:
    other = campaign("other", priority=1)
    asked = request(refused_holds={"one/hero": answer})
    decision = decided(ready(campaign(caps=(STRICT,)), other), subject(), asked)

    assert reason(decision) == answer
    assert [slot.campaign for slot in only(decision).slots] == ["other"]
    assert only(decision).degraded == degraded


def test_a_strict_cap_whose_counter_cannot_be_read_withholds_by_name() -> None:
    assert reason(decided(ready(campaign(caps=(STRICT,))), unreadable=True)) == "DEGRADED_NO_COUNTERS"
    assert reason(decided(ready(with_offer(caps=(STRICT,))), unreadable=True)) == "DEGRADED_NO_SUBJECT"
