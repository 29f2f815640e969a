"""How does a call that must be quick get through Django? (The two hot POST doors, and every door's bookkeeping.)

``serve`` is the whole of a hot call as a function of the WSGI environment, so that a callable in front of Django can
share it with the view. Django REST framework's request and response are made only for what is rare.
"""

from collections.abc import Mapping
from datetime import datetime
from time import perf_counter
from typing import Any, ClassVar, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.views import APIView

from merch import metrics
from merch.api.rest import cors
from merch.api.rest.auth import CLIENT_DOORS, KeyAuthentication, admit
from merch.api.rest.body import read_bytes
from merch.api.rest.problems import CONTENT_TYPE, quiet, refusal
from merch.keys import Caller, Scope

JSON = "application/json"


class Call(Struct, frozen=True):
    """Who calls, when, and with which headers: ``environ`` is the WSGI environment (HTTP_X_EXPLAIN ...)."""

    caller: Caller
    now: datetime
    environ: Mapping[str, Any]


class Reply(NamedTuple):
    """An answer before any framework: what a view or a WSGI callable sends."""

    status: int
    headers: dict[str, str]
    body: bytes


class HotView(APIView):
    """A POST that skips Django REST framework; OPTIONS, 405 and the OpenAPI operation stay with it.

    A subclass names its ``scopes`` and ``limit`` (bytes), and whether it ``uses_sql``; it gives ``answer``, and
    documents ``post``.
    """

    authentication_classes = [KeyAuthentication]
    permission_classes = []
    parser_classes = []
    scopes: ClassVar[frozenset[Scope]] = CLIENT_DOORS
    limit: ClassVar[int]
    uses_sql: ClassVar[bool] = True

    def answer(self, body: bytes, call: Call) -> tuple[int, bytes]:
        """Status and JSON of one call. Raises Refused for a call that cannot be answered."""
        raise TypeError(f"{type(self).__name__} gives no answer")

    def post(self, request: HttpRequest) -> HttpResponse:
        # Never reached, as ``dispatch`` takes POST: it stands here for OPTIONS, and for the OpenAPI document, which
        # would show a docstring to everybody.
        return _response(serve(self, request.META))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """What is not POST is OPTIONS or 405, and needs no key."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST":
            return _response(serve(self, request.META))
        if cors.is_preflight(request):
            return cors.preflight(request, self.allowed_methods)
        return super().dispatch(request, *args, **kwargs)


def serve(door: HotView, environ: Mapping[str, Any]) -> Reply:
    """A whole hot call: key, body, answer; every failure as a problem. Never raises."""
    began = perf_counter()
    headers = {"Content-Type": JSON}
    try:
        now = timezone.now()
        caller = admit(environ, door.scopes, now)
        headers |= cors.headers(environ, caller)
        status, body = door.answer(read_bytes(environ, door.limit), Call(caller, now, environ))
    except Exception as exc:
        refused = refusal(exc, type(door).__name__)
        status, body = refused.status, refused.body()
        headers |= refused.headers | {"Content-Type": CONTENT_TYPE}
    count(type(door).__name__, "POST", status, perf_counter() - began)
    return Reply(status, headers, body)


def count(route: str, method: str, status: int, seconds: float) -> None:
    """Note an answered call; ``route`` is the name of the view, never a path."""
    metrics.counter(metrics.HTTP_REQUESTS, route, method, str(status)).inc()
    metrics.histogram(metrics.HTTP_SECONDS, route).observe(seconds)


def _response(reply: Reply) -> HttpResponse:
    return quiet(HttpResponse(reply.body, status=reply.status, headers=reply.headers))
