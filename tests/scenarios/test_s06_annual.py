"""S6: is the year shown to who may have it, while it saves what it says, and never around a renewal?

That the account falls back to its earlier plan when the year is over is for who bills it; here is what is shown then.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from campaigns import importing
from merch.demo.staff import EDITOR
from merch.releases import store as releases
from tests.scenarios.conftest import NOW
from tests.scenarios.stage import Shown, Stage

SCENARIO = "S6"
YEAR, STUDENT, VERIFY = "s6-year", "s6-student-again", "s6-verify"
INSTANT = timedelta(microseconds=1)
DAY = timedelta(days=1)
MONTHLY = {
    "subscription_state": "ACTIVE",
    "plan": "individual",
    "subscribed_on": "2025-11-22",
    "renews_on": "2026-12-12",
}
RISES = datetime(2026, 11, 30, 23, tzinfo=UTC)  # midnight of 1 December in Stockholm

LEGAL = [{"min_age": 18}, {"max_age": 18, "trial_allowed": False}]
# What the year costs there, and what twelve months at 119.00 become when the monthly price changes.
MARKETS = {
    "NO": ("NOK", "Europe/Oslo", "1190.00", "129.00"),
    "DK": ("DKK", "Europe/Copenhagen", "1190.00", "110.00"),
    "PL": ("PLN", "Europe/Warsaw", "1350.00", "129.00"),
    "FI": ("EUR", "Europe/Helsinki", "1285.20", None),
    "EE": ("EUR", "Europe/Tallinn", "1285.21", None),
    "LV": ("EUR", "Europe/Riga", "1428.00", None),
    "LT": ("EUR", "Europe/Vilnius", "1500.00", None),
}


def monthly(stage: Stage, at: datetime = NOW, **said: Any) -> str:
    """A year on the monthly Individual, three weeks before the next renewal, unless it says otherwise."""
    return stage.somebody(at, **MONTHLY | said)


@pytest.fixture(scope="module")
def priced(stage: Stage) -> Stage:
    """The same scenario, sold in more markets."""
    by = User.objects.get(username=EDITOR.username)
    document: dict[str, Any] = {"markets": [], "prices": []}
    for code, (currency, zone, year, later) in MARKETS.items():
        market = {"code": code, "name": code, "currency": currency, "time_zone": zone, "countries": [code]}
        document["markets"].append(market | {"default_locale": "en-GB", "legal": LEGAL})
        month = {"plan": "individual", "market": code}
        document["prices"] += [
            {"plan": "individual-yearly", "market": code, "amount": year, "period": "P1Y"},
            month | {"amount": "119.00"},
            *([month | {"amount": later, "from": "2026-12-01"}] if later else []),
        ]
    found = importing.run(document, by=by, now=NOW, apply=True, why="More markets")
    assert not found.problems
    releases.publish(by=by, now=NOW, why="More markets")
    stage.republish(NOW)
    return stage


def ask(stage: Stage, market: str, at: datetime) -> Shown:
    account = monthly(stage, market=market, time_zone=MARKETS[market][1])
    return stage.ask(account, at=at, country=market, locale="en-GB")


def saving(shown: Shown) -> int | None:
    quote = shown.slot(YEAR).quote
    assert quote is not None
    return quote.saving


def test_a_year_on_the_monthly_plan_is_shown_the_year_its_price_and_what_it_saves(stage: Stage) -> None:
    shown = stage.ask(monthly(stage), at=NOW)

    assert shown.campaigns() == [YEAR]
    slot = shown.slot(YEAR)
    assert slot.quote is not None
    assert (slot.quote.amount, slot.quote.period, slot.quote.saving) == (119_000, "P1Y", 12 * 11_900 - 119_000)
    assert slot.fields["title"].replace("\xa0", " ") == "Ett år, 238,00 kr billigare"


@pytest.mark.parametrize(
    "said",
    [
        *(
            pytest.param({"subscription_state": state}, id=state.lower())
            for state in ("FREE", "TRIAL", "GRACE", "CANCELLED_PENDING", "PARTNER", "CHURNED_VOLUNTARY")
        ),
        pytest.param({"plan": "individual-yearly"}, id="a-year-already"),
        pytest.param({"plan": "duo"}, id="duo"),
        pytest.param({"plan": "student"}, id="student"),
    ],
)
def test_nobody_else_is_shown_it(stage: Stage, said: dict[str, Any]) -> None:
    assert stage.ask(monthly(stage, **said), at=NOW).reason(YEAR) in ("NOT_ELIGIBLE", "GUARD_BLOCK")


@pytest.mark.parametrize("trait", ["subscription_state", "plan", "subscribed_on", "renews_on"])
def test_what_is_not_known_blocks(stage: Stage, trait: str) -> None:
    unknown: dict[str, Any] = {trait: None}
    shown = stage.ask(monthly(stage, **unknown), at=NOW)

    assert (shown.reason(YEAR), shown.detail(YEAR)) == ("NOT_ELIGIBLE", f"{trait} is not known")


@pytest.mark.parametrize(
    ("since", "opens"),
    [
        pytest.param("2026-05-23", datetime(2026, 11, 22, 23, tzinfo=UTC), id="any-day"),
        pytest.param("2026-05-31", datetime(2026, 11, 29, 23, tzinfo=UTC), id="clamped-to-the-end-of-the-month"),
        pytest.param("2026-06-10", datetime(2026, 12, 9, 23, tzinfo=UTC), id="over-a-change-of-clocks"),
    ],
)
def test_six_months_are_over_at_local_midnight_of_the_same_day(stage: Stage, since: str, opens: datetime) -> None:
    account = monthly(stage, subscribed_on=since, renews_on="2027-01-20")

    assert stage.ask(account, at=opens - INSTANT).reason(YEAR) == "NOT_ELIGIBLE"
    assert stage.ask(account, at=opens).campaigns() == [YEAR]


def test_a_failed_payment_counts_for_90_days_to_the_microsecond(stage: Stage) -> None:
    account = monthly(stage)
    failed = NOW - 90 * DAY
    stage.happened(account, "payment_failed", failed)

    assert stage.ask(account, at=NOW).reason(YEAR) == "NOT_ELIGIBLE"
    assert stage.ask(account, at=NOW + INSTANT).campaigns() == [YEAR]


def test_a_payment_that_fails_now_is_seen_by_the_very_next_decision(stage: Stage) -> None:
    account = monthly(stage)
    assert stage.ask(account, at=NOW).campaigns() == [YEAR]

    stage.happened(account, "payment_failed", NOW + INSTANT)

    assert stage.ask(account, at=NOW + INSTANT).reason(YEAR) == "NOT_ELIGIBLE"


@pytest.mark.parametrize(("day", "shown"), [("2026-08-25", False), ("2026-08-24", True)])
def test_a_failure_that_billing_only_tells_the_day_of_counts_alike(stage: Stage, day: str, shown: bool) -> None:
    found = stage.ask(monthly(stage, payment_failed_on=day), at=NOW)

    assert found.reason(YEAR) == ("SELECTED" if shown else "NOT_ELIGIBLE")


@pytest.mark.parametrize(
    ("renews", "shown"),
    [
        pytest.param("2026-11-21", True, id="yesterday"),
        pytest.param("2026-11-22", False, id="today"),
        pytest.param("2026-11-23", False, id="tomorrow"),
        pytest.param("2026-11-29", False, id="in-7-days"),
        pytest.param("2026-11-30", True, id="in-8-days"),
    ],
)
def test_it_is_quiet_in_the_7_days_before_a_renewal(stage: Stage, renews: str, shown: bool) -> None:
    found = stage.ask(monthly(stage, renews_on=renews), at=NOW)

    assert found.reason(YEAR) == ("SELECTED" if shown else "NOT_ELIGIBLE")


def test_the_quiet_days_begin_at_local_midnight(stage: Stage) -> None:
    midnight = datetime(2026, 11, 22, 23, tzinfo=UTC)
    account = monthly(stage, renews_on="2026-11-30")

    assert stage.ask(account, at=midnight - INSTANT).campaigns() == [YEAR]
    assert stage.ask(account, at=midnight).reason(YEAR) == "NOT_ELIGIBLE"


def test_once_in_any_30_days(stage: Stage) -> None:
    account = monthly(stage, renews_on="2027-03-01")
    stage.saw(stage.ask(account, at=NOW), YEAR, at=NOW)

    assert stage.ask(account, at=NOW + 30 * DAY - INSTANT).reason(YEAR) == "CAPPED"
    assert stage.ask(account, at=NOW + 30 * DAY).campaigns() == [YEAR]


def test_a_market_without_a_yearly_price_has_no_year(stage: Stage) -> None:
    account = monthly(stage, market="BR", time_zone="America/Sao_Paulo")

    shown = stage.ask(account, at=NOW, country="BR", locale="pt-BR")

    assert (shown.reason(YEAR), shown.detail(YEAR)) == ("NOT_IN_MARKET", "no price in market BR")


def test_exactly_10_percent_is_enough(priced: Stage) -> None:
    shown = ask(priced, "FI", NOW)

    assert (shown.campaigns(), saving(shown)) == ([YEAR], 14_280)


@pytest.mark.parametrize(
    ("market", "saved"),
    [
        pytest.param("EE", 14_279, id="a-hundredth-less"),
        pytest.param("LV", 0, id="nothing"),
        pytest.param("LT", 0, id="dearer"),
    ],
)
def test_where_it_saves_less_it_is_withheld(priced: Stage, market: str, saved: int) -> None:
    shown = ask(priced, market, NOW)

    assert (shown.campaigns(), shown.reason(YEAR)) == ([], "NOT_ELIGIBLE")
    assert shown.detail(YEAR) == f"saves {saved} of 142800, and not 10 %"


def test_the_monthly_price_rises_next_month_and_today_s_saving_is_quoted_until_then(priced: Stage) -> None:
    assert [saving(ask(priced, "NO", at)) for at in (NOW, RISES - INSTANT, RISES)] == [23_800, 23_800, 35_800]


def test_no_answer_with_today_s_saving_outlives_the_price_it_is_counted_from(priced: Stage) -> None:
    shown = ask(priced, "NO", RISES - timedelta(seconds=10))

    assert shown.answer().valid_until == int(RISES.timestamp()) * 1_000_000


def test_where_the_monthly_price_falls_too_far_the_year_is_withheld_from_that_moment(priced: Stage) -> None:
    before, after = ask(priced, "DK", RISES - INSTANT), ask(priced, "DK", RISES)

    assert (before.campaigns(), saving(before)) == ([YEAR], 23_800)
    assert (after.reason(YEAR), after.detail(YEAR)) == ("NOT_ELIGIBLE", "saves 13000 of 132000, and not 10 %")


def test_a_raised_monthly_price_opens_the_year_and_not_before(priced: Stage) -> None:
    assert ask(priced, "PL", RISES - INSTANT).reason(YEAR) == "NOT_ELIGIBLE"
    assert saving(ask(priced, "PL", RISES)) == 12 * 12_900 - 135_000


def test_who_is_back_on_the_monthly_plan_after_the_year_may_be_asked_again(stage: Stage) -> None:
    account = monthly(stage, plan="individual-yearly")
    assert stage.ask(account, at=NOW).reason(YEAR) == "NOT_ELIGIBLE"

    stage.know(account, NOW + INSTANT, plan="individual")

    assert stage.ask(account, at=NOW + INSTANT).campaigns() == [YEAR]


def test_a_former_student_sees_no_student_price_before_verifying_again(stage: Stage) -> None:
    account = monthly(stage, student_verified=False, student_until="2026-11-01")

    former = stage.ask(account, "home-shelf", at=NOW)
    stage.know(account, NOW + INSTANT, student_verified=True, student_until="2027-11-01")
    verified = stage.ask(account, "home-shelf", at=NOW + INSTANT)

    assert (former.campaigns(), former.reason(STUDENT)) == ([VERIFY], "GUARD_BLOCK")
    assert former.slot(VERIFY).quote is None
    assert (verified.campaigns(), verified.reason(VERIFY)) == ([STUDENT], "TARGETING_MISS")


def test_without_a_record_nothing_is_shown(stage: Stage) -> None:
    shown = stage.ask(monthly(stage), at=NOW, unreadable=True)

    assert (shown.campaigns(), "DEGRADED_NO_SUBJECT" in shown.answer().degraded) == ([], True)
