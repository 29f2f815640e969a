"""How does a machine learn what was wrong with its call? (RFC 9457 problem details, the only form of error.)"""

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults
from msgspec import Struct
from msgspec.json import encode
from rest_framework import exceptions

CONTENT_TYPE = "application/problem+json"
DOORS = "/v1/"  # paths whose errors are problems even where Django answers

NOTHING = "There is nothing here. /v1/docs lists every address; none ends with a slash."

log = logging.getLogger(__name__)


class FieldError(Struct, frozen=True):
    """One thing that was wrong: where (``events[3].token``, ``body``, ``header``), a stable code, and a way out."""

    field: str
    code: str
    message: str


class Problem(Struct, frozen=True):
    """The body of every error. ``type`` names the kind of problem; ``code`` is its last part."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()


class Refused(Exception):
    """A call that is answered with a problem. ``headers`` go on the answer: Retry-After, WWW-Authenticate, Allow."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def body(self) -> bytes:
        """The problem as JSON."""
        kind = f"urn:merch:problem:{self.code}"
        title = HTTPStatus(self.status).phrase
        return encode(Problem(kind, title, self.status, self.code, self.detail, self.errors))

    def response(self) -> HttpResponse:
        """The problem as Django's answer."""
        return quiet(HttpResponse(self.body(), CONTENT_TYPE, self.status, headers=self.headers))


def quiet(response: HttpResponse) -> HttpResponse:
    """Keeps Django from writing a log line for each 4xx: callers cause them at will, and they are counted."""
    vars(response)["_has_been_logged"] = True
    return response


def bad(field: str, code: str, message: str, status: int = 400) -> Refused:
    """A refusal for one field."""
    return Refused(status, code, message, [FieldError(field, code, message)])


def bad_fields(errors: Iterable[FieldError]) -> Refused:
    """A refusal for every field at once."""
    found = tuple(errors)
    return Refused(400, "invalid", f"{len(found)} of the values sent cannot be used.", found)


def unavailable(detail: str, code: str = "unavailable", retry_after: int = 1) -> Refused:
    """A refusal that passes by itself; the caller should come again after ``retry_after`` seconds."""
    return Refused(503, code, detail, headers={"Retry-After": str(retry_after)})


def unexpected(where: str) -> Refused:
    """Our own failure, inside an ``except`` clause: the log gets the whole of it, the caller nothing of it."""
    log.exception("unexpected failure in %s", where)
    return Refused(500, "internal", "Something failed on our side; it has been logged.")


def refusal(exc: Exception, where: str) -> Refused:
    """Any exception of a view as the refusal that answers it."""
    match exc:
        case Refused():
            return exc
        case Http404():
            return Refused(404, "not_found", NOTHING)
        case PermissionDenied():
            return Refused(403, "forbidden", "This key may not do that.")
        case exceptions.ValidationError():
            return bad_fields(_flat("", exc.get_full_details()))
        case exceptions.APIException():
            return _of_framework(exc)
        case RequestDataTooBig():
            return bad("body", "too_large", "The body is too large.", status=413)
        case SuspiciousOperation():
            return Refused(400, "bad_request", "The request is malformed.")
        case _:
            return unexpected(where)


def _of_framework(exc: exceptions.APIException) -> Refused:
    headers = {}
    if scheme := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = scheme
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait))
    codes = exc.get_codes()
    code = codes if isinstance(codes, str) else str(exc.default_code)
    return Refused(exc.status_code, code, str(exc.detail), headers=headers)


def _flat(path: str, details: Any) -> Iterable[FieldError]:
    """The nested errors of Django REST framework as a list, each with its path."""
    if isinstance(details, Mapping) and details.keys() == {"message", "code"}:
        yield FieldError(path or "body", str(details["code"]), str(details["message"]))
    elif isinstance(details, Mapping):
        for name, below in details.items():
            yield from _flat(f"{path}.{name}" if path else str(name), below)
    else:
        for below in details:
            yield from _flat(path, below)


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponse:
    """Django REST framework's hook: every exception of its views as a problem."""
    view = context["view"]
    if isinstance(exc, exceptions.MethodNotAllowed):
        meant = " or ".join(method for method in view.allowed_methods if method not in ("OPTIONS", "HEAD"))
        exc = Refused(405, "method_not_allowed", f"Use {meant} here.")
    return refusal(exc, type(view).__name__).response()


def _speaks_problems(request: HttpRequest) -> bool:
    return request.path_info.startswith(DOORS)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400: what Django refuses before any view sees it, such as a forged Host."""
    if _speaks_problems(request):
        return refusal(exception, "bad_request").response()
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    if _speaks_problems(request):
        return refusal(exception, "permission_denied").response()
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    if _speaks_problems(request):
        return refusal(Http404(), "page_not_found").response()
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500; Django has logged the exception already."""
    if _speaks_problems(request):
        return Refused(500, "internal", "Something failed on our side; it has been logged.").response()
    return defaults.server_error(request)
