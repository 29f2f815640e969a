"""What does this person see, please?

``decide_call`` is the one way from a validated call to a recorded decision; the POST and the GET form both take it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from time import perf_counter
from typing import Annotated, Any, NamedTuple

import msgspec
from drf_spectacular.utils import OpenApiParameter, extend_schema_view
from msgspec import Meta, Struct

from audiences.moments import micros
from audiences.people import normalise_id
from audiences.rules import BadValue, ValueType, encode_trait
from merch import answering, metrics
from merch.api.rest.body import decode
from merch.api.rest.hot import Call, HotView
from merch.api.rest.limits import ASKED_BYTES, DECISION_BYTES, PLACEMENTS, Attributes, Id, Key
from merch.api.rest.problems import FieldError, Refused, bad, bad_fields
from merch.api.rest.schema import WRITING, documented
from merch.api.rest.shown import DecisionShown
from merch.deciding import settle
from merch.engine.compiled import Release
from merch.engine.decide import decide
from merch.engine.facts import Asked, Decision, Request
from merch.engine.needs import request_read
from merch.inputs import Entry
from merch.keys import Scope
from merch.naming import new_decision_id
from merch.recording import recorder
from merch.releases import serving
from merch.subjects.store import store

STALE_AFTER = 60.0  # seconds without a word from PostgreSQL before an answer says so
LOCALE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,8}")  # of BCP 47; phones write sv_SE too
_pack = msgspec.msgpack.Encoder().encode
OUTCOMES = {"SELECTED": "served", "FALLBACK": "fallback", "EMPTY": "empty", "UNKNOWN_PLACEMENT": "unknown_placement"}
Slots = Annotated[int, Meta(ge=1, le=20)]


class PlacementAsked(Struct, frozen=True):
    """A placement and how many slots of it to fill; without ``slots`` its own number."""

    placement: Key
    slots: Slots | None = None


class DecisionCall(Struct, frozen=True, kw_only=True):
    """The body of POST /v1/decisions. Unknown fields are ignored; a wrong type is a 400 that names the field."""

    placements: Annotated[list[Key | PlacementAsked], Meta(min_length=1, max_length=PLACEMENTS)]
    account_id: Id | None = None
    device_id: Id | None = None
    prefetch: bool = False
    context: Attributes = {}
    traits: Attributes | None = None


class Decided(NamedTuple):
    request: Request
    decision: Decision


@extend_schema_view(
    post=documented(
        "Decisions",
        "Decide what a subject sees in up to 20 placements",
        body=DecisionCall,
        answers={200: DecisionShown},
        refusals=WRITING,
        parameters=(
            OpenApiParameter(
                "X-Explain",
                str,
                OpenApiParameter.HEADER,
                enum=["1"],
                description="With a server key: adds `trace`, every candidate that lost with its reason.",
            ),
        ),
        description="A placement that is empty or unknown is no error: its `reason` says so. Fields and context values "
        "that are not declared are ignored. `traits` override stored ones for this call, with a server key.",
    )
)
class DecisionsView(HotView):
    """POST /v1/decisions."""

    limit = DECISION_BYTES
    uses_sql = False

    def answer(self, body: bytes, call: Call) -> tuple[int, bytes]:
        asked = decode(body, DecisionCall)
        explain = call.environ.get("HTTP_X_EXPLAIN") == "1"
        if explain and call.caller.scope != Scope.SERVER:
            raise Refused(403, "wrong_scope", "X-Explain needs a server key.")
        decided = decide_call(asked, call, explain=explain)
        return 200, msgspec.json.encode(answering.body_of(decided.decision, decided.request, trace=explain))


def decide_call(asked: DecisionCall, call: Call, *, explain: bool = False) -> Decided:
    """Read, decide, hold what strict caps need, record. Raises Refused for a call that cannot be answered."""
    began = perf_counter()
    now = micros(call.now)
    state = serving.current()
    request = request_of(asked, call, state.release, now, stale=time.monotonic() - state.confirmed_at > STALE_AFTER)
    request, read, decision = settle(state.release, state.pulse, request, now, store=store)
    recorder.record(Entry(state.release, state.pulse, request, read, decision))
    if explain:
        decision = decide(state.release, state.pulse, request, read, now, explain=True)
    _count(decision, perf_counter() - began)
    return Decided(request, decision)


def request_of(asked: DecisionCall, call: Call, release: Release, now: int, *, stale: bool = False) -> Request:
    """The call as the engine takes it: ids normalised, context and traits in stored form. Raises Refused."""
    kind, key = subject_of(asked)
    if asked.traits is not None and call.caller.scope != Scope.SERVER:
        raise Refused(
            403, "wrong_scope", "Overriding traits needs a server key.",
            [FieldError("traits", "wrong_scope", "Use a server key, or leave traits out.")],
        )  # fmt: skip
    errors: list[FieldError] = []
    context = _typed("context", asked.context, release.context_types, errors)
    traits = _typed("traits", asked.traits or {}, release.trait_types, errors, unknown="unknown_trait")
    placements = _placements(asked, errors)
    _check_names(context, release, errors)
    if errors:
        raise bad_fields(errors)
    request = Request(
        decision_id=new_decision_id(now), kind=kind, key=key, placements=placements, context=context, traits=traits,
        prefetch=asked.prefetch, stale_release=stale,
    )  # fmt: skip
    _check_size(request, release)
    return request


def subject_of(asked: DecisionCall) -> tuple[str, str]:
    """("a" or "d", normalised id): the account where both are given. Raises Refused where neither is."""
    field = "account_id" if asked.account_id is not None else "device_id"
    given = asked.account_id if asked.account_id is not None else asked.device_id
    if given is None:
        raise bad("account_id", "required", "Send account_id, or device_id before login.")
    try:
        return field[0], normalise_id(given)
    except ValueError as error:
        raise bad(field, "invalid_id", str(error)) from error


def _placements(asked: DecisionCall, errors: list[FieldError]) -> tuple[Asked, ...]:
    found: dict[str, Asked] = {}
    for index, each in enumerate(asked.placements):
        one = Asked(each) if isinstance(each, str) else Asked(each.placement, each.slots)
        if one.placement in found:
            errors.append(FieldError(f"placements[{index}]", "duplicate", "Name each placement once."))
        found[one.placement] = one
    return tuple(found.values())


def _typed(
    where: str, values: dict[str, Any], types: Mapping[str, ValueType], errors: list[FieldError], unknown: str = ""
) -> dict[str, Any]:
    """Stored forms of the values whose names are declared; null is absent. Undeclared ones are ignored or refused."""
    found = {}
    for name, value in values.items():
        of = types.get(name)
        if of is None:
            if unknown:
                errors.append(FieldError(f"{where}.{name}", unknown, "Declare it in admin first."))
            continue
        if value is None:
            continue
        try:
            found[name] = encode_trait(of, value)
        except BadValue as error:
            errors.append(FieldError(f"{where}.{name}", "invalid", f"{error.sentence} {error.hint}"))
    return found


def _check_names(context: Mapping[str, Any], release: Release, errors: list[FieldError]) -> None:
    """Texts that can name nothing: no tag of a locale, no zone of the pinned tzdata."""
    locale, zone = context.get("locale"), context.get("time_zone")
    if isinstance(locale, str) and not LOCALE.fullmatch(locale):
        errors.append(FieldError("context.locale", "invalid", "Use a language tag such as sv-SE."))
    if isinstance(zone, str) and release.doc.zones and zone not in release.doc.zones:
        errors.append(FieldError("context.time_zone", "invalid", "Use a name such as Europe/Stockholm."))


def _check_size(request: Request, release: Release) -> None:
    """What the placements read of a call is kept with its answer; so there is a bound to it. Raises Refused."""
    if len(_pack(request)) <= ASKED_BYTES:
        return
    read = request_read(request, release.needs(request))
    if len(_pack(read)) <= ASKED_BYTES:
        return
    sizes = {name: len(_pack(getattr(read, name))) for name in ("context", "traits", "placements")}
    field = max(sizes, key=lambda name: sizes[name])
    raise bad(field, "too_large", f"{sizes[field]} bytes, packed, are too many; a call may have {ASKED_BYTES} in all.")


def _count(decision: Decision, seconds: float) -> None:
    metrics.DECISION_SECONDS.observe(seconds)
    for answer in decision.answers:
        metrics.counter(metrics.DECISION_REQUESTS, OUTCOMES.get(answer.reason, "error")).inc()
    for reason in {code for answer in decision.answers for code in answer.degraded}:
        metrics.counter(metrics.DECISION_DEGRADED, reason).inc()
