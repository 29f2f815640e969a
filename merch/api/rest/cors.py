"""May a web page of another origin call? (Only one that a key in force lists; the pulse tells, no query.)"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse

from merch.keys import Caller
from merch.releases import serving

HEADERS = "Authorization, Content-Type, Content-Encoding, If-None-Match, X-Explain"
EXPOSED = "Retry-After, ETag"
MAX_AGE = "600"  # seconds a browser may keep a preflight answer; a revoked origin is gone after that


def is_preflight(request: HttpRequest) -> bool:
    """A browser asking before it sends: it carries no key, so any key's origin will do."""
    return request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.META


def preflight(request: HttpRequest, methods: Iterable[str]) -> HttpResponse:
    """The answer to a preflight; without Allow-Origin where no key lists the origin, so that the browser refuses."""
    response = HttpResponse(status=204, headers={"Vary": "Origin"})
    origin = request.META.get("HTTP_ORIGIN", "")
    if origin in serving.current().keys.origins:
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Methods"] = ", ".join(methods)
        response["Access-Control-Allow-Headers"] = HEADERS
        response["Access-Control-Max-Age"] = MAX_AGE
    return response


def headers(environ: Mapping[str, Any], caller: Caller) -> dict[str, str]:
    """What an answer to ``caller`` must carry for its web page to read it. Credentials are never allowed."""
    origin = environ.get("HTTP_ORIGIN")
    if not origin or origin not in caller.origins:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED, "Vary": "Origin"}
