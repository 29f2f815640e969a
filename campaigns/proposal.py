"""What exactly would be approved, and what is its hash?

The content of a campaign is its closure: flight, markets, rule, every audience that its rules name, caps, items, the
newest published version of each offer, creatives in all locales, and what the arms of its experiments show. It is a
plain document of the shape that a release carries, so approved content goes into a release as it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
from django.db.models import Prefetch

from audiences.models import Audience, Sensitivity, TraitDefinition
from campaigns.models import Campaign, CampaignItem, Cooldown, Creative, FrequencyCap, ItemArm, OfferVersion
from campaigns.profiling import Audiences, audiences_named, profiled

Document = dict[str, Any]

_MICROSECOND = timedelta(microseconds=1)
_encoder = msgspec.json.Encoder(order="sorted")


def content_hash(content: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON: sorted keys, no white space."""
    return f"sha256:{sha256(_encoder.encode(content)).hexdigest()}"


def content(campaign: Campaign) -> Document:
    """The campaign as the database has it now."""
    return contents([campaign.pk])[campaign.pk]


def contents(campaign_ids: Iterable[int]) -> dict[int, Document]:
    """The same for many, in a constant number of queries."""
    campaigns = list(_campaigns(campaign_ids))
    items = [item for campaign in campaigns for item in campaign.items.all()]
    sources = _Sources(items)
    # Below this line there is no database: only rows already in memory.
    return {campaign.pk: _campaign(campaign, sources) for campaign in campaigns}


def _campaigns(campaign_ids: Iterable[int]) -> Iterable[Campaign]:
    arms = ItemArm.objects.select_related("variant").order_by("variant__key")
    items = CampaignItem.objects.select_related("placement", "experiment").order_by("key")
    return (
        Campaign.objects.filter(pk__in=list(campaign_ids))
        .select_related("domain", "journey")
        .prefetch_related(
            "markets",
            "budgets",
            Prefetch("caps", FrequencyCap.objects.order_by("pk")),
            Prefetch("cooldowns", Cooldown.objects.order_by("pk")),
            Prefetch("items", items),
            Prefetch("items__arms", arms),
        )
        .order_by("pk")
    )


class _Sources:
    """What the items lean on: offers, creatives, audiences, and which traits are contextual."""

    def __init__(self, items: Iterable[CampaignItem]) -> None:
        shown = with_arms(items)
        self.versions = latest_versions(each.offer_id for each in shown if each.offer_id)
        wanted = {each.creative_id for each in shown if each.creative_id}
        creatives = Creative.objects.filter(pk__in=wanted).select_related("format").prefetch_related("contents")
        self.creatives = {creative.pk: creative_document(creative) for creative in creatives}
        self.audiences = audience_rules()
        self.contextual = contextual_traits()


def with_arms(items: Iterable[CampaignItem]) -> list[CampaignItem | ItemArm]:
    """Every row that names a creative or an offer: the items, and what their arms show instead."""
    found: list[CampaignItem | ItemArm] = []
    for item in items:
        found += [item, *item.arms.all()]
    return found


def latest_versions(offer_ids: Iterable[int]) -> dict[int, OfferVersion]:
    """The newest published version of each offer; an offer without one is absent."""
    versions = (
        OfferVersion.objects.filter(offer_id__in=set(offer_ids), state=OfferVersion.State.PUBLISHED)
        .select_related("offer__plan__group")
        .order_by("offer_id", "-number")
        .distinct("offer_id")
    )
    return {version.offer_id: version for version in versions}


def audience_rules() -> Audiences:
    """Every audience that may be named; None is a list."""
    rows = Audience.objects.filter(archived=False).values_list("slug", "kind", "rule")
    return {slug: rule if kind == Audience.Kind.RULE else None for slug, kind, rule in rows}


def contextual_traits() -> frozenset[str]:
    """Traits that may be read without profiling."""
    definitions = TraitDefinition.objects.filter(sensitivity=Sensitivity.CONTEXTUAL)
    return frozenset(definitions.values_list("name", flat=True))


def creative_document(creative: Creative) -> Document:
    """A creative with all its locales."""
    return {
        "key": creative.key,
        "format": creative.format.key,
        "default_locale": creative.default_locale,
        "urgency": creative.urgency,
        "locales": {content.locale: content.fields for content in creative.contents.all()},
    }


def offer_document(version: OfferVersion, audiences: Audiences, contextual: frozenset[str]) -> Document:
    """A version of an offer with its terms."""
    offer, plan = version.offer, version.offer.plan
    window = version.redeem_window_days
    return {
        "key": offer.key,
        "version": version.number,
        "mechanic": offer.mechanic,
        "plan": plan.key if plan else None,
        "plan_group": plan.group.key if plan else None,
        "terms": version.terms,
        "rule": version.rule or None,
        "requires": sorted(version.requires),
        "category": offer.category,
        "redeem_limit": version.redeem_limit,
        "redeem_window": None if window is None else timedelta(days=window) // _MICROSECOND,
        "redeem_window_months": version.redeem_window_months,
        "profiled": profiled(version.rule, audiences, contextual),
    }


def _campaign(campaign: Campaign, sources: _Sources) -> Document:
    items = list(campaign.items.all())
    shown = with_arms(items)
    versions = [sources.versions[each.offer_id] for each in shown if each.offer_id in sources.versions]
    rules = [campaign.rule, *(version.rule for version in versions)]
    named: dict[str, Any] = {}
    for rule in rules:
        named |= audiences_named(rule, sources.audiences)
    creatives = [sources.creatives[each.creative_id] for each in shown if each.creative_id]
    return {
        "key": campaign.key,
        "tier": campaign.tier,
        "priority": campaign.priority,
        "starts": campaign.starts.isoformat(),
        "ends": campaign.ends.isoformat() if campaign.ends else None,
        "time_zone": campaign.time_zone,
        "domain": campaign.domain.key if campaign.domain else None,
        "markets": sorted(market.code for market in campaign.markets.all()),
        "rule": campaign.rule or None,
        "audiences": named,
        "fallback": campaign.fallback,
        "caps": [cap_document(cap) for cap in campaign.caps.all()],
        **_rests(campaign),
        "budgets": sorted(budget.key for budget in campaign.budgets.all()),
        "journey": campaign.journey.key if campaign.journey else None,
        "steps": list(campaign.steps),
        "pin": None if campaign.pin_hours is None else timedelta(hours=campaign.pin_hours) // _MICROSECOND,
        "items": [_item(item, sources) for item in items],
        "offers": {
            _reference(version): offer_document(version, sources.audiences, sources.contextual) for version in versions
        },
        "creatives": {content_hash(creative): creative for creative in creatives},
        "profiled": profiled(campaign.rule, sources.audiences, sources.contextual),
    }


def cap_document(cap: FrequencyCap) -> Document:
    """A cap; what it has no use for is left out, as in a release. A rolling window without a length is a lifetime."""
    document = {
        "scope": cap.scope,
        "event": cap.event,
        "limit": cap.limit,
        "window": None if cap.length is None else cap.length // _MICROSECOND,
        "scope_key": cap.scope_key,
    }
    if cap.window in (FrequencyCap.Window.CALENDAR_LOCAL, FrequencyCap.Window.SESSION):
        document |= {"kind": cap.window, "unit": cap.unit}
    return document | {"strict": True} if cap.strict else document


def cooldown_document(cooldown: Cooldown) -> Document:
    """A cooldown."""
    return {
        "scope": cooldown.scope,
        "event": cooldown.event,
        "length": cooldown.length // _MICROSECOND,
        "scope_key": cooldown.scope_key,
    }


def _rests(campaign: Campaign) -> Document:
    found = [cooldown_document(each) for each in campaign.cooldowns.all()]
    return {"cooldowns": found} if found else {}


def _item(item: CampaignItem, sources: _Sources) -> Document:
    return {
        "key": item.key,
        "placement": item.placement.slug,
        "creative": "" if item.creative_id is None else content_hash(sources.creatives[item.creative_id]),
        "nothing": item.nothing,
        "offer": _offer(item, sources),
        "weight": item.weight,
        "experiment": item.experiment.key if item.experiment else None,
        "arms": {arm.variant.key: _arm(arm, sources) for arm in item.arms.all()},
    }


def _arm(arm: ItemArm, sources: _Sources) -> Document:
    creative = None if arm.creative_id is None else content_hash(sources.creatives[arm.creative_id])
    return {"nothing": arm.nothing, "creative": creative, "offer": _offer(arm, sources)}


def _offer(shown: CampaignItem | ItemArm, sources: _Sources) -> str | None:
    if shown.offer_id is None:
        return None
    version = sources.versions.get(shown.offer_id)
    # Readiness refuses an offer without published terms; a reference to nothing keeps the draft readable.
    return _reference(version) if version else f"{shown.offer_id}@0"


def _reference(version: OfferVersion) -> str:
    return f"{version.offer.key}@{version.number}"
