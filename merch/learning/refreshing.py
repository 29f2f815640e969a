"""Which placements learn, what have they learned, and is that what is served?"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from campaigns.models import Placement
from merch.engine.document import PlacementDoc, ReleaseDoc, StrategyDoc, parse_release
from merch.engine.ranking import BANDIT as STRATEGY
from merch.learning.draws import Tried, drawn
from merch.learning.trials import Question, tried
from merch.models import Publication, PulseHead
from merch.releases.parts import BANDIT
from merch.releases.pulse import republish

MICROSECOND = timedelta(microseconds=1)


def refresh(now: datetime) -> int | None:
    """Draw anew from what is known now, and publish what changed; the pulse in force, None where nothing learns.

    Items are those of the served release, so that a new one is tried before anything is known of it.
    """
    document = _served()
    learning = _learning(document) if document else {}
    held = _held()
    if not learning and not held:
        return None
    items = {slug: _items(document, slug) for slug in learning} if document else {}
    found = tried(_questions(learning), now) if learning else {}
    parts: dict[str, Any] = dict.fromkeys(held)
    for slug in learning:
        known = {item: found[slug].get(item, Tried()) for item in items[slug]}
        parts[f"{BANDIT}{slug}"] = drawn(slug, known) if known else None
    with transaction.atomic():
        return republish(now, parts)


def _served() -> ReleaseDoc | None:
    head = Publication.objects.order_by("-number").select_related("release").first()
    return None if head is None else parse_release(zlib.decompress(bytes(head.release.document)))


def _held() -> list[str]:
    """Names of the parts that the pulse in force has for placements that learn."""
    head = PulseHead.objects.order_by("-number").first()
    return [name for name in (head.parts if head else {}) if name.startswith(BANDIT)]


def _learning(document: ReleaseDoc) -> dict[str, StrategyDoc]:
    """Placements that rank by what is learned, by themselves or in an arm."""
    found = ((slug, next(_bandits(placement), None)) for slug, placement in document.placements.items())
    return {slug: strategy for slug, strategy in found if strategy is not None}


def _bandits(placement: PlacementDoc) -> Iterator[StrategyDoc]:
    return (each for each in (placement.strategy, *placement.arms.values()) if each.kind == STRATEGY)


def _items(document: ReleaseDoc, slug: str) -> list[str]:
    return [
        f"{campaign.key}/{item.key}"
        for campaign in document.campaigns
        if not campaign.fallback
        for item in campaign.items
        if item.placement == slug
    ]


def _questions(learning: Mapping[str, StrategyDoc]) -> list[Question]:
    rows = Placement.objects.filter(slug__in=learning).values_list("slug", "objective__name")
    objectives = {slug: name or "" for slug, name in rows}
    return [Question(slug, by.window * MICROSECOND, objectives.get(slug, "")) for slug, by in learning.items()]
