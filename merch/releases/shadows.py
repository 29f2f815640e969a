"""Does whoever may see the lower of two candidates always see the upper one instead?

One question per thing that could let the lower one win; each must be answered by yes, and rules by proof.
"""

from __future__ import annotations

from collections.abc import Callable

from audiences.rules import Rule
from audiences.rules.logic import implies
from merch.engine.compiled import Candidate, ReadyGuard, Release
from merch.engine.document import CapDoc, CooldownDoc

Question = Callable[[Candidate, Candidate], bool]
# Scopes whose counters two candidates of a placement share.
SHARED = frozenset({"ALL", "TIER", "PLACEMENT", "FORMAT", "INTERRUPT"})


def shadows(upper: Candidate, lower: Candidate, release: Release) -> bool:
    """``upper`` stands above ``lower`` in one placement and tier; proved that ``lower`` never gets that slot."""
    limits: tuple[CapDoc | CooldownDoc, ...] = (*release.doc.shared_caps, *release.doc.shared_cooldowns)
    if lower.campaign.tier in release.doc.exempt_tiers:
        # Whatever the scope, an exempt tier's own limits count its own.
        limits, open_to = (*upper.campaign.caps, *upper.campaign.cooldowns), frozenset[str]()
    else:
        open_to = SHARED
    if any(each.scope not in open_to for each in limits):
        return False
    return all(ask(upper, lower) for ask in QUESTIONS) and _rules_imply(upper, lower)


def _always_there(upper: Candidate, lower: Candidate) -> bool:
    """Nothing that comes and goes with counters, budgets, pools, journeys, categories or chance."""
    campaign, offer = upper.campaign, upper.content.offer
    pooled = offer is not None and (offer.doc.pool or offer.doc.redeem_limit is not None or offer.doc.category)
    return not (pooled or campaign.budgets or campaign.journey or upper.item.nothing or lower.campaign.journey)


def _shows_something_in_each_arm(upper: Candidate, lower: Candidate) -> bool:
    return all(content is not None for content in upper.arms.values())


def _as_often(upper: Candidate, lower: Candidate) -> bool:
    limits: tuple[CapDoc | CooldownDoc, ...] = (*upper.campaign.caps, *upper.campaign.cooldowns)
    theirs: tuple[CapDoc | CooldownDoc, ...] = (*lower.campaign.caps, *lower.campaign.cooldowns)
    return all(each.scope in SHARED and each in theirs for each in limits)


def _as_long(upper: Candidate, lower: Candidate) -> bool:
    one, other = upper.campaign, lower.campaign
    if one.time_zone != other.time_zone:
        return False
    return one.starts <= other.starts and (one.ends is None or (other.ends is not None and other.ends <= one.ends))


def _as_far(upper: Candidate, lower: Candidate) -> bool:
    one, other = upper.campaign.markets, lower.campaign.markets
    return not one or (bool(other) and set(other) <= set(one))


def _as_lawful(upper: Candidate, lower: Candidate) -> bool:
    one, other = upper.content.legal, lower.content.legal
    return one.profiled <= other.profiled and one.urgent <= other.urgent and one.trial <= other.trial


def _needs_no_more(upper: Candidate, lower: Candidate) -> bool:
    """Neither the record nor known facts."""
    needs = upper.content.needs_record or any(guard.needs_record for guard in upper.content.guards)
    return (not needs or lower.content.needs_record) and _required(upper, everywhere=False) <= _required(
        lower, everywhere=True
    )


def _required(candidate: Candidate, *, everywhere: bool) -> frozenset[str]:
    offer = candidate.content.offer
    facts = frozenset(offer.doc.requires) if offer else frozenset[str]()
    return facts.union(*(guard.doc.requires for guard in _guards(candidate, everywhere=everywhere)))


def _sold_wherever(upper: Candidate, lower: Candidate) -> bool:
    """Unpriced, or the very same offer, which no other placement may then have taken."""
    one, other = upper.content.offer, lower.content.offer
    return one is None or (other is not None and one.doc == other.doc)


def _shown_wherever(upper: Candidate, lower: Candidate) -> bool:
    one, other = upper.content, lower.content
    if one.creative.format != upper.placement.format or any(one.placeholders.values()):
        return False
    has_default = one.creative.default_locale in one.creative.locales
    narrower = not other.creative.default_locale and set(other.creative.locales) <= set(one.creative.locales)
    return has_default or narrower


def _withheld_no_more(upper: Candidate, lower: Candidate) -> bool:
    theirs = {holdout.doc.key for holdout in lower.holdouts}
    return all(holdout.doc.key in theirs for holdout in upper.holdouts)


QUESTIONS: tuple[Question, ...] = (
    _always_there,
    _shows_something_in_each_arm,
    _as_often,
    _as_long,
    _as_far,
    _as_lawful,
    _needs_no_more,
    _sold_wherever,
    _shown_wherever,
    _withheld_no_more,
)


def _rules_imply(upper: Candidate, lower: Candidate) -> bool:
    given = _asked(lower, everywhere=True)
    return all(implies(given, rule) for rule in _asked(upper, everywhere=False))


def _guards(candidate: Candidate, *, everywhere: bool) -> list[ReadyGuard]:
    """``everywhere``: without those that speak in some markets only."""
    return [guard for guard in candidate.content.guards if not (everywhere and guard.doc.markets)]


def _asked(candidate: Candidate, *, everywhere: bool) -> list[Rule]:
    offer = candidate.content.offer
    found = [candidate.rule, offer.rule if offer else None]
    found += [guard.rule for guard in _guards(candidate, everywhere=everywhere)]
    targeting = found[1:] if candidate.campaign.fallback else found
    return [each.rule for each in targeting if each is not None]
