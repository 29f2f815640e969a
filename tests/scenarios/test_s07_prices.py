"""S7: is every price the right one, for its market and to the second?"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from audiences.moments import micros
from merch.engine.facts import Quote
from merch.tokens import TokenRefused, verify_quote
from tests.scenarios.conftest import NOW
from tests.scenarios.stage import Shown, Stage

SCENARIO = "S7"
PLUS = "s7-plus"
CHANGE = datetime(2027, 3, 1, tzinfo=ZoneInfo("Europe/Stockholm"))
INSTANT = timedelta(microseconds=1)


def who(stage: Stage, *, market: str | None = "SE", time_zone: str = "Europe/Stockholm") -> str:
    return stage.somebody(subscription_state="ACTIVE", plan="individual", market=market, time_zone=time_zone)


def priced(shown: Shown) -> Quote:
    quote = shown.slot(PLUS).quote
    assert quote is not None
    return quote


def signature(shown: Shown) -> str:
    return str(shown.body["placements"]["home-hero"]["slots"][0]["quote"]["signature"])


@pytest.mark.parametrize(
    ("at", "amount"),
    [
        pytest.param(NOW, 11_900, id="long-before"),
        pytest.param(CHANGE - INSTANT, 11_900, id="to-the-last-instant"),
        pytest.param(CHANGE, 13_900, id="from-the-first-instant"),
        pytest.param(CHANGE + timedelta(seconds=1), 13_900, id="a-second-later"),
    ],
)
def test_the_price_changes_at_midnight_of_the_market(stage: Stage, at: datetime, amount: int) -> None:
    assert priced(stage.ask(who(stage), at=at)).amount == amount


def test_midnight_is_the_markets_and_not_the_accounts(stage: Stage) -> None:
    account = who(stage, time_zone="Pacific/Auckland")

    assert priced(stage.ask(account, at=CHANGE - INSTANT)).amount == 11_900
    assert priced(stage.ask(account, at=CHANGE)).amount == 13_900


def test_ten_seconds_before_the_change_the_old_price_is_promised_for_a_quarter_of_an_hour(stage: Stage) -> None:
    account = who(stage)
    at = CHANGE - timedelta(seconds=10)
    shown = stage.ask(account, at=at)

    promise = verify_quote(signature(shown), holders=[("a", account)], now=micros(CHANGE + timedelta(minutes=5)))

    assert (promise.amount, promise.currency, promise.offer) == (11_900, "SEK", PLUS)
    assert promise.expires_at == micros(at + timedelta(minutes=15))
    with pytest.raises(TokenRefused, match="expired"):
        verify_quote(signature(shown), holders=[("a", account)], now=micros(at + timedelta(minutes=15)))


def test_a_promise_is_kept_to_whom_it_was_made(stage: Stage) -> None:
    shown = stage.ask(who(stage), at=NOW)

    with pytest.raises(TokenRefused):
        verify_quote(signature(shown), holders=[("a", who(stage))], now=micros(NOW))


def test_no_screen_shows_the_old_price_after_the_change(stage: Stage) -> None:
    shown = stage.ask(who(stage), at=CHANGE - timedelta(seconds=10))

    assert shown.answer().valid_until == micros(CHANGE)


def test_who_travels_pays_at_home_and_reads_the_language_of_the_device(stage: Stage) -> None:
    shown = stage.ask(who(stage), at=NOW, country="GB", locale="en-GB")

    assert (priced(shown).amount, priced(shown).currency) == (11_900, "SEK")
    slot = shown.slot(PLUS)
    assert slot.locale == "en-GB"
    assert "119.00" in slot.fields["body"]


@pytest.mark.parametrize(("market", "country"), [("US", "US"), ("BR", "BR")])
def test_a_market_without_a_price_gets_no_offer_and_no_converted_one(stage: Stage, market: str, country: str) -> None:
    shown = stage.ask(who(stage, market=market), at=NOW, country=country, locale="en-GB")

    assert (shown.reason(PLUS), shown.campaigns()) == ("NOT_IN_MARKET", [])


def test_before_the_account_says_its_market_the_country_of_the_request_is_billed(stage: Stage) -> None:
    shown = stage.ask(who(stage, market=None), at=NOW, country="GB", locale="en-GB")

    assert (priced(shown).amount, priced(shown).currency) == (1_199, "GBP")


def test_an_account_that_moves_pays_in_its_new_currency_with_the_very_next_decision(stage: Stage) -> None:
    account = who(stage)
    assert priced(stage.ask(account, at=NOW)).currency == "SEK"

    stage.know(account, NOW + timedelta(seconds=1), market="GB")

    assert priced(stage.ask(account, at=NOW + timedelta(seconds=1))).currency == "GBP"
    assert priced(stage.ask(account, at=NOW + timedelta(seconds=1))).amount == 1_199
