"""Does the catalogue end up as the file says, once, with its history, or not at all?"""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from audiences.models import Audience, EventDefinition, Revision, TraitDefinition
from campaigns import importing, operations
from campaigns.importing import Outcome, Verdict
from campaigns.lifecycle import State
from campaigns.models import (
    Campaign,
    Creative,
    Domain,
    Guard,
    LegalProfile,
    Market,
    Offer,
    OfferVersion,
    Placement,
    PlacementFormat,
    Plan,
    PlanGroup,
    Price,
)
from tests.factories import UserFactory, ready_campaign

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

CATALOGUE: dict[str, Any] = {
    "traits": [{"name": "genre", "type": "string", "tolerated_age": "72h", "sensitivity": "profiling"}],
    "events": [{"name": "listen", "fields": {"minutes": "int"}, "from_clients": True}],
    "markets": [
        {
            "code": "SE",
            "name": "Sweden",
            "currency": "SEK",
            "time_zone": "Europe/Stockholm",
            "countries": ["SE"],
            "default_locale": "sv-SE",
            "legal": [{"max_age": 18, "trial_allowed": False}, {"min_age": 18}],
        }
    ],
    "domains": [{"key": "growth", "name": "Growth"}],
    "plan_groups": [{"key": "music", "name": "Music"}],
    "plans": [{"key": "solo", "name": "Solo", "group": "music", "rank": 3}],
    "prices": [{"plan": "solo", "market": "SE", "amount": "119.00"}],
    "formats": [{"key": "card", "name": "Card", "fields": [{"name": "title", "type": "text"}]}],
    "placements": [{"slug": "shelf", "name": "Shelf", "format": "card", "slots": 3}],
    "audiences": [
        {"slug": "jazz", "name": "Jazz", "rule": {"v": 1, "rule": {"trait": "genre", "op": "eq", "value": "jazz"}}}
    ],
    "offers": [
        {
            "key": "trial",
            "name": "Trial",
            "mechanic": "TRIAL",
            "plan": "solo",
            "terms": {"free_period": "P1M"},
            "rule": {"v": 1, "rule": {"audience": "jazz", "op": "in"}},
            "redeem_limit": 1,
        }
    ],
    "creatives": [{"key": "hello", "name": "Hello", "format": "card", "locales": {"sv-SE": {"title": "Nu {price}"}}}],
    "guards": [
        {
            "key": "adults",
            "name": "Adults only",
            "markets": ["SE"],
            "requires": ["birth_date"],
            "rule": {"v": 1, "rule": {"trait": "birth_date", "op": "before_months", "value": 216}},
        }
    ],
}
MODELS = (
    Domain, EventDefinition, Market, LegalProfile, PlanGroup, Plan, Price, PlacementFormat, Placement, Audience, Offer,
    OfferVersion, Creative, Guard,
)  # fmt: skip

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor() -> User:
    return UserFactory(username="editor")


def imported(document: Any, *, apply: bool = True, by: User | None = None, now: datetime = NOW) -> Outcome:
    return importing.run(document, by=by, now=now, apply=apply)


def filled(document: Any = CATALOGUE) -> Outcome:
    outcome = imported(document)
    assert outcome.problems == ()
    return outcome


def changed(section: str, **fields: Any) -> dict[str, Any]:
    """The catalogue with the first entry of a section changed."""
    document = copy.deepcopy(CATALOGUE)
    document[section][0] |= fields
    return document


def rows() -> list[int]:
    return [model._default_manager.count() for model in MODELS]


def test_a_plan_says_everything_and_writes_nothing() -> None:
    before = rows(), Revision.objects.count(), TraitDefinition.objects.count()

    outcome = imported(CATALOGUE, apply=False)

    assert outcome.problems == ()
    assert not outcome.applied
    assert {line.verdict for line in outcome.lines} == {Verdict.CREATED}
    assert {line.section for line in outcome.lines} == set(CATALOGUE)
    assert (rows(), Revision.objects.count(), TraitDefinition.objects.count()) == before


def test_applying_writes_what_the_plan_said_with_its_history(editor: User) -> None:
    plan = imported(CATALOGUE, apply=False)

    outcome = imported(CATALOGUE, by=editor)

    assert outcome.applied
    assert outcome.lines == plan.lines
    version = OfferVersion.objects.get(offer__key="trial")
    assert (version.state, version.number, version.terms) == ("PUBLISHED", 1, {"free_period": "P1M"})
    assert Price.objects.get().amount == 11_900
    assert Price.objects.get().currency == "SEK"
    assert [profile.min_age for profile in LegalProfile.objects.order_by("min_age")] == [0, 18]
    assert Guard.objects.get().markets.get().code == "SE"
    assert Revision.objects.filter(actor=editor, object_type="market", object_key="SE").exists()
    assert Revision.objects.filter(verb="published", object_type="offerversion").exists()


def test_a_second_import_changes_nothing() -> None:
    filled()
    head = Revision.objects.head()

    again = filled()

    assert {line.verdict for line in again.lines} == {Verdict.UNCHANGED}
    assert not again.changes
    assert Revision.objects.head() == head


def test_a_field_that_is_left_out_keeps_what_is_there() -> None:
    filled()
    Plan.objects.update(rank=9)

    filled({"plans": [{"key": "solo", "name": "Solo plan"}]})

    assert (Plan.objects.get().name, Plan.objects.get().rank) == ("Solo plan", 9)


def test_changed_terms_become_a_new_version_and_the_old_one_stays() -> None:
    filled()

    outcome = filled(changed("offers", terms={"free_period": "P7D"}))

    line = next(line for line in outcome.lines if line.section == "offers")
    assert line.verdict == Verdict.CHANGED
    assert ("version", 1, 2) in [(each.field, each.before, each.after) for each in line.differences]
    versions = OfferVersion.objects.order_by("number")
    assert [(each.state, each.terms["free_period"]) for each in versions] == [
        ("PUBLISHED", "P1M"),
        ("PUBLISHED", "P7D"),
    ]
    assert versions[1].redeem_limit == 1


def test_a_version_that_somebody_is_writing_is_not_taken_over(editor: User) -> None:
    filled()
    draft = operations.new_version(Offer.objects.get(), by=editor, now=NOW)
    draft.terms = {"free_period": "P14D"}
    draft.save()

    outcome = imported(changed("offers", terms={"free_period": "P7D"}))

    assert [problem.id for problem in outcome.problems] == ["offer.draft"]
    assert OfferVersion.objects.count() == 2


def test_age_bands_and_locales_are_lists_as_a_whole() -> None:
    filled()
    document = changed("markets", legal=[{"urgency": False}])
    document["creatives"][0]["locales"] = {"en-GB": {"title": "Now {price}"}}

    filled(document)

    assert [(profile.min_age, profile.urgency) for profile in LegalProfile.objects.all()] == [(0, False)]
    assert list(Creative.objects.get().contents.values_list("locale", flat=True)) == ["en-GB"]


def test_an_edit_voids_what_was_submitted() -> None:
    campaign = ready_campaign()
    author = UserFactory(username="author")
    operations.submit(campaign, by=author, now=NOW)
    creative = Creative.objects.get(items__campaign=campaign)

    outcome = imported({"creatives": [{"key": creative.key, "locales": {"sv-SE": {"title": "Annat"}}}]})

    assert outcome.problems == ()
    assert Campaign.objects.get().state == State.DRAFT


@pytest.mark.parametrize(
    ("section", "fields", "id_", "where"),
    [
        ("traits", {"type": "colour"}, "entry.value", "traits[0] (genre).type"),
        ("traits", {"tolerated_age": "soon"}, "trait.age", "traits[0] (genre).tolerated_age"),
        ("traits", {"name": "Bad Name"}, "entry.value", "traits[0] (Bad Name).name"),
        ("events", {"fields": {"minutes": "hours"}}, "event.fields", "events[0] (listen).fields"),
        ("markets", {"currency": "XXY"}, "market.currency", "markets[0] (SE).currency"),
        ("markets", {"time_zone": "Stockholm"}, "market.zone", "markets[0] (SE).time_zone"),
        ("markets", {"countries": [46]}, "entry.type", "markets[0] (SE).countries[0]"),
        ("markets", {"legal": [{"max_age": 30}, {"min_age": 18}]}, "legal.overlap", "markets[0] (SE).legal"),
        ("markets", {"legal": [{"maxage": 30}]}, "entry.unknown_field", "markets[0] (SE).legal[0]"),
        ("plans", {"group": "musik"}, "entry.unknown", "plans[0] (solo).group"),
        ("plans", {"colour": "red"}, "entry.unknown_field", "plans[0] (solo)"),
        ("plans", {"rank": "high"}, "entry.type", "plans[0] (solo).rank"),
        ("prices", {"amount": 119.0}, "entry.type", "prices[0] (solo in SE).amount"),
        ("prices", {"amount": "119.005"}, "price.amount", "prices[0] (solo in SE).amount"),
        ("prices", {"amount": "-1"}, "price.amount", "prices[0] (solo in SE).amount"),
        ("prices", {"market": "NO"}, "entry.unknown", "prices[0] (solo in NO).market"),
        ("prices", {"from": "soon"}, "price.date", "prices[0] (solo in SE).from"),
        ("prices", {"from": "2027-01-01", "until": "2026-01-01"}, "price.period", "prices[0] (solo in SE)"),
        ("prices", {"period": "monthly"}, "entry.value", "prices[0] (solo in SE).period"),
        ("formats", {"fields": [{"name": "title", "type": "html"}]}, "format.type", "formats[0] (card).fields"),
        ("formats", {"min_app_versions": {"ios": "nine"}}, "format.versions", "formats[0] (card).min_app_versions"),
        ("placements", {"format": "hero"}, "entry.unknown", "placements[0] (shelf).format"),
        ("placements", {"slots": 0}, "entry.value", "placements[0] (shelf).slots"),
        ("placements", {"strategy": "BEST"}, "entry.value", "placements[0] (shelf).strategy"),
        ("placements", {"strategy": "FORMULA", "formula": "prise"}, "formula.name", "placements[0] (shelf).formula"),
        ("placements", {"draw_window": "often"}, "trait.age", "placements[0] (shelf).draw_window"),
        ("placements", {"exploration": 10001}, "entry.value", "placements[0] (shelf).exploration"),
        ("placements", {"objective": "buy"}, "entry.unknown", "placements[0] (shelf).objective"),
        ("audiences", {"rule": {"v": 1, "rule": {"trait": "mood", "op": "eq", "value": "x"}}}, "rule.unknown_trait",
         "audiences[0] (jazz).rule at $.rule.trait"),
        ("offers", {"terms": {"percent_off": 10}}, "terms.missing", "offers[0] (trial)"),
        ("offers", {"mechanic": "GIFT"}, "entry.value", "offers[0] (trial).mechanic"),
        ("offers", {"plan": None}, "entry.value", "offers[0] (trial)"),
        ("creatives", {"locales": {"sv-SE": {"title": "99 kr"}}}, "creative.amount",
         "creatives[0] (hello).locales.sv-SE"),
        ("guards", {"requires": ["mood"]}, "requires.unknown", "guards[0] (adults).requires"),
        ("guards", {"rule": {}}, "guard.rule", "guards[0] (adults)"),
        ("guards", {"tiers": ["LOUD"]}, "entry.value", "guards[0] (adults).tiers"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(section: str, fields: dict[str, Any], id_: str, where: str) -> None:
    outcome = imported(changed(section, **fields))

    assert (id_, where) in [(problem.id, problem.where) for problem in outcome.problems]
    assert all(problem.hint for problem in outcome.problems)
    assert not outcome.applied
    assert not Market.objects.exists()


def test_a_placement_says_how_it_ranks() -> None:
    document = copy.deepcopy(CATALOGUE)
    document["placements"][0] |= {
        "strategy": "BANDIT", "draw_window": "2h", "exploration": 1000, "objective": "listen",
    }  # fmt: skip

    assert not imported(document).problems

    row = Placement.objects.get(slug="shelf")
    assert (row.strategy, row.exploration, str(row.draw_window)) == ("BANDIT", 1000, "2:00:00")
    assert row.objective is not None
    assert row.objective.name == "listen"


def test_every_problem_is_told_at_once_and_none_twice() -> None:
    document = copy.deepcopy(CATALOGUE)
    document["plan_groups"] = [{"key": "music", "name": 7}]
    document["offers"][0]["mechanic"] = "GIFT"
    document["guards"].append(document["guards"][0])
    document["colours"] = []

    outcome = imported(document)

    # Plans, prices and offers lean on the plan group, which is reported once, by itself.
    assert sorted(problem.id for problem in outcome.problems) == ["entry.twice", "entry.type", "file.section"]


@pytest.mark.parametrize(
    "document", [None, [], "text", {"plans": {"key": "solo"}}, {"plans": ["solo"]}, {"plans": [{}]}]
)
def test_what_is_no_catalogue_is_refused(document: Any) -> None:
    outcome = imported(document)

    assert outcome.problems
    assert not outcome.applied


@pytest.mark.parametrize(
    ("section", "fields"),
    [
        ("traits", {"type": "int"}),
        ("events", {"money": True}),
        ("markets", {"currency": "EUR"}),
        ("offers", {"mechanic": "SAVE"}),
        ("audiences", {"kind": "LIST"}),
    ],
)
def test_what_stored_values_rest_on_stays(section: str, fields: dict[str, Any]) -> None:
    filled()

    outcome = imported(changed(section, **fields))

    assert [problem.id for problem in outcome.problems] == ["entry.fixed"]
