"""How do pages for people come in? (Through the same gate to SQL as calls of machines, with more time.)"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from merch.api.rest.gate import FAILURES, sql
from merch.api.rest.problems import Refused

PAGES = "/admin/"


class SqlGateMiddleware:
    """Eight people who look at a frozen PostgreSQL would otherwise take the eight threads that decisions need."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PAGES):
            return self._get_response(request)
        try:
            with sql.hold(settings.MERCH_PAGE_SQL_DEADLINE):
                return self._answer(request)
        except Refused as refused:
            sentence = f"{refused.detail} Look in a moment whether your change was saved, then try again.\n"
            return HttpResponse(sentence, "text/plain; charset=utf-8", refused.status, headers=refused.headers)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        failure = getattr(request, "sql_failure", None)
        if failure is not None:
            raise failure  # only the gate knows whether it was cut off, and what to open
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Django would make a 500 of it before the gate hears."""
        if not isinstance(exception, FAILURES):
            return None
        request.sql_failure = exception  # type: ignore[attr-defined]
        return HttpResponse(status=503)
