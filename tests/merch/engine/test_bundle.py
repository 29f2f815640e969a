"""Is what an app carries shown to nobody who might not see it?"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from merch.engine.bundle import Bundled, bundle
from merch.engine.clock import HOUR
from merch.engine.document import BudgetDoc, CampaignDoc, CreativeDoc, GuardDoc, PlacementDoc, TermsDoc
from tests.merch.engine.documents import ADULTS, HERO, NOON, SWEDEN, campaign, item, offer, ready, with_offer

HOUSE: dict[str, Any] = {"tier": "HOUSE", "fallback": True}
BY_GENRE = {"v": 1, "rule": {"trait": "genre", "op": "eq", "value": "pop"}}
BY_PHONE = {"v": 1, "rule": {"ctx": "platform", "op": "eq", "value": "ios"}}
HEJ = Bundled("hero", {"title": "Hej"})
EVERYTHING: dict[str, Any] = {"v": 1, "rule": {"all": []}}
NORWAY = replace(SWEDEN, countries=("NO", "SJ"))


def house(**changes: Any) -> CampaignDoc:
    return campaign("house", **HOUSE, **changes)


def carried(*campaigns: CampaignDoc, kills: frozenset[str] = frozenset(), now: int = NOON, **changes: Any) -> Any:
    """What the bundle has for ``home``, by locale."""
    return bundle(ready(*campaigns, **changes), kills, now).placements["home"]


def creative(**changes: Any) -> dict[str, Any]:
    return {"creatives": {"hero": replace(HERO, **changes)}}


def test_it_is_the_house_content_of_each_placement() -> None:
    found = bundle(ready(house(), campaign("other")), frozenset(), NOON)

    assert found.placements == {"home": {"sv-SE": HEJ}, "shelf": {}}
    assert found.countries == ("SE",)


REWARD = offer("reward", mechanic="REWARD", plan=None, plan_group=None, terms=TermsDoc(reward=1))


@pytest.mark.parametrize(
    "left_out",
    [
        pytest.param(with_offer("house", **HOUSE), id="priced"),
        pytest.param(with_offer("house", REWARD, **HOUSE), id="an-offer-without-a-price"),
        pytest.param(house(**creative(locales={"sv-SE": {"title": "{price}"}})), id="an-amount-in-its-text"),
        pytest.param(house(**creative(urgency=True)), id="urgent"),
        pytest.param(house(profiled=True), id="profiled-at-approval"),
        pytest.param(house(rule=BY_GENRE), id="profiled-by-its-rule"),
        pytest.param(house(**creative(format="card")), id="another-format"),
        pytest.param(house(markets=("NO",)), id="another-market"),
        pytest.param(house(starts="2026-11-22T00:00:01"), id="not-begun-everywhere"),
        pytest.param(house(ends="2027-01-01T00:00:00"), id="has-an-end"),
        pytest.param(house(budgets=("spring",)), id="may-run-out"),
        pytest.param(campaign("house", tier="HOUSE"), id="no-fallback"),
    ],
)  # fmt: skip
def test_what_is_not_for_everybody_always_is_left_out(left_out: CampaignDoc) -> None:
    assert carried(left_out, budgets={"spring": BudgetDoc(key="spring")}) == {}


def test_what_is_killed_is_left_out() -> None:
    assert carried(house(), kills=frozenset({"house"})) == {}


def test_a_placement_that_degrades_to_nothing_carries_nothing() -> None:
    strict = PlacementDoc(rank=1, format="hero", slots=1, max_age=300, when_degraded="EMPTY")

    assert carried(house(), placements={"home": strict}) == {}


@pytest.mark.parametrize(
    ("guard", "found"),
    [
        (GuardDoc(key="all", rule=EVERYTHING), {}),
        (GuardDoc(key="house", rule=EVERYTHING, tiers=("HOUSE",)), {}),
        (GuardDoc(key="commerce", rule=EVERYTHING, tiers=("COMMERCIAL",)), {"sv-SE": HEJ}),
        (GuardDoc(key="trials", rule=EVERYTHING, mechanics=("TRIAL",)), {"sv-SE": HEJ}),
    ],
)
def test_what_a_guard_would_be_asked_about_is_left_out(guard: GuardDoc, found: dict[str, Bundled]) -> None:
    assert carried(house(), guards=(guard,)) == found


@pytest.mark.parametrize("kept", [house(rule=BY_PHONE), house(markets=("SE",)), house(starts="2026-11-22T00:00:00")])
def test_what_may_be_shown_to_everybody_is_kept(kept: CampaignDoc) -> None:
    """A fallback is not asked its rule, in an app as little as here."""
    assert carried(kept) == {"sv-SE": HEJ}


def test_it_begins_when_it_has_begun_in_the_west() -> None:
    late = house(starts="2026-11-22T09:00:00")

    assert carried(late, now=NOON + 9 * HOUR - 1) == {}
    assert carried(late, now=NOON + 9 * HOUR) == {"sv-SE": HEJ}


def test_each_locale_is_of_the_first_that_has_it() -> None:
    english = {"sv-SE": {"title": "Sen"}, "en": {"title": "Hello"}}
    second = campaign(
        "second", **HOUSE, priority=10, items=(item(creative="two"),),
        creatives={"two": CreativeDoc(key="two", format="hero", locales=english)},
    )  # fmt: skip

    assert carried(house(), second) == {"sv-SE": HEJ, "en": Bundled("hero", {"title": "Hello"})}


@pytest.mark.parametrize(
    ("market", "countries"),
    [
        (NORWAY, ("NO", "SE", "SJ")),
        (replace(NORWAY, embargoed=True), ("SE",)),
        (replace(NORWAY, legal=()), ("SE",)),
        (replace(NORWAY, legal=(replace(ADULTS, unknown_age="CONTEXTUAL", unknown_consent="CONTEXTUAL"),)),
         ("NO", "SE", "SJ")),
        (replace(NORWAY, legal=(replace(ADULTS, unknown_age="BLOCK"),)), ("SE",)),
        (replace(NORWAY, legal=(replace(ADULTS, unknown_consent="BLOCK"),)), ("SE",)),
        (replace(NORWAY, legal=(replace(ADULTS, profiling=False, urgency=False, trial_allowed=False),)),
         ("NO", "SE", "SJ")),
    ],
)  # fmt: skip
def test_it_is_shown_only_where_the_law_lets_a_stranger_see_it(market: Any, countries: tuple[str, ...]) -> None:
    found = bundle(ready(house(), markets={"SE": SWEDEN, "NO": market}), frozenset(), NOON)

    assert (found.countries, found.placements["home"]) == (countries, {"sv-SE": HEJ})


def test_content_of_one_market_is_left_out_where_another_is_served_too() -> None:
    both = {"SE": SWEDEN, "NO": NORWAY}

    assert carried(house(markets=("SE",)), markets=both) == {}
    assert carried(house(markets=("NO", "SE")), markets=both) == {"sv-SE": HEJ}
    assert carried(house(markets=("SE",)), markets=both | {"NO": replace(NORWAY, embargoed=True)}) == {"sv-SE": HEJ}
