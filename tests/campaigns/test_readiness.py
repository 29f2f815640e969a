"""Does everything that is in the way of a launch have its name, and come at once?"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from audiences.models import Audience, AudienceRun, BehaviourLeaf
from audiences.rules import Rule, inline, parse, reads, resolve
from campaigns import operations, readiness, rulechecks
from campaigns.models import (
    Campaign,
    CampaignItem,
    Creative,
    CreativeContent,
    Market,
    Offer,
    Placement,
    PlacementFormat,
    Price,
)
from campaigns.problems import Refused
from experiments.models import Experiment, Variant
from tests.factories import (
    AudienceFactory,
    CampaignFactory,
    CampaignItemFactory,
    CreativeContentFactory,
    CreativeFactory,
    EventDefinitionFactory,
    ExperimentFactory,
    GuardFactory,
    ItemArmFactory,
    LegalProfileFactory,
    MarketFactory,
    OfferFactory,
    OfferVersionFactory,
    PlacementFormatFactory,
    PriceFactory,
    ready_campaign,
)

Break = Callable[[Campaign], object]

WALL = datetime(2026, 5, 1)  # noqa: DTZ001 - a wall time
UNKNOWN = {"v": 1, "rule": {"trait": "nobody_knows", "op": "present"}}


def set_(campaign: Campaign, **values: Any) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(**values)


def content(fields: dict[str, Any]) -> Break:
    return lambda campaign: CreativeContent.objects.update(fields=fields)


def terms(**values: Any) -> Break:
    """A newer version, published behind the verb's back."""

    def publish(campaign: Campaign) -> None:
        OfferVersionFactory(offer=Offer.objects.get(), number=2, published=True, **values)

    return publish


def history_of(plan: str) -> Break:
    leaf = {
        "history": "plan",
        "key": plan,
        "agg": "count",
        "of": "conversion",
        "window": "lifetime",
        "op": "eq",
        "value": 0,
    }
    return lambda campaign: set_(campaign, rule={"v": 1, "rule": leaf})


def price_without_offer(campaign: Campaign) -> None:
    content({"title": "{price}"})(campaign)
    CampaignItem.objects.update(offer=None)


def fallback(campaign: Campaign) -> None:
    set_(campaign, fallback=True, tier="HOUSE")


def silent_service(campaign: Campaign) -> None:
    CampaignItem.objects.create(campaign=campaign, key="quiet", placement=Placement.objects.get(), nothing=True)
    set_(campaign, tier="SERVICE")


def archived_audience(campaign: Campaign) -> None:
    AudienceFactory(slug="gone", put_away=True)
    set_(campaign, rule={"v": 1, "rule": {"audience": "gone", "op": "in"}})


def broken_audience(campaign: Campaign) -> None:
    AudienceFactory(slug="broken", rule=UNKNOWN)
    set_(campaign, rule={"v": 1, "rule": {"audience": "broken", "op": "in"}})


def circle(campaign: Campaign) -> None:
    AudienceFactory(slug="one", rule={"v": 1, "rule": {"audience": "two", "op": "in"}})
    AudienceFactory(slug="two", rule={"v": 1, "rule": {"audience": "one", "op": "in"}})
    set_(campaign, rule={"v": 1, "rule": {"audience": "one", "op": "in"}})


def event_rule(campaign: Campaign) -> None:
    EventDefinitionFactory(name="played")
    leaf = {"event": "played", "agg": "count", "window": 7, "op": "gte", "value": 1}
    set_(campaign, rule={"v": 1, "rule": leaf})


def list_audience(campaign: Campaign) -> None:
    AudienceFactory(slug="vip", listed=True)
    set_(campaign, rule={"v": 1, "rule": {"audience": "vip", "op": "in"}})


def price_until(day: int | None, since: int | None = None) -> Break:
    def limit(campaign: Campaign) -> None:
        bounds = [None if each is None else f"2026-06-{each:02}T00:00Z" for each in (since, day)]
        moments = [None if each is None else datetime.fromisoformat(each) for each in bounds]
        Price.objects.update(effective=DateTimeTZRange(*moments))

    return limit


def other_format(campaign: Campaign) -> None:
    Creative.objects.update(format=PlacementFormatFactory(key="card"))


def experiment(**traits: Any) -> Break:
    def attach(campaign: Campaign) -> None:
        CampaignItem.objects.update(experiment=ExperimentFactory(**traits))

    return attach


def arm(**values: Any) -> Break:
    """An experiment of two arms, where the arm of b is this."""

    def attach(campaign: Campaign) -> None:
        experiment(two_arms=True)(campaign)
        ItemArmFactory(item=CampaignItem.objects.get(), variant=Variant.objects.get(key="b"), **values)

    return attach


def sound_arm_but(**values: Any) -> Break:
    def attach(campaign: Campaign) -> None:
        arm(empty=True)(campaign)
        Experiment.objects.update(**values)

    return attach


def two_controls_gone(campaign: Campaign) -> None:
    arm(empty=True)(campaign)
    ItemArmFactory(item=CampaignItem.objects.get(), variant=Variant.objects.get(key="control"), empty=True)
    Variant.objects.update(is_control=False)


def foreign_arm(campaign: Campaign) -> None:
    arm(empty=True)(campaign)
    other = ExperimentFactory(two_arms=True)
    ItemArmFactory(item=CampaignItem.objects.get(), variant=other.variants.get(key="b"), empty=True)


def arm_without_experiment(campaign: Campaign) -> None:
    arm(empty=True)(campaign)
    CampaignItem.objects.update(experiment=None)


BROKEN: list[tuple[str, Break]] = [
    ("campaign.empty", lambda campaign: campaign.items.all().delete()),
    ("flight.over", lambda campaign: set_(campaign, ends=WALL)),
    ("flight.zone", lambda campaign: set_(campaign, time_zone="Mars/Olympus")),
    ("flight.year", lambda campaign: set_(campaign, ends=None, starts=WALL.replace(year=1999))),
    ("market.zone", lambda campaign: Market.objects.update(time_zone="+02:00")),
    ("market.embargoed", lambda campaign: Market.objects.update(embargoed=True)),
    ("creative.format", other_format),
    ("creative.archived", lambda campaign: Creative.objects.update(archived=True)),
    ("creative.missing", lambda campaign: CreativeContent.objects.update(locale="fi")),
    ("creative.missing", lambda campaign: CreativeContent.objects.all().delete()),
    ("creative.locale", lambda campaign: CreativeContentFactory(creative=Creative.objects.get(), locale="qq")),
    ("creative.field_missing", content({})),
    ("creative.too_long", content({"title": "a" * 61})),
    ("creative.amount", content({"title": "Bara 4,99 kr"})),
    ("creative.link", content({"title": "A", "cta": {"label": "B", "href": "other://c"}})),
    ("format.type", lambda campaign: PlacementFormat.objects.update(fields=[{"name": "title", "type": "html"}])),
    ("offer.unpublished", lambda campaign: CampaignItem.objects.update(offer=OfferFactory())),
    ("offer.archived", lambda campaign: Offer.objects.update(archived=True)),
    ("terms.missing", terms(terms={})),
    ("requires.unknown", terms(requires=["nobody_knows"])),
    ("price.missing", lambda campaign: Price.objects.all().delete()),
    ("price.missing", price_until(15)),
    ("price.missing", price_until(None, since=15)),
    ("price.missing", lambda campaign: campaign.markets.add(MarketFactory(code="NO", default_locale="sv-NO"))),
    ("creative.unfilled", price_without_offer),
    ("fallback.priced", fallback),
    ("item.nothing_tier", silent_service),
    ("rule.unknown_trait", lambda campaign: set_(campaign, rule=UNKNOWN)),
    ("rule.unknown_trait", terms(rule=UNKNOWN)),
    ("rule.unknown_trait", broken_audience),
    ("rule.unknown_trait", lambda campaign: GuardFactory(rule=UNKNOWN)),
    ("rule.unknown_plan", history_of("premuim")),
    ("rule.circle", circle),
    ("requires.unknown", lambda campaign: GuardFactory(requires=["nobody_knows"])),
    ("audience.archived", archived_audience),
    ("audience.not_computed", event_rule),
    ("audience.not_computed", list_audience),
    ("experiment.none", arm_without_experiment),
    ("experiment.variants", experiment()),
    ("experiment.control", two_controls_gone),
    ("experiment.weights", lambda campaign: [arm(empty=True)(campaign), Variant.objects.update(weight=0)]),
    ("experiment.layer", sound_arm_but(salt="")),
    ("experiment.external", sound_arm_but(assignment="external")),
    ("experiment.over", sound_arm_but(state="CONCLUDED")),
    ("experiment.arm_empty", experiment(two_arms=True)),
    ("experiment.arm_empty", arm()),
    ("experiment.arm_foreign", foreign_arm),
]  # fmt: skip


@pytest.fixture
def campaign(db: None) -> Campaign:
    return ready_campaign()


def ids(campaign: Campaign, now: datetime) -> set[str]:
    return {problem.id for problem in readiness.problems(Campaign.objects.get(pk=campaign.pk), now=now)}


def test_a_ready_campaign_has_no_problems_and_no_notes(campaign: Campaign, now: datetime) -> None:
    assert readiness.problems(campaign, now=now) == []
    assert readiness.notes(campaign, now=now) == []


@pytest.mark.parametrize(("problem", "spoil"), BROKEN, ids=[f"{name}-{at}" for at, (name, _) in enumerate(BROKEN)])
def test_each_fault_has_its_name(problem: str, spoil: Break, campaign: Campaign, now: datetime) -> None:
    spoil(campaign)

    assert problem in ids(campaign, now)


@pytest.mark.parametrize(
    "attach",
    [
        pytest.param(arm(empty=True), id="nothing"),
        pytest.param(lambda campaign: arm(creative=CreativeFactory(swedish=True))(campaign), id="creative"),
        pytest.param(lambda campaign: arm(offer=OfferFactory(published=True))(campaign), id="offer"),
        pytest.param(lambda campaign: GuardFactory(rule=UNKNOWN, off=True), id="a-guard-that-is-off"),
        pytest.param(lambda campaign: OfferVersionFactory(offer=Offer.objects.get(), number=2), id="a-draft-of-terms"),
        pytest.param(content({"title": "{price}, {then}, {saving}"}), id="placeholders-of-a-trial"),
        pytest.param(lambda campaign: CreativeContent.objects.update(locale="sv"), id="language"),
        pytest.param(lambda campaign: CreativeContent.objects.update(locale="sv-FI"), id="another-region"),
        pytest.param(lambda campaign: set_(campaign, ends=None), id="open-flight"),
        pytest.param(history_of("premium"), id="history-of-a-plan"),
        pytest.param(lambda campaign: set_(campaign, time_zone="Asia/Tokyo"), id="fixed-zone"),
    ],
)
def test_what_is_in_nobodys_way(attach: Break, campaign: Campaign, now: datetime) -> None:
    attach(campaign)

    assert ids(campaign, now) == set()


def test_the_content_of_an_arm_is_checked_like_the_items_own(campaign: Campaign, now: datetime) -> None:
    arm(creative=CreativeFactory(format=PlacementFormatFactory(key="card")), offer=OfferFactory())(campaign)

    assert ids(campaign, now) == {"creative.format", "creative.missing", "offer.unpublished"}


def test_then_and_saving_need_terms_that_change_the_price(campaign: Campaign, now: datetime) -> None:
    content({"title": "{price} {then}"})(campaign)
    offer = OfferFactory(mechanic="UPGRADE")
    OfferVersionFactory(offer=offer, published=True, terms={})
    CampaignItem.objects.update(offer=offer)

    found = readiness.problems(campaign, now=now)

    assert [problem.sentence.split(" of ")[0] for problem in found] == ["item hero: {then}"]


def test_amounts_are_needed_for_each_named_market(campaign: Campaign, now: datetime) -> None:
    offer = OfferFactory(mechanic="PREPAID")
    OfferVersionFactory(offer=offer, published=True, terms={"amounts": {"NO": 100}, "cycles": 3})
    CampaignItem.objects.update(offer=offer)

    assert ids(campaign, now) == {"terms.market"}


def test_what_an_offer_is_compared_with_has_a_price_where_it_is_shown(campaign: Campaign, now: datetime) -> None:
    offer = OfferFactory(mechanic="UPGRADE")
    OfferVersionFactory(offer=offer, published=True, terms={"instead_of": "other", "least_saving": 10})
    CampaignItem.objects.update(offer=offer)
    (market,) = campaign.markets.all()

    assert said(campaign, now) == ["any market"]
    other = PriceFactory(plan__key="other", market=MarketFactory(code="NO", default_locale="sv-NO")).plan
    assert said(campaign, now) == [market.code]
    PriceFactory(plan=other, market=market)
    assert said(campaign, now) == []


def said(campaign: Campaign, now: datetime) -> list[str]:
    found = [each for each in readiness.problems(campaign, now=now) if each.id == "terms.compared"]
    return [each.sentence.rpartition("no price in ")[2].rstrip(".") for each in found]


def test_a_campaign_for_every_market_needs_a_price_in_one(campaign: Campaign, now: datetime) -> None:
    campaign.markets.clear()
    LegalProfileFactory(market=MarketFactory(code="NO", default_locale="sv-NO"))

    assert ids(campaign, now) == set()
    assert [note.id for note in readiness.notes(campaign, now=now)] == ["price.missing"]

    Price.objects.all().delete()
    assert ids(campaign, now) == {"price.nowhere"}


def test_a_price_that_follows_another_leaves_no_gap(campaign: Campaign, now: datetime) -> None:
    price_until(15)(campaign)
    plan, market = Price.objects.get().plan, Market.objects.get()
    later = DateTimeTZRange(datetime.fromisoformat("2026-06-15T00:00Z"), None)

    PriceFactory(plan=plan, market=market, amount=12_900, effective=later)

    assert ids(campaign, now) == set()


def test_a_default_locale_is_worth_a_note(campaign: Campaign, now: datetime) -> None:
    CreativeContent.objects.update(locale="en")
    Creative.objects.update(default_locale="en")

    assert ids(campaign, now) == set()
    assert [note.id for note in readiness.notes(campaign, now=now)] == ["creative.by_default"]


def test_clock_changes_are_worth_a_note(db: None, now: datetime) -> None:
    new_york = LegalProfileFactory(market=MarketFactory(code="US", time_zone="America/New_York")).market
    gap, overlap = datetime(2026, 3, 8, 2, 30), datetime(2026, 11, 1, 1, 30)  # noqa: DTZ001 - wall times
    campaign = CampaignFactory(markets=[new_york], starts=gap, ends=overlap)

    found = readiness.notes(campaign, now=now)

    assert [note.id for note in found] == ["flight.start_odd", "flight.end_odd"]


def test_everything_comes_at_once(db: None, now: datetime) -> None:
    market = MarketFactory()
    campaign = CampaignFactory(markets=[market], rule=UNKNOWN, time_zone="Nowhere", ends=WALL)
    CampaignItemFactory(campaign=campaign, creative=CreativeFactory(), offer=OfferFactory())

    assert ids(campaign, now) == {
        "flight.zone", "creative.missing", "offer.unpublished", "rule.unknown_trait", "law.nobody",
    }  # fmt: skip


def test_a_filled_condition_is_ready(campaign: Campaign, now: datetime) -> None:
    event_rule(campaign)
    vocabulary = rulechecks.words()
    rule = parse(Campaign.objects.get().rule, vocabulary)
    audiences = resolve(vocabulary)
    assert isinstance(rule, Rule)
    assert isinstance(audiences, dict)
    (digest,) = reads(inline(rule, audiences)).behaviours
    run = AudienceRun.objects.create(as_of=now, created_at=now, state=AudienceRun.State.PUBLISHED)
    leaf = BehaviourLeaf.objects.create(position=0, digest=digest, leaf={}, created_at=now)
    assert ids(campaign, now) == {"audience.not_computed"}

    leaf.filled_by = run
    leaf.save()

    assert ids(campaign, now) == set()


def test_a_broken_audience_elsewhere_hides_nothing(campaign: Campaign, now: datetime) -> None:
    Audience.objects.create(slug="elsewhere", name="Elsewhere", rule=UNKNOWN)
    event_rule(campaign)

    assert ids(campaign, now) == {"audience.not_computed"}


def test_what_waits_for_a_run_is_reviewed_but_not_launched(
    campaign: Campaign, author: User, approver: User, launcher: User, now: datetime
) -> None:
    event_rule(campaign)
    operations.approve(operations.submit(campaign, by=author, now=now), by=approver, now=now)

    with pytest.raises(Refused) as refused:
        operations.launch(campaign, by=launcher, now=now)

    assert [problem.id for problem in refused.value.problems] == ["audience.not_computed"]


def test_a_flight_that_begins_later_is_ready(campaign: Campaign, now: datetime) -> None:
    assert ids(campaign, now - timedelta(days=300)) == set()
