"""What does a client get of the candidate that took a slot, and until when may it be shown?"""

from __future__ import annotations

from merch.engine import eligibility
from merch.engine.arranging import Arrangement
from merch.engine.call import Call
from merch.engine.clock import MICROSECONDS
from merch.engine.compiled import Candidate, Content, PlacementPlan
from merch.engine.composing import choose_locale, fill
from merch.engine.facts import Slot
from merch.engine.filling import Filling
from merch.engine.limiting import HOLD_SHOWN
from merch.engine.trigger import Assigned

PRICED_LIFE = 60 * MICROSECONDS


def slot_of(
    candidate: Candidate, content: Content, assigned: Assigned | None, filling: Filling, call: Call,
    arranged: Arrangement | None, *, hold: str | None = None,
) -> Slot:  # fmt: skip
    """Everything of one winner, unsigned."""
    creative = content.creative
    locale = choose_locale(creative, call.locale) or creative.default_locale
    offer = content.offer.doc if content.offer else None
    name, pin, made = call.pin_for(candidate, content)
    place = call.place_of(candidate)
    return Slot(
        campaign=candidate.campaign.key,
        item=candidate.item.key,
        tier=candidate.campaign.tier,
        creative=creative.key,
        locale=locale,
        format=creative.format,
        fields=fill(creative.locales[locale], eligibility.amounts(content, locale, call)),
        offer=offer.key if offer else None,
        offer_version=offer.version if offer else None,
        mechanic=offer.mechanic if offer else None,
        plan_group=offer.plan_group if offer else None,
        quote=eligibility.quote(content, call, lasts=made),
        experiment=assigned.arm.experiment if assigned else None,
        variant=assigned.arm.variant if assigned else None,
        propensity=1.0 if pin else _probability(candidate, assigned, filling, arranged),
        learnable=pin is None,
        score=arranged.scores.get(candidate.name) if arranged else None,
        journey=candidate.campaign.journey,
        step=place.step.key if place and place.step else None,
        pin=name,
        pinned_until=pin.end if pin else made,
        hold=hold,
    )


def _probability(
    candidate: Candidate, assigned: Assigned | None, filling: Filling, arranged: Arrangement | None
) -> float:
    if arranged is None:
        return filling.probability()
    return arranged.probability(filling, (candidate.name, assigned.arm.variant if assigned else None))


def valid_until(filling: Filling, plan: PlacementPlan, call: Call) -> int:
    """At most a minute with a price, five with a hold; never past the end of price, pin, flight or journey's step."""
    until = call.now + plan.doc.max_age * MICROSECONDS
    for winner in filling.winners:
        place = call.place_of(winner.candidate)
        ends = [until, winner.candidate.flight.instants(call.zone)[1], place.until if place else None]
        if winner.content.priced:
            ends += [call.now + PRICED_LIFE, _price_end(winner.content, call)]
        if winner.slot.hold:
            ends.append(call.now + HOLD_SHOWN)
        until = min(end for end in ends if end is not None)
    return until


def _price_end(content: Content, call: Call) -> int | None:
    pin = call.pin_of(content)
    if pin is not None:
        return pin.end
    price = eligibility.price(content, call)
    return price.end if price else None
