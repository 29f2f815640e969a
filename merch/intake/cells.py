"""Which cells of a subject's history does an event touch? (Table in docs/algorithms/subject-records.md.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from audiences.tiers import Tier
from merch.intake.book import Book, Sold
from merch.tokens import Claims

# They neither obey nor count toward shared caps; caps of their own campaign, offer, tier and surface still hold.
EXEMPT_TIERS = frozenset({Tier.LEGAL.value, Tier.SERVICE.value})

# What the conversion of an offer begins, where its properties do not say.
TRIAL, PAID, NOTHING = "trial", "paid", "nothing"
BEGINS = {"TRIAL": TRIAL, "SAVE": NOTHING, "REWARD": NOTHING}
NOTHING_SOLD = Sold()

Cells = tuple[str, ...]


def of_slot(claims: Claims, kind: str) -> Cells:
    """An impression, click or dismissal of what a slot showed."""
    return of_shown(msgspec.structs.asdict(claims), kind)


def of_shown(shown: Mapping[str, Any], kind: str) -> Cells:
    """The same, of what is stored with the event."""
    tier = shown.get("tier", "")
    names = [f"campaign|{shown.get('campaign', '')}", f"tier|{tier}"]
    if shown.get("offer") is not None:
        names.append(f"offer|{shown['offer']}")
    if shown.get("mechanic"):
        names.append(f"mechanic|{shown['mechanic']}")
    if tier in EXEMPT_TIERS:
        names.append(f"surface|{shown.get('campaign', '')}@{shown.get('placement', '')}")
    else:
        names += [f"placement|{shown.get('placement', '')}", f"format|{shown.get('format', '')}", "all|"]
    return tuple(f"{name}|{kind}" for name in names)


def of_interruption(claims: Claims, kind: str, book: Book) -> Cells:
    """What a slot showed interrupted, if its format does; exempt tiers count toward nothing shared."""
    interrupts = claims.format in book.interrupting and claims.tier not in EXEMPT_TIERS
    return (f"interrupt||{kind}",) if interrupts else ()


def of_view(claims: Claims) -> Cells:
    """A placement was looked at, whatever stood in it."""
    return of_placement(claims.placement)


def of_placement(placement: str) -> Cells:
    return f"placement|{placement}|viewed", "all||viewed"


def of_conversion(properties: Mapping[str, Any], book: Book) -> Cells:
    """A conversion of an offer is one of its mechanic and plan too, and one of a plan is one of its group.

    Plan and group also remember what it began: a trial, or a paid period.
    """
    offer = str(properties.get("offer", "")).partition("@")[0]
    sold = book.offers.get(offer, NOTHING_SOLD) if offer else NOTHING_SOLD
    mechanic = str(properties.get("mechanic", "")) or sold.mechanic
    plan = str(properties.get("plan", "")) or sold.plan
    group = str(properties.get("plan_group", "")) or (book.groups.get(plan, "") if plan else "")
    begun = str(properties.get("begins", "")) or BEGINS.get(mechanic, PAID)
    names = [f"{scope}|{key}" for scope, key in (("plan", plan), ("plan_group", group)) if key]
    own = [f"{scope}|{key}" for scope, key in (("offer", offer), ("mechanic", mechanic)) if key]
    began = () if begun == NOTHING else (f"{name}|{begun}" for name in names)
    return (*(f"{name}|conversion" for name in (*own, *names)), *began, "all||conversion")


def of_custom(name: str) -> Cells:
    return (f"event|{name}|custom",)
