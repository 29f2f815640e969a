"""Do tokens outlive a change of keys, process by process, and end with their key?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from config import env

# One web process as far as tokens go: says one of its own, then tells of each that it is shown whether it believes it.
PROCESS = """
import sys, json
from merch.tokens import Claims, Promise, TokenRefused, sign, sign_quote, verify, verify_quote

def told(check, *given, **more):
    try:
        check(*given, **more)
    except TokenRefused as refused:
        return refused.code
    return "accepted"

claims = Claims(decision_id="0199", decided_at=1, kind="a", subject_key="acc_1", placement="home", slot=0)
promise = Promise(decision_id="0199", kind="a", subject_key="acc_1", offer="trial", offer_version=1, price_id=1,
                  amount=0, then=None, currency="SEK", period="P1M", expires_at=2)
print(json.dumps([sign(claims), sign_quote(promise)]), flush=True)
print(json.dumps([(told(verify, token), told(verify_quote, quote, holders={("a", "acc_1")}, now=1))
                  for token, quote in json.loads(sys.stdin.readline())]), flush=True)
"""
STAGES = ("1", "1,2", "2,1", "2")  # as docs/howto/rotate-token-keys.md walks


@pytest.fixture(scope="module")
def answers() -> Iterator[dict[tuple[str, str], list[str]]]:
    """(who verifies, who signed) -> what became of the token and of the quote."""
    with ExitStack() as stack:
        processes = {stage: stack.enter_context(started(stage)) for stage in STAGES}
        signed = {stage: json.loads(process.stdout.readline()) for stage, process in processes.items()}  # type: ignore[union-attr]
        found: dict[tuple[str, str], list[str]] = {}
        for stage, process in processes.items():
            told, _ = process.communicate(json.dumps(list(signed.values())) + "\n", timeout=60)
            found |= {(stage, signer): each for signer, each in zip(signed, json.loads(told), strict=True)}
        yield found


def started(token_keys: str) -> subprocess.Popen[str]:
    environment = env.for_child(
        DJANGO_SETTINGS_MODULE="config.settings.local", MERCH_SECRET="s" * 32, MERCH_TOKEN_KEYS=token_keys
    )
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS], cwd=env.PROJECT, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize(("one", "next_"), [("1", "1,2"), ("1,2", "2,1"), ("2,1", "2")])
def test_processes_of_two_neighbouring_stages_believe_each_other(
    answers: dict[tuple[str, str], list[str]], one: str, next_: str
) -> None:
    assert answers[one, next_] == answers[next_, one] == ["accepted"] * 2


def test_old_tokens_are_believed_while_their_key_stands_and_refused_after(
    answers: dict[tuple[str, str], list[str]],
) -> None:
    assert answers["2,1", "1"] == ["accepted"] * 2
    assert answers["2", "1"] == ["token_unknown_key"] * 2


def test_a_new_key_that_signs_before_it_is_everywhere_is_refused_elsewhere(
    answers: dict[tuple[str, str], list[str]],
) -> None:
    """Why the second stage exists: the new number verifies everywhere before it signs anywhere."""
    assert answers["1", "2,1"] == ["token_unknown_key"] * 2
