"""Which campaigns, journeys and experiments does a change of the release touch?

A campaign is touched by a change of its own, and by one of anything that its decision reads: a price, a placement, a
trait, a guard. Reads documents only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from merch.engine.document import CampaignDoc, ReleaseDoc
from merch.releases.diff import Change

Named = tuple[str, str]  # area and key of a change
LEAVES = (("trait", "trait"), ("ctx", "context value"), ("event", "event"))


class Touched(NamedTuple):
    campaigns: tuple[str, ...]
    journeys: tuple[str, ...]
    experiments: tuple[str, ...]


def touched(before: ReleaseDoc, after: ReleaseDoc, changes: Iterable[Change]) -> Touched:
    """By name, in order of the alphabet."""
    changed = {(change.area, change.key) for change in changes}
    reached: list[CampaignDoc] = [
        campaign
        for document in (before, after)
        for campaign in document.campaigns
        if not changed.isdisjoint(_reads(campaign, document))
    ]
    journeys = {each.journey for each in reached if each.journey} | _of("journey", changed)
    tests = {item.experiment for each in reached for item in each.items if item.experiment}
    return Touched(
        tuple(sorted({each.key for each in reached})),
        tuple(sorted(journeys)),
        tuple(sorted(tests | _of("experiment", changed))),
    )


def _of(area: str, changed: set[Named]) -> set[str]:
    return {key for where, key in changed if where == area}


def _reads(campaign: CampaignDoc, document: ReleaseDoc) -> Iterator[Named]:
    """Everything by whose change this campaign may fare otherwise."""
    yield "campaign", campaign.key
    for item in campaign.items:
        yield "placement", item.placement
        yield "experiment", item.experiment or ""
    yield "journey", campaign.journey or ""
    yield from (("market", market) for market in campaign.markets or document.markets)
    yield from (("budget", budget) for budget in campaign.budgets)
    yield from _sold(campaign, document)
    yield from _asked([campaign.rule, *campaign.audiences.values(), *(each.rule for each in campaign.offers.values())])
    yield from _laws(campaign, document)
    if campaign.tier not in document.exempt_tiers:
        yield from (("shared caps", ""), ("shared cooldowns", ""), ("pressure", ""))
    yield "exempt tiers", ""


def _sold(campaign: CampaignDoc, document: ReleaseDoc) -> Iterator[Named]:
    for offer in campaign.offers.values():
        for market in document.markets:
            if offer.plan and (not campaign.markets or market in campaign.markets):
                yield "price", f"{market} {offer.plan}"
                if offer.terms.instead_of:
                    yield "price", f"{market} {offer.terms.instead_of}"


def _laws(campaign: CampaignDoc, document: ReleaseDoc) -> Iterator[Named]:
    """Guards and holdouts over it."""
    mechanics = {offer.mechanic for offer in campaign.offers.values()}
    for guard in document.guards:
        if (not guard.tiers or campaign.tier in guard.tiers) and (
            not guard.mechanics or mechanics.intersection(guard.mechanics)
        ):
            yield "guard", guard.key
    keys = {"GLOBAL": "", "DOMAIN": campaign.domain or "", "CAMPAIGN": campaign.key}
    for holdout in document.holdouts:
        if campaign.tier in holdout.tiers and holdout.scope_key == keys.get(holdout.scope):
            yield "holdout", holdout.key


def _asked(node: Any) -> Iterator[Named]:
    """Names in rule documents, wherever they stand."""
    if isinstance(node, dict):
        yield from ((area, str(node[kind])) for kind, area in LEAVES if isinstance(node.get(kind), str))
        node = list(node.values())
    if isinstance(node, list | tuple):
        for below in node:
            yield from _asked(below)
