"""S4: does the ladder of win-back offers follow the days since somebody left, and end the second they are back?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.scenarios.conftest import NOW
from tests.scenarios.stage import Stage

SCENARIO = "S4"
MONTH, THREE, HALF = "s4-month", "s4-three-for-one", "s4-half"
RUNGS = (MONTH, THREE, HALF)
STOCKHOLM = ZoneInfo("Europe/Stockholm")
INSTANT = timedelta(microseconds=1)


def left(stage: Stage, days_ago: int, *, months: int = 3, **traits: Any) -> str:
    """Somebody who left so many local days before NOW, after so many paid months."""
    day = (NOW.astimezone(STOCKHOLM).date() - timedelta(days=days_ago)).isoformat()
    known = {"subscription_state": "CHURNED_VOLUNTARY", "expired_on": day} | traits
    account = stage.somebody(NOW - timedelta(days=800), **known)
    for month in range(months):
        at = NOW - timedelta(days=790 - 30 * month)
        stage.happened(account, "subscribe", at, kind="conversion", plan="individual")
    return account


@pytest.mark.parametrize(
    ("days_ago", "rung"),
    [
        (13, None), (14, MONTH), (59, MONTH), (60, THREE), (179, THREE), (180, HALF), (365, HALF), (366, None)
    ],
)  # fmt: skip
def test_the_rung_follows_the_days_since_the_end(stage: Stage, days_ago: int, rung: str | None) -> None:
    shown = stage.ask(left(stage, days_ago), at=NOW)

    assert shown.campaigns() == ([rung] if rung else [])
    assert {shown.reason(each) for each in RUNGS if each != rung} == {"TARGETING_MISS"}


def test_day_59_becomes_day_60_at_local_midnight(stage: Stage) -> None:
    account = left(stage, 59)
    midnight = datetime(2026, 11, 23, tzinfo=STOCKHOLM)

    assert stage.ask(account, at=midnight - INSTANT).campaigns() == [MONTH]
    assert stage.ask(account, at=midnight).campaigns() == [THREE]


def test_it_follows_no_impressions(stage: Stage) -> None:
    account = left(stage, 30)
    for minute in range(5):
        at = NOW + timedelta(minutes=minute)
        stage.saw(stage.ask(account, at=at), MONTH, at=at)

    assert stage.ask(account, at=NOW + timedelta(hours=1)).campaigns() == [MONTH]


@pytest.mark.parametrize("state", ["GRACE", "ON_HOLD"])
def test_never_while_a_payment_fails(stage: Stage, state: str) -> None:
    shown = stage.ask(left(stage, 30, subscription_state=state), at=NOW)

    assert shown.campaigns() == []
    assert shown.reason(MONTH) == "NOT_ELIGIBLE"


@pytest.mark.parametrize("state", ["FREE", "ACTIVE", "TRIAL", "CHURNED_INVOLUNTARY", "PARTNER", "CANCELLED_PENDING"])
def test_only_who_left_of_their_own_will(stage: Stage, state: str) -> None:
    assert stage.ask(left(stage, 30, subscription_state=state), at=NOW).reason(MONTH) == "NOT_ELIGIBLE"


@pytest.mark.parametrize(("months", "code"), [(2, "NOT_ELIGIBLE"), (3, "SELECTED")])
def test_at_least_three_paid_months(stage: Stage, months: int, code: str) -> None:
    assert stage.ask(left(stage, 30, months=months), at=NOW).reason(MONTH) == code


def test_a_trial_is_no_paid_month(stage: Stage) -> None:
    account = left(stage, 30, months=2)
    stage.began(account, "trial-1-month", NOW - timedelta(days=700))

    assert stage.ask(account, at=NOW).reason(MONTH) == "NOT_ELIGIBLE"


def test_one_win_back_in_12_months_by_the_calendar(stage: Stage) -> None:
    account = left(stage, 200)
    taken = datetime(2025, 11, 23, 9, tzinfo=STOCKHOLM)
    stage.began(account, "s4-month", taken)
    opens = datetime(2026, 11, 23, tzinfo=STOCKHOLM)

    assert stage.ask(account, at=opens - INSTANT).reason(HALF) == "NOT_ELIGIBLE"
    assert stage.ask(account, at=opens).campaigns() == [HALF]


def test_one_of_another_rung_counts_too(stage: Stage) -> None:
    account = left(stage, 30)
    stage.began(account, "s4-half", NOW - timedelta(days=300))

    assert stage.ask(account, at=NOW).reason(MONTH) == "NOT_ELIGIBLE"


def test_who_is_back_at_list_price_is_asked_back_no_more_in_the_same_second(stage: Stage) -> None:
    """The purchase alone is enough, before the billing system has said anything about the state."""
    account = left(stage, 30)
    assert stage.ask(account, at=NOW).campaigns() == [MONTH]

    stage.happened(account, "subscribe", NOW, kind="conversion", plan="individual")
    shown = stage.ask(account, at=NOW + INSTANT)

    assert shown.campaigns() == []
    assert shown.reason(MONTH) == "NOT_ELIGIBLE"


def test_the_day_they_left_is_not_known(stage: Stage) -> None:
    shown = stage.ask(left(stage, 30, expired_on=None), at=NOW)

    assert {shown.reason(rung) for rung in RUNGS} == {"TRAIT_MISSING"}
