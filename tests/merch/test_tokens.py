"""Does a token say what we said, and nothing else?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from merch.tokens import Claims, Promise, Ring, TokenRefused, sign, sign_quote, verify, verify_quote

CLAIMS = Claims(
    decision_id="0199a0b1-7c5e-7def-8abc-0123456789ab", decided_at=1_795_348_800_000_000, kind="a", subject_key="acc_1",
    placement="home-hero", slot=0, campaign="first-trial", item="hero", tier="COMMERCIAL", format="hero",
    offer="trial-30", offer_version=3, price_id=12, propensity=0.5, session=77,
    exposures=(("experiment|hero-copy", 1, "b", False, 0.5),),
)  # fmt: skip
SECRET = b"s" * 32


def code(token: str, ring: Ring | None = None) -> str:
    with pytest.raises(TokenRefused) as refused:
        verify(token, ring=ring) if ring else verify(token)
    assert str(refused.value)[-1] == ".", "it is a sentence"
    return refused.value.code


@given(st.builds(Claims, slot=st.integers(-1, 19), decided_at=st.integers(0, 2**62), session=st.integers(0, 65_535)))
def test_what_is_signed_is_what_is_read(claims: Claims) -> None:
    assert verify(sign(claims)) == claims


def test_a_token_is_short_and_fit_for_a_url() -> None:
    token = sign(CLAIMS)

    assert len(token) < 300
    assert token.replace("-", "").replace("_", "").isalnum()
    assert token == sign(CLAIMS), "a retry gets the same one"


def test_every_flipped_bit_is_refused() -> None:
    ring = Ring(SECRET, "test", (1,))
    body = bytearray(b"claims of somebody")
    raw = ring.sign(bytes(body))

    for at in range(len(raw)):
        for bit in range(7):
            mutant = raw[:at] + chr(ord(raw[at]) ^ (1 << bit)) + raw[at + 1 :]
            with pytest.raises(TokenRefused):
                ring.open(mutant)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("", "token_malformed"),
        ("AA", "token_malformed"),
        ("not a token", "token_malformed"),
        ("A" * 10_000, "token_malformed"),
        ("AAAA\u0000", "token_malformed"),
        ("ÅÄÖ" * 20, "token_malformed"),
        ("/" * 64, "token_malformed"),
        ("_" * 64, "token_unknown_key"),
        (sign(CLAIMS) + "=", "token_malformed"),
        (sign(CLAIMS) + "==", "token_malformed"),
        (sign(CLAIMS) + "\n", "token_malformed"),
    ],
)
def test_what_is_no_token_is_refused_by_name(token: str, expected: str) -> None:
    assert code(token) == expected


def test_another_deployment_and_another_secret_are_refused() -> None:
    mine = Ring(SECRET, "test", (1,))
    for other in (Ring(SECRET, "production", (1,)), Ring(b"t" * 32, "test", (1,))):
        assert code(sign(CLAIMS, ring=other), mine) == "token_signature"


def test_keys_rotate_with_an_overlap() -> None:
    old, both, new = (Ring(SECRET, "test", numbers) for numbers in ((1,), (2, 1), (2,)))

    assert verify(sign(CLAIMS, ring=old), ring=both) == CLAIMS
    assert verify(sign(CLAIMS, ring=both), ring=new) == CLAIMS
    assert code(sign(CLAIMS, ring=old), new) == "token_unknown_key"
    assert code(sign(CLAIMS, ring=both), old) == "token_unknown_key"


def test_a_secret_may_be_longer_than_a_hash_key() -> None:
    ring = Ring(b"x" * 500, "test", (1,))

    assert verify(sign(CLAIMS, ring=ring), ring=ring) == CLAIMS


PROMISE = Promise(
    decision_id="0199a0b1", kind="a", subject_key="acc_1", offer="trial-30", offer_version=3, price_id=12, amount=0,
    then=11_900, currency="SEK", period="P1M", expires_at=1_795_349_700_000_000,
)  # fmt: skip
MINE = frozenset({("a", "acc_1"), ("d", "dev_9")})


def refused(signature: str, holders: frozenset[tuple[str, str]] = MINE, now: int = PROMISE.expires_at - 1) -> str:
    with pytest.raises(TokenRefused) as told:
        verify_quote(signature, holders=holders, now=now)
    assert str(told.value)[-1] == ".", "it is a sentence"
    return told.value.code


def test_a_quote_is_a_promise_of_its_own() -> None:
    assert verify_quote(sign_quote(PROMISE), holders=MINE, now=0) == PROMISE
    assert refused(sign(CLAIMS)) == "token_signature"
    assert code(sign_quote(PROMISE)) == "token_signature", "a quote is no token either"


@pytest.mark.parametrize(
    ("late", "expected"), [(-1, None), (0, "quote_expired"), (1, "quote_expired"), (60_000_000, "quote_expired")]
)
def test_a_quote_holds_to_the_microsecond(late: int, expected: str | None) -> None:
    """The clock is our own, so no skew is tolerated."""
    signature, now = sign_quote(PROMISE), PROMISE.expires_at + late

    assert (refused(signature, now=now) if expected else None) == expected
    assert expected or verify_quote(signature, holders=MINE, now=now) == PROMISE


@pytest.mark.parametrize("holder", [("a", "acc_2"), ("d", "acc_1"), ("a", "ACC_1"), ("a", "acc_1 "), ("a", "")])
def test_nobody_else_can_have_a_quote(holder: tuple[str, str]) -> None:
    assert refused(sign_quote(PROMISE), frozenset({holder})) == "quote_of_another"
    assert refused(sign_quote(PROMISE), frozenset()) == "quote_of_another"


def test_a_quote_made_before_login_is_kept_to_the_account_that_the_device_is_linked_to() -> None:
    before_login = replace(PROMISE, kind="d", subject_key="dev_9")

    assert verify_quote(sign_quote(before_login), holders=MINE, now=0) == before_login


def test_a_quote_signed_for_another_purpose_is_no_promise() -> None:
    ring = Ring(SECRET, "test", (1,))

    with pytest.raises(TokenRefused, match="incompatible"):
        verify_quote(ring.sign(b"\x93\x01\x02\x03"), holders=MINE, now=0, ring=ring)


def test_quotes_rotate_with_the_tokens() -> None:
    old, both, new = (Ring(SECRET, "test", numbers) for numbers in ((1,), (2, 1), (2,)))

    assert verify_quote(sign_quote(PROMISE, ring=old), holders=MINE, now=0, ring=both) == PROMISE
    with pytest.raises(TokenRefused, match="not in use any more"):
        verify_quote(sign_quote(PROMISE, ring=old), holders=MINE, now=0, ring=new)
