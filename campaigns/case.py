"""What would be shown where, and on which terms? The rows of one campaign, read once for all checks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.utils.functional import cached_property

from audiences.rules import Vocabulary
from campaigns import guardchecks, lawchecks, proposal, rulechecks, schedule
from campaigns.models import (
    Campaign,
    CampaignItem,
    Creative,
    Market,
    Mechanic,
    Offer,
    OfferVersion,
    Placement,
    Price,
)

Flight = tuple[datetime, datetime | None]


class Shown(NamedTuple):
    """One thing that somebody may see: an item as it is, or one arm of its experiment."""

    name: str
    placement: Placement
    creative: Creative
    offer: Offer | None
    version: OfferVersion | None

    @property
    def version_key(self) -> str | None:
        """As the content names it: key@number."""
        return f"{self.version.offer.key}@{self.version.number}" if self.version else None


class Case:
    """A campaign under review. ``now`` is an aware UTC moment."""

    def __init__(self, campaign: Campaign, now: datetime) -> None:
        self.campaign = campaign
        self.now = now
        self.content = proposal.content(campaign)
        self.items: list[CampaignItem] = list(
            campaign.items.select_related(
                "placement__format", "creative__format", "offer__plan", "experiment"
            ).prefetch_related(
                "arms__variant", "arms__creative__format", "arms__offer__plan", "experiment__variants",
                "creative__contents", "arms__creative__contents",
            )
        )  # fmt: skip

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return rulechecks.words()

    @cached_property
    def schemes(self) -> frozenset[str]:
        """App schemes that links may use beside https."""
        return frozenset(getattr(settings, "MERCH_LINK_SCHEMES", ("merch",)))

    @cached_property
    def chosen_markets(self) -> list[Market]:
        """Those that the campaign names; empty: it runs everywhere."""
        return list(self.campaign.markets.prefetch_related("legal_profiles"))

    @cached_property
    def markets(self) -> list[Market]:
        """Where it would be shown; never in an embargoed market unless that is named."""
        return self.chosen_markets or list(Market.objects.filter(embargoed=False).prefetch_related("legal_profiles"))

    @cached_property
    def versions(self) -> dict[int, OfferVersion]:
        named = proposal.with_arms(self.items)
        return proposal.latest_versions(each.offer_id for each in named if each.offer_id)

    @cached_property
    def shown(self) -> list[Shown]:
        return [each for item in self.items for each in self._of(item)]

    @cached_property
    def offers(self) -> list[Offer]:
        """Every offer once, in the order of its key."""
        offers = {each.offer.pk: each.offer for each in self.shown if each.offer}
        return sorted(offers.values(), key=lambda offer: offer.key)

    @cached_property
    def creatives(self) -> list[Creative]:
        """Every creative once, in the order of its key."""
        return sorted({each.creative for each in self.shown}, key=lambda creative: creative.key)

    @cached_property
    def targets(self) -> list[guardchecks.Target]:
        """What is shown on the same terms, once: guards and rules answer for it as one."""
        names: dict[int | None, list[str]] = {}
        for each in self.shown:
            names.setdefault(each.version.pk if each.version else None, []).append(each.name)
        versions = {version.pk: version for version in self.versions.values()}
        return [
            guardchecks.Target(", ".join(found), versions.get(pk) if pk is not None else None)
            for pk, found in names.items()
        ]

    @cached_property
    def guarded(self) -> list[guardchecks.Finding]:
        """Whom the guards stop."""
        return guardchecks.look(self.campaign, self.targets, self.vocabulary, now=self.now)

    @cached_property
    def natures(self) -> list[lawchecks.Nature]:
        """What the law asks of everything that is shown."""
        offers = self.content["offers"]
        return [
            lawchecks.Nature(
                name=each.name,
                profiled=self.content["profiled"] or bool(each.version and offers[str(each.version_key)]["profiled"]),
                urgent=each.creative.urgency,
                trial=each.offer is not None and each.offer.mechanic == Mechanic.TRIAL,
            )
            for each in self.shown
        ]

    @cached_property
    def prices(self) -> dict[tuple[int, int], list[Price]]:
        """By (plan, market), of the plans that the offers are on."""
        plans = {offer.plan_id for offer in self.offers if offer.plan_id}
        found: dict[tuple[int, int], list[Price]] = {}
        for price in Price.objects.filter(plan_id__in=plans):
            found.setdefault((price.plan_id, price.market_id), []).append(price)
        return found

    @cached_property
    def flight(self) -> Flight | None:
        """From the first start to the last end, over all zones that matter; None: it cannot be told."""
        campaign = self.campaign
        if schedule.flight_problems(campaign.starts, campaign.ends, campaign.time_zone):
            return None
        places = [(market.code, market.time_zone) for market in self.markets] or [("", "UTC")]
        found = schedule.instants_per_market(campaign, places)
        if not found:
            return None
        ends = [each.ends.instant for each in found if each.ends is not None]
        return min(each.starts.instant for each in found), max(ends) if ends else None

    def _of(self, item: CampaignItem) -> Iterable[Shown]:
        if item.creative is None:
            return
        yield self._shown(f"item {item.key}", item, item.creative, item.offer)
        for arm in item.arms.all():
            if not arm.nothing and (arm.creative_id or arm.offer_id):
                name = f"arm {arm.variant.key} of item {item.key}"
                yield self._shown(name, item, arm.creative or item.creative, arm.offer or item.offer)

    def _shown(self, name: str, item: CampaignItem, creative: Creative, offer: Offer | None) -> Shown:
        version = self.versions.get(offer.pk) if offer else None
        return Shown(name, item.placement, creative, offer, version)
