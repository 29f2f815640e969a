"""Is what is proved of rules so for every subject, and are the plain cases proved?"""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from audiences.rules import EVERYWHERE, Env, Kind, describe, holds, inline, reads
from audiences.rules.logic import contradiction, exclusive, implies, possible
from tests.audiences.rules.strategies import AUDIENCES, Json, documents, envs, rule_of

# Bits of event conditions that contradict each other are made by chance in these subjects, by no run.
LIVE = EVERYWHERE - {Kind.EVENT, Kind.AUDIENCE}


def trait(name: str, op: str, *value: object) -> Json:
    return {"trait": name, "op": op, **({"value": value[0]} if value else {})}


def rule(*nodes: Json) -> Json:
    return {"v": 1, "rule": {"all": list(nodes)}}


FREE, PAYING = trait("tier", "eq", "free"), trait("tier", "in", ["premium", "family"])
LISTENS = {"event": "listen", "agg": "days", "window": 28}


@settings(max_examples=500, deadline=None)
@given(documents(LIVE), documents(LIVE), envs())
def test_what_is_proved_holds_for_everybody(one: Json, other: Json, env: Env) -> None:
    first, second = (inline(rule_of(each), AUDIENCES) for each in (one, other))
    bits = {digest: at for at, digest in enumerate({*reads(first).behaviours, *reads(second).behaviours})}
    is_first, is_second = (holds(each, env, bits) for each in (first, second))

    if is_first:
        assert possible(holding=(first,)) is not False
        assert contradiction(first) is None
        assert is_second or not implies((first,), second)
        assert not (is_second and exclusive(first, second))


@settings(max_examples=200, deadline=None)
@given(documents(LIVE))
def test_a_rule_implies_itself_and_excludes_its_negation(document: Json) -> None:
    found = inline(rule_of(document), AUDIENCES)
    negated = inline(rule_of({"v": 1, "rule": {"not": document["rule"]}}), AUDIENCES)

    if possible(holding=(found,), failing=(found,)) is not None:
        assert implies((found,), found)
        assert exclusive(found, negated)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (rule(trait("score", "gte", 100)), rule(trait("score", "gte", 50))),
        (rule(trait("score", "between", [3, 5])), rule(trait("score", "in", [3, 4, 5, 9]))),
        (rule(trait("market", "eq", "SE")), rule(trait("market", "in", ["SE", "NO"]))),
        (rule(trait("market", "eq", "SE")), rule(trait("market", "ne", "NO"))),
        (rule(FREE), rule({"not": PAYING})),
        (rule(trait("genres", "all_of", ["pop", "jazz"])), rule(trait("genres", "contains", "pop"))),
        (rule(trait("genres", "contains", "pop")), rule(trait("genres", "any_of", ["pop", "jazz"]))),
        (rule(trait("last_seen", "within_days", 3)), rule(trait("last_seen", "within_days", 7))),
        (rule(trait("last_seen", "before_months", 3)), rule({"not": trait("last_seen", "within_months", 2)})),
        (rule({**LISTENS, "op": "gte", "value": 12}), rule({**LISTENS, "op": "gt", "value": 3})),
        (rule({"bucket": "s", "op": "lt", "value": 10}), rule({"bucket": "s", "op": "lt", "value": 20})),
        (rule(FREE, trait("score", "gt", 1)), rule(FREE)),
        (rule(FREE), rule({"any": [FREE, trait("score", "gt", 1)]})),
    ],
)
def test_the_narrower_implies_the_wider_and_not_the_other_way_round(one: Json, other: Json) -> None:
    narrow, wide = (inline(rule_of(each), AUDIENCES) for each in (one, other))

    assert implies((narrow,), wide)
    assert not implies((wide,), narrow)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (rule(FREE, PAYING), ["Tier is free.", "Tier is family or premium."]),
        (rule(trait("score", "gt", 5), FREE, trait("score", "lt", 6)), ["Score is above 5.", "Score is below 6."]),
        (
            rule(trait("last_seen", "within_days", 7), trait("last_seen", "before_days", 7)),
            ["Last seen was in the last 7 days.", "Last seen was at least 7 days ago."],
        ),
        (rule(trait("market", "absent"), trait("market", "eq", "SE")), ["Market is unknown.", "Market is SE."]),
        (rule({**LISTENS, "op": "lt", "value": 0}), ["Listen happened on fewer than 0 of the last 28 days."]),
    ],
)
def test_a_contradiction_names_its_two_sides(document: Json, said: list[str]) -> None:
    found = contradiction(inline(rule_of(document), AUDIENCES))

    assert found is not None
    assert [describe(each) for each in found] == said


def test_what_branches_too_much_is_left_open() -> None:
    wide = {"all": [{"any": [trait("genres", "contains", f"{n}-{m}") for m in range(9)]} for n in range(9)]}

    assert possible(holding=(rule_of({"v": 1, "rule": wide}),)) is None
