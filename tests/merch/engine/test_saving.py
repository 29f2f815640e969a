"""Is an offer that is compared with another plan shown at what it saves now, and only while it saves enough?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merch.engine.clock import MICROSECONDS
from merch.engine.composing import over_same_time
from merch.engine.document import OfferDoc, PriceDoc, TermsDoc
from merch.engine.facts import Answer, GrantFact
from tests.merch.engine.documents import NOON, decided, offer, only, ready, subject, with_offer

PERIODS = st.sampled_from(["P7D", "P1W", "P4W", "P1M", "P3M", "P6M", "P1Y"])


def price(amount: int, period: str = "P1M", start: int = 0, end: int | None = None, id: int = 1) -> PriceDoc:
    return PriceDoc(id=id, amount=amount, period=period, start=start, end=end)


def year(amount: int, *monthly: PriceDoc, least: int = 10, now: int = NOON, **record: Any) -> Answer:
    """A year instead of months, in a release with these prices."""
    sold: OfferDoc = offer(mechanic="UPGRADE", plan="year", terms=TermsDoc(instead_of="month", least_saving=least))
    prices: dict[str, Any] = {"year": {"SE": (price(amount, "P1Y", id=9),)}, "month": {"SE": monthly}}
    return only(decided(ready(with_offer(sold=sold), prices=prices), subject(record=record), now=now))


def why(answer: Answer) -> tuple[str, str]:
    (loss,) = answer.losses
    return loss.reason, loss.detail


@pytest.mark.parametrize(
    ("listed", "instead", "whole"),
    [
        (price(1, "P1Y"), price(999), 11_988),
        (price(1, "P1M"), price(12_000, "P1Y"), 1_000),
        (price(1, "P1M"), price(11_999, "P1Y"), 999),
        (price(1, "P1Y"), price(100, "P1W"), 5_214),
        (price(1, "P3M"), price(999, "P1M"), 2_997),
    ],
)
def test_what_the_other_plan_costs_over_the_same_time(listed: PriceDoc, instead: PriceDoc, whole: int) -> None:
    assert over_same_time(listed, instead) == whole


@given(st.integers(0, 10**9), PERIODS, PERIODS)
def test_the_same_price_over_the_same_period_is_itself(amount: int, period: str, other: str) -> None:
    assert over_same_time(price(0, period), price(amount, period)) == amount
    # Rounded down, never up: nobody is promised more than is saved.
    there_and_back = over_same_time(
        price(0, period), price(over_same_time(price(0, other), price(amount, period)), other)
    )
    assert there_and_back <= amount


@pytest.mark.parametrize(
    ("amount", "saving"),
    [
        pytest.param(108_000, 12_000, id="exactly-10"),
        pytest.param(90_000, 30_000, id="25"),
        pytest.param(0, 120_000, id="all"),
    ],
)
def test_it_is_shown_with_its_saving(amount: int, saving: int) -> None:
    quote = year(amount, price(10_000)).slots[0].quote

    assert quote is not None
    assert (quote.amount, quote.period, quote.then, quote.saving) == (amount, "P1Y", None, saving)


@pytest.mark.parametrize(
    ("amount", "detail"),
    [
        pytest.param(108_001, "saves 11999 of 120000, and not 10 %", id="a-hundredth-too-little"),
        pytest.param(120_000, "saves 0 of 120000, and not 10 %", id="nothing"),
        pytest.param(130_000, "saves 0 of 120000, and not 10 %", id="dearer"),
    ],
)
def test_a_saving_that_is_too_small_is_named(amount: int, detail: str) -> None:
    assert why(year(amount, price(10_000))) == ("NOT_ELIGIBLE", detail)


def test_without_a_price_to_compare_with_it_is_not_sold() -> None:
    ended = price(10_000, end=NOON)

    assert why(year(100_000)) == ("NOT_IN_MARKET", "no price of month to compare with in market SE")
    assert why(year(100_000, ended)) == ("NOT_IN_MARKET", "no price of month to compare with in market SE")


def test_it_follows_the_other_price_to_the_microsecond_and_no_answer_outlives_it() -> None:
    change = NOON + 20 * MICROSECONDS
    prices = (price(10_000, end=change), price(9_000, start=change, id=2))

    before, last, after = (year(100_000, *prices, now=now) for now in (NOON, change - 1, change))

    assert [each.slots[0].quote.saving for each in (before, last) if each.slots[0].quote] == [20_000, 20_000]
    assert (before.valid_until, last.valid_until) == (change, change)
    assert why(after) == ("NOT_ELIGIBLE", "saves 8000 of 108000, and not 10 %")


def test_what_a_person_granted_counts_as_saved() -> None:
    grant = GrantFact(key="kind", offer="trial", start=0, end=None, amount=90_000, currency="SEK")

    quote = year(115_000, price(10_000), grants=(grant,)).slots[0].quote

    assert quote is not None
    assert (quote.amount, quote.saving) == (90_000, 30_000)
