"""How do the types that decode a call become its page in the OpenAPI document?"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, extend_schema

from merch.api.rest.problems import CONTENT_TYPE, Problem

Schema = dict[str, Any]
F = TypeVar("F", bound=Callable[..., Any] | type)

WHY = {
    400: "Something sent cannot be used; `errors` names each field.",
    401: "No key, or one that is unknown, expired or revoked.",
    403: "The key's scope or origin does not allow this.",
    404: "There is no such thing, or this key may not see it.",
    405: "Another method is meant; `Allow` names it.",
    410: "It was there, and is no longer kept.",
    411: "A Content-Length is needed.",
    413: "The body is too large.",
    415: "Not JSON in UTF-8, plain or packed with gzip.",
    503: "Come again after `Retry-After` seconds; nothing was done.",
}
READING = (400, 401, 403, 405)
WRITING = (*READING, 411, 413, 415)


class BearerKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Tells the document how a key is sent."""

    target_class = "merch.api.rest.auth.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: object) -> Schema:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "mk_..."}


def schema_of(kind: Any) -> Schema:
    """The JSON Schema of a msgspec type, with what it refers to put in place."""
    found = msgspec.json.schema(kind)
    inlined: Schema = _inline(found, found.pop("$defs", {}))
    return inlined


def _inline(node: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline(member, parts) for member in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inline(parts[node["$ref"].rpartition("/")[2]], parts)
    return {key: _inline(value, parts) for key, value in node.items()}


PROBLEM = schema_of(Problem)


def problems(*statuses: int) -> dict[tuple[int, str], Schema]:
    """Responses of the kinds of refusal that a door has."""
    return {(status, CONTENT_TYPE): PROBLEM | {"description": WHY[status]} for status in statuses}


def documented(
    tag: str,
    summary: str,
    *,
    body: Any = None,
    answers: Mapping[int, Any],
    refusals: tuple[int, ...],
    parameters: tuple[OpenApiParameter, ...] = (),
    **more: Any,
) -> Callable[[F], F]:
    """The OpenAPI operation of a method. ``body`` and ``answers`` are msgspec types; an answer of None has no body."""
    responses: dict[Any, Any] = {
        (status, "application/json"): schema_of(kind) for status, kind in answers.items() if kind is not None
    }
    responses |= {status: None for status, kind in answers.items() if kind is None}
    decorate: Callable[[F], F] = extend_schema(
        tags=[tag],
        summary=summary,
        request={"application/json": schema_of(body)} if body is not None else None,
        responses=responses | problems(*refusals),
        parameters=list(parameters),
        **more,
    )
    return decorate
