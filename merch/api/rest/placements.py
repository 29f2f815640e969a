"""What is shown in one placement, and what may an app show when it cannot ask?"""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from time import perf_counter
from typing import Any, ClassVar, cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from drf_spectacular.utils import OpenApiParameter
from msgspec import ValidationError, convert
from rest_framework.request import Request
from rest_framework.views import APIView

from audiences.moments import micros
from audiences.rules import Type, ValueType
from merch import answering
from merch.api.rest import cors
from merch.api.rest.auth import CLIENT_DOORS, HasKey, KeyAuthentication, caller_of
from merch.api.rest.body import field_error
from merch.api.rest.decisions import DecisionCall, decide_call
from merch.api.rest.gated import answer
from merch.api.rest.hot import Call, count
from merch.api.rest.problems import FieldError, bad_fields
from merch.api.rest.schema import READING, documented
from merch.api.rest.shown import DecisionShown, FallbacksShown
from merch.engine.bundle import bundle
from merch.engine.compiled import Release
from merch.keys import Caller, Scope
from merch.releases import serving

NOT_CONTEXT = frozenset({"account_id", "device_id", "prefetch", "slots"})
KEPT = "private, max-age=60"  # what was killed is gone from new bundles as soon as from decisions
YES, NO = ("1", "true"), ("0", "false")


class OpenView(APIView):
    """A GET for client keys that asks no database: it goes on when PostgreSQL is gone."""

    authentication_classes = [KeyAuthentication]
    permission_classes = [HasKey]
    scopes: ClassVar[frozenset[Scope]] = CLIENT_DOORS
    now: datetime
    caller: Caller | None = None  # once a key was let in

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if cors.is_preflight(request):
            return cors.preflight(request, self.allowed_methods)
        began = perf_counter()
        self.now = timezone.now()
        response = super().dispatch(request, *args, **kwargs)
        for name, value in cors.headers(request.META, self.caller).items() if self.caller else ():
            response[name] = value
        count(type(self).__name__, request.method or "", response.status_code, perf_counter() - began)
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Admit, and remember whom: a request that was refused must not be asked for its key again."""
        super().initial(request, *args, **kwargs)
        self.caller = caller_of(request)


class PlacementDecisionView(OpenView):
    """The one-placement form of POST /v1/decisions."""

    @documented(
        "Decisions",
        "Decide one placement",
        answers={200: DecisionShown},
        refusals=READING,
        parameters=(
            OpenApiParameter("account_id", str, description="Or device_id; with both, the account is the subject."),
            OpenApiParameter("device_id", str),
            OpenApiParameter("slots", int, description="1 to 20; default: the placement's own number."),
            OpenApiParameter("prefetch", bool, description="Record no exposure until the client sends viewed."),
            OpenApiParameter("country", str, description="Every declared context value is a parameter of its name."),
            OpenApiParameter("locale", str),
        ),
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        asked = call_of(slug, request.query_params.dict(), serving.current().release)
        decided = decide_call(asked, Call(cast(Caller, request.auth), self.now, request.META))
        return answer(answering.body_of(decided.decision, decided.request))


def call_of(slug: str, parameters: dict[str, str], release: Release) -> DecisionCall:
    """Query parameters as the body of a decision call. Raises Refused naming each parameter that does not fit."""
    errors: list[FieldError] = []
    context = {
        name: _value(name, text, release.context_types[name], errors)
        for name, text in parameters.items()
        if name in release.context_types and name not in NOT_CONTEXT
    }
    body: dict[str, Any] = {"context": context, "placements": [slug]}
    body |= {name: parameters[name] for name in ("account_id", "device_id") if name in parameters}
    if "slots" in parameters:
        slots = _value("slots", parameters["slots"], ValueType(Type.INT), errors)
        body["placements"] = [{"placement": slug, "slots": slots}]
    if "prefetch" in parameters:
        body["prefetch"] = _value("prefetch", parameters["prefetch"], ValueType(Type.BOOL), errors)
    if errors:
        raise bad_fields(errors)
    try:
        return convert(body, DecisionCall)
    except ValidationError as error:
        raise bad_fields([field_error(error)]) from error


def _value(name: str, text: str, of: ValueType, errors: list[FieldError]) -> Any:
    if of.type is Type.INT:
        if text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 20:
            return int(text)
        errors.append(FieldError(name, "invalid", "Send a whole number."))
    elif of.type is Type.BOOL:
        if text in YES + NO:
            return text in YES
        errors.append(FieldError(name, "invalid", "Send true or false."))
    elif of.type is Type.SET:
        return text.split(",")
    else:
        return text
    return None


class FallbacksView(OpenView):
    """What to ship inside an app."""

    @documented(
        "Decisions",
        "Unpriced house content per placement and locale, to ship inside an app",
        answers={200: FallbacksShown, 304: None},
        refusals=READING,
        parameters=(
            OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="304 where nothing changed."),
        ),
        description="Only what may be shown to anybody, at any time, in the `countries` named; in others an app that "
        "cannot ask shows nothing.",
    )
    def get(self, request: Request) -> HttpResponse:
        state = serving.current()
        found = bundle(state.release, state.pulse.kills, micros(self.now))
        response = answer(FallbacksShown(state.release.digest, found.countries, found.placements))
        etag = quote_etag(blake2b(response.content, digest_size=16).hexdigest())
        response["ETag"], response["Cache-Control"] = etag, KEPT
        return cast(HttpResponse, get_conditional_response(request._request, etag=etag, response=response))
