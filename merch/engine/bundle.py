"""What may an app carry with it, to show when it cannot ask?

Nobody can be asked anything then: not the law of the moment, no rule, no guard, no clock that is known to be right. So
it is only house content that would be shown to everybody, always, and only where the law lets it be shown to somebody
of whom nothing is known.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any, NamedTuple

import msgspec

from merch.engine.clock import HOUR, wall_microseconds
from merch.engine.compiled import Candidate, PlacementPlan, Release
from merch.engine.law import HOUSE, Traits, objection

WEST = 12 * HOUR  # the last place on earth where a day begins is so far behind UTC
PLAIN = Traits(tier=HOUSE, profiled=False, urgent=False, trial=False)


class Bundled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is shown in one placement in one locale."""

    format: str
    fields: dict[str, Any]


ByLocale = dict[str, Bundled]


class Bundle(NamedTuple):
    """``countries``: where it may be shown. ``placements``: by slug."""

    countries: tuple[str, ...]
    placements: dict[str, ByLocale]


def bundle(release: Release, kills: Set[str], now: int) -> Bundle:
    """The unpriced house content of a release per placement and locale: of the first fallback that has the locale."""
    allowed = {code for code in release.markets if objection(release.law_in(code, None, None), PLAIN) is None}
    countries = (country for country, code in release.market_of_country.items() if code in allowed)
    placements = {slug: _by_locale(plan, allowed, kills, now) for slug, plan in sorted(release.placements.items())}
    return Bundle(tuple(sorted(countries)), placements)


def _by_locale(plan: PlacementPlan, allowed: set[str], kills: Set[str], now: int) -> ByLocale:
    found: ByLocale = {}
    # Its contract for a record that cannot be read is the one for an app that can read nothing.
    if plan.doc.when_degraded == "EMPTY":
        return found
    for candidate in plan.fallbacks:
        if candidate.campaign.key in kills or not (_for_everybody(candidate, allowed) and _always(candidate, now)):
            continue
        creative = candidate.content.creative
        for locale, fields in creative.locales.items():
            if not candidate.content.placeholders[locale]:
                found.setdefault(locale, Bundled(creative.format, fields))
    return found


def _for_everybody(candidate: Candidate, allowed: set[str]) -> bool:
    """No price, no test of a person, and sold wherever the bundle is shown."""
    content, campaign = candidate.content, candidate.campaign
    if candidate.item.nothing or content.guards or campaign.journey or campaign.budgets:
        return False
    plain = content.legal == PLAIN and content.offer is None and content.creative.format == candidate.placement.format
    return plain and (not campaign.markets or allowed <= set(campaign.markets))


def _always(candidate: Candidate, now: int) -> bool:
    """Begun everywhere, and without an end: an app keeps what it carries for months."""
    campaign = candidate.campaign
    return campaign.ends is None and wall_microseconds(campaign.starts) + WEST <= now
