"""What does a client get of the candidate that took a slot, and until when may it be shown?"""

from __future__ import annotations

from msgspec.structs import replace

from merch.engine import rendering
from merch.engine.arranging import Arrangement
from merch.engine.call import Call
from merch.engine.clock import MICROSECONDS
from merch.engine.compiled import Candidate, Content, PlacementPlan
from merch.engine.facts import Quote, Slot
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
    locale = rendering.locale_of(content, call) or creative.default_locale
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
        fields=rendering.fields_of(content, locale, call),
        offer=offer.key if offer else None,
        offer_version=offer.version if offer else None,
        mechanic=offer.mechanic if offer else None,
        plan_group=offer.plan_group if offer else None,
        quote=_quote(content, made, call),
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


def _quote(content: Content, made: int | None, call: Call) -> Quote | None:
    """Until the end of the pin that an impression will make, if it makes one."""
    quote = rendering.quote(content, call)
    return quote if made is None or quote is None else replace(quote, expires_at=made)


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
        place, over = call.place_of(winner.candidate), winner.candidate.flight.instants(call.zone)[1]
        if winner.content.priced:
            until = _first(min(until, call.now + PRICED_LIFE), _price_end(winner.content, call))
            until = _first(until, _compared_end(winner.content, call))
        if winner.slot.hold:
            until = min(until, call.now + HOLD_SHOWN)
        until = _first(_first(until, over), place.until if place else None)
    return until


def _first(one: int, other: int | None) -> int:
    return one if other is None or one < other else other


def _price_end(content: Content, call: Call) -> int | None:
    pin = call.pin_of(content)
    if pin is not None:
        return pin.end
    price = rendering.price(content, call)
    return price.end if price else None


def _compared_end(content: Content, call: Call) -> int | None:
    """What it saves is true as long as the price that it is compared with."""
    other = rendering.instead(content, call)
    return other.end if other else None
