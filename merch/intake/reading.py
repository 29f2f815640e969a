"""Is this one event well formed, allowed, and who and what is it about?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from audiences.history import session_hash
from audiences.ingest import TOKEN_SOURCE
from audiences.moments import micros, moment
from audiences.people import normalise_id
from audiences.records import Ref
from audiences.rules import BadValue, Type, ValueType, encode_trait
from audiences.rules.problems import nearest
from campaigns.models import Mechanic
from experiments.exposures import ExposureRow
from merch import complaints
from merch.intake import cells
from merch.intake.book import Book, Test
from merch.intake.pins import Pinning, pinning
from merch.intake.refusals import Refusal
from merch.intake.timing import Clock
from merch.tokens import Claims, TokenRefused, verify

TokenKind = Literal["impression", "viewed", "click", "dismissal"]
TOKEN_KINDS = frozenset({"impression", "viewed", "click", "dismissal"})
KINDS = TOKEN_KINDS | {"conversion", "exposure", "custom"}
LONGEST_KEY = 100  # of a plan or an offer

TEXT = ValueType(Type.STRING)
NUMBER = ValueType(Type.DECIMAL, scale=6)
CONVERSION_FIELDS = {
    "plan": TEXT,
    "offer": TEXT,
    "plan_group": TEXT,
    "mechanic": ValueType(Type.STRING, frozenset(Mechanic.values)),
    "begins": ValueType(Type.STRING, frozenset({cells.TRIAL, cells.PAID, cells.NOTHING})),
}
EXPOSURE_FIELDS = {"arm": TEXT, "version": ValueType(Type.INT), "propensity": NUMBER}
SESSION_FIELD = {"session_id": TEXT}

Moment = Annotated[datetime, Meta(tz=True)]
Name = Annotated[str, Meta(max_length=128)]


class Sent(Struct, frozen=True):
    """An event as it is sent. Unknown fields are ignored; a wrong type is refused by name."""

    type: str
    token: str | None = None
    name: str | None = None
    account_id: str | None = None
    device_id: str | None = None
    event_id: str | None = None
    occurred_at: Moment | None = None
    properties: Annotated[dict[Name, Any], Meta(max_length=100)] = {}


class Arrival(Struct, frozen=True, kw_only=True, gc=False):
    """An event that is believed, before it is known whether it is new. Fields as in audiences.ingest.NewEvent."""

    ref: Ref
    source: str
    event_id: str
    kind: str
    name: str
    occurred_at: int
    claimed_at: int
    day: date
    properties: Mapping[str, Any] = {}
    money: bool = False
    cells: tuple[str, ...] = ()
    session: int = 0
    exposures: tuple[ExposureRow, ...] = ()
    pin: Pinning | None = None
    hold: str | None = None  # of a strict cap, that this impression frees


class Desk(Struct, frozen=True):
    """What a batch is read by: who sends, by which clock, under which catalogues. ``trusted``: a server key."""

    source: str
    clock: Clock
    book: Book
    trusted: bool


def read(raw: Any, desk: Desk) -> Arrival:
    """One decoded JSON value as an arrival. Raises Refusal."""
    try:
        sent = msgspec.convert(raw, Sent)
    except msgspec.ValidationError as wrong:
        raise _wrong_shape(str(wrong)) from wrong
    if sent.type in TOKEN_KINDS:
        return _token_event(sent, desk)
    if sent.type not in KINDS:
        raise Refusal("unknown_type", f"type is none of {', '.join(sorted(KINDS))}.")
    if not desk.trusted and sent.type != "custom":
        raise Refusal("wrong_scope", f"type {sent.type} needs a server key.")
    return _READERS[sent.type](sent, desk)


def _token_event(sent: Sent, desk: Desk) -> Arrival:
    if sent.token is None:
        raise Refusal("missing_field", f"token is missing; {sent.type} needs the one that came with the decision.")
    try:
        claims = verify(sent.token)
    except TokenRefused as refused:
        raise Refusal(refused.code, str(refused)) from refused
    viewed = sent.type == "viewed"
    if claims.slot < 0 and not viewed:
        raise Refusal("token_of_placement", f"token is the placement's own; {sent.type} needs that of a slot.")
    claimed = None if sent.occurred_at is None else micros(sent.occurred_at)
    at = desk.clock.within(claims.decided_at, claimed)
    return Arrival(
        ref=Ref(claims.kind, claims.subject_key),
        source=TOKEN_SOURCE,
        event_id=f"{claims.decision_id}:{claims.placement}:{claims.slot}:{sent.type}",
        kind=sent.type,
        name=sent.type,
        occurred_at=at,
        claimed_at=at if claimed is None else claimed,
        day=moment(claims.decided_at).date(),
        properties=_shown(claims),
        cells=cells.of_view(claims) if viewed else _touched(claims, sent.type, desk.book),
        session=claims.session,
        exposures=_exposures(claims, at) if sent.type in ("viewed", "impression") else (),
        pin=pinning(claims, at) if sent.type == "impression" else None,
        hold=claims.hold if sent.type == "impression" else None,
    )


def _touched(claims: Claims, kind: str, book: Book) -> cells.Cells:
    return (*cells.of_slot(claims, kind), *cells.of_interruption(claims, kind, book))


def _shown(claims: Claims) -> dict[str, Any]:
    """What the token says was shown, as properties for the read-outs. Empty claims are left out."""
    shown = {
        "decision": claims.decision_id,
        "placement": claims.placement,
        "campaign": claims.campaign,
        "item": claims.item,
        "tier": claims.tier,
        "format": claims.format,
        "offer": claims.offer,
        "offer_version": claims.offer_version,
        "mechanic": claims.mechanic,
        "price": claims.price_id,
        "propensity": claims.propensity,
        "experiment": claims.experiment,
        "variant": claims.variant,
        "pin": claims.pin,
    }
    return {"slot": claims.slot} | {name: value for name, value in shown.items() if value not in (None, "")}


def _exposures(claims: Claims, at: int) -> tuple[ExposureRow, ...]:
    return tuple(
        ExposureRow(
            kind=claims.kind, key=claims.subject_key, test=test, version=version, arm=arm, ghost=ghost,
            propensity=propensity, at=at, source="viewed", decision_id=UUID(claims.decision_id),
        )
        for test, version, arm, ghost, propensity in claims.exposures
    )  # fmt: skip


def _conversion(sent: Sent, desk: Desk) -> Arrival:
    declared = desk.book.events.get(sent.name or "")
    if declared is None:
        raise _unknown_event(sent.name, desk.book)
    properties = _typed(sent.properties, declared.fields | CONVERSION_FIELDS | SESSION_FIELD)
    for field in CONVERSION_FIELDS:
        if len(str(properties.get(field, ""))) > LONGEST_KEY:
            raise Refusal("bad_property", f"properties.{field} is longer than {LONGEST_KEY} characters; send its key.")
    return _arrival(sent, desk, properties, money=True, touched=cells.of_conversion(properties, desk.book))


def _custom(sent: Sent, desk: Desk) -> Arrival:
    declared = desk.book.events.get(sent.name or "")
    if declared is None:
        raise _unknown_event(sent.name, desk.book)
    if not desk.trusted and (declared.money or not declared.from_clients):
        raise Refusal("wrong_scope", f"name {sent.name} needs a server key; apps may not send it.")
    properties = _typed(sent.properties, declared.fields | SESSION_FIELD)
    touched = cells.of_custom(sent.name or "") if declared.in_history else ()
    return _arrival(sent, desk, properties, money=declared.money, touched=touched)


def _exposure(sent: Sent, desk: Desk) -> Arrival:
    test = desk.book.tests.get(sent.name or "")
    if test is None:
        raise Refusal("unknown_experiment", "name is not an experiment; send the experiment's key.")
    properties = _typed(sent.properties, EXPOSURE_FIELDS)
    arm = properties.get("arm")
    if arm not in test.arms:
        raise Refusal("unknown_arm", f"properties.arm is none of {', '.join(sorted(test.arms))}.")
    arrival = _arrival(sent, desk, properties, money=False, touched=())
    row = ExposureRow(
        kind=arrival.ref.kind, key=arrival.ref.key, test=f"experiment|{sent.name}",
        version=int(properties.get("version", test.version)), arm=arm, propensity=_propensity(properties, test, arm),
        at=arrival.occurred_at, source="event",
    )  # fmt: skip
    return msgspec.structs.replace(arrival, exposures=(row,))


def _propensity(properties: Mapping[str, Any], test: Test, arm: str) -> float:
    declared = test.arms[arm]
    said = float(properties.get("propensity", 1.0 if declared is None else declared))
    if not 0 < said <= 1:
        raise Refusal("bad_property", "properties.propensity is not a probability; send a number above 0, at most 1.")
    return said


def _arrival(
    sent: Sent, desk: Desk, properties: Mapping[str, Any], *, money: bool, touched: tuple[str, ...]
) -> Arrival:
    if sent.occurred_at is None:
        raise Refusal("missing_field", "occurred_at is missing; send the moment it happened, with its zone.")
    claimed = micros(sent.occurred_at)
    return Arrival(
        ref=_subject(sent),
        source=desk.source,
        event_id=_event_id(sent.event_id),
        kind=sent.type,
        name=sent.name or "",
        occurred_at=desk.clock.corrected(claimed),
        claimed_at=claimed,
        day=desk.clock.day(claimed),
        properties=properties,
        money=money,
        cells=touched,
        session=session_hash(str(properties.get("session_id", ""))),
    )


def _subject(sent: Sent) -> Ref:
    """The account where both are given."""
    field, given = ("account_id", sent.account_id) if sent.account_id is not None else ("device_id", sent.device_id)
    if given is None:
        raise Refusal("missing_field", "account_id or device_id is missing.")
    try:
        return Ref(field[0], normalise_id(given))
    except ValueError as wrong:
        raise Refusal("invalid_id", f"{field}: {wrong}") from wrong


def _event_id(given: str | None) -> str:
    if given is None:
        raise Refusal("missing_field", "event_id is missing; send the same one again when you retry.")
    try:
        return normalise_id(given)
    except ValueError as wrong:
        raise Refusal("invalid_event_id", f"event_id: {wrong}") from wrong


def _typed(properties: Mapping[str, Any], fields: Mapping[str, ValueType]) -> dict[str, Any]:
    """The declared properties, as they were written; undeclared ones are left out, null is absent."""
    kept = {name: value for name, value in properties.items() if name in fields and value is not None}
    for name, value in kept.items():
        try:
            encode_trait(fields[name], value)
        except BadValue as bad:
            raise Refusal("bad_property", f"properties.{name}: {bad}") from bad
    return kept


def _unknown_event(name: str | None, book: Book) -> Refusal:
    if name is None:
        return Refusal("missing_field", "name is missing; send the name of a declared event.")
    hint = nearest(name, book.events, "event")
    return Refusal("unknown_event", f"name is not a declared event. {hint} New ones are declared in admin.")


def _wrong_shape(told: str) -> Refusal:
    """msgspec's sentence, led by the field: "Expected `str`, got `int` - at `$.event_id`"."""
    sentence, _, where = told.partition(" - at `$.")
    if "missing required field" in sentence:
        return Refusal("missing_field", "type is missing; send what kind of event it is.")
    field = where.rstrip("`")
    said = complaints.sentence(sentence)
    return Refusal("wrong_type", f"{field}: {said}" if field else said)


_READERS: dict[str, Callable[[Sent, Desk], Arrival]] = {
    "conversion": _conversion,
    "custom": _custom,
    "exposure": _exposure,
}
