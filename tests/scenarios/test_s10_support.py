"""S10: is somebody who needs help left alone, from the very second, and no longer than it takes?"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from audiences.models import Revision
from tests.scenarios.conftest import NOW
from tests.scenarios.stage import Stage

SCENARIO = "S10"
EVERYWHERE = ("home-hero", "home-shelf", "now-playing-card", "checkout-banner", "account-page")
INSTANT = timedelta(microseconds=1)
COMMERCIAL = ["COMMERCIAL"]


def subscriber(stage: Stage) -> str:
    return stage.somebody(subscription_state="ACTIVE", plan="individual")


def opened(stage: Stage, account: str, key: str, at: datetime) -> None:
    """A case that its system refreshes while it is open, and that ends by itself 14 days after the last time."""
    stage.silence(account, key, at, tiers=COMMERCIAL, until=at + timedelta(days=14))


def closed(stage: Stage, account: str, key: str, opened_at: datetime, at: datetime, quiet: timedelta) -> None:
    """Closing says until when to stay silent."""
    stage.silence(account, key, opened_at, tiers=COMMERCIAL, until=at + quiet)


def test_without_a_case_everything_is_shown(stage: Stage) -> None:
    shown = stage.ask(subscriber(stage), *EVERYWHERE, at=NOW)

    assert shown.campaigns("home-hero") == ["s10-offer"]
    assert shown.campaigns("now-playing-card") == ["s10-welcome"]


def test_a_case_silences_what_is_commercial_and_nothing_else(stage: Stage) -> None:
    account = subscriber(stage)
    opened(stage, account, "case-billing", NOW)

    shown = stage.ask(account, *EVERYWHERE, at=NOW)

    assert shown.campaigns("home-hero") == []
    assert shown.reason("s10-offer", "home-hero") == "SUPPRESSED"
    assert shown.detail("s10-offer", "home-hero") == "case-billing"
    assert shown.campaigns("now-playing-card") == ["s10-welcome"]
    assert shown.campaigns("checkout-banner") == ["s10-payment"]
    assert shown.campaigns("account-page") == ["s10-terms"]


def test_a_case_opened_one_second_before_wins(stage: Stage) -> None:
    account = subscriber(stage)
    assert stage.ask(account, at=NOW).campaigns() == ["s10-offer"]

    opened(stage, account, "case-cancellation", NOW + timedelta(seconds=1))

    assert stage.ask(account, at=NOW + timedelta(seconds=2)).reason("s10-offer") == "SUPPRESSED"
    assert stage.ask(account, at=NOW + timedelta(seconds=1)).reason("s10-offer") == "SUPPRESSED"
    assert stage.ask(account, at=NOW + timedelta(seconds=1) - INSTANT).reason("s10-offer") == "SELECTED"


@pytest.mark.parametrize(
    ("key", "quiet"),
    [
        pytest.param("case-billing", timedelta(hours=72), id="billing"),
        pytest.param("case-cancellation", timedelta(hours=72), id="cancellation"),
        pytest.param("case-bereavement", timedelta(days=90), id="bereavement"),
        pytest.param("case-safety", timedelta(days=90), id="safety"),
    ],
)
def test_it_stays_silent_after_closing_for_as_long_as_the_kind_of_case_asks(
    stage: Stage, key: str, quiet: timedelta
) -> None:
    account, ended = subscriber(stage), NOW + timedelta(days=2)
    opened(stage, account, key, NOW)
    closed(stage, account, key, NOW, ended, quiet)

    assert stage.ask(account, at=ended + quiet - INSTANT).reason("s10-offer") == "SUPPRESSED"
    assert stage.ask(account, at=ended + quiet).campaigns() == ["s10-offer"]


def test_a_case_that_nobody_refreshes_ends_after_14_days(stage: Stage) -> None:
    account = subscriber(stage)
    opened(stage, account, "case-billing", NOW)

    assert stage.ask(account, at=NOW + timedelta(days=14) - INSTANT).reason("s10-offer") == "SUPPRESSED"
    assert stage.ask(account, at=NOW + timedelta(days=14)).campaigns() == ["s10-offer"]


def test_a_refreshed_case_goes_on(stage: Stage) -> None:
    account = subscriber(stage)
    opened(stage, account, "case-billing", NOW)
    stage.silence(account, "case-billing", NOW, tiers=COMMERCIAL, until=NOW + timedelta(days=13 + 14))

    assert stage.ask(account, at=NOW + timedelta(days=27) - INSTANT).reason("s10-offer") == "SUPPRESSED"


def test_of_two_cases_the_longer_holds(stage: Stage) -> None:
    account = subscriber(stage)
    opened(stage, account, "case-billing", NOW)
    stage.silence(account, "case-safety", NOW, tiers=COMMERCIAL, until=NOW + timedelta(days=90))

    shown = stage.ask(account, at=NOW + timedelta(days=20))

    assert (shown.reason("s10-offer"), shown.detail("s10-offer")) == ("SUPPRESSED", "case-safety")


def test_an_agent_may_allow_a_goodwill_offer_and_the_log_says_who(stage: Stage) -> None:
    account = subscriber(stage)
    opened(stage, account, "case-billing", NOW)
    assert stage.ask(account, "home-shelf", at=NOW).reason("s10-goodwill", "home-shelf") == "SUPPRESSED"

    stage.allow(account, "s10-goodwill", NOW, expires_at=NOW + timedelta(days=7))
    shown = stage.ask(account, "home-hero", "home-shelf", at=NOW)

    assert shown.campaigns("home-shelf") == ["s10-goodwill"]
    assert shown.reason("s10-offer", "home-hero") == "SUPPRESSED"
    entry = Revision.objects.get(object_key=f"a:{account}", verb="granted")
    assert entry.after is not None
    assert (entry.after["granted_by"], entry.after["offer"]) == ("agent", "s10-goodwill")


def test_the_goodwill_ends_and_the_case_goes_on(stage: Stage) -> None:
    account = subscriber(stage)
    opened(stage, account, "case-billing", NOW)
    stage.allow(account, "s10-goodwill", NOW, expires_at=NOW + timedelta(days=7))

    before = stage.ask(account, "home-shelf", at=NOW + timedelta(days=7) - INSTANT)
    after = stage.ask(account, "home-shelf", at=NOW + timedelta(days=7))

    assert (before.campaigns(), after.reason("s10-goodwill")) == (["s10-goodwill"], "SUPPRESSED")
