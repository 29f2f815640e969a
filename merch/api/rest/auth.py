"""Who is calling, and may they? (``Authorization: Bearer mk_...`` and nothing else: no cookie, no query parameter.)"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from audiences.moments import micros
from merch import keys, metrics
from merch.api.rest.problems import Refused
from merch.keys import Caller, Scope
from merch.releases import serving

CLIENT_DOORS = frozenset({Scope.CLIENT, Scope.SERVER})
SERVER_DOORS = frozenset({Scope.SERVER})
MANAGE_DOORS = frozenset({Scope.MANAGE})

CHALLENGE = 'Bearer realm="merch"'


def admit(environ: Mapping[str, Any], scopes: frozenset[Scope], now: datetime) -> Caller:
    """The caller, if its key is in force and has one of ``scopes``. No SQL. Raises Refused 401 or 403."""
    caller = identify(environ, now)
    if caller.scope not in scopes:
        raise _refuse(403, "wrong_scope", f"This needs a key of scope {' or '.join(sorted(scopes))}.")
    origin = environ.get("HTTP_ORIGIN")
    if origin and caller.origins and origin not in caller.origins:
        raise _refuse(403, "wrong_origin", "This key may not be used from this origin.")
    return caller


def identify(environ: Mapping[str, Any], now: datetime) -> Caller:
    """The caller by its key alone. Raises Refused 401."""
    header: str = environ.get("HTTP_AUTHORIZATION") or ""
    if not header:
        raise _refuse(401, "missing_key", "Send your key as Authorization: Bearer mk_...")
    scheme, _, presented = header.partition(" ")
    if scheme.lower() != "bearer":
        raise _refuse(401, "wrong_scheme", "Send your key as Authorization: Bearer mk_...")
    caller = keys.verify(presented.strip(), serving.current().keys, secret=keys.server_secret(), now=micros(now))
    if caller is None:
        raise _refuse(401, "invalid_key", "This key is unknown, expired or revoked.")
    return caller


def _refuse(status: int, code: str, detail: str) -> Refused:
    metrics.AUTH_FAILURES.labels(code).inc()
    return Refused(status, code, detail, headers={"WWW-Authenticate": CHALLENGE} if status == 401 else None)


class KeyAuthentication(BaseAuthentication):
    """For views that keep Django REST framework's request: ``request.auth`` is the Caller.

    ``request.user`` is the person a manage key was issued to (one query), else nobody.
    """

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser | AnonymousUser, Caller]:
        now: datetime = request.parser_context["view"].now
        caller = admit(request.META, request.parser_context["view"].scopes, now)
        return (AnonymousUser() if caller.person_id is None else _person(caller.person_id)), caller

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def _person(pk: int) -> AbstractBaseUser:
    person = get_user_model()._default_manager.filter(pk=pk, is_active=True).first()
    if person is None:
        raise _refuse(401, "inactive_person", "The person this key was issued to is no longer active.")
    return person


def caller_of(request: Request) -> Caller:
    """The application behind a request that KeyAuthentication let in."""
    caller: object = request.auth
    if not isinstance(caller, Caller):
        raise _refuse(401, "missing_key", "Send your key as Authorization: Bearer mk_...")
    return caller


class HasKey(BasePermission):
    """Admits whoever KeyAuthentication let in; the scope was checked there."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, Caller)
