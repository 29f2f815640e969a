"""Which application is calling? (Keys by their keyed digests, as the pulse carries them; no query, no slow hash.)

A key is 256 random bits, so a fast keyed hash is as safe as a slow one; docs/decisions/api-keys.md says more.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from typing import Any

from django.conf import settings
from msgspec import Struct, convert

from audiences.moments import micros
from merch.models import ApiKey

PREFIX = "mk_"
SHOWN = 12  # characters of a key that may be shown and logged
LONGEST = 100  # characters; anything longer is no key and is not hashed


class Scope(StrEnum):
    """What a key is for."""

    CLIENT = "client"
    SERVER = "server"
    MANAGE = "manage"


class KeyEntry(Struct, frozen=True):
    """One key in the pulse. ``digest``: keyed, hexadecimal. ``expires``: UTC microseconds, exclusive; None: never."""

    digest: str
    id: int
    name: str
    scope: Scope
    origins: tuple[str, ...] = ()
    person: int | None = None
    expires: int | None = None


class Caller(Struct, frozen=True):
    """The application behind a valid key. ``name`` is the source of its events; ``person_id``: of a manage key."""

    scope: Scope
    key_id: int
    name: str
    person_id: int | None = None
    origins: tuple[str, ...] = ()


class Keyring(Struct, frozen=True):
    """The keys in force: entries by digest, and every browser origin that any of them allows."""

    entries: Mapping[str, KeyEntry] = {}
    origins: frozenset[str] = frozenset()


def keyring(part: Iterable[Mapping[str, Any]]) -> Keyring:
    """A pulse's part "keys", ready for look-ups."""
    entries = [convert(entry, KeyEntry) for entry in part]
    return Keyring(
        {entry.digest: entry for entry in entries},
        frozenset(origin for entry in entries for origin in entry.origins),
    )


def digest_of(key: str, secret: bytes) -> str:
    """The digest that is stored and sent about instead of ``key``; useless under another server secret."""
    digest = _keyed(secret).copy()
    digest.update(key.encode())
    return digest.hexdigest()


@lru_cache(maxsize=4)
def _keyed(secret: bytes) -> blake2b:
    """The beginning of every digest; a copy of it costs half of keying anew."""
    return blake2b(key=secret[:64], digest_size=32, person=b"merch-api-key")


def verify(presented: str, ring: Keyring, *, secret: bytes, now: int) -> Caller | None:
    """Whose key this is, or None. ``now``: UTC microseconds.

    What is looked up is a keyed digest, which nobody without the secret can steer; so the time it takes tells nothing
    about other keys.
    """
    if not presented.startswith(PREFIX) or len(presented) > LONGEST or not presented.isascii():
        return None
    digest = digest_of(presented, secret)
    entry = ring.entries.get(digest)
    if entry is None or not compare_digest(entry.digest, digest):
        return None
    if entry.expires is not None and entry.expires <= now:
        return None
    return Caller(entry.scope, entry.id, entry.name, entry.person, entry.origins)


def part() -> list[dict[str, Any]]:
    """The pulse's part "keys": every key that is not revoked, in one query. Expired ones refuse themselves."""
    rows = ApiKey.objects.filter(revoked_at__isnull=True).order_by("pk")
    return [
        {
            "digest": row.digest,
            "id": row.pk,
            "name": row.name,
            "scope": row.scope,
            "origins": row.origins,
            "person": row.person_id,
            "expires": None if row.expires_at is None else micros(row.expires_at),
        }
        for row in rows
    ]


def server_secret() -> bytes:
    """The secret that keys are digested with."""
    secret: bytes = settings.MERCH_SECRET
    return secret
