"""Which cells of a subject's history does an event touch? (Table in docs/algorithms/subject-records.md.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audiences.tiers import Tier
from merch.intake.book import Book
from merch.tokens import Claims

# They neither obey nor count toward shared caps; caps of their own campaign, offer and tier still hold.
EXEMPT_TIERS = frozenset({Tier.LEGAL.value, Tier.SERVICE.value})

Cells = tuple[str, ...]


def of_slot(claims: Claims, kind: str) -> Cells:
    """An impression, click or dismissal of what a slot showed."""
    names = [f"campaign|{claims.campaign}", f"tier|{claims.tier}"]
    if claims.offer is not None:
        names.append(f"offer|{claims.offer}")
    if claims.tier not in EXEMPT_TIERS:
        names += [f"placement|{claims.placement}", f"format|{claims.format}", "all|"]
    return tuple(f"{name}|{kind}" for name in names)


def of_view(claims: Claims) -> Cells:
    """A placement was looked at, whatever stood in it."""
    return f"placement|{claims.placement}|viewed", "all||viewed"


def of_conversion(properties: Mapping[str, Any], book: Book) -> Cells:
    """A conversion of an offer is one of its plan too, and one of a plan is one of its group."""
    offer = str(properties.get("offer", "")).partition("@")[0]
    plan = str(properties.get("plan", "")) or (book.plans.get(offer) or "" if offer else "")
    group = str(properties.get("plan_group", "")) or (book.groups.get(plan, "") if plan else "")
    named = (("offer", offer), ("plan", plan), ("plan_group", group))
    return (*(f"{scope}|{key}|conversion" for scope, key in named if key), "all||conversion")


def of_custom(name: str) -> Cells:
    return (f"event|{name}|custom",)
