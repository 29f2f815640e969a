"""What is known about the subject and the request when a decision is made?

The record is what one read of the serving store returns; its packed form is MessagePack with array-like structs, so a
decision decodes it in microseconds. Instants are UTC microseconds.
"""

from __future__ import annotations

from typing import Any

import msgspec

Stored = Any  # a trait's stored form, see docs/algorithms/rules.md

RECORD_FORMAT = 1


class HistoryCell(msgspec.Struct, frozen=True, array_like=True):
    """How often, first, last, the newest instants ascending, and beside each the hash of its session (0: none).

    Rules read it as audiences.rules.environment.HistoryCell.
    """

    count: int = 0
    first: int = 0
    last: int = 0
    instants: tuple[int, ...] = ()
    sessions: tuple[int, ...] = ()


class SuppressionFact(msgspec.Struct, frozen=True, array_like=True):
    """In force during [start, end); ``end`` None is until removed."""

    key: str
    tiers: tuple[str, ...]
    start: int
    end: int | None = None


class SubjectRecord(msgspec.Struct, frozen=True, array_like=True):
    """Everything about one subject that a decision may read. Grants and pins travel empty in this format."""

    format: int = RECORD_FORMAT
    version: int = 0
    traits: dict[str, tuple[Stored, int]] = {}
    consent: dict[str, tuple[bool, int]] = {}
    suppressions: tuple[SuppressionFact, ...] = ()
    grants: tuple[Any, ...] = ()
    history: dict[str, HistoryCell] = {}  # "scope|key|of"
    marks: dict[str, tuple[int, str, int]] = {}  # "experiment|KEY" -> (version, arm, instant)
    pins: dict[str, Any] = {}


class Subject(msgspec.Struct, frozen=True):
    """The record and the behaviour bits of one subject, as read for one decision."""

    record: SubjectRecord = SubjectRecord()
    bits: int = 0


NEW_SUBJECT = Subject()


class Asked(msgspec.Struct, frozen=True):
    """One placement of a call; ``slots`` None is the placement's own number."""

    placement: str
    slots: int | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One call, already validated and typed by the edge. ``context`` holds stored forms by declared type."""

    decision_id: str
    kind: str  # "a" account or "d" device
    key: str  # the bare id, also the hash key
    placements: tuple[Asked, ...]
    context: dict[str, Stored] = {}
    traits: dict[str, Stored] = {}  # overrides for this call
    prefetch: bool = False
    refused_holds: tuple[str, ...] = ()
    stale_release: bool = False


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """A test that could have changed this answer; the same for arms, controls and ghosts."""

    test: str  # "experiment|KEY" or "holdout|KEY"
    version: int
    arm: str
    ghost: bool
    propensity: float


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What it costs now and then, in minor units; signed by the edge."""

    amount: int
    currency: str
    exponent: int
    period: str
    expires_at: int
    price_id: int | None = None
    then: int | None = None
    saving: int | None = None


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One filled slot: what is shown, at what price, and in which test."""

    campaign: str
    item: str
    tier: str
    creative: str
    locale: str
    format: str
    fields: dict[str, Any]
    offer: str | None = None
    offer_version: int | None = None
    mechanic: str | None = None
    quote: Quote | None = None
    experiment: str | None = None
    variant: str | None = None
    propensity: float = 1.0


class Loss(msgspec.Struct, frozen=True):
    """A candidate that was not shown, with the first code that held; ``detail`` names the rule, cap or rival."""

    campaign: str
    item: str
    reason: str
    detail: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One placement's part of a decision."""

    placement: str
    reason: str
    valid_until: int
    slots: tuple[Slot, ...] = ()
    degraded: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()  # blocked would-be winners; with explain, everybody
    tests: tuple[str, ...] = ()  # of the decision's exposures, those that triggered in this placement


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer to one call, before it is signed."""

    decision_id: str
    release: str
    pulse: int
    decided_at: int
    answers: tuple[Answer, ...]
    exposures: tuple[Exposure, ...] = ()
    errors: tuple[str, ...] = ()  # candidates whose rule raised
