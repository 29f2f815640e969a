"""What does the caller of a decision get to read, signed?

The engine answers in plain values; here amounts become decimals, instants RFC 3339, and every slot gets the token
that makes attribution work without any look-up.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from audiences.history import session_hash
from audiences.moments import SECOND, moment
from merch.engine.composing import decimal_text
from merch.engine.facts import Answer, Decision, Quote, Request, Slot
from merch.tokens import Claimed, Claims, Promise, sign, sign_quote

Json = dict[str, Any]
PLACEMENT_SLOT = -1  # the slot number of a placement's own token


def body_of(decision: Decision, request: Request, *, trace: bool = False) -> Json:
    """The whole answer; with ``trace`` it names, by placement, every candidate that lost and its one reason."""
    body: Json = {
        "decision_id": decision.decision_id,
        "release": decision.release,
        "decided_at": time_text(decision.decided_at),
        "placements": {answer.placement: _placement(answer, decision, request) for answer in decision.answers},
    }
    if trace:
        body["trace"] = {
            answer.placement: [
                {"campaign": loss.campaign, "item": loss.item, "reason": loss.reason, "detail": loss.detail}
                for loss in answer.losses
            ]
            for answer in decision.answers
        }
    return body


def time_text(instant: int) -> str:
    """UTC microseconds as RFC 3339 with a Z; whole seconds where they are whole."""
    second, rest = divmod(instant, SECOND)
    return f"{_second_text(second)}.{rest:06d}Z" if rest else f"{_second_text(second)}Z"


@lru_cache(maxsize=4096)
def _second_text(second: int) -> str:
    return moment(second * SECOND).isoformat()[:-6]


def _placement(answer: Answer, decision: Decision, request: Request) -> Json:
    body: Json = {"reason": answer.reason}
    if answer.degraded:
        body["degraded"] = list(answer.degraded)
    if answer.reason != "UNKNOWN_PLACEMENT":
        body["valid_until"] = time_text(answer.valid_until)
        body["token"] = sign(_claims_of_placement(answer, decision, request))
    body["slots"] = [
        _slot(slot, sign(_claims(answer, slot, number, decision, request)), decision, request)
        for number, slot in enumerate(answer.slots)
    ]
    return body


def _slot(slot: Slot, token: str, decision: Decision, request: Request) -> Json:
    body: Json = {
        "campaign": slot.campaign,
        "tier": slot.tier,
        "creative": {"locale": slot.locale, "format": slot.format, "fields": slot.fields},
        "token": token,
    }
    if slot.offer is not None:
        body["offer"] = {"key": slot.offer, "version": slot.offer_version, "mechanic": slot.mechanic}
    if slot.quote is not None:
        body["quote"] = _quote(slot.quote, slot, decision, request)
    if slot.experiment is not None:
        body["experiment"] = {"key": slot.experiment, "variant": slot.variant}
    return body


def _quote(quote: Quote, slot: Slot, decision: Decision, request: Request) -> Json:
    body: Json = {
        "amount": decimal_text(quote.amount, quote.exponent),
        "currency": quote.currency,
        "period": quote.period,
        "expires_at": time_text(quote.expires_at),
    }
    if quote.then is not None:
        body["then"] = decimal_text(quote.then, quote.exponent)
    body["signature"] = sign_quote(_promise(quote, slot, decision, request))
    return body


def _promise(quote: Quote, slot: Slot, decision: Decision, request: Request) -> Promise:
    return Promise(
        decision_id=decision.decision_id,
        kind=request.kind,
        subject_key=request.key,
        offer=slot.offer,
        offer_version=slot.offer_version,
        price_id=quote.price_id,
        amount=quote.amount,
        then=quote.then,
        currency=quote.currency,
        period=quote.period,
        expires_at=quote.expires_at,
    )


def _triggered(answer: Answer, decision: Decision) -> tuple[Claimed, ...]:
    """Only of this placement: who looks here has not seen what another one tests."""
    if not answer.tests:
        return ()
    return tuple(
        (each.test, each.version, each.arm, each.ghost, each.propensity)
        for each in decision.exposures
        if each.test in answer.tests
    )


def _claims_of_placement(answer: Answer, decision: Decision, request: Request) -> Claims:
    """It carries the exposures of the placement, for "viewed"."""
    return Claims(
        decision_id=decision.decision_id,
        decided_at=decision.decided_at,
        kind=request.kind,
        subject_key=request.key,
        placement=answer.placement,
        slot=PLACEMENT_SLOT,
        exposures=_triggered(answer, decision),
        session=_session(request),
    )


def _claims(answer: Answer, slot: Slot, number: int, decision: Decision, request: Request) -> Claims:
    """What was shown. Of a prefetched call it carries the exposures too: an impression is a look."""
    return Claims(
        decision_id=decision.decision_id,
        decided_at=decision.decided_at,
        kind=request.kind,
        subject_key=request.key,
        placement=answer.placement,
        slot=number,
        campaign=slot.campaign,
        item=slot.item,
        tier=slot.tier,
        format=slot.format,
        offer=slot.offer,
        offer_version=slot.offer_version,
        price_id=slot.quote.price_id if slot.quote else None,
        exposures=_triggered(answer, decision) if request.prefetch else (),
        propensity=slot.propensity,
        session=_session(request),
        experiment=slot.experiment,
        variant=slot.variant,
        pin=slot.pin,
        pinned_until=slot.pinned_until,
        plan_group=slot.plan_group if slot.pin else None,
        mechanic=slot.mechanic or "",
        hold=slot.hold,
    )


def _session(request: Request) -> int:
    return session_hash(str(request.context.get("session_id", "")))
