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


class GrantFact(msgspec.Struct, frozen=True, array_like=True):
    """A person let this subject have an offer during [start, end): rows 3, 7 and the rule of 8 do not ask.

    With ``amount`` (minor units of ``currency``) it also costs no more than that in the first period.
    """

    key: str
    offer: str
    start: int
    end: int | None = None
    amount: int | None = None
    currency: str = ""


class PinFact(msgspec.Struct, frozen=True, array_like=True):
    """From the first impression at ``start`` until ``end``: this offer at this price, in every placement."""

    campaign: str
    item: str
    offer: str  # key@version
    start: int
    end: int
    price_id: int | None = None
    plan_group: str = ""


class JourneyFact(msgspec.Struct, frozen=True, array_like=True):
    """Where a subject stood in a journey after the event at ``folded``; see docs/algorithms/journeys.md."""

    folded: int
    version: int
    entered: int
    step: int  # position of the step that is open or waited for; the number of steps: the last one is behind
    since: int  # when the step before it was left
    left: int = 0  # 0: inside
    why: str = ""
    known: int = 0  # versions that the folder knew


class SubjectRecord(msgspec.Struct, frozen=True, array_like=True):
    """Everything about one subject that a decision may read.

    ``marks``: "experiment|KEY" -> (version, arm, instant); ``journeys``: by key, of those ever entered.
    ``pins``: "campaign|KEY" or "journey|KEY" -> pin.
    """

    format: int = RECORD_FORMAT
    version: int = 0
    traits: dict[str, tuple[Stored, int]] = {}
    consent: dict[str, tuple[bool, int]] = {}
    suppressions: tuple[SuppressionFact, ...] = ()
    grants: tuple[GrantFact, ...] = ()
    history: dict[str, HistoryCell] = {}  # "scope|key|of"
    marks: dict[str, tuple[int, str, int]] = {}
    pins: dict[str, PinFact] = {}
    journeys: dict[str, JourneyFact] = {}


class Subject(msgspec.Struct, frozen=True):
    """The record and the behaviour bits of one subject, as read for one decision."""

    record: SubjectRecord = SubjectRecord()
    bits: int = 0


NEW_SUBJECT = Subject()


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """One placement of a call; ``slots`` None is the placement's own number."""

    placement: str
    slots: int | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call, already validated and typed by the edge. ``context`` holds stored forms by declared type."""

    decision_id: str
    kind: str  # "a" account or "d" device
    key: str  # the bare id, also the hash key
    placements: tuple[Asked, ...]
    context: dict[str, Stored] = {}
    traits: dict[str, Stored] = {}  # overrides for this call
    prefetch: bool = False
    refused_holds: dict[str, str] = {}  # "campaign/item" -> CAPPED or DEGRADED_NO_COUNTERS: what its strict cap said
    stale_release: bool = False


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """A test that could have changed this answer; the same for arms, controls and ghosts."""

    test: str  # "experiment|KEY" or "holdout|KEY"
    version: int
    arm: str
    ghost: bool
    propensity: float


class Quote(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What it costs now and then, in minor units; signed by the edge."""

    amount: int
    currency: str
    exponent: int
    period: str
    expires_at: int
    price_id: int | None = None
    then: int | None = None
    saving: int | None = None


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """What a strict cap must hold in the serving store before its candidate is shown.

    ``count`` is what the record says; with the holds alive it may not exceed ``limit``. The key repeats on a retry.
    """

    candidate: str  # campaign/item
    cell: str
    key: str
    limit: int
    count: int


class Slot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One filled slot: what is shown, at what price, and in which test.

    ``propensity`` is the probability of exactly this outcome for this slot; not ``learnable`` are choices that chance
    had no part in for another reason than rank: pinned ones, and those left over by caps.
    """

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
    plan_group: str | None = None
    quote: Quote | None = None
    experiment: str | None = None
    variant: str | None = None
    propensity: float = 1.0
    learnable: bool = True
    score: float | None = None  # by the placement's strategy, where it scores
    journey: str | None = None
    step: str | None = None
    pin: str | None = None  # the pin that its impression makes or that chose it
    pinned_until: int | None = None
    hold: str | None = None  # key of the hold that its impression redeems


class Loss(msgspec.Struct, frozen=True):
    """A candidate that was not shown, with the first code that held; ``detail`` names the rule, cap or rival."""

    campaign: str
    item: str
    reason: str
    detail: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One placement's part of a decision."""

    placement: str
    reason: str
    valid_until: int
    slots: tuple[Slot, ...] = ()
    degraded: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()  # blocked would-be winners; with explain, everybody
    tests: tuple[str, ...] = ()  # of the decision's exposures, those that triggered in this placement
    propensity: float = 1.0  # of its slots staying as empty as they are, where any is


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole answer to one call, before it is signed."""

    decision_id: str
    release: str
    pulse: int
    decided_at: int
    answers: tuple[Answer, ...]
    exposures: tuple[Exposure, ...] = ()
    errors: tuple[str, ...] = ()  # candidates whose rule raised
    holds: tuple[Hold, ...] = ()  # to be taken before the answer leaves
