"""Is everybody of the sample under one reason, and does what is taken away add up to what matched?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merch.engine.compiling import compile_release
from merch.engine.document import CapDoc, Pulse, ReleaseDoc
from merch.engine.facts import HistoryCell, SuppressionFact
from merch.replay.forecasting import Forecast, NoCandidate, forecast
from merch.subjects.sampling import Person
from tests.merch.engine.corpus import questions, release_document
from tests.merch.engine.documents import NOON, campaign, document, subject

POP = {"v": 1, "rule": {"trait": "genre", "op": "eq", "value": "pop"}}
ONCE = CapDoc(scope="CAMPAIGN", event="impression", limit=1)
SEEN = {"campaign|one|impression": HistoryCell(1, NOON - 1, NOON - 1, (NOON - 1,), (0,))}
QUIET = {"suppressions": (SuppressionFact("case", ("COMMERCIAL",), 0),)}
PEOPLE = [
    Person("a", "plain", subject(genre="pop")),
    Person("a", "jazz", subject(genre="jazz")),
    Person("a", "seen", subject(genre="pop", history=SEEN)),
    Person("a", "quiet", subject(genre="pop", record=QUIET)),
    Person("a", "quiet-jazz", subject(genre="jazz", record=QUIET)),
    Person("a", "abroad", subject(genre="pop", market="XX")),
]


def asked(doc: ReleaseDoc, key: str = "one", people: list[Person] = PEOPLE, **context: Any) -> Forecast:
    return forecast(compile_release(doc), Pulse(), key, people, NOON, context=context, total=600)


def test_who_matches_and_what_becomes_of_them() -> None:
    (reach,) = asked(document(campaign(rule=POP, caps=(ONCE,)))).reaches

    assert {name: one.count for name, one in reach.summary.items()} == {
        "matched": 4, "suppressed": 1, "held_out": 0, "capped": 1, "out_of_budget": 0, "out_competed": 0, "shown": 1,
        "otherwise": 1,
    }  # fmt: skip
    assert {code: one.count for code, one in reach.reasons.items()} == {
        "LEGAL_BLOCK": 1, "SUPPRESSED": 2, "TARGETING_MISS": 1, "CAPPED": 1, "SELECTED": 1,
    }  # fmt: skip


def test_rivals_and_what_the_request_says() -> None:
    rival = campaign("rival", priority=99, rule={"v": 1, "rule": {"ctx": "platform", "op": "eq", "value": "ios"}})
    doc = document(campaign(rule=POP), rival)

    (at_home,), (on_ios,) = asked(doc).reaches, asked(doc, platform="ios").reaches

    assert (at_home.summary["out_competed"].count, on_ios.summary["out_competed"].count) == (0, 2)


def test_a_campaign_that_stands_nowhere() -> None:
    with pytest.raises(NoCandidate):
        asked(document(campaign()), "two")


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_everybody_is_counted_once(seed: int) -> None:
    doc = release_document(seed)
    people = [Person("a", each.request.key, each.subject) for each in questions(seed, 8) if each.subject]
    key = next((each.key for each in doc.campaigns if each.items), None)
    if key is None:
        return

    for reach in asked(doc, key, people).reaches:
        assert sum(one.count for one in reach.reasons.values()) == reach.asked == len(people)
        parts = [one.count for name, one in reach.summary.items() if name != "matched"]
        assert sum(parts) == reach.summary["matched"].count
        assert all(part >= 0 for part in parts)
