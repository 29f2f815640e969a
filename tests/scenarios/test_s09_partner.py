"""S9: does who is served through a partner see its terms, no other price, and one offer when it ends?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.scenarios.conftest import NOW
from tests.scenarios.stage import Stage

SCENARIO = "S9"
YEARLY, FAMILY, RIVAL, STAY, HOUSE = "s9-yearly", "s9-fjord-family", "s9-rival", "s9-stay", "s9-house"
STOCKHOLM = ZoneInfo("Europe/Stockholm")
INSTANT = timedelta(microseconds=1)


def of(stage: Stage, partner: str | None, at: datetime = NOW, **traits: Any) -> str:
    return stage.somebody(at, **{"subscription_state": "PARTNER", "partner": partner} | traits)


def test_the_partners_own_upgrade_is_shown_and_no_other(stage: Stage) -> None:
    shown = stage.ask(of(stage, "fjord"), at=NOW)

    assert (shown.campaigns(), shown.reason(YEARLY)) == ([FAMILY], "GUARD_BLOCK")
    assert shown.detail(YEARLY) == "s9-no-prices-for-partners"
    assert "Fjord Telecom's terms apply" in shown.slot(FAMILY).fields["fine_print"]


def test_with_another_partner_there_is_no_price_at_all(stage: Stage) -> None:
    shown = stage.ask(of(stage, "nord-bank"), at=NOW)

    assert shown.campaigns() == [HOUSE]
    assert (shown.reason(FAMILY), shown.reason(YEARLY)) == ("NOT_ELIGIBLE", "GUARD_BLOCK")


def test_nothing_of_a_rival_partner_is_shown(stage: Stage) -> None:
    assert stage.ask(of(stage, "fjord"), "home-shelf", at=NOW).reason(RIVAL) == "TARGETING_MISS"
    assert stage.ask(of(stage, "nord-bank"), "home-shelf", at=NOW).campaigns() == [RIVAL]


def test_who_has_no_partner_is_asked_as_everybody(stage: Stage) -> None:
    shown = stage.ask(stage.somebody(subscription_state="ACTIVE", plan="individual"), at=NOW)

    assert (shown.campaigns(), shown.reason(FAMILY)) == ([YEARLY], "NOT_ELIGIBLE")


@pytest.mark.parametrize("late", [timedelta(hours=1), timedelta(hours=47), timedelta(hours=48), timedelta(days=30)])
def test_while_the_partners_news_are_late_what_was_known_holds(stage: Stage, late: timedelta) -> None:
    """Fail closed: no price is shown because a feed is late, and the partner's own terms go on to stand."""
    shown = stage.ask(of(stage, "fjord"), at=NOW + late)

    assert (shown.campaigns(), shown.reason(YEARLY)) == ([FAMILY], "GUARD_BLOCK")


def test_a_state_that_is_not_known_shows_no_price(stage: Stage) -> None:
    shown = stage.ask(of(stage, "fjord", subscription_state=None), at=NOW)

    assert shown.campaigns() == [HOUSE]
    assert shown.reason(YEARLY) == "GUARD_BLOCK"


def test_without_a_record_no_price_is_shown(stage: Stage) -> None:
    shown = stage.ask(of(stage, "fjord"), at=NOW, unreadable=True)

    assert all(slot.quote is None for slot in shown.answer().slots)


def test_when_the_partner_ends_one_offer_stands_for_thirty_days(stage: Stage) -> None:
    account = of(stage, "fjord", subscription_state="FREE", partner_ended_on="2026-11-01")
    over = datetime(2026, 12, 1, tzinfo=STOCKHOLM)

    assert stage.ask(account, at=NOW).campaigns() == [STAY]
    assert stage.ask(account, at=over - INSTANT).campaigns() == [STAY]
    assert stage.ask(account, at=over).reason(STAY) == "NOT_ELIGIBLE"


def test_it_may_be_taken_once(stage: Stage) -> None:
    account = of(stage, "fjord", subscription_state="FREE", partner_ended_on="2026-11-20")
    stage.began(account, "s9-stay", NOW)

    assert stage.ask(account, at=NOW + INSTANT).reason(STAY) == "ALREADY_REDEEMED"


def test_the_end_of_the_bundle_is_seen_by_the_very_next_decision(stage: Stage) -> None:
    account = of(stage, "fjord")
    assert stage.ask(account, at=NOW).campaigns() == [FAMILY]

    at = NOW + timedelta(seconds=1)
    stage.know(account, at, subscription_state="FREE", partner_ended_on="2026-11-22")

    assert stage.ask(account, at=at).campaigns() == [STAY]
