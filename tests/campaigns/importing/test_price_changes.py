"""How does a price change come in: what is closed, what is opened, and what is refused?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from campaigns import importing
from campaigns.importing import Outcome
from campaigns.models import Price
from tests.factories import MarketFactory, PlanFactory, PriceFactory

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NEW_YEAR = datetime(2026, 12, 31, 23, tzinfo=UTC)  # midnight in Stockholm
MARCH = datetime(2027, 2, 28, 23, tzinfo=UTC)

pytestmark = pytest.mark.django_db

Period = tuple[int, datetime | None, datetime | None]


@pytest.fixture(autouse=True)
def market() -> None:
    MarketFactory()
    PlanFactory()
    MarketFactory(code="GB", currency="GBP", time_zone="Europe/London", default_locale="en-GB")


def priced(*entries: dict[str, Any], now: datetime = NOW) -> Outcome:
    document = {"prices": [{"plan": "premium", "market": "SE", **entry} for entry in entries]}
    return importing.run(document, by=None, now=now, apply=True)


def held() -> list[Period]:
    rows = Price.objects.filter(market__code="SE").order_by("effective")
    return [(row.amount, row.effective.lower, row.effective.upper) for row in rows]


def test_a_change_closes_the_old_price_and_opens_the_new_one_at_local_midnight() -> None:
    PriceFactory(market=MarketFactory(code="GB"))
    PriceFactory()

    outcome = priced({"amount": "129.00", "from": "2027-01-01"})

    assert outcome.problems == ()
    assert held() == [(11_900, None, NEW_YEAR), (12_900, NEW_YEAR, None)]


def test_both_prices_in_one_file_are_the_same_at_any_later_day() -> None:
    entries = ({"amount": "119.00"}, {"amount": "129.00", "from": "2027-01-01"})
    priced(*entries)
    before = held()

    for now in (NOW, datetime(2027, 6, 1, tzinfo=UTC)):
        outcome = priced(*entries, now=now)
        assert outcome.problems == ()
        assert not outcome.changes

    assert held() == before == [(11_900, None, NEW_YEAR), (12_900, NEW_YEAR, None)]


def test_a_change_between_two_prices_ends_where_the_next_begins() -> None:
    priced({"amount": "119.00"}, {"amount": "129.00", "from": "2027-03-01"})

    assert priced({"amount": "125.00", "from": "2027-01-01"}).problems == ()

    assert held() == [(11_900, None, NEW_YEAR), (12_500, NEW_YEAR, MARCH), (12_900, MARCH, None)]


def test_a_price_that_is_still_to_come_may_be_corrected() -> None:
    priced({"amount": "119.00"}, {"amount": "129.00", "from": "2027-01-01"})

    assert priced({"amount": "125.00", "from": "2027-01-01"}).problems == ()

    assert held() == [(11_900, None, NEW_YEAR), (12_500, NEW_YEAR, None)]


def test_a_moment_with_its_zone_is_taken_as_it_stands() -> None:
    priced({"amount": "119.00"}, {"amount": "129.00", "from": "2026-12-31T23:00:00Z"})

    assert held()[1] == (12_900, NEW_YEAR, None)


@pytest.mark.parametrize(
    ("entry", "id_", "word"),
    [
        ({"amount": "99.00"}, "price.past", "quotes were given"),
        ({"amount": "99.00", "from": "2026-05-01"}, "price.past", "Let the new price begin"),
        ({"amount": "125.00", "from": "2027-01-01", "until": "2027-06-01"}, "price.overlap", "2027-02-28 23:00 UTC"),
    ],
)
def test_what_would_change_the_past_or_overlap_is_refused_in_words(entry: dict[str, Any], id_: str, word: str) -> None:
    priced({"amount": "119.00"}, {"amount": "129.00", "from": "2027-03-01"})
    before = held()

    outcome = priced(entry)

    assert [problem.id for problem in outcome.problems] == [id_]
    assert word in f"{outcome.problems[0].sentence} {outcome.problems[0].hint}"
    assert held() == before


def test_a_price_beside_dated_ones_needs_a_date() -> None:
    priced({"amount": "129.00", "from": "2027-01-01"})

    assert [problem.id for problem in priced({"amount": "119.00"}).problems] == ["price.undated"]
