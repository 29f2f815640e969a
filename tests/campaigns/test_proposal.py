"""Is what is approved what a release can carry, whole, and always the same?"""

from datetime import datetime
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User

from campaigns import operations, proposal
from campaigns.models import Approval, Budget, CampaignItem, Creative, FrequencyCap, Offer
from campaigns.profiling import audiences_named, profiled
from merch.engine.document import ArmDoc, CampaignDoc, CapDoc, CooldownDoc
from tests.factories import (
    AudienceFactory,
    CampaignFactory,
    CampaignItemFactory,
    CooldownFactory,
    CreativeContentFactory,
    CreativeFactory,
    DomainFactory,
    ExperimentFactory,
    FrequencyCapFactory,
    ItemArmFactory,
    OfferFactory,
    OfferVersionFactory,
    PlacementFactory,
    TraitDefinitionFactory,
    ready_campaign,
)

DAY = 86_400 * 1_000_000


def named(slug: str) -> dict[str, Any]:
    return {"v": 1, "rule": {"audience": slug, "op": "in"}}


def document(**attributes: Any) -> CampaignDoc:
    return msgspec.convert(proposal.content(ready_campaign(**attributes)), CampaignDoc)


@pytest.mark.django_db
def test_the_content_is_a_campaign_of_a_release() -> None:
    doc = document(key="first", domain=DomainFactory(), priority=70, ends=None)

    assert (doc.key, doc.tier, doc.priority, doc.domain) == ("first", "COMMERCIAL", 70, "acquisition")
    assert (doc.starts, doc.ends, doc.markets, doc.rule) == ("2026-01-01T00:00:00", None, ("SE",), None)
    item = doc.items[0]
    assert (item.key, item.placement, item.experiment) == ("hero", "home-hero", None)
    assert doc.creatives[item.creative].locales == {"sv-SE": {"title": "Lyssna utan reklam"}}
    assert item.offer is not None
    offer = doc.offers[item.offer]
    assert (offer.version, offer.mechanic, offer.plan, offer.plan_group) == (1, "TRIAL", "premium", "music")
    assert offer.terms.free_period == "P30D"
    assert item.offer == f"{offer.key}@1"


@pytest.mark.django_db
def test_categories_budgets_and_items_that_show_nothing_are_in_it() -> None:
    campaign = ready_campaign()
    Offer.objects.update(category="acquisition")
    campaign.budgets.set([Budget.objects.create(key=key, name=key) for key in ("spring", "holiday")])
    CampaignItem.objects.create(campaign=campaign, key="quiet", placement=PlacementFactory(slug="shelf"), nothing=True)

    doc = msgspec.convert(proposal.content(campaign), CampaignDoc)

    assert doc.budgets == ("holiday", "spring")
    assert {offer.category for offer in doc.offers.values()} == {"acquisition"}
    assert [(item.key, item.nothing, item.creative == "") for item in doc.items] == [
        ("hero", False, False), ("quiet", True, True)
    ]  # fmt: skip


@pytest.mark.django_db
def test_arms_caps_and_all_locales_are_in_it() -> None:
    campaign = CampaignFactory()
    experiment = ExperimentFactory(two_arms=True)
    item = CampaignItemFactory(campaign=campaign, key="hero", experiment=experiment)
    other = CreativeFactory(swedish=True)
    CreativeContentFactory(creative=other, locale="fi", fields={"title": "Kuuntele"})
    offer = OfferFactory(published=True)
    ItemArmFactory(item=item, variant=experiment.variants.get(key="control"), empty=True)
    ItemArmFactory(item=item, variant=experiment.variants.get(key="b"), creative=other, offer=offer)
    FrequencyCapFactory(campaign=campaign)
    FrequencyCapFactory(campaign=campaign, ever=True, scope=FrequencyCap.Scope.OFFER, limit=1)
    FrequencyCapFactory(campaign=campaign, daily=True, strict=True)
    FrequencyCapFactory(campaign=campaign, window="SESSION", length=None)
    CooldownFactory(campaign=campaign)

    doc = msgspec.convert(proposal.content(campaign), CampaignDoc)

    arms = doc.items[0].arms
    assert arms["control"] == ArmDoc(nothing=True)
    assert arms["b"].offer == f"{offer.key}@1"
    assert arms["b"].creative is not None
    assert set(doc.creatives[arms["b"].creative].locales) == {"sv-SE", "fi"}
    assert set(doc.offers) == {f"{offer.key}@1"}
    assert doc.caps == (
        CapDoc(scope="CAMPAIGN", event="impression", limit=3, window=7 * DAY),
        CapDoc(scope="OFFER", event="impression", limit=1, window=None),
        CapDoc(scope="CAMPAIGN", event="impression", limit=3, kind="CALENDAR_LOCAL", unit="DAY", strict=True),
        CapDoc(scope="CAMPAIGN", event="impression", limit=3, kind="SESSION"),
    )
    assert doc.cooldowns == (CooldownDoc(scope="CAMPAIGN", event="dismissal", length=30 * DAY),)


@pytest.mark.django_db
def test_audiences_are_carried_whole_lists_as_nothing() -> None:
    AudienceFactory(slug="listed", listed=True)
    AudienceFactory(slug="inner", rule={"v": 1, "rule": {"not": {"audience": "listed", "op": "in"}}})
    AudienceFactory(slug="outer", rule=named("inner"))
    AudienceFactory(slug="of-the-offer")
    AudienceFactory(slug="of-nobody")
    campaign = ready_campaign(rule=named("outer"))
    OfferVersionFactory(offer=campaign.items.get().offer, number=2, published=True, rule=named("of-the-offer"))

    doc = msgspec.convert(proposal.content(campaign), CampaignDoc)

    assert set(doc.audiences) == {"outer", "inner", "listed", "of-the-offer"}
    assert doc.audiences["listed"] is None


@pytest.mark.django_db
def test_the_newest_published_version_counts() -> None:
    campaign = ready_campaign()
    offer = campaign.items.get().offer
    OfferVersionFactory(offer=offer, number=2, published=True, redeem_limit=1, redeem_window_days=30)
    OfferVersionFactory(offer=offer, number=3)

    doc = msgspec.convert(proposal.content(campaign), CampaignDoc)

    (found,) = doc.offers.values()
    assert (found.version, found.redeem_limit, found.redeem_window) == (2, 1, 30 * DAY)


@pytest.mark.django_db
def test_a_draft_of_loose_ends_can_be_read() -> None:
    content = proposal.content(CampaignItemFactory(offer=OfferFactory()).campaign)

    assert msgspec.convert(content, CampaignDoc).offers == {}


@pytest.mark.django_db
def test_queries_do_not_grow_with_campaigns(django_assert_num_queries: Any) -> None:
    few = [ready_campaign().pk]
    many = [*few, *[ready_campaign().pk for _ in range(8)]]

    with django_assert_num_queries(12):
        proposal.contents(few)
    with django_assert_num_queries(12):
        assert len(proposal.contents(many)) == 9


@pytest.mark.django_db
def test_equal_rows_give_equal_hashes_and_the_database_keeps_them(author: User, now: datetime) -> None:
    campaign = ready_campaign(rule={"v": 1, "rule": {"all": [{"trait": "plan", "op": "eq", "value": "å \u2028 ß"}]}})

    approval = operations.submit(campaign, by=author, now=now)

    kept = Approval.objects.get(pk=approval.pk)
    assert proposal.content_hash(kept.content) == approval.content_hash
    assert proposal.content_hash(proposal.content(campaign)) == approval.content_hash


@pytest.mark.django_db
def test_where_a_row_lies_in_its_table_means_nothing() -> None:
    campaign = ready_campaign()
    CampaignItemFactory(campaign=campaign, key="another", offer=OfferFactory(published=True))
    before = proposal.content_hash(proposal.content(campaign))

    for row in (*CampaignItem.objects.order_by("-pk"), *Creative.objects.order_by("-pk")):
        row.save()

    assert proposal.content_hash(proposal.content(campaign)) == before


AUDIENCES: dict[str, Any] = {
    "free": {"v": 1, "rule": {"trait": "plan", "op": "absent"}},
    "young": {"v": 1, "rule": {"trait": "birth_date", "op": "present"}},
    "listed": None,
    "free-and-listed": {
        "v": 1,
        "rule": {"any": [{"audience": "listed", "op": "in"}, {"audience": "free", "op": "in"}]},
    },
    "itself": {"v": 1, "rule": {"audience": "itself", "op": "in"}},
}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param({"trait": "plan", "op": "present"}, False, id="contextual-trait"),
        pytest.param({"trait": "birth_date", "op": "present"}, True, id="sensitive-trait"),
        pytest.param({"trait": "nobody_knows", "op": "present"}, True, id="unknown-trait"),
        pytest.param({"ctx": "country", "op": "eq", "value": "SE"}, False, id="context"),
        pytest.param({"bucket": "salt", "op": "lt", "value": 500}, False, id="bucket"),
        pytest.param({"event": "played", "agg": "count", "window": 7, "op": "gte", "value": 1}, True, id="event"),
        pytest.param({"history": "all", "agg": "count", "of": "click", "op": "eq", "value": 0}, True, id="history"),
        pytest.param({"audience": "free", "op": "in"}, False, id="contextual-audience"),
        pytest.param({"audience": "young", "op": "nin"}, True, id="sensitive-audience"),
        pytest.param({"audience": "listed", "op": "in"}, True, id="list"),
        pytest.param({"audience": "free-and-listed", "op": "in"}, True, id="list-inside"),
        pytest.param({"audience": "nowhere", "op": "in"}, True, id="unknown-audience"),
        pytest.param({"audience": "itself", "op": "in"}, False, id="circle-ends"),
        pytest.param({"not": {"all": [{"any": [{"trait": "genre", "op": "absent"}]}]}}, True, id="deep"),
        pytest.param({"all": []}, False, id="everyone"),
        pytest.param({"all": "x"}, True, id="not-a-group"),
        pytest.param(["x"], True, id="not-a-node"),
        pytest.param({"hopes": "high"}, True, id="not-a-leaf"),
    ],
)
def test_what_counts_as_profiling(rule: object, expected: bool) -> None:
    assert profiled({"v": 1, "rule": rule}, AUDIENCES, frozenset({"plan"})) is expected


@pytest.mark.parametrize("document", [None, {}, {"v": 1, "rule": {"all": []}}])
def test_everyone_is_no_profile(document: Any) -> None:
    assert profiled(document, AUDIENCES, frozenset()) is False
    assert audiences_named(document, AUDIENCES) == {}


@pytest.mark.django_db
def test_campaign_and_offer_are_profiled_each_by_its_own_rule() -> None:
    TraitDefinitionFactory(name="genre")
    rule = {"v": 1, "rule": {"trait": "genre", "op": "present"}}
    campaign = ready_campaign()
    OfferVersionFactory(offer=campaign.items.get().offer, number=2, published=True, rule=rule)

    doc = msgspec.convert(proposal.content(campaign), CampaignDoc)

    assert not doc.profiled
    assert [offer.profiled for offer in doc.offers.values()] == [True]
