"""Which offer at which price does a first impression pin, and until when? (docs/algorithms/decision.md, *Pins*)"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from merch.engine.facts import PinFact
from merch.tokens import Claims


class Pinning(Struct, frozen=True):
    """A pin that an impression makes unless one of its name lives already."""

    name: str
    pin: PinFact


def pinning(claims: Claims, at: int) -> Pinning | None:
    """By the token's claims, for an impression at ``at`` (UTC microseconds); None where nothing is pinned."""
    if claims.pin is None or claims.pinned_until is None or claims.offer is None or at >= claims.pinned_until:
        return None
    return Pinning(
        claims.pin,
        PinFact(
            campaign=claims.campaign,
            item=claims.item,
            offer=f"{claims.offer}@{claims.offer_version}",
            start=at,
            end=claims.pinned_until,
            price_id=claims.price_id,
            plan_group=claims.plan_group or "",
        ),
    )


def fold_pin(pins: dict[str, list[Any]], made: Pinning) -> bool:
    """Let the earliest of overlapping impressions decide, in whichever order they arrive; True where it changed."""
    held = PinFact(*pins[made.name]) if made.name in pins else None
    new = made.pin
    if held is not None and not (new.start >= held.end or (new.start < held.start < new.end)):
        return False
    pins[made.name] = [new.campaign, new.item, new.offer, new.start, new.end, new.price_id, new.plan_group]
    return True
