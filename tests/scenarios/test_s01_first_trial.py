"""S1: is the first month free once, and a week again after a year, right at every edge?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.scenarios.conftest import NOW
from tests.scenarios.stage import Stage

SCENARIO = "S1"
FIRST, AGAIN = "s1-first-trial", "s1-trial-again"


def test_a_free_listener_who_never_tried_or_paid_gets_a_month(stage: Stage) -> None:
    shown = stage.ask(stage.somebody(subscription_state="FREE"), at=NOW)

    assert shown.campaigns() == [FIRST]
    quote = shown.slot(FIRST).quote
    assert quote is not None
    assert (quote.amount, quote.then, quote.currency) == (0, 11_900, "SEK")


@pytest.mark.parametrize("state", ["TRIAL", "ACTIVE", "GRACE", "ON_HOLD", "CANCELLED_PENDING", "PARTNER"])
def test_in_every_other_state_there_is_none(stage: Stage, state: str) -> None:
    shown = stage.ask(stage.somebody(subscription_state=state), at=NOW)

    assert (shown.reason(FIRST), shown.reason(AGAIN)) == ("NOT_ELIGIBLE", "NOT_ELIGIBLE")


def test_a_state_that_is_not_known_gets_none(stage: Stage) -> None:
    shown = stage.ask(stage.somebody(subscription_state=None), at=NOW)

    assert shown.reason(FIRST) == "NOT_ELIGIBLE"
    assert shown.detail(FIRST) == "subscription_state is not known"


def test_whoever_paid_ever_is_no_first_timer(stage: Stage) -> None:
    account = stage.somebody(subscription_state="FREE")
    stage.happened(account, "subscribe", NOW - timedelta(days=900), kind="conversion", plan="individual")

    shown = stage.ask(account, at=NOW)

    assert (shown.reason(FIRST), shown.reason(AGAIN)) == ("NOT_ELIGIBLE", "NOT_ELIGIBLE")


def test_a_plan_of_another_kind_of_the_same_group_counts_too(stage: Stage) -> None:
    account = stage.somebody(subscription_state="FREE")
    stage.happened(account, "subscribe", NOW - timedelta(days=900), kind="conversion", plan="family")

    assert stage.ask(account, at=NOW).reason(FIRST) == "NOT_ELIGIBLE"


@pytest.mark.parametrize(
    ("tried", "opens"),
    [
        pytest.param(datetime(2028, 2, 29, 10, tzinfo=UTC), datetime(2029, 2, 27, 23, tzinfo=UTC), id="leap-day"),
        pytest.param(datetime(2025, 11, 22, 12, tzinfo=UTC), datetime(2026, 11, 21, 23, tzinfo=UTC), id="any-day"),
        pytest.param(datetime(2026, 3, 31, 0, tzinfo=UTC), datetime(2027, 3, 30, 22, tzinfo=UTC), id="summer-time"),
        # 23:30 in UTC is the next day in Stockholm, and days are counted where the account lives.
        pytest.param(datetime(2026, 1, 9, 23, 30, tzinfo=UTC), datetime(2027, 1, 9, 23, tzinfo=UTC), id="local-day"),
    ],
)
def test_a_week_again_opens_at_local_midnight_of_the_same_day_a_year_later(
    stage: Stage, tried: datetime, opens: datetime
) -> None:
    account = stage.somebody(tried, subscription_state="FREE")
    stage.began(account, "trial-1-month", tried)

    before = stage.ask(account, at=opens - timedelta(microseconds=1))
    after = stage.ask(account, at=opens)

    assert (before.reason(FIRST), before.reason(AGAIN)) == ("NOT_ELIGIBLE", "NOT_ELIGIBLE")
    assert after.campaigns() == [AGAIN]


def test_whoever_paid_since_the_trial_gets_no_week(stage: Stage) -> None:
    account = stage.somebody(subscription_state="FREE")
    stage.began(account, "trial-1-month", NOW - timedelta(days=800))
    stage.happened(account, "subscribe", NOW - timedelta(days=770), kind="conversion", plan="individual")

    assert stage.ask(account, at=NOW).reason(AGAIN) == "NOT_ELIGIBLE"


def test_a_trial_begun_is_seen_by_the_very_next_decision(stage: Stage) -> None:
    account = stage.somebody(subscription_state="FREE")
    assert stage.ask(account, at=NOW).campaigns() == [FIRST]

    stage.began(account, "s1-month-free", NOW)
    shown = stage.ask(account, at=NOW + timedelta(microseconds=1))

    assert shown.reason(FIRST) == "NOT_ELIGIBLE"


def test_the_limit_of_redemptions_is_named_where_the_rule_would_still_hold(stage: Stage) -> None:
    """A conversion that began nothing leaves no trial in the group, and yet it is a redemption of the offer."""
    account = stage.somebody(subscription_state="FREE")
    stage.began(account, "s1-month-free", NOW - timedelta(days=1), begins="nothing")

    assert stage.ask(account, at=NOW).reason(FIRST) == "ALREADY_REDEEMED"


def test_a_minor_or_an_unknown_age_gets_no_trial(stage: Stage) -> None:
    young = stage.somebody(subscription_state="FREE", birth_date="2010-01-01")
    ageless = stage.somebody(subscription_state="FREE", birth_date=None)

    assert stage.ask(young, at=NOW).reason(FIRST) == "LEGAL_BLOCK"
    assert stage.ask(ageless, at=NOW).reason(FIRST) == "LEGAL_BLOCK"


def test_without_a_record_nothing_priced_is_shown(stage: Stage) -> None:
    account = stage.somebody(subscription_state="FREE")

    shown = stage.ask(account, at=NOW, unreadable=True)

    assert shown.reason(FIRST) in ("LEGAL_BLOCK", "DEGRADED_NO_SUBJECT")
    assert "DEGRADED_NO_SUBJECT" in shown.answer().degraded
    assert shown.campaigns() == []
