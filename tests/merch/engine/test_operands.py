"""Does a formula read the numbers that its names promise, and nothing that the law keeps from it?"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from campaigns.formula import Formula, read
from merch.engine import formula
from merch.engine.call import Call
from merch.engine.clock import DAY
from merch.engine.compiling import BadRelease, compile_release, vocabulary_of
from merch.engine.document import CampaignDoc, PlacementDoc, Pulse, ReleaseDoc, StrategyDoc, TermsDoc, TraitDoc
from merch.engine.facts import Subject
from tests.merch.engine.documents import (
    ADULTS,
    CONTEXTS,
    NOON,
    SWEDEN,
    TRAITS,
    campaign,
    document,
    item,
    offer,
    request,
    subject,
    with_offer,
)

KNOWN = {
    "minutes": TraitDoc(type="int", tolerated_age=7 * DAY),
    "spent": TraitDoc(type="decimal", decimal_places=2, profiling=False),
    "student": TraitDoc(type="bool", profiling=False),
    "seen_at": TraitDoc(type="timestamp", profiling=False),
}
HALF = with_offer(sold=offer(mechanic="DISCOUNT_N_CYCLES", terms=TermsDoc(percent_off=50, cycles=3)), priority=60)


def world(of: CampaignDoc, **changes: Any) -> ReleaseDoc:
    return document(of, traits=TRAITS | KNOWN, contexts=CONTEXTS | {"battery": "decimal"}, **changes)


def score(text: str, of: CampaignDoc | None = None, who: Subject | None = None, **told: Any) -> float | None:
    plan = world(of or campaign(), **told.pop("release", {}))
    release = compile_release(plan)
    found = read(text, vocabulary_of(plan))
    assert isinstance(found, Formula), found
    call = Call(release, Pulse(), request(**told), who, NOON)
    return formula.score(found, release.placements["home"].candidates[0], call)


@pytest.mark.parametrize(
    ("text", "of", "expected"),
    [
        ("priority + weight", campaign(priority=7, items=(item(weight=3),)), 10),
        ("price", HALF, 5_950),
        ("saving", HALF, 17_850),
        # Three months at half price, then nine at the whole one: 365 days less 3 x 365/12 of them.
        ("total_12m", HALF, 3 * 5_950 + 9 * 11_900),
        ("saving", with_offer(sold=offer(mechanic="UPGRADE", terms=TermsDoc())), 0),
        ("price", campaign(), None),
        ("saving", campaign(), None),
        ("total_12m", campaign(), None),
        ("days_left", campaign(), None),
        ("days_left", campaign(ends="2026-11-22T23:00:00"), 1),
        ("days_left", campaign(ends="2026-11-23T13:00:00"), 1),  # at NOON it is 13:00 in Stockholm
        ("days_left", campaign(ends="2026-11-23T13:00:01"), 2),
    ],
)
def test_names_of_the_candidate(text: str, of: CampaignDoc, expected: float | None) -> None:
    assert score(text, of, subject()) == expected


@pytest.mark.parametrize(
    ("text", "known", "expected"),
    [
        ("trait.minutes", {"minutes": 42}, 42),
        ("trait.minutes", {}, None),
        ("trait.spent", {"spent": 1_999}, 19.99),
        ("trait.student", {"student": True}, 1),
        ("trait.student * 5", {"student": False}, 0),
        ("trait.birth_date", {"birth_date": NOON // DAY - 30}, 30),
        ("trait.birth_date", {"birth_date": NOON // DAY + 1}, -1),
        ("trait.seen_at", {"seen_at": NOON - DAY // 4}, 0.25),
        ("trait.minutes", {"minutes": "many"}, None),  # a broken value is missing
    ],
)
def test_names_of_the_subject(text: str, known: dict[str, Any], expected: float | None) -> None:
    assert score(text, None, subject(**known)) == expected


def test_a_stale_trait_and_a_record_that_was_not_read_are_missing() -> None:
    fresh = subject(minutes=42)
    record = fresh.record
    stale = Subject(replace(record, traits=record.traits | {"minutes": (42, NOON - 8 * DAY)}))

    assert score("trait.minutes", None, stale) is None
    assert score("trait.minutes", None, None) is None


@pytest.mark.parametrize(
    ("told", "text", "expected"),
    [
        ({}, "ctx.hour", 13),
        ({"context": {"country": "SE", "hour": 3}}, "ctx.hour", 3),
        ({"context": {"country": "SE", "battery": 2_550}}, "ctx.battery", 25.5),
        ({}, "ctx.battery", None),
    ],
)
def test_names_of_the_request(told: dict[str, Any], text: str, expected: float | None) -> None:
    assert score(text, None, subject(), **told) == expected


@pytest.mark.parametrize(("trait", "read_anyway"), [("minutes", False), ("student", True)])
def test_where_the_law_forbids_to_profile_a_profiling_trait_is_missing(trait: str, read_anyway: bool) -> None:
    strict = replace(SWEDEN, legal=(replace(ADULTS, profiling=False),))

    known: dict[str, Any] = {trait: 1}
    found = score(f"trait.{trait}", None, subject(**known), release={"markets": {"SE": strict}})

    assert (found == 1) is read_anyway


@pytest.mark.parametrize("text", ["trait.mood", "price +", ""])
def test_a_release_whose_formula_no_longer_fits_is_refused_by_name(text: str) -> None:
    home = PlacementDoc(
        rank=10, format="hero", slots=1, max_age=300, strategy=StrategyDoc(kind="FORMULA", formula=text)
    )

    with pytest.raises(BadRelease, match="placement home"):
        compile_release(document(campaign(), placements={"home": home}))
