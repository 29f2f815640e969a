"""S5: does whoever's payment failed hear how to pay, and nothing else, for the right days and not once more?

Which state an account is in is for who bills it; here is what is shown in each, and how the days are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.scenarios.conftest import NOW
from tests.scenarios.stage import Shown, Stage

SCENARIO = "S5"
PAYMENT = "s5-update-payment"
TERMS, SOLD, WELCOME, HOUSE = "s5-terms", "s5-sold", "s5-welcome", "s5-house"
RESUME, HALF = "s5-resume", "s5-half"
EVERYWHERE = ("home-hero", "home-shelf", "now-playing-card", "checkout-banner", "account-page", "full-screen")
INSTANT = timedelta(microseconds=1)
DAY = timedelta(days=1)


def failing(stage: Stage, at: datetime = NOW, state: str = "GRACE", **said: Any) -> str:
    """An account whose payment fails at this moment."""
    account = stage.somebody(at, **{"subscription_state": state, "plan": "individual"} | said)
    stage.happened(account, "payment_failed", at)
    return account


def recovered(stage: Stage, account: str, at: datetime) -> None:
    stage.happened(account, "payment_recovered", at)
    stage.know(account, at, subscription_state="ACTIVE")


def failed_again(stage: Stage, account: str, at: datetime, state: str = "GRACE") -> None:
    stage.happened(account, "payment_failed", at)
    stage.know(account, at, subscription_state=state)


def seen(stage: Stage, shown: Shown, placements: Sequence[str], at: datetime) -> None:
    for each in placements:
        stage.saw(shown, PAYMENT, each, at=at)


@pytest.mark.parametrize(("state", "days"), [("GRACE", 0), ("GRACE", 6), ("ON_HOLD", 7), ("ON_HOLD", 29)])
def test_every_placement_says_how_to_pay_and_nothing_but_law_stands_beside_it(
    stage: Stage, state: str, days: int
) -> None:
    account = failing(stage, state=state)

    shown = stage.ask(account, *EVERYWHERE, at=NOW + days * DAY)

    assert {each: shown.campaigns(each) for each in EVERYWHERE} == {
        each: [TERMS, PAYMENT] if each == "home-shelf" else [PAYMENT] for each in EVERYWHERE
    }
    assert all(slot.quote is None for each in EVERYWHERE for slot in shown.answer(each).slots)


@pytest.mark.parametrize("state", ["GRACE", "ON_HOLD"])
def test_nothing_takes_its_place_when_it_was_seen(stage: Stage, state: str) -> None:
    account = failing(stage, state=state)
    seen(stage, stage.ask(account, *EVERYWHERE, at=NOW, session_id="one"), EVERYWHERE, NOW)

    shown = stage.ask(account, *EVERYWHERE, at=NOW + INSTANT, session_id="one")

    assert {each: shown.campaigns(each) for each in EVERYWHERE if shown.campaigns(each)} == {"home-shelf": [TERMS]}
    others = [(SOLD, "home-hero"), (SOLD, "full-screen"), (WELCOME, "now-playing-card"), (HOUSE, "home-hero")]
    assert {shown.reason(*each) for each in others} == {"SUPPRESSED"}
    assert {shown.detail(*each) for each in others} == {"journey s5-failure, step failing"}


@pytest.mark.parametrize("placement", EVERYWHERE)
def test_once_per_session_in_each_place(stage: Stage, placement: str) -> None:
    account = failing(stage)
    stage.saw(stage.ask(account, placement, at=NOW, session_id="one"), PAYMENT, placement, at=NOW)
    later = NOW + timedelta(hours=5)

    assert stage.ask(account, placement, at=later, session_id="one").reason(PAYMENT) == "CAPPED"
    assert PAYMENT in stage.ask(account, placement, at=later, session_id="two").campaigns()
    others = [each for each in EVERYWHERE if each != placement]
    shown = stage.ask(account, *others, at=later, session_id="one")
    assert all(PAYMENT in shown.campaigns(each) for each in others)


def test_a_client_that_names_no_session_has_one_of_half_an_hour(stage: Stage) -> None:
    account = failing(stage)
    stage.saw(stage.ask(account, at=NOW), PAYMENT, at=NOW)

    assert stage.ask(account, at=NOW + timedelta(minutes=30) - INSTANT).reason(PAYMENT) == "CAPPED"
    assert stage.ask(account, at=NOW + timedelta(minutes=30)).campaigns() == [PAYMENT]


def test_it_is_shown_however_much_was_shown_already(stage: Stage) -> None:
    account = stage.somebody(subscription_state="ACTIVE", plan="individual")
    stage.saw(stage.ask(account, "full-screen", at=NOW), SOLD, at=NOW)
    for _ in range(11):
        stage.saw(stage.ask(account, "home-hero", at=NOW), SOLD, at=NOW)
    capped = stage.ask(account, "home-hero", "full-screen", at=NOW)
    assert [capped.reason(SOLD, each) for each in ("home-hero", "full-screen")] == ["CAPPED", "CAPPED"]

    failed_again(stage, account, NOW + INSTANT)
    shown = stage.ask(account, *EVERYWHERE, at=NOW + INSTANT)

    assert all(PAYMENT in shown.campaigns(each) for each in EVERYWHERE)


def test_it_takes_nothing_from_what_all_campaigns_share(stage: Stage) -> None:
    account = failing(stage)
    for session in "one", "two", "three":
        shown = stage.ask(account, *EVERYWHERE, at=NOW, session_id=session)
        seen(stage, shown, EVERYWHERE, NOW)
    recovered(stage, account, NOW + INSTANT)

    shown = stage.ask(account, "home-hero", at=NOW + INSTANT)
    full = stage.ask(account, "full-screen", at=NOW + INSTANT)

    assert (shown.campaigns(), full.campaigns()) == ([SOLD], [SOLD])


@pytest.mark.parametrize(
    "account_law", [{"birth_date": "2012-01-01"}, {"birth_date": None}, {"consent": None}, {"consent": False}]
)
def test_it_is_no_profiling_and_reaches_minors_and_who_did_not_consent(
    stage: Stage, account_law: dict[str, Any]
) -> None:
    assert stage.ask(failing(stage, **account_law), at=NOW).campaigns() == [PAYMENT]


def test_once_the_payment_is_there_the_next_decision_shows_none_of_it(stage: Stage) -> None:
    account = failing(stage)
    assert stage.ask(account, at=NOW).campaigns() == [PAYMENT]

    recovered(stage, account, NOW + INSTANT)
    shown = stage.ask(account, *EVERYWHERE, at=NOW + INSTANT)

    assert shown.campaigns("home-hero") == [SOLD]
    assert all(shown.reason(PAYMENT, each) == "TARGETING_MISS" for each in EVERYWHERE)


@pytest.mark.parametrize("state", ["GRACE", "ON_HOLD"])
def test_where_no_event_told_of_the_failure_the_state_does(stage: Stage, state: str) -> None:
    account = stage.somebody(subscription_state=state, plan="individual")
    shown = stage.ask(account, *EVERYWHERE, at=NOW, session_id="one")
    assert all(PAYMENT in shown.campaigns(each) for each in EVERYWHERE)

    seen(stage, shown, EVERYWHERE, NOW)
    after = stage.ask(account, *EVERYWHERE, at=NOW, session_id="one")

    others = [(SOLD, "home-hero"), (SOLD, "full-screen"), (WELCOME, "now-playing-card"), (HOUSE, "home-hero")]
    assert {after.reason(*each) for each in others} == {"GUARD_BLOCK"}


def silent(stage: Stage, account: str, at: datetime) -> bool:
    """By the days that are counted, whatever the state says: it is ACTIVE here, as if billing had not told it yet."""
    stage.know(account, at, subscription_state="ACTIVE")
    shown = stage.ask(account, at=at)
    assert (shown.campaigns(), shown.reason(SOLD)) in (([], "SUPPRESSED"), ([SOLD], "SELECTED"))
    return not shown.campaigns()


def test_the_event_alone_silences_what_is_sold_and_the_recovery_alone_ends_that(stage: Stage) -> None:
    account = stage.somebody(subscription_state="ACTIVE", plan="individual")
    stage.happened(account, "payment_failed", NOW)
    assert silent(stage, account, NOW)

    stage.happened(account, "payment_recovered", NOW + INSTANT)

    assert not silent(stage, account, NOW + INSTANT)


def test_a_failure_is_seen_by_the_very_next_decision(stage: Stage) -> None:
    account = stage.somebody(subscription_state="ACTIVE", plan="individual")
    assert stage.ask(account, at=NOW).campaigns() == [SOLD]

    failed_again(stage, account, NOW + INSTANT)

    assert stage.ask(account, at=NOW + INSTANT).campaigns() == [PAYMENT]


def test_the_silence_ends_30_days_after_the_first_failure_to_the_microsecond(stage: Stage) -> None:
    account = failing(stage, state="ON_HOLD")

    assert silent(stage, account, NOW + 30 * DAY - INSTANT)
    assert not silent(stage, account, NOW + 30 * DAY)


def test_another_try_that_fails_does_not_restart_the_counter(stage: Stage) -> None:
    account = failing(stage)
    stage.happened(account, "payment_failed", NOW + 3 * DAY)

    assert silent(stage, account, NOW + 30 * DAY - INSTANT)
    assert not silent(stage, account, NOW + 30 * DAY)


@pytest.mark.parametrize("after", [INSTANT, 2 * DAY, 7 * DAY - INSTANT])
def test_a_failure_within_7_days_of_a_recovery_does_not_restart_the_counter(stage: Stage, after: timedelta) -> None:
    account = failing(stage)
    recovered(stage, account, NOW + 2 * DAY)
    failed_again(stage, account, NOW + 2 * DAY + after, "ON_HOLD")

    assert stage.ask(account, at=NOW + 2 * DAY + after).campaigns() == [PAYMENT]
    assert silent(stage, account, NOW + 30 * DAY - INSTANT)
    assert not silent(stage, account, NOW + 30 * DAY)


def test_nor_does_the_one_after_that(stage: Stage) -> None:
    account = failing(stage)
    for day in (2, 8):
        recovered(stage, account, NOW + day * DAY)
        failed_again(stage, account, NOW + (day + 4) * DAY, "ON_HOLD")

    assert silent(stage, account, NOW + 30 * DAY - INSTANT)
    assert not silent(stage, account, NOW + 30 * DAY)


def test_a_failure_7_days_after_a_recovery_is_another_one(stage: Stage) -> None:
    account, again = failing(stage), NOW + 9 * DAY
    recovered(stage, account, NOW + 2 * DAY)
    failed_again(stage, account, again, "ON_HOLD")

    assert silent(stage, account, NOW + 30 * DAY)
    assert silent(stage, account, again + 30 * DAY - INSTANT)
    assert not silent(stage, account, again + 30 * DAY)


def test_events_that_arrive_in_another_order_count_the_same_days(stage: Stage) -> None:
    account = stage.somebody(subscription_state="ON_HOLD", plan="individual")
    stage.happened(account, "payment_failed", NOW + 4 * DAY)
    stage.happened(account, "payment_recovered", NOW + 2 * DAY)
    stage.happened(account, "payment_failed", NOW)

    assert silent(stage, account, NOW + 30 * DAY - INSTANT)
    assert not silent(stage, account, NOW + 30 * DAY)


def lost(stage: Stage, expired: str | None, at: datetime = NOW) -> str:
    return stage.somebody(at, subscription_state="CHURNED_INVOLUNTARY", expired_on=expired, plan="individual")


def test_who_is_lost_hears_no_more_of_the_payment(stage: Stage) -> None:
    account = failing(stage, state="ON_HOLD")
    stage.know(account, NOW + INSTANT, subscription_state="CHURNED_INVOLUNTARY", expired_on="2026-11-22")

    shown = stage.ask(account, *EVERYWHERE, at=NOW + INSTANT)

    assert all(shown.reason(PAYMENT, each) == "TARGETING_MISS" for each in EVERYWHERE)
    assert shown.campaigns("home-hero") == [HOUSE]


def test_from_day_3_one_may_resume_at_the_list_price(stage: Stage) -> None:
    midnight = datetime(2026, 11, 24, 23, tzinfo=UTC)
    account = lost(stage, "2026-11-22")

    before, after = stage.ask(account, at=midnight - INSTANT), stage.ask(account, at=midnight)

    assert (before.reason(RESUME), before.reason(HALF), before.reason(SOLD)) == (
        "NOT_ELIGIBLE", "NOT_ELIGIBLE", "GUARD_BLOCK",
    )  # fmt: skip
    assert after.campaigns() == [RESUME]
    quote = after.slot(RESUME).quote
    assert quote is not None
    assert (quote.amount, quote.then, quote.saving) == (11_900, None, None)


def test_no_discount_before_day_30(stage: Stage) -> None:
    midnight = datetime(2026, 12, 21, 23, tzinfo=UTC)
    account = lost(stage, "2026-11-22")

    before, after = stage.ask(account, at=midnight - INSTANT), stage.ask(account, at=midnight)

    assert before.campaigns() == [RESUME]
    assert (before.reason(HALF), before.reason(SOLD)) == ("NOT_ELIGIBLE", "GUARD_BLOCK")
    assert (after.campaigns(), after.reason(SOLD)) == ([HALF], "OUTRANKED")


def test_where_the_day_is_not_known_nothing_is_sold(stage: Stage) -> None:
    shown = stage.ask(lost(stage, None), at=NOW)

    assert (shown.reason(RESUME), shown.reason(HALF), shown.reason(SOLD)) == (
        "NOT_ELIGIBLE", "NOT_ELIGIBLE", "GUARD_BLOCK",
    )  # fmt: skip


def test_without_a_record_nothing_is_sold(stage: Stage) -> None:
    shown = stage.ask(failing(stage), *EVERYWHERE, at=NOW, unreadable=True)

    assert shown.campaigns("home-shelf") == [TERMS]
    assert shown.reason(SOLD, "home-hero") in ("DEGRADED_NO_SUBJECT", "LEGAL_BLOCK")
    assert shown.reason(PAYMENT, "home-hero") == "DEGRADED_NO_SUBJECT"
