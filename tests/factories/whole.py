"""A campaign with all that it needs."""

from __future__ import annotations

from typing import Any

from campaigns.models import Campaign, Market, Price
from tests.factories.campaigns import (
    CampaignFactory,
    CampaignItemFactory,
    CreativeFactory,
    LegalProfileFactory,
    MarketFactory,
    OfferFactory,
    PlanFactory,
    PriceFactory,
)


def priced(plan_key: str = "premium") -> Market:
    """Sweden, where the plan costs 119.00 SEK a month and the law allows everything."""
    market = MarketFactory()
    LegalProfileFactory(market=market)
    plan = PlanFactory(key=plan_key)
    if not Price.objects.filter(plan=plan, market=market).exists():
        PriceFactory(plan=plan, market=market)
    return market


def ready_campaign(**attributes: Any) -> Campaign:
    """A trial in Sweden, with one item "hero" in home-hero; nothing is in the way of its launch during 2026."""
    market = priced()
    campaign = CampaignFactory(**{"markets": [market], **attributes})
    CampaignItemFactory(
        campaign=campaign, key="hero", offer=OfferFactory(published=True), creative=CreativeFactory(swedish=True)
    )
    return campaign
