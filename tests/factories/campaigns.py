"""Rows of what we want to show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import factory
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from audiences.tiers import Tier
from campaigns.lifecycle import State
from campaigns.models import (
    Campaign,
    CampaignItem,
    Cooldown,
    Creative,
    CreativeContent,
    Domain,
    FrequencyCap,
    Guard,
    ItemArm,
    LegalProfile,
    Market,
    Mechanic,
    Offer,
    OfferVersion,
    Placement,
    PlacementFormat,
    Plan,
    PlanGroup,
    Price,
    Scope,
)
from tests.factories.audiences import FREE

THEN = datetime(2026, 1, 1, tzinfo=UTC)


class MarketFactory(factory.django.DjangoModelFactory[Market]):
    """Sweden; ``MarketFactory(code="US", ...)`` for another. The same code twice is the same row."""

    class Meta:
        model = Market
        django_get_or_create = ("code",)

    class Params:
        forbidden = factory.Trait(embargoed=True)

    code = "SE"
    name = factory.SelfAttribute("code")
    currency = "SEK"
    time_zone = "Europe/Stockholm"
    countries = factory.LazyAttribute(lambda row: [row.code])
    default_locale = "sv-SE"


class LegalProfileFactory(factory.django.DjangoModelFactory[LegalProfile]):
    """Everything is allowed, at every age. The same market and lowest age twice is the same row."""

    class Meta:
        model = LegalProfile
        django_get_or_create = ("market", "min_age")

    min_age = 0
    market = factory.SubFactory(MarketFactory)
    unknown_age = "ALLOW"
    unknown_consent = "ALLOW"


class PlanGroupFactory(factory.django.DjangoModelFactory[PlanGroup]):
    class Meta:
        model = PlanGroup
        django_get_or_create = ("key",)

    key = "music"
    name = "Music"


class PlanFactory(factory.django.DjangoModelFactory[Plan]):
    class Meta:
        model = Plan
        django_get_or_create = ("key",)

    key = "premium"
    name = factory.LazyAttribute(lambda row: row.key.capitalize())
    group = factory.SubFactory(PlanGroupFactory)


class PriceFactory(factory.django.DjangoModelFactory[Price]):
    """119.00 SEK a month in Sweden, since ever."""

    class Meta:
        model = Price

    plan = factory.SubFactory(PlanFactory)
    market = factory.SubFactory(MarketFactory)
    amount = 11_900
    currency = factory.SelfAttribute("market.currency")
    effective = DateTimeTZRange(None, None)


class OfferFactory(factory.django.DjangoModelFactory[Offer]):
    """A trial of premium without terms; ``published`` has version 1: 30 days free."""

    class Meta:
        model = Offer
        skip_postgeneration_save = True

    class Params:
        reward = factory.Trait(mechanic=Mechanic.REWARD, plan=None)
        put_away = factory.Trait(archived=True)

    key = factory.Sequence(lambda number: f"offer-{number}")
    name = factory.SelfAttribute("key")
    mechanic = Mechanic.TRIAL
    plan = factory.SubFactory(PlanFactory)

    @factory.post_generation
    def published(self: Offer, create: bool, wanted: object) -> None:
        if wanted:
            OfferVersionFactory(offer=self, published=True)


class OfferVersionFactory(factory.django.DjangoModelFactory[OfferVersion]):
    class Meta:
        model = OfferVersion

    class Params:
        published = factory.Trait(state=OfferVersion.State.PUBLISHED, published_at=THEN)

    offer = factory.SubFactory(OfferFactory)
    number = 1
    terms = {"free_period": "P30D"}


class PlacementFormatFactory(factory.django.DjangoModelFactory[PlacementFormat]):
    """A title and a call to action."""

    class Meta:
        model = PlacementFormat
        django_get_or_create = ("key",)

    key = "hero"
    name = factory.LazyAttribute(lambda row: row.key.capitalize())
    fields = [
        {"name": "title", "type": "text", "required": True, "max_length": 60},
        {"name": "cta", "type": "cta", "required": False},
    ]


class PlacementFactory(factory.django.DjangoModelFactory[Placement]):
    class Meta:
        model = Placement
        django_get_or_create = ("slug",)

    slug = "home-hero"
    name = factory.SelfAttribute("slug")
    format = factory.SubFactory(PlacementFormatFactory)


class CreativeFactory(factory.django.DjangoModelFactory[Creative]):
    """Without content; ``swedish`` has a title in sv-SE."""

    class Meta:
        model = Creative
        skip_postgeneration_save = True

    class Params:
        put_away = factory.Trait(archived=True)
        urgent = factory.Trait(urgency=True)

    key = factory.Sequence(lambda number: f"creative-{number}")
    name = factory.SelfAttribute("key")
    format = factory.SubFactory(PlacementFormatFactory)

    @factory.post_generation
    def swedish(self: Creative, create: bool, wanted: object) -> None:
        if wanted:
            CreativeContentFactory(creative=self)


class CreativeContentFactory(factory.django.DjangoModelFactory[CreativeContent]):
    class Meta:
        model = CreativeContent

    creative = factory.SubFactory(CreativeFactory)
    locale = "sv-SE"
    fields = {"title": "Lyssna utan reklam"}


class DomainFactory(factory.django.DjangoModelFactory[Domain]):
    class Meta:
        model = Domain
        django_get_or_create = ("key",)

    key = "acquisition"
    name = factory.LazyAttribute(lambda row: row.key.capitalize())


class CampaignFactory(factory.django.DjangoModelFactory[Campaign]):
    """A commercial draft for everyone, everywhere, for the year 2026, without items."""

    class Meta:
        model = Campaign
        skip_postgeneration_save = True

    class Params:
        in_review = factory.Trait(state=State.IN_REVIEW)
        approved = factory.Trait(state=State.APPROVED)
        live = factory.Trait(state=State.LIVE)
        paused = factory.Trait(state=State.PAUSED)
        ended = factory.Trait(state=State.ENDED)
        house = factory.Trait(tier=Tier.HOUSE.value)

    key = factory.Sequence(lambda number: f"campaign-{number}")
    name = factory.SelfAttribute("key")
    starts = datetime(2026, 1, 1)  # noqa: DTZ001 - a wall time
    ends = datetime(2027, 1, 1)  # noqa: DTZ001 - a wall time

    @factory.post_generation
    def markets(self: Campaign, create: bool, wanted: list[Market] | None) -> None:
        self.markets.set(wanted or [])


class CampaignItemFactory(factory.django.DjangoModelFactory[CampaignItem]):
    class Meta:
        model = CampaignItem

    campaign = factory.SubFactory(CampaignFactory)
    key = factory.Sequence(lambda number: f"item-{number}")
    placement = factory.SubFactory(PlacementFactory)
    creative = factory.SubFactory(CreativeFactory, swedish=True)


class ItemArmFactory(factory.django.DjangoModelFactory[ItemArm]):
    """Shows nothing."""

    class Meta:
        model = ItemArm

    class Params:
        empty = factory.Trait(nothing=True)

    item = factory.SubFactory(CampaignItemFactory)
    variant = factory.SubFactory("tests.factories.experiments.VariantFactory")


class FrequencyCapFactory(factory.django.DjangoModelFactory[FrequencyCap]):
    """Three impressions in seven days."""

    class Meta:
        model = FrequencyCap

    class Params:
        ever = factory.Trait(window=FrequencyCap.Window.LIFETIME, length=None)
        daily = factory.Trait(window=FrequencyCap.Window.CALENDAR_LOCAL, unit=FrequencyCap.Unit.DAY, length=None)
        shared = factory.Trait(campaign=None, scope=FrequencyCap.Scope.TIER)

    campaign = factory.SubFactory(CampaignFactory)
    limit = 3
    length = timedelta(days=7)


class CooldownFactory(factory.django.DjangoModelFactory[Cooldown]):
    """Thirty days of rest after the campaign was closed."""

    class Meta:
        model = Cooldown

    class Params:
        shared = factory.Trait(campaign=None, scope=Scope.FORMAT)

    campaign = factory.SubFactory(CampaignFactory)
    length = timedelta(days=30)


class GuardFactory(factory.django.DjangoModelFactory[Guard]):
    class Meta:
        model = Guard

    class Params:
        off = factory.Trait(active=False)

    key = factory.Sequence(lambda number: f"guard-{number}")
    name = factory.SelfAttribute("key")
    rule = FREE
