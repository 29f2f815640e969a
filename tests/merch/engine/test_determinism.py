"""Does the same question get the same answer, byte for byte, in any process and after any journey of its inputs?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from merch.engine.compiling import compile_release, digest_of
from merch.engine.decide import decide
from merch.engine.document import canonical, parse_release
from merch.engine.facts import Decision
from merch.inputs import Entry, inputs_of, pack_inputs, unpack_inputs
from tests.merch.engine.corpus import Question, answers, digest, questions, release_document

RELEASES, PEOPLE = 60, 15
SEEDS = st.integers(0, 10_000)

encode = msgspec.msgpack.Encoder().encode


def in_another_process(hash_seed: str) -> str:
    command = [sys.executable, "-m", "tests.merch.engine.corpus", str(RELEASES), str(PEOPLE)]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


def test_every_process_answers_alike_whatever_its_hash_seed() -> None:
    there = {in_another_process(seed) for seed in ("0", "1", "4242")}

    assert there == {digest(range(RELEASES), PEOPLE)}


def test_the_corpus_meets_every_row() -> None:
    """A corpus in which nobody is ever capped would prove nothing about caps."""
    met: Counter[str] = Counter()
    for seed in range(RELEASES):
        for decision in answers(release_document(seed), questions(seed, PEOPLE), explain=True):
            for answer in decision.answers:
                met[answer.reason] += 1
                met.update(loss.reason for loss in answer.losses)
            assert decision.errors == ()

    never = {
        "KILLED", "LEGAL_BLOCK", "CONSENT_MISSING", "DEGRADED_NO_SUBJECT", "SUPPRESSED", "OUT_OF_SCHEDULE",
        "NOT_IN_MARKET", "FORMAT_MISMATCH", "CLIENT_TOO_OLD", "LOCALE_MISSING", "CONTENT_MISSING", "TRAIT_STALE",
        "TRAIT_MISSING", "TARGETING_MISS", "ALREADY_REDEEMED", "GUARD_BLOCK", "CAPPED", "COOLDOWN",
        "PRESSURE", "DEGRADED_NO_COUNTERS", "DUPLICATE_OFFER",
        "HOLDOUT_GLOBAL", "HOLDOUT_DOMAIN", "VARIANT_EMPTY", "OUTRANKED", "SELECTED", "FALLBACK", "EMPTY",
        "UNKNOWN_PLACEMENT",
    } - met.keys()  # fmt: skip
    assert not never


@given(SEEDS)
def test_recorded_inputs_and_a_stored_release_give_the_same_bytes(seed: int) -> None:
    document = parse_release(canonical(release_document(seed)))  # as every process gets it
    asked = questions(seed, 3)
    release = compile_release(document)
    made = [decide(release, q.pulse, q.request, q.subject, q.now) for q in asked]
    entries = [Entry(release, q.pulse, q.request, q.subject, told) for q, told in zip(asked, made, strict=True)]
    kept = [unpack_inputs(pack_inputs(inputs_of(entry))) for entry in entries]
    back = [
        Question(each.request, each.subject, msgspec.structs.replace(q.pulse, kills=frozenset(each.kills)), each.now)
        for each, q in zip(kept, asked, strict=True)
    ]

    there = answers(document, asked)
    again = answers(parse_release(canonical(document)), back)

    assert [encode(each) for each in again] == [encode(each) for each in there]
    # The recorded answer, read back, is compared in the same way.
    assert [encode(msgspec.msgpack.decode(encode(each), type=Decision)) for each in there] == [*map(encode, there)]


def reversed_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: reversed_order(value[name]) for name in reversed(value)}
    return [reversed_order(each) for each in value] if isinstance(value, list) else value


@given(SEEDS)
def test_the_order_of_names_changes_neither_digest_nor_answer(seed: int) -> None:
    document = release_document(seed)
    turned = parse_release(msgspec.json.encode(reversed_order(msgspec.json.decode(canonical(document)))))
    asked = questions(seed, 2)

    assert digest_of(turned) == digest_of(document)
    assert sorted_fields(answers(turned, asked)) == sorted_fields(answers(document, asked))


def sorted_fields(decisions: list[Decision]) -> list[bytes]:
    return [msgspec.json.encode(each, order="sorted") for each in decisions]


@given(SEEDS)
def test_explaining_changes_nobodys_answer(seed: int) -> None:
    document, asked = release_document(seed), questions(seed, 5)

    for served, explained in zip(answers(document, asked), answers(document, asked, explain=True), strict=True):
        assert [(each.reason, each.slots, each.valid_until) for each in served.answers] == [
            (each.reason, each.slots, each.valid_until) for each in explained.answers
        ]
        assert served.exposures == explained.exposures
        for answer, whole in zip(served.answers, explained.answers, strict=True):
            assert {*answer.losses} <= {*whole.losses}


@given(SEEDS)
def test_everybody_has_one_reason_and_nobody_is_exposed_twice(seed: int) -> None:
    document, asked = release_document(seed), questions(seed, 5)

    for question, decision in zip(asked, answers(document, asked, explain=True), strict=True):
        tests = [each.test for each in decision.exposures]
        assert len(tests) == len({*tests})
        shown = [slot.offer for answer in decision.answers for slot in answer.slots if slot.offer]
        assert len(shown) == len({*shown})
        for answer in decision.answers:
            closed = question.subject is None and document.placements.get(answer.placement)
            names = [(slot.campaign, slot.item) for slot in answer.slots]
            names += [(loss.campaign, loss.item) for loss in answer.losses]
            here = [(c.key, i.key) for c in document.campaigns for i in c.items if i.placement == answer.placement]
            if answer.reason != "UNKNOWN_PLACEMENT" and not (closed and closed.when_degraded == "EMPTY"):
                assert sorted(names) == sorted(here)
            assert question.now <= answer.valid_until <= question.now + 300_000_000
