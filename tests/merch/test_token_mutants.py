"""Is anything accepted that we did not say, letter for letter? (100,000 near misses of tokens and quotes.)"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterator
from itertools import islice

import pytest
from msgspec.structs import replace

from audiences.hashing import bucket
from merch.tokens import MAC, Ring, TokenRefused, sign, sign_quote, verify, verify_quote
from tests.merch.test_tokens import CLAIMS, MINE, PROMISE, SECRET

MUTANTS = 100_000
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
BESIDE = ALPHABET + "+/= .\n\té"
CODES = {"token_malformed", "token_unknown_key", "token_signature"}

MINE_RING = Ring(SECRET, "test", (2, 1))
OTHER_RINGS = {
    "deployment": Ring(SECRET, "production", (2, 1)),
    "purpose": Ring(SECRET, "quote:test", (2, 1)),
    "secret": Ring(b"t" * 32, "test", (2, 1)),
    "nearly-the-secret": Ring(SECRET[:-1], "test", (2, 1)),
    "numbers": Ring(SECRET, "test", (3,)),
}
SAID = [
    *(replace(CLAIMS, slot=slot, subject_key=key) for slot in (-1, 0, 19) for key in ("acc_1", "acc_12", "é" * 40)),
    replace(CLAIMS, exposures=(), campaign="", offer=None),
]
HONEST = [sign(claims, ring=MINE_RING) for claims in SAID]
QUOTES = [sign_quote(replace(PROMISE, amount=amount), ring=MINE_RING) for amount in (0, 1, 11_900, 2**40)]


class Draws:
    """A row of pseudo-chance numbers, always the same."""

    def __init__(self, salt: str) -> None:
        self._salt, self._count = salt, 0

    def below(self, end: int) -> int:
        self._count += 1
        return bucket(self._salt, str(self._count)) % end

    def one(self, of: str | list[str]) -> str:
        return of[self.below(len(of))]


def raw_of(token: str) -> bytes:
    return binascii.a2b_base64(token.replace("-", "+").replace("_", "/") + "=" * (-len(token) % 4))


def spelled(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode().rstrip("=").replace("+", "-").replace("/", "_")


def flipped(token: str, draws: Draws) -> str:
    """One to three bits of the bytes below."""
    raw = bytearray(raw_of(token))
    for _ in range(1 + draws.below(3)):
        raw[draws.below(len(raw))] ^= 1 << draws.below(8)
    return spelled(bytes(raw))


def misspelt(token: str, draws: Draws) -> str:
    at = draws.below(len(token))
    return token[:at] + draws.one(BESIDE) + token[at + 1 :]


def cut(token: str, draws: Draws) -> str:
    """Letters or bytes, at either end or in the middle."""
    start, length = draws.below(len(token)), 1 + draws.below(8)
    raw = raw_of(token)
    return (token[:start], token[start:], token[:start] + token[start + length :], spelled(raw[:start]))[draws.below(4)]


def extended(token: str, draws: Draws) -> str:
    more = "".join(draws.one(BESIDE) for _ in range(1 + draws.below(6)))
    at = draws.below(len(token))
    raw, zeros = raw_of(token), bytes(1 + draws.below(4))
    return (
        token + more,
        more + token,
        token[:at] + more + token[at:],
        spelled(raw + zeros),
        spelled(raw[:-MAC] + zeros + raw[-MAC:]),
        token + token,
    )[draws.below(6)]


def recased(token: str, draws: Draws) -> str:
    at, length = draws.below(len(token)), 1 + draws.below(len(token))
    return token[:at] + token[at : at + length].swapcase() + token[at + length :]


def swapped(token: str, draws: Draws) -> str:
    """Parts of two honest ones under one another's seal, or two letters of one."""
    other = draws.one(HONEST + QUOTES)
    raw, strange = raw_of(token), raw_of(other)
    one, two = sorted((draws.below(len(token)), draws.below(len(token))))
    letters = list(token)
    letters[one], letters[two] = letters[two], letters[one]
    return (
        spelled(raw[:-MAC] + strange[-MAC:]),
        spelled(raw[:1] + strange[1:-MAC] + raw[-MAC:]),
        spelled(bytes([draws.below(256)]) + raw[1:]),
        token[:one] + other[one:],
        "".join(letters),
    )[draws.below(5)]


def respelt(token: str, draws: Draws) -> str:
    """The same bytes in another spelling of base64: padding, the plain alphabet, spare bits, white space."""
    at = draws.below(len(token) + 1)
    spare = token[:-1] + ALPHABET[(ALPHABET.index(token[-1]) ^ (1 + draws.below(15))) % 64]
    plain = token.replace("-", "+").replace("_", "/")
    spaced = token[:at] + draws.one(" \n\r\t=") + token[at:]
    return (spare, plain + "=" * draws.below(3), spaced, token + "=" * (1 + draws.below(3)))[draws.below(4)]


def resigned(token: str, draws: Draws) -> str:
    """The same, or other claims, under another ring's seal."""
    ring = OTHER_RINGS[draws.one(list(OTHER_RINGS))]
    body = bytearray(raw_of(token)[1:-MAC])
    if draws.below(2):
        body[draws.below(len(body))] ^= 1 << draws.below(8)
    return ring.sign(bytes(body))


WAYS: tuple[Callable[[str, Draws], str], ...] = (
    flipped, misspelt, cut, extended, recased, swapped, respelt, resigned,
)  # fmt: skip


def mutants(honest: list[str], salt: str) -> Iterator[str]:
    """Near misses without end; never an honest one."""
    draws, said = Draws(salt), set(HONEST + QUOTES)
    number = 0
    while True:
        mutant = WAYS[number % len(WAYS)](honest[number // len(WAYS) % len(honest)], draws)
        number += 1
        if mutant not in said:
            yield mutant


def verify_quotes(signature: str, *, ring: Ring) -> object:
    return verify_quote(signature, holders=MINE, now=0, ring=ring)


@pytest.mark.parametrize(
    ("honest", "check", "number"),
    [pytest.param(HONEST, verify, MUTANTS * 7 // 10, id="tokens"),
     pytest.param(QUOTES, verify_quotes, MUTANTS * 3 // 10, id="quotes")],
)  # fmt: skip
def test_of_a_hundred_thousand_mutants_none_is_accepted(
    honest: list[str], check: Callable[..., object], number: int
) -> None:
    accepted, codes, distinct = [], set(), set()
    for mutant in islice(mutants(honest, "mutants"), number):
        distinct.add(mutant)
        try:
            check(mutant, ring=MINE_RING)
        except TokenRefused as refused:
            codes.add(refused.code)
        else:
            accepted.append(mutant)

    assert accepted == []
    assert codes == CODES, "each way of being wrong has been met"
    assert len(distinct) > number // 2, "they are not the same few again and again"


def test_what_the_mutants_are_made_of_is_accepted() -> None:
    """Else none would be accepted for another reason."""
    assert [verify(token, ring=MINE_RING) for token in HONEST] == SAID
    assert all(verify_quotes(quote, ring=MINE_RING) for quote in QUOTES)
    assert [spelled(raw_of(token)) for token in HONEST] == HONEST
    for name, ring in OTHER_RINGS.items():
        assert verify(sign(CLAIMS, ring=ring), ring=ring) == CLAIMS, name
