"""Is the price of before midnight honoured after it, and shown to nobody? (A scenario of every price change.)"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from audiences.moments import SECOND, micros
from merch.answering import body_of, time_text
from merch.engine.composing import price_at
from merch.engine.document import PriceDoc
from merch.tokens import TokenRefused, verify_quote
from tests.merch.engine.documents import LIST_PRICE, decided, ready, request, with_offer

CHANGE = micros(datetime(2027, 2, 28, 23, tzinfo=UTC))  # midnight of 2027-03-01 in Stockholm
MINUTE = 60 * SECOND
PRICES = (replace(LIST_PRICE, end=CHANGE), PriceDoc(id=2, amount=12_900, period="P1M", start=CHANGE))
RELEASE = ready(with_offer(), prices={"premium": {"SE": PRICES}})
HOLDERS = {("a", "acc_1")}


def at(now: int) -> dict[str, Any]:
    """The answer for ``home``, as a client reads it."""
    asked = request()
    body = body_of(decided(RELEASE, None, asked, now=now), asked)
    home: dict[str, Any] = body["placements"]["home"]
    return home


def quoted(now: int) -> Any:
    return at(now)["slots"][0]["quote"]


def test_ten_seconds_before_the_change_the_old_price_is_promised_for_a_quarter_of_an_hour() -> None:
    before = CHANGE - 10 * SECOND
    home = at(before)
    quote = home["slots"][0]["quote"]

    promise = verify_quote(quote["signature"], holders=HOLDERS, now=CHANGE + 5 * MINUTE)

    assert (quote["then"], quote["expires_at"]) == ("119.00", time_text(before + 15 * MINUTE))
    assert (promise.then, promise.price_id) == (11_900, 1), "checkout honours it five minutes after the change"
    assert home["valid_until"] == time_text(CHANGE), "and no screen shows it after the change"


@pytest.mark.parametrize(
    ("after", "then"), [(-1, "119.00"), (0, "129.00"), (SECOND, "129.00")], ids=["before", "at", "after"]
)
def test_the_new_price_begins_at_its_instant(after: int, then: str) -> None:
    assert quoted(CHANGE + after)["then"] == then


def test_the_promise_ends_with_its_quarter_of_an_hour() -> None:
    before = CHANGE - 10 * SECOND
    signature = quoted(before)["signature"]

    assert verify_quote(signature, holders=HOLDERS, now=before + 15 * MINUTE - 1).then == 11_900
    with pytest.raises(TokenRefused, match="expired"):
        verify_quote(signature, holders=HOLDERS, now=before + 15 * MINUTE)
    assert quoted(before + 15 * MINUTE)["then"] == "129.00"


def test_no_instant_has_two_prices_or_none() -> None:
    instants = (CHANGE - MINUTE, CHANGE - 1, CHANGE, CHANGE + 1, CHANGE + MINUTE)

    assert [price.id for price in (price_at(PRICES, instant) for instant in instants) if price] == [1, 1, 2, 2, 2]
