"""S2: is the student price shown to verified adults alone, and is whoever might be one asked without a price?"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.scenarios.conftest import NOW
from tests.scenarios.stage import Stage

SCENARIO = "S2"
PRICE, VERIFY = "s2-price", "s2-verify"
MONTH, WEEK, LAST = "s2-remind-30", "s2-remind-7", "s2-remind-1"
ACCOUNT = "account-page"
DAY, INSTANT = timedelta(days=1), timedelta(microseconds=1)
UNTIL = date(2027, 1, 20)
STOCKHOLM, NEW_YORK = ZoneInfo("Europe/Stockholm"), ZoneInfo("America/New_York")


def student(stage: Stage, at: datetime = NOW, until: date = UNTIL, **traits: Any) -> str:
    facts: dict[str, Any] = {"subscription_state": "FREE", "s2_verified": True, "s2_until": until.isoformat()}
    return stage.somebody(at, **facts | traits)


def hopeful(stage: Stage, **traits: Any) -> str:
    facts: dict[str, Any] = {"subscription_state": "FREE", "s2_campus_address": True}
    return stage.somebody(**facts | traits)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=STOCKHOLM)


# --- the price -----------------------------------------------------------------------------------------------------


def test_a_verified_student_sees_the_price_and_what_comes_after_it(stage: Stage) -> None:
    shown = stage.ask(student(stage), at=NOW)

    assert shown.campaigns() == [PRICE]
    quote = shown.slot(PRICE).quote
    assert quote is not None
    assert (quote.amount, quote.then, quote.currency) == (6_500, 11_900, "SEK")


def test_a_market_without_a_student_price_shows_none(stage: Stage) -> None:
    dane = student(stage, market="DK", time_zone="Europe/Copenhagen")

    shown = stage.ask(dane, at=NOW, country="DK", locale="en-GB")

    assert shown.reason(PRICE) == "NOT_IN_MARKET"


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        pytest.param({"s2_verified": False}, "TARGETING_MISS", id="refused"),
        pytest.param({"s2_verified": None}, "TRAIT_MISSING", id="never-verified"),
        pytest.param({"s2_until": None}, "TARGETING_MISS", id="no-last-day"),
    ],
)
def test_without_a_valid_verification_there_is_no_price(stage: Stage, facts: dict[str, Any], code: str) -> None:
    assert stage.ask(student(stage, **facts), at=NOW).reason(PRICE) == code


def test_the_last_day_counts_until_local_midnight(stage: Stage) -> None:
    ends = midnight(UNTIL + DAY)
    account = student(stage, ends - DAY)

    before, after = stage.ask(account, at=ends - INSTANT), stage.ask(account, at=ends)

    assert before.campaigns() == [PRICE]
    assert after.reason(PRICE) == "TARGETING_MISS"


def test_verified_again_on_the_last_day_nothing_is_interrupted(stage: Stage) -> None:
    noon = midnight(UNTIL) + timedelta(hours=12)
    account = student(stage, midnight(UNTIL))
    assert stage.ask(account, at=noon).campaigns() == [PRICE]

    stage.know(account, noon, s2_verified=True, s2_until="2028-01-20")

    assert stage.ask(account, at=noon + INSTANT).campaigns() == [PRICE]
    assert stage.ask(account, at=midnight(UNTIL + DAY)).campaigns() == [PRICE]


def test_the_price_is_granted_four_times(stage: Stage) -> None:
    account = student(stage)
    for number in range(4):
        assert stage.ask(account, at=NOW).campaigns() == [PRICE]
        stage.began(account, "s2-student", NOW - timedelta(days=365 * (3 - number)))

    shown = stage.ask(account, at=NOW)

    assert (shown.reason(PRICE), shown.detail(PRICE)) == ("ALREADY_REDEEMED", "4 times ever")


def test_nobody_in_a_family_sees_either(stage: Stage) -> None:
    assert stage.ask(student(stage, plan="family"), at=NOW).reason(PRICE) == "NOT_ELIGIBLE"
    assert stage.ask(hopeful(stage, plan="family"), at=NOW).reason(VERIFY) == "TARGETING_MISS"


def test_the_18th_birthday_begins_at_local_midnight(stage: Stage) -> None:
    """In the United States, where the law does not answer first."""
    birthday = datetime(2026, 12, 1, tzinfo=NEW_YORK)
    facts: dict[str, Any] = {"market": "US", "time_zone": "America/New_York", "birth_date": "2008-12-01"}
    verified, other = student(stage, birthday - DAY, **facts), hopeful(stage, **facts)

    def asked(account: str, at: datetime, campaign: str) -> str:
        return stage.ask(account, at=at, country="US", locale="en-US").reason(campaign)

    assert asked(verified, birthday - INSTANT, PRICE) == "NOT_ELIGIBLE"
    assert asked(verified, birthday, PRICE) == "SELECTED"
    assert asked(other, birthday - INSTANT, VERIFY) == "TARGETING_MISS"
    assert asked(other, birthday, VERIFY) == "SELECTED"


def test_no_minor_and_nobody_of_unknown_age_sees_a_price(stage: Stage) -> None:
    assert stage.ask(student(stage, birth_date="2010-01-01"), at=NOW).reason(PRICE) == "LEGAL_BLOCK"
    assert stage.ask(student(stage, birth_date=None), at=NOW).reason(PRICE) == "LEGAL_BLOCK"


# --- verify --------------------------------------------------------------------------------------------------------


def test_a_campus_address_without_verification_is_asked_without_a_price(stage: Stage) -> None:
    shown = stage.ask(hopeful(stage), at=NOW)

    assert shown.campaigns() == [VERIFY]
    slot = shown.slot(VERIFY)
    assert (slot.quote, slot.offer) == (None, None)
    assert shown.reason(PRICE) == "TARGETING_MISS"


def test_who_is_verified_is_not_asked_and_who_lapsed_is_asked_again(stage: Stage) -> None:
    ends = midnight(UNTIL + DAY)
    account = student(stage, ends - DAY, s2_campus_address=True)

    before, after = stage.ask(account, at=ends - INSTANT), stage.ask(account, at=ends)

    assert (before.campaigns(), before.reason(VERIFY)) == ([PRICE], "TARGETING_MISS")
    assert after.campaigns() == [VERIFY]


def test_no_campus_address_is_not_asked(stage: Stage) -> None:
    assert stage.ask(stage.somebody(subscription_state="FREE"), at=NOW).reason(VERIFY) == "TRAIT_MISSING"


# --- the provider is down ------------------------------------------------------------------------------------------


def test_what_the_provider_said_is_believed_for_72_hours_and_not_longer(stage: Stage) -> None:
    account = student(stage, NOW)
    end = NOW + timedelta(hours=72)

    kept, stale = stage.ask(account, at=end), stage.ask(account, at=end + INSTANT)

    assert kept.campaigns() == [PRICE]
    assert stale.reason(PRICE) == "TRAIT_STALE"


def test_heard_of_again_it_is_believed_again(stage: Stage) -> None:
    account = student(stage, NOW)
    later = NOW + timedelta(hours=80)
    assert stage.ask(account, at=later).reason(PRICE) == "TRAIT_STALE"

    stage.know(account, later, s2_verified=True)

    assert stage.ask(account, at=later).campaigns() == [PRICE]


# --- reminders -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "campaign", "early"),
    [(30, MONTH, "JOURNEY_NOT_ENTERED"), (7, WEEK, "JOURNEY_WAITING"), (1, LAST, "JOURNEY_WAITING")],
)
def test_a_reminder_opens_at_local_midnight_so_many_days_before(
    stage: Stage, days: int, campaign: str, early: str
) -> None:
    opens = midnight(UNTIL - days * DAY)
    account = student(stage, opens - DAY)

    before, after = stage.ask(account, ACCOUNT, at=opens - INSTANT), stage.ask(account, ACCOUNT, at=opens)

    assert before.reason(campaign) == early
    assert after.campaigns() == [campaign]


def test_each_reminder_is_shown_once(stage: Stage) -> None:
    for days, campaign in ((30, MONTH), (7, WEEK), (1, LAST)):
        opens = midnight(UNTIL - days * DAY)
        account = student(stage, opens)
        stage.saw(stage.ask(account, ACCOUNT, at=opens), campaign, at=opens)
        assert stage.ask(account, ACCOUNT, at=opens + INSTANT).reason(campaign) == "JOURNEY_EXITED"


def test_verified_again_no_further_reminder_comes_until_the_next_year(stage: Stage) -> None:
    at = midnight(UNTIL - 7 * DAY)
    account = student(stage, at)
    assert stage.ask(account, ACCOUNT, at=at).campaigns() == [WEEK]

    stage.know(account, at, s2_verified=True, s2_until="2028-01-20")
    shown = stage.ask(account, ACCOUNT, at=at)
    next_year = datetime(2027, 12, 21, tzinfo=STOCKHOLM)
    stage.know(account, next_year, s2_verified=True)

    assert shown.reason(WEEK) == "JOURNEY_NOT_ENTERED"
    assert stage.ask(account, ACCOUNT, at=next_year).campaigns() == [MONTH]


def test_reminders_are_service_and_pass_where_marketing_is_silent(stage: Stage) -> None:
    at = midnight(UNTIL - 7 * DAY)
    account = student(stage, at, consent=False)
    stage.silence(account, "case", at, tiers=["COMMERCIAL"])

    shown = stage.ask(account, ACCOUNT, at=at)

    assert shown.slot(WEEK).tier == "SERVICE"
