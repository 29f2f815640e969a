"""What was shown to whom, said so that nobody can alter it?

A token is base64url of: one byte naming the key, the claims as MessagePack, 16 bytes of keyed BLAKE2b over both. Keys
follow from the server's secret, the deployment and the key's number, so a token of another deployment is refused. The
first number of settings.MERCH_TOKEN_KEYS signs, all of them verify; how to rotate: docs/howto/rotate-token-keys.md.

A quote's signature is built alike from keys of its own. It is a promise to one subject until an instant of our own
clock, so nothing is tolerated about either.
"""

from __future__ import annotations

import binascii
from collections.abc import Container, Sequence
from hashlib import blake2b
from hmac import compare_digest

import msgspec
from django.conf import settings

MAC = 16  # bytes
LONGEST = 8_192  # characters; no honest token comes near

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/", b"+/!!")  # the plain alphabet's two are no second spelling

Claimed = tuple[str, int, str, bool, float]  # test, version, arm, ghost, propensity
Holder = tuple[str, str]  # kind ("a" or "d") and bare id


class Claims(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Everything that attribution needs. Fields are only ever added, at the end, with a default.

    ``kind`` and ``subject_key`` name the subject. ``slot`` -1 is the placement's own token, which fills no slot.
    ``session`` is audiences.history.session_hash of the request's session, 0 without one.
    """

    decision_id: str
    decided_at: int  # UTC microseconds
    kind: str
    subject_key: str
    placement: str
    slot: int
    campaign: str = ""
    item: str = ""
    tier: str = ""
    format: str = ""
    offer: str | None = None
    offer_version: int | None = None
    price_id: int | None = None
    exposures: tuple[Claimed, ...] = ()
    propensity: float = 1.0
    session: int = 0
    experiment: str | None = None  # of what the slot shows, with its arm
    variant: str | None = None
    pin: str | None = None  # that the first impression makes, or that chose the slot
    pinned_until: int | None = None
    plan_group: str | None = None  # of the offer; a pin keeps others of it away
    mechanic: str = ""  # of the offer
    hold: str | None = None  # of a strict cap, which its impression frees


class Promise(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A price that the subject may have until ``expires_at`` (no longer at it). Amounts in minor units.

    Fields are only ever added, at the end, with a default.
    """

    decision_id: str
    kind: str
    subject_key: str
    offer: str | None
    offer_version: int | None
    price_id: int | None
    amount: int
    then: int | None
    currency: str
    period: str
    expires_at: int  # UTC microseconds


class TokenRefused(ValueError):
    """``code``: token_malformed, token_unknown_key or token_signature, of a quote also quote_expired or
    quote_of_another; the text is a sentence for the sender.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Ring:
    """The keys in force, by number (1 to 255); the first one signs."""

    def __init__(self, secret: bytes, deployment: str, numbers: Sequence[int]) -> None:
        root = blake2b(secret).digest()  # a key may have 64 bytes, a secret any number
        self._keys = {
            number: blake2b(digest_size=MAC, key=blake2b(f"token:{number}:{deployment}".encode(), key=root).digest())
            for number in numbers
        }
        self._first = bytes([numbers[0]])

    def sign(self, body: bytes) -> str:
        named = self._first + body
        raw = named + self._mac(named)
        return binascii.b2a_base64(raw, newline=False).rstrip(b"=").translate(_TO_URL).decode()

    def open(self, token: str) -> bytes:
        """The signed body. Raises TokenRefused."""
        raw = _decoded(token)
        if raw[0] not in self._keys:
            raise TokenRefused("token_unknown_key", "The token's key is not in use any more, or never was.")
        named, mac = raw[:-MAC], raw[-MAC:]
        if not compare_digest(self._mac(named), mac):
            raise TokenRefused("token_signature", "The token was altered, or comes from another deployment.")
        return named[1:]

    def _mac(self, named: bytes) -> bytes:
        # A copy of the keyed beginning costs half of keying anew.
        mac = self._keys[named[0]].copy()
        mac.update(named)
        return mac.digest()


def _decoded(token: str) -> bytes:
    if len(token) > LONGEST:
        raise TokenRefused("token_malformed", f"A token has at most {LONGEST} characters.")
    try:
        padded = (token + "=" * (-len(token) % 4)).encode("ascii").translate(_FROM_URL)
        raw = binascii.a2b_base64(padded, strict_mode=True)
    except ValueError as wrong:
        raise TokenRefused("token_malformed", "The token is not base64url.") from wrong
    # One spelling only: the last character has bits to spare, and padding may be spelled out.
    if len(raw) <= MAC + 1 or token[-1] == "=" or binascii.b2a_base64(raw, newline=False) != padded:
        raise TokenRefused("token_malformed", "The token is cut short or misspelt; send it as it came.")
    return raw


_ring = Ring(settings.MERCH_SECRET, settings.MERCH_DEPLOYMENT, settings.MERCH_TOKEN_KEYS)
_quotes = Ring(settings.MERCH_SECRET, f"quote:{settings.MERCH_DEPLOYMENT}", settings.MERCH_TOKEN_KEYS)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Claims).decode
_decode_promise = msgspec.msgpack.Decoder(Promise).decode


def sign(claims: Claims, *, ring: Ring = _ring) -> str:
    """The token that says ``claims``."""
    return ring.sign(_encode(claims))


def verify(token: str, *, ring: Ring = _ring) -> Claims:
    """What a token says, if we said it. Raises TokenRefused."""
    body = ring.open(token)
    try:
        return _decode(body)
    except msgspec.MsgspecError as wrong:
        raise TokenRefused("token_malformed", "The token was signed by an incompatible version.") from wrong


def sign_quote(promise: Promise, *, ring: Ring = _quotes) -> str:
    """A price promise, sealed: the signature carries the promise, so that no look-up is needed to honour it."""
    return ring.sign(_encode(promise))


def verify_quote(signature: str, *, holders: Container[Holder], now: int, ring: Ring = _quotes) -> Promise:
    """What was promised to one of ``holders``, if it still holds at ``now``. Raises TokenRefused.

    ``holders``: who wants it honoured, an account and the devices linked to it.
    """
    body = ring.open(signature)
    try:
        promise = _decode_promise(body)
    except msgspec.MsgspecError as wrong:
        raise TokenRefused("token_malformed", "The quote was signed by an incompatible version.") from wrong
    if (promise.kind, promise.subject_key) not in holders:
        raise TokenRefused("quote_of_another", "The quote was made for another subject; ask for a decision of its own.")
    if now >= promise.expires_at:
        raise TokenRefused("quote_expired", "The quote has expired; ask for a new decision.")
    return promise
