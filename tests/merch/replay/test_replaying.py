"""Are recorded requests asked again under both releases, counted rightly, and left alone where nothing can be said?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from merch.engine.compiled import Release
from merch.engine.compiling import compile_release
from merch.engine.decide import decide
from merch.engine.document import Pulse, ReleaseDoc
from merch.engine.facts import Answer
from merch.inputs import Entry, inputs_of
from merch.models import DecisionRecord
from merch.reexecution import Recorded, ReleaseGone
from merch.replay.fates import fates
from merch.replay.replaying import NOT_THERE, Replay, replay
from tests.merch.engine.corpus import questions, release_document
from tests.merch.engine.documents import NOON, campaign, document, request, subject

GENRE = {"v": 1, "rule": {"trait": "genre", "op": "eq", "value": "pop"}}
FIRST, SECOND = campaign("first", priority=60, rule=GENRE), campaign("second")
PEOPLE = [subject(genre=genre) for genre in ("pop", "pop", "jazz", None)]


def kept(doc: ReleaseDoc) -> Iterator[Recorded]:
    release = compile_release(doc)
    for number, who in enumerate(PEOPLE):
        asked = request(key=f"acc_{number}")
        decision = decide(release, Pulse(), asked, who, NOON)
        yield Recorded(DecisionRecord(), inputs_of(Entry(release, Pulse(), asked, who, decision)), decision)


def under(before: ReleaseDoc, after: ReleaseDoc, made_by: ReleaseDoc | None = None) -> Replay:
    known = {release.digest: release for release in map(compile_release, (before, after, made_by or before))}
    return replay(
        kept(made_by or before), compile_release(before), compile_release(after), lambda recorded: Pulse(),
        lambda digest: known[digest],
    )  # fmt: skip


def test_who_comes_and_who_goes_is_counted_with_the_reason() -> None:
    before, after = document(FIRST, SECOND), document(replace(FIRST, priority=40), SECOND)
    found = under(before, after)

    assert (found.decisions, found.not_comparable, found.changed.count) == (4, 0, 2)
    assert found.placements["home"].count == 2
    first, second = found.turns
    assert first == ("home", "first", 2, 0, 0, 2, {"OUTRANKED": 2}, {})
    assert second == ("home", "second", 2, 4, 2, 0, {}, {"OUTRANKED": 2})


def test_a_campaign_of_one_release_alone() -> None:
    found = under(document(FIRST, SECOND), document(SECOND))

    assert {turn.campaign: turn.lost_because for turn in found.turns if turn.lost} == {"first": {NOT_THERE: 2}}


def test_the_same_release_twice_changes_nothing() -> None:
    assert under(document(FIRST, SECOND), document(FIRST, SECOND)).changed.count == 0


def test_what_was_not_recorded_cannot_be_asked() -> None:
    plain = document(SECOND)

    assert under(plain, document(FIRST, SECOND)).not_comparable == len(PEOPLE)
    assert under(plain, document(FIRST, SECOND), made_by=document(FIRST, SECOND)).not_comparable == 0


def test_a_release_that_is_gone_leaves_its_decisions_out() -> None:
    def gone(digest: str) -> Release:
        raise ReleaseGone(digest)

    release = compile_release(document(SECOND))
    found = replay(kept(document(SECOND)), release, release, lambda recorded: Pulse(), gone)

    assert (found.decisions, found.not_comparable) == (0, len(PEOPLE))


def test_how_each_campaign_fared(monkeypatch: pytest.MonkeyPatch) -> None:
    release = compile_release(document(FIRST, SECOND))
    monkeypatch.setattr("merch.reexecution.release_named", lambda digest: release)

    found = fates(kept(document(FIRST, SECOND)), release)

    assert found.decisions == 4
    assert found.won == {("home", "first"): 2, ("home", "second"): 2}
    assert found.outranked == {("home", "second"): 2}


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_it_counts_what_deciding_with_everything_known_would(seed: int) -> None:
    """Of what is comparable the trimmed inputs say the same as the whole ones."""
    docs = release_document(seed), release_document(seed)
    other = replace(docs[1], campaigns=tuple(replace(each, priority=9 - each.priority) for each in docs[1].campaigns))
    before, after = compile_release(docs[0]), compile_release(other)
    asked = questions(seed, 6)
    records, changed = [], 0
    for each in asked:
        was, becomes = (decide(one, each.pulse, each.request, each.subject, each.now) for one in (before, after))
        entry = Entry(before, each.pulse, each.request, each.subject, was)
        records.append(Recorded(DecisionRecord(), inputs_of(entry), was))
        changed += [shown(one) for one in was.answers] != [shown(one) for one in becomes.answers]
    pulses = {id(record): each.pulse for record, each in zip(records, asked, strict=True)}

    found = replay(records, before, after, lambda record: pulses[id(record)], lambda digest: before)

    assert (found.decisions, found.changed.count) == (len(asked), changed)


def shown(answer: Answer) -> list[tuple[object, ...]]:
    """What somebody sees there."""
    return [
        (each.campaign, each.item, each.creative, each.offer, each.variant, each.quote and each.quote.amount,
         each.quote and each.quote.then)
        for each in answer.slots
    ]  # fmt: skip
