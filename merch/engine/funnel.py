"""How did each candidate of a placement fare, in the order of arbitration, with its counters and draws?

Asked by explain only, beside a decision that was made with ``explain``; it decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from audiences.hashing import bucket
from experiments.assignment import arm, in_allocation
from merch.engine import caps
from merch.engine.call import Call
from merch.engine.compiled import Candidate, PlacementPlan
from merch.engine.facts import Answer, Loss, Slot
from merch.engine.reasons import Reason

SHOWS_NOTHING = "won in order to show nothing"


class Counter(msgspec.Struct, frozen=True):
    """A history cell against a limit. ``resets_at``: when it falls below, if nothing more happens; None: never."""

    cell: str
    count: int
    limit: int
    resets_at: int | None = None  # UTC microseconds
    window: str = ""


class Draw(msgspec.Struct, frozen=True):
    """Where the subject's hash fell: ``bucket`` of 10,000. ``outcome``: held_out or treated; the arm, or outside."""

    test: str
    bucket: int
    outcome: str


class Fate(msgspec.Struct, frozen=True):
    """One candidate and its one reason."""

    campaign: str
    item: str
    tier: str
    priority: int
    reason: str
    detail: str = ""
    score: float | None = None
    propensity: float | None = None  # of a winner
    variant: str | None = None
    counters: tuple[Counter, ...] = ()
    draws: tuple[Draw, ...] = ()


def fates(plan: PlacementPlan, answer: Answer, call: Call) -> tuple[Fate, ...]:
    """Every candidate of the placement, fallbacks last."""
    slots = {(slot.campaign, slot.item): slot for slot in answer.slots}
    losses = {(loss.campaign, loss.item): loss for loss in answer.losses}
    return tuple(_fate(each, slots.get(_name(each)), losses.get(_name(each)), answer, call) for each in plan.candidates)


def _name(candidate: Candidate) -> tuple[str, str]:
    return candidate.campaign.key, candidate.item.key


def _fate(candidate: Candidate, slot: Slot | None, loss: Loss | None, answer: Answer, call: Call) -> Fate:
    reason, detail = _reason(candidate, slot, loss, answer)
    return Fate(
        campaign=candidate.campaign.key,
        item=candidate.item.key,
        tier=candidate.campaign.tier,
        priority=candidate.campaign.priority,
        reason=reason,
        detail=detail,
        score=slot.score if slot else None,
        propensity=slot.propensity if slot else None,
        variant=slot.variant if slot else None,
        counters=tuple(counters(candidate, call)),
        draws=tuple(draws(candidate, call)),
    )


def _reason(candidate: Candidate, slot: Slot | None, loss: Loss | None, answer: Answer) -> tuple[str, str]:
    if slot is not None:
        return answer.reason, ""
    if loss is not None:
        return loss.reason, loss.detail
    if candidate.item.nothing:
        return Reason.SELECTED, SHOWS_NOTHING
    # Nobody was asked: the placement failed, or shows nothing without a record.
    return (Reason.ERROR if answer.reason == Reason.ERROR else Reason.DEGRADED_NO_SUBJECT), "nobody was asked here"


def counters(candidate: Candidate, call: Call) -> Iterator[Counter]:
    """Of its caps, and of its offer's redemption limit."""
    for cap in candidate.content.limits.caps:
        cell = call.record.history.get(cap.cell, caps.NEVER)
        count = cap.window.how_many(cell, call.moment)
        resets = cap.window.resets(cell, cap.limit, call.moment) if count >= cap.limit else None
        yield Counter(cap.cell, count, cap.limit, resets, cap.window.words.removeprefix("in "))
    offer = candidate.content.offer
    if offer is not None and offer.doc.redeem_limit is not None:
        name = f"offer|{offer.doc.key}|conversion"
        yield _counter(name, offer.doc.redeem_limit, offer.doc.redeem_window, call)


def _counter(name: str, limit: int, window: int | None, call: Call) -> Counter:
    cell = call.record.history.get(name, caps.NEVER)
    count = caps.count_in(cell, window, call.now)
    resets = None
    if window is not None and 0 < limit <= count:
        resets = cell.instants[-limit] + window
    return Counter(name, count, limit, resets, "ever" if window is None else f"{window / 86_400_000_000:g} days")


def draws(candidate: Candidate, call: Call) -> Iterator[Draw]:
    """Of the holdouts over it and of its experiment: whether or not it came so far."""
    for holdout in candidate.holdouts:
        for draw in holdout.draws:
            if draw.start_at <= call.now and (draw.end_at is None or call.now < draw.end_at):
                number = bucket(draw.salt, call.request.key)
                outcome = "held_out" if number < draw.size else "treated"
                yield Draw(f"holdout|{holdout.doc.key}", number, outcome)
    if candidate.experiment is not None:
        spec = candidate.experiment.spec
        mark = call.record.marks.get(f"experiment|{spec.key}")
        drawn = arm(spec, call.request.key, call.now, {(spec.key, mark[0])} if mark else ())
        inside = in_allocation(spec, call.request.key, call.now)
        outcome = (
            "outside" if drawn is None else drawn.variant if inside else f"{drawn.variant}, by an earlier exposure"
        )
        yield Draw(f"experiment|{spec.key}", bucket(spec.layer_salt, call.request.key), outcome)
