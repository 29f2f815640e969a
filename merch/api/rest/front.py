"""How does a hot call get past Django? (By a WSGI callable in front of its handler, which takes two addresses.)

The views stay the definition of behaviour: both skins call ``serve``, and tests send every case through both. Whatever
is unusual about a call, its method, host, transfer or scheme, goes to Django as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections, reset_queries
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware

from merch.api.rest.decisions import DecisionsView
from merch.api.rest.events import EventsView
from merch.api.rest.hot import HotView, serve

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

DECISIONS, EVENTS = "/v1/decisions", "/v1/events"
UNUSUAL = frozenset({"HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_UPGRADE"})

_STATUS = {int(status): f"{int(status)} {status.phrase}" for status in HTTPStatus}


class Front:
    """Answers the hot POSTs itself and gives everything else to ``behind``."""

    def __init__(self, behind: Application) -> None:
        self._behind = behind
        self._doors: Mapping[str, HotView] = {DECISIONS: DecisionsView(), EVENTS: EventsView()}
        self._frames = {secure: frame(secure=secure) for secure in (False, True)}
        self._secure_header = settings.SECURE_PROXY_SSL_HEADER
        self._only_secure: bool = settings.SECURE_SSL_REDIRECT

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        door = self._doors.get(environ["PATH_INFO"])
        if door is None or environ["REQUEST_METHOD"] != "POST" or self._is_unusual(environ):
            return self._behind(environ, start_response)
        secure = self._is_secure(environ)
        if self._only_secure and not secure:
            return self._behind(environ, start_response)
        if door.uses_sql:
            _refresh_connections()
        status, headers, body = serve(door, environ)
        if door.uses_sql:
            _refresh_connections()
        start_response(_STATUS[status], [*headers.items(), *self._frames[secure], ("Content-Length", str(len(body)))])
        return (body,)

    def _is_unusual(self, environ: Mapping[str, Any]) -> bool:
        return not UNUSUAL.isdisjoint(environ) or not _is_ours(
            environ.get("HTTP_HOST"), environ.get("HTTP_X_FORWARDED_HOST"), environ.get("SERVER_NAME", "")
        )

    def _is_secure(self, environ: Mapping[str, Any]) -> bool:
        if self._secure_header is not None:
            name, value = self._secure_header
            said = environ.get(name)
            if said is not None:
                return bool(said.split(",", 1)[0].strip() == value)
        return bool(environ["wsgi.url_scheme"] == "https")


def frame(*, secure: bool) -> tuple[tuple[str, str], ...]:
    """The headers that Django's middleware puts on every answer, made by it once."""
    bare = {"REQUEST_METHOD": "POST", "wsgi.input": BytesIO(), "wsgi.url_scheme": "https", "SERVER_NAME": "merch"}
    request = WSGIRequest(bare | {"SERVER_PORT": "443"})
    answer = HttpResponse()
    for middleware in (SecurityMiddleware, XFrameOptionsMiddleware):
        middleware(lambda _: answer).process_response(request, answer)
    found = [(name, value) for name, value in answer.items() if name != "Content-Type"]
    return tuple(pair for pair in found if secure or pair[0] != "Strict-Transport-Security")


@lru_cache(maxsize=256)
def _is_ours(host: str | None, forwarded: str | None, server: str) -> bool:
    """Does Django take this host? One that it does not take gets its answer from Django."""
    asked = HttpRequest()
    asked.META = {"SERVER_NAME": server, "SERVER_PORT": "80"}
    asked.META |= {"HTTP_HOST": host} if host is not None else {}
    asked.META |= {"HTTP_X_FORWARDED_HOST": forwarded} if forwarded is not None else {}
    try:
        asked.get_host()
    except SuspiciousOperation:
        return False
    return True


def _refresh_connections() -> None:
    """What Django does when a request begins and when it ends."""
    reset_queries()
    close_old_connections()
