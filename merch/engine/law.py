"""May we show this by law, given market, age and consent?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import reduce
from typing import NamedTuple

from merch.engine.document import LegalDoc, MarketDoc
from merch.engine.reasons import Reason

ALLOW, CONTEXTUAL, BLOCK = 0, 1, 2
STRICTNESS = {"ALLOW": ALLOW, "CONTEXTUAL": CONTEXTUAL, "BLOCK": BLOCK}

ESSENTIAL = frozenset({"LEGAL", "SERVICE"})
HOUSE = "HOUSE"
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class Law(NamedTuple):
    """What holds for one subject in one request; ``blocked`` stops every candidate."""

    blocked: bool = False
    by_age: int = ALLOW
    by_consent: int = ALLOW
    profiling: bool = True
    urgency: bool = True
    trials: bool = True


class Traits(NamedTuple):
    """What the law asks of a candidate."""

    tier: str
    profiled: bool
    urgent: bool
    trial: bool


def age_on(birth_day: int, local_day: int) -> int:
    """Whole years between two days since 1970; born on 29 February, one comes of age on 1 March."""
    born = date.fromordinal(EPOCH_ORDINAL + birth_day)
    today = date.fromordinal(EPOCH_ORDINAL + local_day)
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def law_of(laws: Iterable[Law]) -> Law:
    """The strictest of all that apply; none at all blocks."""
    found = tuple(laws)
    return reduce(_stricter, found) if found else Law(blocked=True)


def law_in(market: MarketDoc, age: int | None, consent: bool | None) -> Law:
    """What one market's law says. ``age`` in whole years; None: not known."""
    bands = [band for band in market.legal if age is None or band.min_age <= age < band.max_age]
    if market.embargoed or not bands:
        # A market without a profile for this age is not a market without a law.
        return Law(blocked=True)
    law = Law()
    for band in bands:
        law = _stricter(law, _law_of_band(band, age, consent))
    if age is not None:
        return law
    # What is forbidden at every age is forbidden at an unknown one.
    return law._replace(
        profiling=any(band.profiling for band in bands),
        urgency=any(band.urgency for band in bands),
        trials=any(band.trial_allowed for band in bands),
    )


def _law_of_band(band: LegalDoc, age: int | None, consent: bool | None) -> Law:
    by_consent = ALLOW
    if consent is None:
        by_consent = STRICTNESS[band.unknown_consent]
    elif not consent:
        by_consent = CONTEXTUAL
    if age is None:
        return Law(by_age=STRICTNESS[band.unknown_age], by_consent=by_consent)
    return Law(
        by_consent=by_consent,
        profiling=band.profiling,
        urgency=band.urgency,
        trials=band.trial_allowed,
    )


def _stricter(one: Law, other: Law) -> Law:
    return Law(
        blocked=one.blocked or other.blocked,
        by_age=max(one.by_age, other.by_age),
        by_consent=max(one.by_consent, other.by_consent),
        profiling=one.profiling and other.profiling,
        urgency=one.urgency and other.urgency,
        trials=one.trials and other.trials,
    )


def objection(law: Law, candidate: Traits) -> Reason | None:
    """LEGAL_BLOCK or CONSENT_MISSING, or None where the law has nothing against it."""
    if law.blocked or _forbidden(law.by_age, candidate):
        return Reason.LEGAL_BLOCK
    if (
        (candidate.profiled and not law.profiling)
        or (candidate.urgent and not law.urgency)
        or (candidate.trial and not (law.trials and law.by_age == ALLOW))
    ):
        return Reason.LEGAL_BLOCK
    if _forbidden(law.by_consent, candidate):
        return Reason.CONSENT_MISSING
    return None


def _forbidden(regime: int, candidate: Traits) -> bool:
    if regime == ALLOW:
        return False
    if candidate.profiled:
        return True
    if candidate.tier in ESSENTIAL:
        return False
    return regime == BLOCK or candidate.tier != HOUSE or candidate.urgent
