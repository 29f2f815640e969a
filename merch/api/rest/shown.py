"""How does the answer to a decision look? (The types behind the OpenAPI document; merch.answering makes the values.)"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from merch.engine.bundle import Bundled


class OfferShown(Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    version: int
    mechanic: str


class CreativeShown(Struct, frozen=True, forbid_unknown_fields=True):
    """``fields`` are those of the placement's format, amounts filled in."""

    locale: str
    format: str
    fields: dict[str, Any]


class QuoteShown(Struct, frozen=True, forbid_unknown_fields=True):
    """Plain decimals in the currency's own units; ``then`` is missing where the price does not change."""

    amount: str
    currency: str
    period: str
    expires_at: datetime
    signature: str
    then: str | UnsetType = UNSET


class ArmShown(Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    variant: str


class SlotShown(Struct, frozen=True, forbid_unknown_fields=True):
    """Send ``token`` back with impression, click and dismissal."""

    campaign: str
    tier: str
    creative: CreativeShown
    token: str
    offer: OfferShown | UnsetType = UNSET
    quote: QuoteShown | UnsetType = UNSET
    experiment: ArmShown | UnsetType = UNSET


class LossShown(Struct, frozen=True, forbid_unknown_fields=True):
    """A candidate that is not shown, and the first reason that held."""

    campaign: str
    item: str
    reason: str
    detail: str


class PlacementShown(Struct, frozen=True, forbid_unknown_fields=True):
    """``reason``: SELECTED, FALLBACK, EMPTY, UNKNOWN_PLACEMENT or ERROR. Send ``token`` back with viewed."""

    reason: str
    slots: list[SlotShown]
    valid_until: datetime | UnsetType = UNSET
    token: str | UnsetType = UNSET
    degraded: list[str] | UnsetType = UNSET


class DecisionShown(Struct, frozen=True, forbid_unknown_fields=True):
    """By placement asked, in the order asked; ``trace`` likewise, with X-Explain."""

    decision_id: str
    release: str
    decided_at: datetime
    placements: dict[str, PlacementShown]
    trace: dict[str, list[LossShown]] | UnsetType = UNSET


class FallbacksShown(Struct, frozen=True, forbid_unknown_fields=True):
    """``countries``: where an app may show them. ``placements``: placement -> locale -> what it shows."""

    release: str
    countries: tuple[str, ...]
    placements: dict[str, dict[str, Bundled]]
