"""Does what the authors are told agree with what a decision does?"""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import creatives, money, schedule, terms
from campaigns.readiness import speaks
from merch.engine import clock, composing
from merch.engine.document import CreativeDoc, MarketDoc, MoneyDoc, OfferDoc, PriceDoc, TermsDoc, ZoneTable

FIRST, LAST = datetime.fromisoformat("2024-01-01T00:00Z"), datetime.fromisoformat("2032-01-01T00:00Z")
WALLS = st.datetimes(datetime(2025, 1, 1), datetime(2030, 12, 31)).map(lambda wall: wall.replace(microsecond=0))  # noqa: DTZ001
# Around clock changes, where it matters: the first Sundays of spring and autumn, in quarters of an hour.
EDGES = st.sampled_from(
    ["2026-03-08", "2026-11-01", "2026-03-29", "2026-10-25", "2026-04-24", "2026-09-06", "2026-10-04"]
)


@st.composite
def near_a_change(draw: st.DrawFn) -> datetime:
    return datetime.fromisoformat(draw(EDGES)) + timedelta(minutes=15 * draw(st.integers(-8, 20)))


ZONES = st.sampled_from(
    ["America/New_York", "Europe/Stockholm", "Africa/Cairo", "America/Santiago", "Australia/Lord_Howe", "Asia/Tokyo"]
)


@settings(deadline=None)
@given(WALLS | near_a_change(), ZONES | st.sampled_from(schedule.names()), st.booleans())
def test_a_flight_begins_and_ends_when_the_page_said(wall: datetime, name: str, last: bool) -> None:
    names, tables = schedule.tables(FIRST, LAST)
    instants, offsets = tables[names[name]]

    decided = clock.resolve(
        ZoneTable(instants=instants, offsets=offsets), clock.wall_microseconds(wall.isoformat()), last=last
    )

    assert decided == int(schedule.resolve(wall, name, last=last).instant.timestamp()) * clock.MICROSECONDS


@pytest.mark.parametrize(
    ("mechanic", "given_terms"),
    [
        ("TRIAL", {"free_period": "P30D"}),
        ("UPGRADE", {}),
        ("DISCOUNT_N_CYCLES", {"percent_off": 50, "cycles": 3}),
        ("PREPAID", {"amounts": {"SE": 9_900}, "cycles": 3}),
        ("UPGRADE", {"instead_of": "month", "least_saving": 10}),
    ],
)
def test_placeholders_that_may_be_used_are_filled(mechanic: str, given_terms: dict[str, Any]) -> None:
    assert terms.problems(mechanic, given_terms) == []
    offer = OfferDoc(key="o", version=1, mechanic=mechanic, plan="p", terms=msgspec.convert(given_terms, TermsDoc))
    market = MarketDoc(currency="SEK", exponent=2, time_zone="UTC", countries=("SE",), default_locale="sv-SE")
    style = msgspec.convert(money.money_styles(["sv-SE"], ["SEK"])["sv-SE"]["SEK"], MoneyDoc)

    listed = PriceDoc(id=1, amount=11_900, period="P1M", start=0)
    quote = composing.quote_for(offer, listed, market, "SE", 1, listed if offer.terms.instead_of else None)

    assert set(composing.amounts_of(quote, style)) == terms.placeholders(given_terms)


@given(
    st.sets(st.sampled_from(["sv-SE", "sv", "sv-FI", "en", "en-GB", "nn-NO", "de-AT"])),
    st.sampled_from(["sv-SE", "en-US", "de-DE", "nb-NO", "fr", "sv"]),
)
def test_a_locale_is_found_where_the_page_said(locales: set[str], wanted: str) -> None:
    creative = CreativeDoc(key="c", format="hero", locales={locale: {} for locale in locales})

    assert speaks(locales, wanted) == (composing.choose_locale(creative, wanted) is not None)


@given(
    st.recursive(
        st.text("{}pricethnsavg "), lambda below: st.lists(below) | st.dictionaries(st.text(max_size=2), below)
    )
)
def test_the_same_placeholders_are_found(fields: object) -> None:
    assert creatives.placeholders(fields) == composing.placeholders(fields)


def test_an_amount_is_written_alike() -> None:
    style = msgspec.convert(money.money_styles(["en-IN"], ["INR"])["en-IN"]["INR"], MoneyDoc)

    assert composing.money_text(123_456_789, 2, style) == "₹12,34,567.89"
