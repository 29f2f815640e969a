"""S12: is whoever cancels made one offer, the same all day, and then let go?

The control that cancels is the app's own and asks nothing here: the placement beside it is filled or it is empty.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from audiences.hashing import bucket
from experiments.models import HoldoutPeriod
from tests.scenarios.conftest import NOW
from tests.scenarios.stage import Shown, Stage

SCENARIO = "S12"
SAVE = "s12-save"
DAY, INSTANT, HOUR = timedelta(days=1), timedelta(microseconds=1), timedelta(hours=1)


def drawn(account: str) -> bool:
    """Is this account withheld from the save offer?"""
    return bucket(HoldoutPeriod.objects.get(holdout__key="s12-save").salt, account) < 1_000


def somebody(stage: Stage, *, withheld: bool = False, **traits: str | bool | None) -> str:
    facts: dict[str, str | bool | None] = {"subscription_state": "ACTIVE", "s12_own_billed": True}
    while True:
        account = stage.somebody(None, consent=True, **facts | traits)
        if drawn(account) is withheld:
            return account


def leaving(stage: Stage, *, withheld: bool = False, **traits: str | bool | None) -> str:
    account = somebody(stage, withheld=withheld, **traits)
    stage.happened(account, "s12_cancel_started", NOW)
    return account


def asked(stage: Stage, account: str, after: timedelta = timedelta(), why: str | None = "too-dear") -> Shown:
    context: dict[str, Any] = {} if why is None else {"s12_reason": why}
    return stage.ask(account, at=NOW + after, **context)


def test_whoever_cancels_is_offered_two_months_at_half_price(stage: Stage) -> None:
    quote = asked(stage, leaving(stage)).slot(SAVE).quote

    assert quote is not None
    assert (quote.amount, quote.then, quote.saving) == (5_950, 11_900, 11_900)


def test_nobody_is_asked_before_they_cancel(stage: Stage) -> None:
    account = somebody(stage)

    assert asked(stage, account).reason(SAVE) == "TARGETING_MISS"
    assert asked(stage, leaving(stage), why=None).reason(SAVE) == "TARGETING_MISS"


@pytest.mark.parametrize("why", ["deceased", "fraud", "unsupported-market"])
def test_never_for_these_reasons(stage: Stage, why: str) -> None:
    account = leaving(stage)

    assert asked(stage, account, why=why).reason(SAVE) == "NOT_ELIGIBLE"


@pytest.mark.parametrize("why", ["deceased", "fraud", "unsupported-market"])
def test_nor_where_another_reason_was_given_first_and_the_offer_is_pinned(stage: Stage, why: str) -> None:
    account = leaving(stage)
    stage.saw(asked(stage, account), SAVE, at=NOW)

    assert asked(stage, account, HOUR, why=why).reason(SAVE) == "NOT_ELIGIBLE"


@pytest.mark.parametrize("state", ["FREE", "TRIAL", "CANCELLED_PENDING", "PARTNER", "CHURNED_VOLUNTARY"])
def test_only_whoever_is_active(stage: Stage, state: str) -> None:
    assert asked(stage, leaving(stage, subscription_state=state)).reason(SAVE) == "NOT_ELIGIBLE"


@pytest.mark.parametrize("billed", [False, None])
def test_only_whoever_pays_here(stage: Stage, billed: bool | None) -> None:
    assert asked(stage, leaving(stage, s12_own_billed=billed)).reason(SAVE) == "NOT_ELIGIBLE"


def test_declined_the_cancellation_goes_on_without_a_second_offer(stage: Stage) -> None:
    account = leaving(stage)
    shown = asked(stage, account)
    stage.saw(shown, SAVE, at=NOW)
    stage.saw(shown, SAVE, kind="dismissal", at=NOW + HOUR)

    for later in (HOUR + INSTANT, 2 * HOUR, DAY - INSTANT):
        again = asked(stage, account, later)
        assert (again.campaigns(), again.reason(SAVE)) == ([], "NOT_ELIGIBLE")


def test_whoever_declined_and_begins_again_the_same_day_gets_no_second_one(stage: Stage) -> None:
    account = leaving(stage)
    shown = asked(stage, account)
    stage.saw(shown, SAVE, at=NOW)
    stage.saw(shown, SAVE, kind="dismissal", at=NOW)
    stage.happened(account, "s12_cancel_started", NOW + HOUR)

    assert asked(stage, account, 2 * HOUR).reason(SAVE) == "NOT_ELIGIBLE"


def test_whoever_leaves_and_returns_the_same_day_meets_the_same_offer_until_the_same_moment(stage: Stage) -> None:
    account = leaving(stage)
    stage.saw(asked(stage, account), SAVE, at=NOW)
    stage.happened(account, "s12_cancel_started", NOW + 5 * HOUR)

    first = asked(stage, account, HOUR).slot(SAVE)
    second = asked(stage, account, DAY - INSTANT).slot(SAVE)

    assert first.quote is not None
    assert first.quote == second.quote
    assert first.pinned_until == second.pinned_until == int((NOW + DAY).timestamp() * 1_000_000)


def test_the_offer_is_not_made_again_when_its_day_is_over(stage: Stage) -> None:
    account = leaving(stage)
    stage.saw(asked(stage, account), SAVE, at=NOW)

    assert asked(stage, account, DAY).reason(SAVE) == "TARGETING_MISS"


def test_another_cancellation_later_may_be_answered_again(stage: Stage) -> None:
    account = leaving(stage)
    stage.saw(asked(stage, account), SAVE, at=NOW)
    stage.happened(account, "s12_cancel_started", NOW + 40 * DAY)

    assert asked(stage, account, 40 * DAY).campaigns() == [SAVE]


def test_one_is_accepted_in_12_months(stage: Stage) -> None:
    account = leaving(stage)
    stage.began(account, "s12-half-price", NOW)
    midnight = timedelta(days=365) - timedelta(hours=13)  # 22 November 2027, 00:00 in Stockholm
    for at in (NOW + midnight - INSTANT, NOW + midnight):
        stage.happened(account, "s12_cancel_started", at)

    before, after = asked(stage, account, midnight - INSTANT), asked(stage, account, midnight)

    assert before.reason(SAVE) == "ALREADY_REDEEMED"
    assert after.campaigns() == [SAVE]


def test_one_in_ten_is_withheld_and_known(stage: Stage) -> None:
    account = leaving(stage, withheld=True)

    shown = asked(stage, account)

    assert (shown.campaigns(), shown.reason(SAVE)) == ([], "HOLDOUT_CAMPAIGN")
    (exposure,) = [each for each in shown.decision.exposures if each.test == "holdout|s12-save"]
    assert exposure.ghost
    assert 0.07 < sum(drawn(f"s12-share-{number}") for number in range(2_000)) / 2_000 < 0.13


def test_who_is_not_withheld_is_counted_against_them(stage: Stage) -> None:
    shown = asked(stage, leaving(stage))

    (exposure,) = [each for each in shown.decision.exposures if each.test == "holdout|s12-save"]
    assert not exposure.ghost
