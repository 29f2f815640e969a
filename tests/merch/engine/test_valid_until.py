"""Until when may what was decided stand on a screen?"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from merch.engine.clock import DAY, HOUR, MICROSECONDS
from merch.engine.composing import price_at
from merch.engine.document import CampaignDoc, PlacementDoc, PriceDoc, ZoneTable
from merch.engine.facts import Answer, Asked
from tests.merch.engine.corpus import answers, questions, release_document
from tests.merch.engine.documents import (
    LIST_PRICE,
    NOON,
    STOCKHOLM,
    campaign,
    decided,
    item,
    only,
    ready,
    request,
    subject,
    with_offer,
)

TOKYO = ZoneTable(instants=(0,), offsets=(9 * 3600,))
ZONES: dict[str, Any] = {"zones": {"Europe/Stockholm": 0, "Asia/Tokyo": 1}, "zone_tables": (STOCKHOLM, TOKYO)}


def ahead(answer: Answer) -> float:
    """Seconds."""
    return (answer.valid_until - NOON) / MICROSECONDS


@pytest.mark.parametrize(
    ("zone", "ends", "seconds"),
    [
        pytest.param("Europe/Stockholm", "2026-11-22T13:00:30", 30, id="at-home"),
        pytest.param("Asia/Tokyo", "2026-11-22T21:00:30", 30, id="in-tokyo"),
        pytest.param("Asia/Tokyo", "2026-11-22T21:00:00.000001", 1e-6, id="to-the-microsecond"),
        pytest.param("Europe/Stockholm", "2026-11-22T21:00:30", 300, id="not-by-another-zone"),
        pytest.param("Atlantis", "2026-11-22T13:00:30", 30, id="unknown-zone-is-the-markets"),
        pytest.param(None, "2026-11-22T13:00:30", 30, id="undeclared-zone-is-the-markets"),
    ],
)
def test_a_flight_ends_by_the_clock_of_the_account(zone: str | None, ends: str, seconds: float) -> None:
    release = ready(campaign(ends=ends), **ZONES)

    assert ahead(only(decided(release, subject(time_zone=zone)))) == seconds


def test_a_flight_of_a_fixed_zone_ends_there_for_everybody() -> None:
    release = ready(campaign(ends="2026-11-22T13:00:30", time_zone="Europe/Stockholm"), **ZONES)

    assert ahead(only(decided(release, subject(time_zone="Asia/Tokyo")))) == 30


def test_with_several_slots_the_earliest_of_all() -> None:
    shelf = (item("s", placement="shelf"),)
    release = ready(
        campaign("a", items=shelf),
        campaign("b", items=shelf, ends="2026-11-22T13:04:00"),
        with_offer("c", items=(item("s", placement="shelf", offer="trial@1"),)),
    )

    (answer,) = decided(release, None, request(Asked("shelf", 3))).answers
    assert (len(answer.slots), ahead(answer)) == (3, 60)
    (answer,) = decided(release, None, request(Asked("shelf", 2))).answers
    assert ahead(answer) == 240


@pytest.mark.parametrize(
    ("shown", "max_age", "seconds"),
    [
        pytest.param(with_offer(), 20, 20, id="the-placement-may-want-less-than-a-minute"),
        pytest.param(with_offer(), 3_600, 60, id="a-price-never-more"),
        pytest.param(campaign(), 3_600, 3_600, id="without-a-price"),
        pytest.param(campaign(markets=("NO",)), 20, 20, id="empty"),
    ],
)
def test_the_placement_has_its_say(shown: CampaignDoc, max_age: int, seconds: int) -> None:
    placement = PlacementDoc(rank=1, format="hero", slots=1, max_age=max_age)

    assert ahead(only(decided(ready(shown, placements={"home": placement})))) == seconds


@pytest.mark.parametrize("left", [1, MICROSECONDS, 59 * MICROSECONDS, 61 * MICROSECONDS])
def test_a_price_that_ends_is_shown_no_longer(left: int) -> None:
    change = NOON + left
    prices = (replace(LIST_PRICE, end=change), PriceDoc(id=2, amount=12_900, period="P1M", start=change))
    release = ready(with_offer(), prices={"premium": {"SE": prices}})

    old, new = only(decided(release)), only(decided(release, now=change))

    assert old.valid_until == min(change, NOON + 60 * MICROSECONDS)
    assert [answer.slots[0].quote.then for answer in (old, new) if answer.slots[0].quote] == [11_900, 12_900]
    assert all(answer.slots[0].quote.expires_at - at == HOUR // 4  # type: ignore[union-attr]
               for answer, at in ((old, NOON), (new, change)))  # fmt: skip


def test_whatever_is_decided_the_price_holds_as_long_as_it_may_be_shown() -> None:
    shown = 0
    for seed in range(60):
        document = release_document(seed)
        edge = NOON + 30 * MICROSECONDS  # all prices change within the minute of most questions
        prices = {
            market: (replace(each[0], end=edge), replace(each[0], id=9, start=edge, end=NOON + DAY))
            for market, each in document.prices["premium"].items()
        }
        document = replace(document, prices={"premium": prices})
        asked = questions(seed, 40)
        for question, decision in zip(asked, answers(document, asked), strict=True):
            for answer in decision.answers:
                for quote in (slot.quote for slot in answer.slots if slot.quote is not None):
                    shown += 1
                    last = answer.valid_until - 1
                    in_force = [price_at(each, last) for each in prices.values()]
                    assert question.now < answer.valid_until <= question.now + 60 * MICROSECONDS
                    assert quote.price_id in {price.id for price in in_force if price}
                    assert quote.expires_at > answer.valid_until
    assert shown > 100
