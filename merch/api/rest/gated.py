"""How does a call that uses SQL come in? (Key, then the gate, then the view; every failure a problem.)"""

from datetime import datetime
from time import perf_counter
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from msgspec.json import encode
from rest_framework.views import APIView

from merch.api.rest import cors
from merch.api.rest.auth import SERVER_DOORS, HasKey, KeyAuthentication
from merch.api.rest.gate import FAILURES, sql
from merch.api.rest.hot import JSON, count
from merch.api.rest.problems import Refused
from merch.keys import Scope


class GatedView(APIView):
    """A view that may query. ``now`` is the instant of the call, read once."""

    authentication_classes = [KeyAuthentication]
    permission_classes = [HasKey]
    parser_classes = []
    scopes: ClassVar[frozenset[Scope]] = SERVER_DOORS
    now: datetime

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if cors.is_preflight(request):
            return cors.preflight(request, self.allowed_methods)
        began = perf_counter()
        self.now = timezone.now()
        try:
            with sql.hold():
                response = super().dispatch(request, *args, **kwargs)
        except Refused as refused:
            response = refused.response()
        count(type(self).__name__, request.method or "", response.status_code, perf_counter() - began)
        return response

    def handle_exception(self, exc: Exception) -> Any:
        """A database that does not answer is the gate's to explain; the rest becomes a problem here."""
        if isinstance(exc, FAILURES):
            raise exc
        return super().handle_exception(exc)


def answer(body: object, status: int = 200) -> HttpResponse:
    """JSON of msgspec types or plain values."""
    return HttpResponse(encode(body), JSON, status)
