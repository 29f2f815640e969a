"""Do people learn whom guards and law will stop before anybody is stopped?"""

from __future__ import annotations

from datetime import datetime
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from campaigns import guardchecks, lawchecks, operations, readiness, rulechecks
from campaigns.case import Case
from campaigns.models import Campaign, Guard, LegalProfile, Market
from campaigns.problems import Refused
from merch.engine import law
from merch.engine.document import LegalDoc, MarketDoc
from tests.factories import (
    AudienceFactory,
    EventDefinitionFactory,
    GuardFactory,
    LegalProfileFactory,
    MarketFactory,
    TraitDefinitionFactory,
    ready_campaign,
)

pytestmark = pytest.mark.django_db


def rule(node: dict[str, Any]) -> dict[str, Any]:
    return {"v": 1, "rule": node}


ADULT = rule({"trait": "born", "op": "before_months", "value": 216})
FREE = {"trait": "subscription_state", "op": "eq", "value": "FREE"}
PAYING = {"trait": "subscription_state", "op": "eq", "value": "ACTIVE"}


@pytest.fixture
def campaign(db: None) -> Campaign:
    TraitDefinitionFactory(name="born", type="date")
    return ready_campaign(rule=rule(FREE))


def problems(campaign: Campaign, now: datetime) -> list[str]:
    return [each.id for each in readiness.problems(campaign, now=now)]


def notes(campaign: Campaign, now: datetime) -> list[str]:
    return [each.sentence for each in readiness.notes(campaign, now=now)]


def test_a_guard_that_stops_some_is_a_note_with_counts_and_the_first(campaign: Campaign, now: datetime) -> None:
    GuardFactory(key="adults", name="Adults only", requires=["born"], rule=ADULT)

    assert problems(campaign, now) == []
    (note,) = notes(campaign, now)
    assert note.startswith("The guard “Adults only” stops ")
    assert "generated subjects whom item hero targets. The first: born 2008-06-02" in note


def test_a_campaign_that_asks_the_same_has_nothing_to_be_told(campaign: Campaign, now: datetime) -> None:
    GuardFactory(key="adults", requires=["born"], rule=ADULT)
    Campaign.objects.update(rule=rule({"all": [FREE, ADULT["rule"]]}))

    assert problems(Campaign.objects.get(), now) == []
    assert notes(Campaign.objects.get(), now) == []


def test_a_guard_that_stops_all_is_in_the_way_of_review_and_approval(
    campaign: Campaign, author: User, approver: User, now: datetime
) -> None:
    asked = operations.submit(campaign, by=author, now=now)
    GuardFactory(key="payers", name="Payers only", rule=rule(PAYING))

    assert problems(campaign, now) == ["guard.stops_all"]
    with pytest.raises(Refused, match=r"Nobody can be shown item hero: all .* stopped by “Payers only”"):
        operations.approve(asked, by=approver, now=now)


def test_guards_that_leave_no_room_between_them_stop_all(campaign: Campaign, now: datetime) -> None:
    GuardFactory(key="a", rule=rule({"trait": "born", "op": "before_months", "value": 216}))
    GuardFactory(key="b", rule=rule({"trait": "born", "op": "within_months", "value": 216}))

    assert problems(campaign, now) == ["guard.stops_all"]


@pytest.mark.parametrize(
    "scope",
    [
        pytest.param({"tiers": ["LEGAL"]}, id="another-tier"),
        pytest.param({"mechanics": ["SAVE"]}, id="another-mechanic"),
        pytest.param({"active": False}, id="switched-off"),
    ],
)
def test_a_guard_that_does_not_speak_about_it_stops_nobody(
    campaign: Campaign, now: datetime, scope: dict[str, Any]
) -> None:
    GuardFactory(rule=rule(PAYING), **scope)

    assert problems(campaign, now) == []
    assert notes(campaign, now) == []


def test_a_guard_of_another_market_stops_nobody_there(campaign: Campaign, now: datetime) -> None:
    guard = GuardFactory(rule=rule(PAYING))
    guard.markets.add(MarketFactory(code="KR"))
    assert problems(campaign, now) == []

    guard.markets.add(Market.objects.get(code="SE"))
    assert problems(campaign, now) == ["guard.stops_all"]


def test_a_fallback_is_asked_guards_but_not_its_rule(campaign: Campaign, now: datetime) -> None:
    GuardFactory(rule=rule(PAYING))
    Campaign.objects.update(fallback=True, tier="HOUSE")

    (found,) = Case(Campaign.objects.get(), now).guarded

    assert found.passable
    assert 0 < found.stops[0].blocked < found.targeted


def test_rules_that_contradict_each_other_are_told(campaign: Campaign, now: datetime) -> None:
    Campaign.objects.update(rule=rule({"all": [FREE, PAYING]}))

    assert notes(Campaign.objects.get(), now) == ["No generated subject fulfils the rules of item hero."]


def test_events_audiences_and_history_are_edges_too(campaign: Campaign, now: datetime) -> None:
    EventDefinitionFactory(name="listen")
    AudienceFactory(slug="keen", rule=rule({"event": "listen", "agg": "days", "window": 28, "op": "gte", "value": 5}))
    history = {"history": "campaign", "key": campaign.key, "agg": "count", "of": "dismissal", "window": 30}
    asked = {"all": [{"audience": "keen", "op": "in"}, history | {"op": "lt", "value": 2}]}
    GuardFactory(name="Keen and patient", rule=rule(asked))

    (note,) = notes(campaign, now)

    assert note.startswith("The guard “Keen and patient” stops ")


def test_the_same_question_has_the_same_answer(campaign: Campaign, now: datetime) -> None:
    GuardFactory(requires=["born"], rule=ADULT)

    assert notes(campaign, now) == notes(Campaign.objects.get(), now)


@pytest.mark.parametrize(
    ("requires", "asked", "warned"),
    [
        pytest.param([], rule({"not": {"trait": "born", "op": "within_months", "value": 216}}), ["born"], id="negated"),
        pytest.param(
            ["born"], rule({"not": {"trait": "born", "op": "within_months", "value": 216}}), [], id="required"
        ),
        pytest.param([], ADULT, [], id="a-positive-condition-never-lets-the-unknown-pass"),
        pytest.param(
            ["born"], rule({"all": [ADULT["rule"], {"trait": "plan", "op": "ne", "value": "duo"}]}), ["plan"],
            id="one-of-two",
        ),
    ],
)  # fmt: skip
def test_who_saves_a_guard_hears_that_it_lets_the_unknown_pass(
    campaign: Campaign, now: datetime, requires: list[str], asked: dict[str, Any], warned: list[str]
) -> None:
    guard = Guard(key="g", name="G", requires=requires, rule=asked)

    found = guardchecks.lets_unknown_through(guard, rulechecks.words(), now=now)

    assert [problem.sentence for problem in found] == [f"People whose {name} is not known can pass." for name in warned]


def test_saving_such_a_guard_in_admin_warns(campaign: Campaign, admin_client: Client) -> None:
    page = admin_client.post(
        "/admin/campaigns/guard/add/",
        {"name": "No minors", "key": "no-minors", "active": "on", "rule": '{"v": 1, "rule": {"not": '
         '{"trait": "born", "op": "within_months", "value": 216}}}'},
        follow=True,
    )  # fmt: skip

    assert Guard.objects.filter(key="no-minors").exists()
    assert "People whose born is not known can pass." in page.content.decode()


# --- the law ---------------------------------------------------------------------------------------------------


def test_what_no_band_of_any_market_allows_is_in_the_way(campaign: Campaign, now: datetime) -> None:
    LegalProfile.objects.update(trial_allowed=False)

    assert problems(campaign, now) == ["law.nobody"]
    (problem,) = readiness.problems(campaign, now=now)
    assert problem.sentence == "By law nobody may be shown item hero: it is a trial."


def test_a_band_that_forbids_it_is_a_note(campaign: Campaign, now: datetime) -> None:
    LegalProfile.objects.update(min_age=18)
    LegalProfileFactory(market=Market.objects.get(), min_age=0, max_age=18, trial_allowed=False)

    assert problems(campaign, now) == []
    assert notes(campaign, now) == ["In SE people of 0 to 17 years are not shown item hero: it is a trial."]


def test_a_market_without_a_profile_shows_nothing_and_says_so(campaign: Campaign, now: datetime) -> None:
    campaign.markets.add(MarketFactory(code="KR"))
    assert "The market KR has no legal profile: nothing at all is shown there." in notes(campaign, now)

    LegalProfile.objects.all().delete()
    assert "law.nobody" in problems(campaign, now)


@pytest.mark.parametrize("allowed", list(product((True, False), repeat=3)))
def test_these_checks_and_the_decision_read_the_law_alike(allowed: tuple[bool, bool, bool]) -> None:
    profiling, urgency, trials = allowed
    band = LegalProfile(min_age=0, max_age=200, profiling=profiling, urgency=urgency, trial_allowed=trials)
    document = LegalDoc(
        min_age=0, max_age=200, profiling=profiling, urgency=urgency, trial_allowed=trials,
        unknown_age="BLOCK", unknown_consent="BLOCK",
    )  # fmt: skip
    market = MarketDoc(currency="SEK", exponent=2, time_zone="UTC", countries=(), default_locale="", legal=(document,))
    spoken = law.law_in(market, 30, True)

    for profiled, urgent, trial in product((True, False), repeat=3):
        told = lawchecks.forbidden(band, lawchecks.Nature("", profiled, urgent, trial))
        for tier in ("LEGAL", "HOUSE", "COMMERCIAL"):
            decided = law.objection(spoken, law.Traits(tier, profiled, urgent, trial))
            assert bool(told) is (decided is not None)
