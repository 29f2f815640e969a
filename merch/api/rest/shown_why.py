"""How does an explanation look? (The types behind the OpenAPI document; merch.explaining makes the values.)"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType, field


class TraitFact(Struct, frozen=True, forbid_unknown_fields=True):
    value: Any
    observed_at: datetime
    age_seconds: int
    stale: bool


class SuppressionShown(Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    tiers: list[str]
    until: datetime | None


class HistoryShown(Struct, frozen=True, forbid_unknown_fields=True):
    count: int
    first: datetime
    last: datetime


class MarkShown(Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    arm: str


class RecordShown(Struct, frozen=True, forbid_unknown_fields=True):
    """What was known of the subject. ``behaviour_bits`` in hexadecimal: the last digit holds bits 0 to 3."""

    version: int
    traits: dict[str, TraitFact]
    consent: dict[str, bool]
    suppressions: list[SuppressionShown]
    history: dict[str, HistoryShown]
    marks: dict[str, MarkShown]
    behaviour_bits: str


class FactsShown(Struct, frozen=True, forbid_unknown_fields=True):
    """``record`` is null where it could not be read; ``overrides``: traits that the call brought along."""

    record: RecordShown | None
    context: dict[str, Any]
    overrides: dict[str, Any]


class WinnerShown(Struct, frozen=True, forbid_unknown_fields=True):
    campaign: str
    item: str
    variant: str | None


class CounterShown(Struct, frozen=True, forbid_unknown_fields=True):
    """``resets_at``: when it falls below its limit, if nothing more happens."""

    cell: str
    count: int
    limit: int
    resets_at: datetime | None
    window: str


class DrawShown(Struct, frozen=True, forbid_unknown_fields=True):
    """``bucket`` of 10,000; ``outcome``: held_out or treated of a holdout, the arm or outside of an experiment."""

    test: str
    bucket: int
    outcome: str


class CandidateShown(Struct, frozen=True, forbid_unknown_fields=True):
    """``reason`` is the first that held, for winners SELECTED or FALLBACK."""

    campaign: str
    item: str
    tier: str
    priority: int
    reason: str
    detail: str
    score: float | None
    propensity: float | None
    variant: str | None
    counters: list[CounterShown]
    draws: list[DrawShown]


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
    """Candidates stand in the order of arbitration; ``ranked_by`` says which, and what breaks a tie."""

    placement: str
    reason: str
    degraded: list[str]
    ranked_by: str
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
    kills: list[str]
    facts: FactsShown
    placements: list[PlacementWhy]
    exposures: list[ExposureShown]
    errors: list[str]
    timings: dict[str, float]
