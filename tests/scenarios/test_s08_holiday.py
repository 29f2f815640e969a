"""S8: does the holiday promotion begin and end on everybody's own clock, stop with its budget, and stand alone?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from audiences.hashing import bucket
from audiences.moments import micros
from tests.scenarios.stage import Stage

SCENARIO = "S8"
HOLIDAY, TRIAL, COME_BACK = "s8-holiday", "s8-first-trial", "s8-come-back"
DURING = datetime(2026, 12, 1, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
ABROAD = {"SE": "Europe/Stockholm", "GB": "Europe/London", "DE": "Europe/Berlin", "JP": "Asia/Tokyo"}


def free(stage: Stage, market: str = "SE", zone: str | None = None) -> str:
    return stage.somebody(subscription_state="FREE", market=market, time_zone=zone or ABROAD[market])


def left(stage: Stage, days_ago: int, state: str = "CHURNED_VOLUNTARY") -> str:
    day = (DURING - timedelta(days=days_ago)).date().isoformat()
    return stage.somebody(subscription_state=state, expired_on=day)


# --- who -----------------------------------------------------------------------------------------------------------


def test_a_free_listener_who_never_paid_gets_three_months_for_one(stage: Stage) -> None:
    shown = stage.ask(free(stage), at=DURING)

    assert shown.campaigns() == [HOLIDAY]
    quote = shown.slot(HOLIDAY).quote
    assert quote is not None
    assert (quote.amount, quote.then, quote.saving, quote.currency) == (11_900, 11_900, 23_800, "SEK")


@pytest.mark.parametrize(
    ("days_ago", "code"),
    [pytest.param(90, "NOT_ELIGIBLE", id="ninety-days"), pytest.param(91, "SELECTED", id="over-ninety-days")],
)
@pytest.mark.parametrize("state", ["CHURNED_VOLUNTARY", "CHURNED_INVOLUNTARY"])
def test_who_left_more_than_90_days_ago_is_asked_too(stage: Stage, state: str, days_ago: int, code: str) -> None:
    assert stage.ask(left(stage, days_ago, state), at=DURING).reason(HOLIDAY) == code


def test_who_is_free_and_once_paid_is_not(stage: Stage) -> None:
    account = free(stage)
    stage.happened(account, "subscribe", DURING - timedelta(days=300), kind="conversion", plan="individual")

    assert stage.ask(account, at=DURING).reason(HOLIDAY) == "NOT_ELIGIBLE"


@pytest.mark.parametrize("state", ["ACTIVE", "TRIAL", "GRACE", "ON_HOLD", "CANCELLED_PENDING", "PARTNER"])
def test_nobody_who_subscribes_is(stage: Stage, state: str) -> None:
    account = stage.somebody(subscription_state=state, expired_on="2020-01-01")

    assert stage.ask(account, at=DURING).reason(HOLIDAY) == "NOT_ELIGIBLE"


def test_a_market_without_an_amount_is_never_converted(stage: Stage) -> None:
    shown = stage.ask(free(stage, "BR", "America/Sao_Paulo"), at=DURING, country="BR", locale="pt-BR")

    assert shown.reason(HOLIDAY) == "NOT_IN_MARKET"
    assert shown.campaigns() == [TRIAL]


# --- when ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "zone",
    [
        "Europe/Stockholm", "Europe/London", "Asia/Tokyo", "America/New_York", "America/Los_Angeles",
        "Pacific/Honolulu", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati",
    ],
)  # fmt: skip
def test_it_begins_and_ends_at_midnight_of_the_accounts_own_clock(stage: Stage, zone: str) -> None:
    account = free(stage, "SE", zone)
    begins = datetime(2026, 11, 25, tzinfo=ZoneInfo(zone))
    ends = datetime(2027, 1, 3, tzinfo=ZoneInfo(zone))

    reasons = [stage.ask(account, at=at).reason(HOLIDAY) for at in (begins - INSTANT, begins, ends - INSTANT, ends)]

    assert reasons == ["OUT_OF_SCHEDULE", "SELECTED", "SELECTED", "OUT_OF_SCHEDULE"]


def test_no_change_of_clocks_inside_the_window_shifts_an_edge(stage: Stage) -> None:
    """Fiji and Chile have changed clocks around the turn of the year; the wall is what was meant."""
    for zone in ("Pacific/Fiji", "America/Santiago", "Antarctica/Troll"):
        account = free(stage, "SE", zone)
        ends = datetime(2027, 1, 3, tzinfo=ZoneInfo(zone))
        assert stage.ask(account, at=ends - INSTANT).reason(HOLIDAY) == "SELECTED"
        assert stage.ask(account, at=ends).reason(HOLIDAY) == "OUT_OF_SCHEDULE"


def test_whoever_flies_from_tokyo_to_los_angeles_gets_no_second_start(stage: Stage) -> None:
    account = free(stage, "JP")
    begins = datetime(2026, 11, 25, tzinfo=ZoneInfo("Asia/Tokyo"))
    ends = datetime(2027, 1, 3, tzinfo=ZoneInfo("Asia/Tokyo"))

    def in_los_angeles(at: datetime) -> str:
        return stage.ask(account, at=at, time_zone="America/Los_Angeles", country="US", locale="en-US").reason(HOLIDAY)

    assert stage.ask(account, at=begins, country="JP", locale="en-GB").reason(HOLIDAY) == "SELECTED"
    assert [in_los_angeles(begins + timedelta(hours=hours)) for hours in range(0, 30, 3)] == ["SELECTED"] * 10
    assert in_los_angeles(ends) == "OUT_OF_SCHEDULE"


def test_an_answer_is_never_valid_past_the_end(stage: Stage) -> None:
    ends = datetime(2027, 1, 3, tzinfo=ZoneInfo("Europe/Stockholm"))

    shown = stage.ask(free(stage), at=ends - timedelta(seconds=10))

    assert shown.answer().valid_until == micros(ends)


# --- against the others --------------------------------------------------------------------------------------------


def test_of_the_category_the_cheapest_over_12_months_is_shown_whatever_the_priorities(stage: Stage) -> None:
    """Ten months paid against eleven; against ten and a half for who left."""
    newcomer = stage.ask(free(stage), at=DURING)
    returner = stage.ask(left(stage, 200), at=DURING)

    assert (newcomer.campaigns(), newcomer.reason(TRIAL)) == ([HOLIDAY], "EXCLUDED_BY_CATEGORY")
    assert (returner.campaigns(), returner.reason(COME_BACK)) == ([HOLIDAY], "EXCLUDED_BY_CATEGORY")


def test_in_one_call_no_placement_contradicts_another(stage: Stage) -> None:
    shown = stage.ask(free(stage), "home-hero", "checkout-banner", at=DURING)

    assert shown.campaigns("home-hero") == [HOLIDAY]
    assert shown.reason(HOLIDAY, "checkout-banner") == "DUPLICATE_OFFER"


# --- while the budget lasts ----------------------------------------------------------------------------------------


def test_exhausted_in_one_market_the_free_month_is_shown_there_and_nothing_changes_elsewhere(stage: Stage) -> None:
    pulse = replace(stage.pulse, budgets={"s8-holiday|DE": 0})

    german = stage.ask(free(stage, "DE"), at=DURING, pulse=pulse, country="DE", locale="en-GB")
    swede = stage.ask(free(stage), at=DURING, pulse=pulse)

    assert (german.campaigns(), german.reason(HOLIDAY)) == ([TRIAL], "BUDGET_EXHAUSTED")
    assert german.detail(HOLIDAY) == "s8-holiday"
    assert swede.campaigns() == [HOLIDAY]


def test_who_left_gets_the_win_back_when_it_is_exhausted(stage: Stage) -> None:
    pulse = replace(stage.pulse, budgets={"s8-holiday|SE": 0})

    assert stage.ask(left(stage, 200), at=DURING, pulse=pulse).campaigns() == [COME_BACK]


def test_a_paced_budget_lets_its_share_in_and_names_the_others(stage: Stage) -> None:
    pulse = replace(stage.pulse, budgets={"s8-holiday|SE": 5_000})
    hour = micros(DURING) // 3_600_000_000
    accounts = [free(stage) for _ in range(40)]

    for account in accounts:
        shown = stage.ask(account, at=DURING, pulse=pulse)
        let_in = bucket(f"pace:s8-holiday:{hour}", account) < 5_000
        assert shown.reason(HOLIDAY) == ("SELECTED" if let_in else "BUDGET_PACED")
        assert shown.campaigns() == ([HOLIDAY] if let_in else [TRIAL])


def test_the_quote_of_what_was_shown_before_the_end_outlives_it(stage: Stage) -> None:
    """A decision ten seconds before the end promises its price for its quarter of an hour, not a second less."""
    ends = datetime(2027, 1, 3, tzinfo=ZoneInfo("Europe/Stockholm"))
    at = ends - timedelta(seconds=10)

    quote = stage.ask(free(stage), at=at).slot(HOLIDAY).quote

    assert quote is not None
    assert quote.expires_at == micros(at + timedelta(minutes=15))
