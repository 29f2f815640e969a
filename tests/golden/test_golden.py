"""Does every case on file still come out the same, to the last byte?

Where one does not, and it is meant: ``make golden``, and look at the diff.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from msgspec.json import encode

from audiences.hashing import bucket, unit
from merch.engine.compiling import name_of
from merch.engine.reasons import Reason
from merch.tokens import TokenRefused, verify, verify_quote
from tests.golden.form import CASES, again, codes_of, text
from tests.golden.sealing import QUOTES, TOKENS, vectors
from tests.golden.situations import ALL

FILES = sorted(CASES.glob("*.json"))
LEAST = 200


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def cases() -> list[dict[str, Any]]:
    return [case for path in FILES for case in read(path)["cases"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_case_comes_out_as_it_is_written(path: Path) -> None:
    assert text(again(read(path))) == path.read_text("utf-8"), "if that is meant: make golden"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_release_is_named_by_its_bytes(path: Path) -> None:
    file = read(path)

    assert name_of(encode(file["release"], order="sorted")) == file["digest"]


def test_there_are_enough_and_they_show_every_code() -> None:
    found = cases()

    assert len(found) >= LEAST
    assert {code for case in found for code in codes_of(case)} == {reason.value for reason in Reason}


def test_what_was_written_by_hand_shows_what_it_was_written_for() -> None:
    expected = [(case, case["expects"]) for case in cases() if case["expects"]]

    assert len(expected) >= sum(1 for situation in ALL for ask in situation.asks if ask.code)
    for case, wanted in expected:
        assert wanted["code"] in codes_for(case, wanted["campaign"]), (wanted, case["decision"])


def codes_for(case: dict[str, Any], campaign: str) -> set[str]:
    """What became of a campaign; without a name, of the placements."""
    if not campaign:
        return codes_of(case)
    answers = case["decision"]["answers"]
    lost = {loss["reason"] for answer in answers for loss in answer["losses"] if loss["campaign"] == campaign}
    won = {answer["reason"] for answer in answers for slot in answer["slots"] if slot["campaign"] == campaign}
    return lost | won


def test_what_a_client_gets_is_sealed_under_the_secret_of_the_corpus() -> None:
    sealed = 0
    for case in cases():
        for placement in case["answer"]["placements"].values():
            for slot in placement["slots"]:
                claims = verify(slot["token"], ring=TOKENS)
                assert (claims.campaign, claims.subject_key) == (slot["campaign"], case["request"]["key"])
                sealed += 1
                if "quote" in slot:
                    holders = {(claims.kind, claims.subject_key)}
                    promise = verify_quote(slot["quote"]["signature"], holders=holders, now=case["now"], ring=QUOTES)
                    assert promise.currency == slot["quote"]["currency"]
    assert sealed > LEAST // 4


def test_tokens_and_hashes_are_as_they_are_written() -> None:
    assert text(vectors()) == (CASES.parent / "tokens.json").read_text("utf-8")
    for each in read(CASES.parent / "hashes.json"):
        assert (bucket(each["salt"], each["key"]), unit(each["salt"], each["key"])) == (each["bucket"], each["unit"])


def test_a_token_is_sealed_as_the_readme_tells() -> None:
    """By nothing but a hash function and the words of the page."""
    written = read(CASES.parent / "tokens.json")
    for kind, purpose in (("tokens", b"token:1:golden"), ("quotes", b"token:1:quote:golden")):
        key = blake2b(purpose, key=blake2b(b"golden").digest()).digest()
        for each in written[kind]:
            named = b"\x01" + bytes.fromhex(each["msgpack"])
            raw = named + blake2b(named, key=key, digest_size=16).digest()
            assert urlsafe_b64encode(raw).rstrip(b"=").decode() == each["sealed"]


def test_the_secret_of_the_corpus_opens_nothing_here() -> None:
    (token, *_) = vectors()["tokens"]

    with pytest.raises(TokenRefused):
        verify(token["sealed"])
