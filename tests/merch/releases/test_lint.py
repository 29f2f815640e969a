"""Is each kind of mistake found where it was made, with its proof, and nothing said where none was?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from merch.engine.compiling import compile_release
from merch.engine.document import (
    ArmDoc,
    BudgetDoc,
    CampaignDoc,
    CapDoc,
    DrawDoc,
    ExperimentDoc,
    GuardDoc,
    HoldoutDoc,
    RangeDoc,
    ReleaseDoc,
    TermsDoc,
)
from merch.engine.facts import Request
from merch.releases.lint import Counted, Finding, lint
from tests.merch.engine.corpus import answers, questions, release_document
from tests.merch.engine.documents import HERO, HOUR, NOON, TRAITS, campaign, document, item, offer, with_offer

DAY = 24 * HOUR
NOTHING = Counted()


def rule(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {"v": 1, "rule": {"all": list(nodes)}}


def minutes(op: str, value: int) -> dict[str, Any]:
    return {"trait": "minutes", "op": op, "value": value}


def found(doc: ReleaseDoc, counted: Counted = NOTHING) -> list[tuple[str, str, str]]:
    return [(each.kind, each.campaign, each.proof) for each in findings(doc, counted)]


def findings(doc: ReleaseDoc, counted: Counted = NOTHING) -> list[Finding]:
    return lint(compile_release(doc), NOON, counted)


WIDE = campaign("wide", priority=60, rule=rule(minutes("gte", 50)))
NARROW = campaign("narrow", rule=rule(minutes("gte", 100)))
IMPLIED = '"Minutes is at least 100." implies "Minutes is at least 50." of wide'


def test_a_candidate_below_a_wider_one_is_shadowed() -> None:
    assert found(document(WIDE, NARROW)) == [("shadowed", "narrow", IMPLIED)]


HALF = HoldoutDoc(
    key="wide-only", scope="CAMPAIGN", scope_key="wide", tiers=("COMMERCIAL",),
    draws=(DrawDoc(number=1, salt="h", size=5_000, start_at=0),),
)  # fmt: skip
COPY = ExperimentDoc(
    key="copy", version=1, salt="s", layer_salt="", variants=(("a", 1), ("b", 1)),
    ranges=(RangeDoc(start=0, end=10_000, start_at=0),),
)  # fmt: skip
EMPTY_ARM = (item(experiment="copy", arms={"b": ArmDoc(nothing=True)}),)
ENGLISH = {"hero": replace(HERO, locales={"en": {"title": "Hi"}})}


@pytest.mark.parametrize(
    "doc",
    [
        pytest.param(document(replace(WIDE, priority=40), NARROW), id="below"),
        pytest.param(document(replace(WIDE, rule=rule(minutes("gte", 150))), NARROW), id="narrower"),
        pytest.param(document(replace(WIDE, tier="HOUSE"), NARROW), id="another-tier"),
        pytest.param(document(replace(WIDE, items=(item(placement="shelf"),)), NARROW), id="another-placement"),
        pytest.param(document(replace(WIDE, caps=(CapDoc(scope="CAMPAIGN", event="impression", limit=3),)), NARROW),
                     id="capped"),
        pytest.param(document(WIDE, NARROW, shared_caps=(CapDoc(scope="CAMPAIGN", event="impression", limit=3),)),
                     id="capped-each"),
        pytest.param(document(replace(WIDE, ends="2026-12-01T00:00:00"), NARROW), id="ends-earlier"),
        pytest.param(document(replace(WIDE, markets=("SE",)), NARROW), id="one-market"),
        pytest.param(document(replace(WIDE, profiled=True), NARROW, traits=TRAITS | {
            "minutes": replace(TRAITS["minutes"], profiling=False)}), id="profiled"),
        pytest.param(document(replace(WIDE, creatives=ENGLISH), NARROW), id="another-language"),
        pytest.param(document(with_offer("wide", priority=60, rule=WIDE.rule), NARROW), id="priced"),
        pytest.param(document(replace(WIDE, journey="welcome"), NARROW), id="journey"),
        pytest.param(document(replace(WIDE, budgets=("b",)), NARROW, budgets={"b": BudgetDoc(key="b")}), id="budget"),
        pytest.param(document(WIDE, NARROW, holdouts=(HALF,)), id="held-out"),
        pytest.param(document(replace(WIDE, items=EMPTY_ARM), NARROW, experiments={"copy": COPY}), id="empty-arm"),
    ],
)  # fmt: skip
def test_what_may_let_the_lower_one_through_is_no_shadow(doc: ReleaseDoc) -> None:
    assert [each for each in found(doc) if each[0] == "shadowed"] == []


def test_a_placement_with_more_slots_needs_as_many_above() -> None:
    shelf = (item(placement="shelf"),)
    three = [replace(WIDE, key=f"wide-{n}", priority=60 + n, items=shelf) for n in range(3)]
    narrow = replace(NARROW, items=shelf)

    assert [each for each in found(document(*three[:2], narrow)) if each[0] == "shadowed"] == []
    assert [each[:2] for each in found(document(*three, narrow))] == [("shadowed", "narrow")]


def test_two_of_one_rank_that_somebody_may_both_see_collide() -> None:
    one, other = campaign("one", rule=rule(minutes("gte", 50))), campaign("two", rule=rule(minutes("lt", 80)))
    apart = replace(other, rule=rule(minutes("lt", 50)))

    (only,) = findings(document(one, other))
    assert (only.kind, only.campaign, only.other) == ("colliding", "two", "one")
    assert only.proof == 'some meet both "Minutes is at least 50." and "Minutes is below 80."'
    assert "goes first by its key alone" in only.sentence
    for harmless in (
        document(one, apart),
        document(one, replace(other, priority=51)),
        document(one, replace(other, items=(item(placement="shelf"),))),
        document(replace(one, markets=("SE",)), replace(other, markets=("NO",))),
        document(replace(one, ends="2026-12-01T00:00:00"), replace(other, starts="2026-12-01T00:00:00")),
        document(*(replace(each, items=(item(placement="shelf"),)) for each in (one, other))),
    ):
        assert found(harmless) == []


def test_who_was_only_outranked_starves() -> None:
    doc = document(WIDE, campaign("poor", rule=rule({"trait": "genre", "op": "present"})))
    hungry = Counted(decisions=500, won={("home", "wide"): 300}, outranked={("home", "poor"): 40, ("home", "wide"): 9})

    assert found(doc, hungry) == [
        ("starved", "poor", "40 times only outranked in 500 replayed decisions, shown in none")
    ]
    for fed in (hungry._replace(won={("home", "poor"): 1}), hungry._replace(outranked={("home", "poor"): 19})):
        assert found(doc, fed) == []


NEVER = rule(minutes("gte", 100), {"trait": "genre", "op": "present"}, minutes("lt", 50))
PROOF = '"Minutes is at least 100." excludes "Minutes is below 50."'


@pytest.mark.parametrize(
    ("doc", "named"),
    [
        (document(campaign(rule=NEVER)), "one: nobody"),
        (
            document(with_offer(rule=rule(minutes("gte", 100)), sold=offer(rule=rule(minutes("lt", 50))))),
            "one: nobody",
        ),
        (document(campaign(), guards=(GuardDoc(key="law", rule=NEVER),)), "guard law: nobody"),
        (
            document(campaign(items=(item(experiment="copy"),)), experiments={"copy": replace(COPY, rule=NEVER)}),
            "experiment copy: nobody",
        ),
    ],
)
def test_a_rule_that_nobody_can_meet_is_found(doc: ReleaseDoc, named: str) -> None:
    (only,) = findings(doc)

    assert (only.kind, only.proof) == ("contradicting", PROOF)
    assert only.sentence.startswith(named)


LISTED = rule({"audience": "vips", "op": "in"}, minutes("gte", 1))


@pytest.mark.parametrize(
    ("doc", "said"),
    [
        (document(campaign(ends="2026-11-21T00:00:00")), "one: its flight is over"),
        (document(campaign(items=())), "one: no item of it stands in a placement"),
        (document(campaign(items=(item(placement="gone"),))), "one: no item of it stands in a placement"),
        (document(with_offer(), prices={}), "one: none of its offers has a price in any market"),
        (
            document(with_offer(sold=offer(terms=TermsDoc(amounts={"NO": 1})))),
            "one: none of its offers has a price in any market",
        ),
        (document(campaign(rule=LISTED, audiences={"vips": NEVER | {}})), "one: nobody is in the audience vips"),
    ],
)
def test_what_is_dead_is_found(doc: ReleaseDoc, said: str) -> None:
    counted = Counted(sizes={"vips": 0})
    doc = replace(doc, campaigns=tuple(_without_contradiction(each) for each in doc.campaigns))

    assert [(each.kind, each.sentence) for each in findings(doc, counted)] == [("dead", said)]
    assert [each for each in findings(doc, Counted(sizes={"vips": 3})) if "audience" in each.sentence] == []


def _without_contradiction(each: CampaignDoc) -> CampaignDoc:
    return replace(each, audiences={slug: rule(minutes("gte", 5)) for slug in each.audiences})


def test_a_flight_that_ends_today_is_not_over_everywhere() -> None:
    assert found(document(campaign(ends="2026-11-22T11:00:00"))) == []


SPOKEN = {"hero": replace(HERO, default_locale="sv-SE")}


def bare(doc: ReleaseDoc) -> ReleaseDoc:
    """Rules, tiers, flights and markets made by chance, and nothing else that could let anybody through."""
    campaigns = tuple(
        replace(
            each, caps=(), offers={}, creatives=SPOKEN, cooldowns=(), budgets=(), journey=None, pin=None,
            items=tuple(item(one.key, placement=one.placement) for one in each.items),
        )
        for each in doc.campaigns
    )  # fmt: skip
    places = {slug: replace(each, format="hero", slots=1) for slug, each in doc.placements.items()}
    return replace(doc, campaigns=campaigns, placements=places, holdouts=(), shared_caps=(), experiments={}, guards=())


def shadowed(doc: ReleaseDoc) -> set[tuple[str, str]]:
    return {(each.placement, each.campaign) for each in findings(doc) if each.kind == "shadowed"}


def calm(asked: Request) -> Request:
    """As many slots as the placement has, and no strict cap of anybody's refused."""
    return replace(asked, placements=tuple(replace(one, slots=None) for one in asked.placements), refused_holds={})


@given(st.integers(0, 10_000))
@settings(max_examples=80, deadline=None)
def test_who_is_called_shadowed_is_never_shown(seed: int) -> None:
    doc = bare(release_document(seed))
    called = shadowed(doc)
    asked = [
        each._replace(request=calm(each.request), pulse=replace(each.pulse, kills=frozenset()))
        for each in questions(seed, 10)
    ]

    for decision in answers(doc, asked):
        for answer in decision.answers:
            assert not called & {(answer.placement, slot.campaign) for slot in answer.slots}


def test_chance_makes_shadows_to_look_at() -> None:
    assert sum(len(shadowed(bare(release_document(seed)))) for seed in range(40)) > 20
