"""Is what a call may bring into a decision record bounded, at the door, by name, and no more than that?"""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from merch.api.rest.limits import ASKED_BYTES
from merch.engine.compiling import compile_release
from merch.engine.document import TraitDoc
from tests.api.conftest import Ring
from tests.api.test_decisions import ASK, ask, recorder, release, store
from tests.merch.engine.documents import CONTEXTS, TRAITS, campaign, document

__all__ = ["recorder", "release", "store"]

READS = {"all": [{"ctx": "tags", "op": "ncontains", "value": "x"}, {"trait": "likes", "op": "ncontains", "value": "x"}]}


@pytest.fixture
def reading(release: Ring) -> Ring:
    """One campaign reads the context value ``tags`` and the trait ``likes``; nobody reads ``theme``."""
    doc = document(
        campaign(rule={"v": 1, "rule": READS}),
        contexts=CONTEXTS | {"tags": "set", "theme": "set"},
        traits=TRAITS | {"likes": TraitDoc(type="set")},
    )
    release.release = compile_release(doc)
    release.hold()
    return release


def words(size: int) -> list[str]:
    """As many letters, in words of ten."""
    return [f"{each:010d}" for each in range(size // 10)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({"context": {"tags": words(ASKED_BYTES)}}, "context", id="a-context-value-that-is-read"),
        pytest.param({"context": {"theme": words(4_000)}}, None, id="one-that-nobody-reads"),
        pytest.param({"context": {"tags": words(1_500)}}, None, id="one-that-fits"),
        pytest.param({"traits": {"likes": words(ASKED_BYTES)}}, "traits", id="an-override-that-is-read"),
        pytest.param({"context": {"tags": words(900)}, "traits": {"likes": words(1_000)}}, "traits", id="the-larger"),
        pytest.param({"placements": [f"{'p' * 120}{at}" for at in range(18)]}, "placements", id="placements"),
        pytest.param({"placements": [f"{'p' * 60}{at}" for at in range(20)]}, None, id="twenty-placements"),
    ],
)
def test_what_would_be_too_much_to_keep_is_refused_by_name(
    caller: Client, reading: Ring, server_key: str, body: dict[str, Any], field: str | None
) -> None:
    answer = ask(caller, server_key, ASK | body)

    if field is None:
        assert answer.status_code == 200
        return
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == (field, "too_large")
    assert str(ASKED_BYTES) in error["message"]


def test_a_call_at_the_limit_is_taken_and_one_byte_more_is_not(caller: Client, reading: Ring, server_key: str) -> None:
    answers = [
        ask(
            caller, server_key, ASK | {"context": {"tags": [letter * 200 for letter in "abcdefgh"] + ["x" * size]}}
        ).status_code
        for size in range(1, 400, 3)
    ]

    assert sorted(answers) == answers
    assert set(answers) == {200, 400}
