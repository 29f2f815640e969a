"""How is a key given out, and how is it taken back?"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db import transaction

from audiences.models import Revision
from merch.keys import PREFIX, SHOWN, Scope, digest_of, server_secret
from merch.models import ApiKey
from merch.releases import pulse

RANDOM_BYTES = 32
MOST = 10_000  # keys in force: what the pulse carries


class CannotIssue(ValueError):
    """A key that would not work; the sentence says what to change."""


class Issued(NamedTuple):
    """The row, and the key itself: shown now and never again."""

    row: ApiKey
    key: str


def issue(
    name: str,
    scope: Scope,
    *,
    by: User | None,
    now: datetime,
    person: User | None = None,
    origins: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> Issued:
    """Make a key that works in every process within seconds. Raises CannotIssue.

    ``name`` names the application: its events carry it as their source, so a key that replaces another keeps the name.
    """
    _check(name, scope, person, origins, expires_at, now)
    key = f"{PREFIX}{scope.value[0]}{secrets.token_urlsafe(RANDOM_BYTES)}"
    with transaction.atomic():
        if ApiKey.objects.filter(revoked_at__isnull=True).count() >= MOST:
            raise CannotIssue(f"There are {MOST} keys already; revoke one first.")
        row = ApiKey.objects.create(
            name=name,
            prefix=key[:SHOWN],
            digest=digest_of(key, server_secret()),
            scope=scope.value,
            origins=list(origins),
            person_id=person.pk if person else None,
            created_at=now,
            expires_at=expires_at,
        )
        _record("issued", row, by, now)
        pulse.republish(now)
    return Issued(row, key)


def revoke(row: ApiKey, *, by: User | None, now: datetime, why: str = "") -> bool:
    """Refuse the key from now on, in every process within seconds; False when it was revoked already."""
    with transaction.atomic():
        revoked = ApiKey.objects.filter(pk=row.pk, revoked_at__isnull=True).update(revoked_at=now)
        if revoked:
            _record("revoked", row, by, now, why)
            pulse.republish(now)
    return bool(revoked)


def _check(
    name: str,
    scope: Scope,
    person: User | None,
    origins: Sequence[str],
    expires_at: datetime | None,
    now: datetime,
) -> None:
    if not name.strip() or len(name) > 100:
        raise CannotIssue("Give the key the name of its application, in 1 to 100 characters.")
    if scope == Scope.MANAGE and person is None:
        raise CannotIssue("A manage key acts as a person: name one.")
    if scope != Scope.MANAGE and person is not None:
        raise CannotIssue("Only a manage key acts as a person.")
    if origins and scope != Scope.CLIENT:
        raise CannotIssue("Only a client key may be used from web pages.")
    if expires_at is not None and expires_at <= now:
        raise CannotIssue("The key would have expired already.")
    for origin in origins:
        if not _is_origin(origin):
            raise CannotIssue(f"{origin!r} is no origin; write it such as https://example.com, without a path.")


def _is_origin(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and text == f"{parts.scheme}://{parts.netloc}"


def _record(verb: str, row: ApiKey, by: User | None, now: datetime, why: str = "") -> None:
    about = {"name": row.name, "scope": row.scope, "origins": row.origins, "person": row.person_id}
    Revision.objects.record(
        actor=by, verb=verb, object_type="api key", object_key=row.prefix, before=None, after=about, now=now, why=why
    )
