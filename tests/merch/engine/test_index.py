"""Does the index find exactly those whom asking each candidate would have found?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from audiences.rules import Env, Predicate, Rule, compile_rule, inline, reads
from audiences.tiers import Tier
from merch.engine.facts import HistoryCell, SubjectRecord
from merch.engine.index import Index, Piece, each
from merch.engine.index.building import MOST_VALUES
from merch.engine.law import Law, Traits, objection
from tests.audiences.rules.strategies import AUDIENCES, NOW, VOCABULARY, Json, documents, envs, rule_of
from tests.merch.engine.corpus import answers, questions, release_document
from tests.merch.engine.documents import NOON, TRAITS

LEGAL = Traits("COMMERCIAL", profiled=False, urgent=False, trial=False)
FREE = Law()
ODD = st.sampled_from([None, 1.5, "9", "", True, 7, [], ["pop", 3], [["pop"]], {"a": 1}, 10**30])
MARKETS = ("SE", "NO", None, "")

laws = st.builds(Law, st.booleans(), st.integers(0, 2), st.integers(0, 2), st.booleans(), st.booleans(), st.booleans())
traits = st.builds(Traits, st.sampled_from(Tier).map(str), st.booleans(), st.booleans(), st.booleans())


class Asking(NamedTuple):
    """A call, as far as the index looks at it."""

    env: Env
    record: SubjectRecord
    law: Law = FREE
    billing: str | None = None
    readable: bool = True


class Ready(NamedTuple):
    rule: Rule
    holds: Predicate


def asking(env: Env, **changes: Any) -> Asking:
    cells: Any = env.history
    history = {
        "|".join(key): HistoryCell(each.count, each.first, each.last, each.instants) for key, each in cells.items()
    }
    return Asking(env, SubjectRecord(history=history), **changes)


def pieces_of(found: Sequence[Json | None]) -> tuple[list[Piece], dict[str, int]]:
    """One candidate for each rule; equal documents share theirs, as in a release."""
    rules = {str(each): inline(rule_of(each), AUDIENCES) for each in found if each}
    digests = sorted({digest for rule in rules.values() for digest in reads(rule).behaviours})
    bits = {digest: position * 3 for position, digest in enumerate(digests)}
    ready = {name: Ready(rule, compile_rule(rule, bits)) for name, rule in rules.items()}
    return [Piece(ready[str(each)] if each else None, LEGAL) for each in found], bits


def asked_each(pieces: Sequence[Piece], call: Asking) -> list[int]:
    """The plain way."""
    return [at for at, piece in enumerate(pieces) if _matches(piece, call)]


def _matches(piece: Piece, call: Asking) -> bool:
    if objection(call.law, piece.legal) or (piece.markets and call.billing not in piece.markets):
        return False
    if not call.readable and piece.needs_record:
        return False
    try:
        return piece.rule is None or piece.rule.holds(call.env)
    except Exception:
        return True


def in_tiers(pieces: Sequence[Piece]) -> dict[Tier, Sequence[Piece]]:
    """Cut where it is not even."""
    cut = len(pieces) // 3
    return {Tier.LEGAL: (), Tier.SERVICE: pieces[:cut], Tier.COMMERCIAL: pieces[cut:], Tier.HOUSE: ()}


def found_by(pieces: Sequence[Piece], bits: dict[str, int], call: Asking) -> list[int]:
    return [*each(Index(in_tiers(pieces), bits).survivors(call))]


@st.composite
def broken(draw: st.DrawFn) -> Env:
    """Some values are of types that nobody declared."""
    env = draw(envs())
    moments = st.sampled_from([NOW, NOW - 10**15])
    facts = draw(st.dictionaries(st.sampled_from(sorted(VOCABULARY.traits)), st.tuples(ODD, moments), max_size=3))
    context = draw(st.dictionaries(st.sampled_from(sorted(VOCABULARY.contexts)), ODD.filter(_is_there), max_size=2))
    return Env(
        {**env.traits, **facts},
        {**env.ctx, **context},
        env.history,
        env.bits,
        env.key,
        env.now,
        env.today,
        env.day_start,
    )


def _is_there(value: object) -> bool:
    return value is not None


releases = st.tuples(
    st.lists(st.one_of(st.none(), documents()), min_size=1, max_size=40), st.sampled_from([1, 1, 2, 7, 50])
).map(lambda drawn: drawn[0] * drawn[1])  # up to 2,000 candidates: some conditions are shared by many


@settings(max_examples=150, deadline=None)
@given(releases, st.lists(st.one_of(envs(), broken()), min_size=1, max_size=4))
def test_the_index_finds_whom_asking_each_would_find(found: list[Json | None], people: list[Env]) -> None:
    pieces, bits = pieces_of(found)
    index = Index(in_tiers(pieces), bits)

    for env in people:
        call = asking(env)
        assert [*each(index.survivors(call))] == asked_each(pieces, call)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_law_market_and_an_unreadable_record_are_asked_before_the_rule(data: st.DataObject) -> None:
    found = data.draw(st.lists(documents(), min_size=1, max_size=12))
    plain, bits = pieces_of(found)
    pieces = [
        piece._replace(
            legal=data.draw(traits),
            markets=data.draw(st.sampled_from([(), ("SE",), ("NO", "SE")])),
            needs_record=data.draw(st.booleans()),
        )
        for piece in plain
    ]
    call = asking(
        data.draw(broken()),
        law=data.draw(laws),
        billing=data.draw(st.sampled_from(MARKETS)),
        readable=data.draw(st.booleans()),
    )

    assert found_by(pieces, bits, call) == asked_each(pieces, call)


def conditions(*below: Json) -> Json:
    return {"v": 1, "rule": {"all": [*below]}}


def person(**traits: Any) -> Asking:
    return asking(Env({name: (value, NOW) for name, value in traits.items()}, {}, {}, 0, "acc_1", NOW, 0, 0))


def test_more_thresholds_than_stretches_are_told_apart_all_the_same() -> None:
    pieces, bits = pieces_of([conditions({"trait": "score", "op": "gte", "value": bound}) for bound in range(1_500)])
    index = Index(in_tiers(pieces), bits)

    for score in (-1, 0, 1, 2, 3, 749, 750, 751, 1_498, 1_499, 1_500, 10**12):
        assert [*each(index.survivors(person(score=score)))] == [*range(min(max(score + 1, 0), 1_500))]


def test_more_texts_than_a_table_holds_are_asked_one_by_one() -> None:
    count = MOST_VALUES + 50
    pieces, bits = pieces_of([conditions({"trait": "market", "op": "eq", "value": f"m{at}"}) for at in range(count)])
    index = Index(in_tiers(pieces), bits)

    assert index.residual == 50
    for at in (0, MOST_VALUES - 1, MOST_VALUES, count - 1):
        assert [*each(index.survivors(person(market=f"m{at}")))] == [at]
    assert index.survivors(person(market="elsewhere")) == 0


def test_what_tables_answer_is_not_residual() -> None:
    answered = conditions(
        {"trait": "tier", "op": "in", "value": ["free", "family"]},
        {"not": {"trait": "score", "op": "between", "value": [1, 5]}},
        {
            "any": [
                {"trait": "genres", "op": "any_of", "value": ["pop"]},
                {"trait": "opt_in", "op": "ne", "value": True},
            ]
        },
        {"event": "listen", "agg": "days", "window": 28, "op": "gte", "value": 12},
        {
            "history": "campaign",
            "key": "spring",
            "agg": "count",
            "of": "impression",
            "window": 7,
            "op": "lt",
            "value": 2,
        },
    )
    asked = conditions({"trait": "market", "op": "prefix", "value": "S"})
    pieces, bits = pieces_of([answered, None, asked])

    assert Index(in_tiers(pieces), bits).residual == 1


def test_a_rule_that_raises_keeps_its_candidate() -> None:
    """Though the other condition alone would have refused it: the failure gets its name in the rule's row."""
    rule = conditions({"trait": "score", "op": "gte", "value": 3}, {"trait": "tier", "op": "eq", "value": "free"})
    pieces, bits = pieces_of([rule, conditions({"trait": "tier", "op": "eq", "value": "free"})])

    assert found_by(pieces, bits, person(score="three", tier="premium")) == [0]


def test_nobody_is_found_where_nobody_is() -> None:
    assert Index(dict.fromkeys(Tier, ()), {}).survivors(person()) == 0
    assert Index({}, {}).residual == 0


def test_a_shared_rule_is_read_once_and_each_candidate_has_its_row() -> None:
    either = {"v": 1, "rule": {"any": [{"trait": "tier", "op": "eq", "value": value} for value in ("free", "family")]}}
    rule: Rule = inline(rule_of(either), AUDIENCES)
    pieces = [Piece(Ready(rule, compile_rule(rule, {})), LEGAL)] * 3

    assert found_by(pieces, {}, person(tier="family")) == [0, 1, 2]
    assert found_by(pieces, {}, person(tier="premium")) == []


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([60, 200, 800]), st.data())
def test_a_decision_is_the_same_with_and_without_the_index(seed: int, size: int, data: st.DataObject) -> None:
    """Explain evaluates every candidate plainly; some of the people have values that nobody declared."""
    document = release_document(seed, size)
    asked = questions(seed, 12)
    for question in asked[6:]:
        if question.subject is not None:
            record = question.subject.record
            record.traits.update(
                data.draw(st.dictionaries(st.sampled_from(sorted(TRAITS)), st.tuples(ODD, st.just(NOON))))
            )

    for served, explained in zip(answers(document, asked), answers(document, asked, explain=True), strict=True):
        assert [(each.reason, each.slots, each.valid_until) for each in served.answers] == [
            (each.reason, each.slots, each.valid_until) for each in explained.answers
        ]
        assert served.exposures == explained.exposures
