"""How does an explanation look? (The types behind the OpenAPI document; merch.explaining makes the values.)"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType, field


class TraitFact(Struct, frozen=True, forbid_unknown_fields=True):
    value: Any
    observed_at: datetime
    age_seconds: int


class SuppressionShown(Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    tiers: list[str]
    until: datetime | None


class HistoryShown(Struct, frozen=True, forbid_unknown_fields=True):
    count: int
    first: datetime
    last: datetime


class RecordShown(Struct, frozen=True, forbid_unknown_fields=True):
    """What was known of the subject. ``behaviour_bits`` in hexadecimal: the last digit holds bits 0 to 3."""

    version: int
    traits: dict[str, TraitFact]
    consent: dict[str, bool]
    suppressions: list[SuppressionShown]
    history: dict[str, HistoryShown]
    behaviour_bits: str


class FactsShown(Struct, frozen=True, forbid_unknown_fields=True):
    """``record`` is null where it could not be read."""

    record: RecordShown | None
    context: dict[str, Any]


class WinnerShown(Struct, frozen=True, forbid_unknown_fields=True):
    campaign: str
    item: str
    variant: str | None


class CandidateShown(Struct, frozen=True, forbid_unknown_fields=True):
    """``reason`` is the first that held."""

    campaign: str
    item: str
    reason: str
    detail: str


class ChangeShown(Struct, frozen=True, forbid_unknown_fields=True):
    """``kind``: trait, freshness, context, time, history, consent, suppression or behaviour."""

    kind: str
    name: str
    sentence: str
    to: Any
    before: Any = field(name="from")


class SmallestShown(Struct, frozen=True, forbid_unknown_fields=True):
    """With ``changes`` (at most three) it wins; with ``blocked_by`` they only bring it as far as what blocks it.

    ``blocked_by``: holdout, rivals, record or configuration.
    """

    campaign: str
    changes: list[ChangeShown]
    blocked_by: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    detail: str | UnsetType = UNSET
    release_edit: str | UnsetType = UNSET


class PlacementWhy(Struct, frozen=True, forbid_unknown_fields=True):
    """Candidates stand in the order of arbitration."""

    placement: str
    reason: str
    degraded: list[str]
    shown: list[WinnerShown]
    candidates: list[CandidateShown]
    smallest_change: SmallestShown | UnsetType = UNSET


class ExposureShown(Struct, frozen=True, forbid_unknown_fields=True):
    test: str
    version: int
    arm: str
    ghost: bool
    propensity: float


class ExplanationShown(Struct, frozen=True, forbid_unknown_fields=True):
    """The full funnel of one recorded decision."""

    decision_id: str
    decided_at: datetime
    release: str
    pulse: int
    subject: str
    facts: FactsShown
    placements: list[PlacementWhy]
    exposures: list[ExposureShown]
    errors: list[str]
