"""Do the generated subjects stand on both sides of every edge, and is nothing that can be fulfilled missed?"""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiences.rules import env_at, inline
from audiences.rules.boundaries import Fact, boundaries
from audiences.rules.nodes import Node, leaves
from audiences.rules.probing import MOST_SUBJECTS, Prober, _pairwise
from tests.audiences.rules.strategies import AUDIENCES, NOW, TODAY, Json, documents, rule_of

ENV = env_at(NOW, key="")
SCORE = ("trait", "score")


def node(document: Json) -> Node:
    return inline(rule_of({"v": 1, "rule": document}), AUDIENCES).node


@pytest.mark.parametrize(
    ("leaf", "fact", "values"),
    [
        pytest.param({"trait": "score", "op": "gte", "value": 3}, SCORE, {2, 3, 4}, id="number"),
        pytest.param({"trait": "score", "op": "between", "value": [1, 5]}, SCORE, {0, 1, 2, 4, 5, 6}, id="range"),
        pytest.param({"trait": "tier", "op": "eq", "value": "free"}, ("trait", "tier"), {"free", "family"}, id="text"),
        pytest.param(
            {"trait": "expiry", "op": "before_days", "value": 60}, ("trait", "expiry"),
            {TODAY - 60, TODAY - 59, TODAY, TODAY + 1}, id="days",
        ),
        pytest.param(
            {"trait": "genres", "op": "contains", "value": "pop"}, ("trait", "genres"), {(), ("pop",)}, id="set"
        ),
    ],
)  # fmt: skip
def test_a_fact_has_the_values_around_its_edges_and_may_be_unknown(leaf: Json, fact: Any, values: set[Any]) -> None:
    found = boundaries([node(leaf)], ENV)[fact]

    assert {value[0] for value in found if value is not None} == values
    assert None in found


def test_a_trait_that_goes_stale_does() -> None:
    found = boundaries([node({"trait": "market", "op": "eq", "value": "SE"})], ENV)["trait", "market"]

    assert len({age for value, age in filter(None, found)}) == 2


def test_any_two_values_of_any_two_facts_meet() -> None:
    domains: dict[Fact, tuple[int, ...]] = {
        ("ctx", name): tuple(range(size)) for name, size in zip("abcde", (5, 4, 3, 3, 2), strict=True)
    }

    rows = _pairwise(domains)

    for one, other in combinations(domains, 2):
        assert {(row[one], row[other]) for row in rows} == set(product(domains[one], domains[other]))
    assert len(rows) < 30


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_what_is_said_to_fulfil_a_rule_does(document: Json) -> None:
    rule = node(document["rule"])
    prober = Prober([rule], ENV)

    found = prober.fulfilling(rule)

    assert len(found) <= MOST_SUBJECTS
    assert all(prober.holds(rule, facts) for facts in found)
    assert found == Prober([rule], ENV).fulfilling(rule)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), st.data())
def test_whatever_edges_fulfil_a_rule_some_subject_is_found(document: Json, data: st.DataObject) -> None:
    rule = node(document["rule"])
    prober = Prober([rule], ENV)
    facts = {fact: data.draw(st.sampled_from(values)) for fact, values in prober.domains.items()}
    two_at_once = any(len(found) > 1 for found in map(_facts, leaves(rule)))

    if prober.holds(rule, facts) and not two_at_once and len(leaves(rule)) <= 4:
        assert prober.fulfilling(rule)


def _facts(leaf: Any) -> set[Any]:
    window = getattr(leaf, "window", None)
    return {1, 2} if getattr(window, "since", None) else {1}


def test_a_rule_that_contradicts_itself_has_nobody() -> None:
    both = node({"all": [{"trait": "score", "op": "lt", "value": 3}, {"trait": "score", "op": "gt", "value": 3}]})

    assert Prober([both], ENV).fulfilling(both) == []


def test_a_rule_for_everybody_still_varies_what_others_read() -> None:
    anybody, adult = node({"all": []}), node({"trait": "score", "op": "gte", "value": 18})
    prober = Prober([anybody, adult], ENV)

    found = prober.fulfilling(anybody)

    assert {facts["trait", "score"] for facts in found} == {(18, 0), (17, 0), (19, 0), None}
