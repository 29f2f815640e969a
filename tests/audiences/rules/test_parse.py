"""Is every fault of a rule named at once, with its place and a way out, whatever the document?"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiences.rules import EVERYWHERE, IN_AUDIENCES, Problem, Rule, Vocabulary, parse, resolve
from tests.audiences.rules.strategies import VOCABULARY, Json, documents


def problems_of(document: object, vocabulary: Vocabulary = VOCABULARY, **options: Any) -> list[tuple[str, str]]:
    found = parse(document, vocabulary, **options)
    return [] if isinstance(found, Rule) else [(problem.id, problem.where) for problem in found]


def one(node: object) -> Json:
    return {"v": 1, "rule": node}


TRAIT = {"trait": "score", "op": "eq", "value": 1}
EVENT = {"event": "listen", "agg": "count", "window": 7, "op": "gte", "value": 1}
LAST = {"event": "listen", "agg": "last", "window": 7, "op": "within_days", "value": 7}
HISTORY = {"history": "all", "agg": "count", "of": "impression", "window": 7, "op": "gte", "value": 1}
BUCKET = {"bucket": "salt", "op": "lt", "value": 100}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({}, ("rule.node", "")),
        ([], ("rule.node", "")),
        ({"all": [], "any": []}, ("rule.node", "")),
        ({"all": {}}, ("rule.group", ".all")),
        ({"all": [], "x": 1}, ("rule.unknown_key", ".x")),
        ({"not": 3}, ("rule.node", ".not")),
        ({"trait": "scoer", "op": "eq", "value": 1}, ("rule.unknown_trait", ".trait")),
        ({"trait": ["score"], "op": "eq", "value": 1}, ("rule.unknown_trait", ".trait")),
        (TRAIT | {"op": "prefix"}, ("rule.operator", ".op")),
        (TRAIT | {"op": ["eq"]}, ("rule.operator", ".op")),
        (TRAIT | {"value": "1"}, ("rule.value", ".value")),
        (TRAIT | {"value": True}, ("rule.value", ".value")),
        (TRAIT | {"value": 1.0}, ("rule.value", ".value")),
        (TRAIT | {"value": 2**63}, ("rule.value", ".value")),
        (TRAIT | {"op": "present"}, ("rule.value", ".value")),
        ({"trait": "score", "op": "eq"}, ("rule.missing_key", "")),
        ({"trait": "score"}, ("rule.missing_key", "")),
        (TRAIT | {"op": "in", "value": []}, ("rule.value", ".value")),
        (TRAIT | {"op": "in", "value": [1, "2"]}, ("rule.value", ".value[1]")),
        (TRAIT | {"op": "in", "value": list(range(1001))}, ("rule.too_many_values", ".value")),
        (TRAIT | {"op": "between", "value": [2, 1]}, ("rule.value", ".value")),
        (TRAIT | {"op": "between", "value": [1]}, ("rule.value", ".value")),
        ({"trait": "tier", "op": "eq", "value": "gold"}, ("rule.value", ".value")),
        ({"trait": "market", "op": "eq", "value": "\0"}, ("rule.value", ".value")),
        ({"trait": "market", "op": "eq", "value": "x" * 1025}, ("rule.value", ".value")),
        ({"trait": "market", "op": "prefix", "value": ""}, ("rule.value", ".value")),
        ({"trait": "expiry", "op": "eq", "value": "20261122"}, ("rule.value", ".value")),
        ({"trait": "expiry", "op": "within_days", "value": 0}, ("rule.value", ".value")),
        ({"trait": "expiry", "op": "within_months", "value": 1201}, ("rule.value", ".value")),
        ({"trait": "last_seen", "op": "lt", "value": "2026-11-22T12:00:00"}, ("rule.value", ".value")),
        ({"ctx": "score", "op": "eq", "value": 1}, ("rule.unknown_context_value", ".ctx")),
        ({"audience": "nobody", "op": "in"}, ("rule.unknown_audience", ".audience")),
        ({"audience": "payers", "op": "eq"}, ("rule.operator", ".op")),
        ({"audience": "payers", "op": "in", "value": 1}, ("rule.unknown_key", ".value")),
        (BUCKET | {"bucket": ""}, ("rule.salt", ".bucket")),
        (BUCKET | {"value": 10_001}, ("rule.value", ".value")),
        (BUCKET | {"value": 0}, ("rule.value", ".value")),
        (BUCKET | {"op": "between", "value": [0, 10_000]}, ("rule.value", ".value")),
        (EVENT | {"event": "liste"}, ("rule.unknown_event", ".event")),
        (EVENT | {"window": 401}, ("rule.window", ".window")),
        (EVENT | {"window": True}, ("rule.window", ".window")),
        (EVENT | {"agg": "avg"}, ("rule.choice", ".agg")),
        (EVENT | {"value": -1}, ("rule.value", ".value")),
        (EVENT | {"field": "minutes"}, ("rule.field", ".field")),
        (EVENT | {"agg": "sum"}, ("rule.missing_key", "")),
        (EVENT | {"agg": "sum", "field": "content"}, ("rule.unknown_number_field", ".field")),
        (EVENT | {"where": {"minute": 1}}, ("rule.unknown_field", ".where.minute")),
        (EVENT | {"where": {"minutes": "1"}}, ("rule.value", ".where.minutes")),
        (EVENT | {"where": []}, ("rule.where", ".where")),
        (LAST | {"value": 8}, ("rule.value", ".value")),
        (LAST | {"op": "gte", "value": 1}, ("rule.operator", ".op")),
        (HISTORY | {"history": "galaxy"}, ("rule.choice", ".history")),
        (HISTORY | {"of": "applause"}, ("rule.choice", ".of")),
        (HISTORY | {"key": "x"}, ("rule.unknown_key", ".key")),
        (HISTORY | {"history": "campaign"}, ("rule.missing_key", ".key")),
        (HISTORY | {"history": "event", "key": "listen"}, ("rule.unknown_event_in_history", ".key")),
        (HISTORY | {"window": "forever"}, ("rule.window", ".window")),
        (HISTORY | {"window": {"hours": 0}}, ("rule.window", ".window")),
        (HISTORY | {"window": {"months": 0}}, ("rule.window", ".window")),
        (HISTORY | {"window": {"months": 121}}, ("rule.window", ".window")),
        (HISTORY | {"window": {"months": True}}, ("rule.window", ".window")),
        (HISTORY | {"window": {"months": 1, "hours": 1}}, ("rule.window", ".window")),
        (HISTORY | {"window": {"since": "trial"}}, ("rule.window", ".window.since")),
        (HISTORY | {"window": {"since": {"of": "trial"}}}, ("rule.window", ".window.since")),
        (HISTORY | {"window": {"since": {"history": "all"}}}, ("rule.missing_key", ".window.since")),
        (
            HISTORY | {"window": {"since": {"history": "galaxy", "of": "click"}}},
            ("rule.choice", ".window.since.history"),
        ),
        (
            HISTORY | {"window": {"since": {"history": "offer", "of": "click"}}},
            ("rule.missing_key", ".window.since.key"),
        ),
        (HISTORY | {"of": "trial"}, ("rule.choice", ".of")),
        (HISTORY | {"agg": "last", "op": "present"}, ("rule.window", ".window")),
        (HISTORY | {"value": 21}, ("rule.history_bound", ".value")),
        (HISTORY | {"op": "gt", "value": 20}, ("rule.history_bound", ".value")),
    ],
)
def test_a_fault_is_named_where_it_stands(node: object, expected: tuple[str, str]) -> None:
    assert (expected[0], f"$.rule{expected[1]}") in problems_of(one(node))


@pytest.mark.parametrize("node", [TRAIT, EVENT, LAST, HISTORY, BUCKET, HISTORY | {"value": 20}, {"all": []}])
def test_the_rows_above_have_one_fault_only(node: Json) -> None:
    assert problems_of(one(node)) == []


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (None, "rule.document"),
        ([], "rule.document"),
        ({}, "rule.missing_key"),
        ({"v": 2, "rule": TRAIT}, "rule.version"),
        ({"v": True, "rule": TRAIT}, "rule.version"),
        ({"v": 1, "rule": TRAIT, "name": "x"}, "rule.unknown_key"),
        ("{", "rule.not_json"),
        (b"\xff\xfe", "rule.not_json"),
        ({"v": 1, "rule": object()}, "rule.not_json"),
        ('{"v":1,"rule":{"trait":"market","op":"eq","value":"\\ud800"}}', "rule.not_json"),
        ({"v": 1, "rule": {"trait": "market", "op": "eq", "value": "\ud800"}}, "rule.not_json"),
        (b'{"v":1,"rule":' + b'{"not":' * 5_000 + b"1" + b"}" * 5_001, "rule.too_deep"),
        (b" " * 65_537, "rule.too_large"),
    ],
)
def test_a_document_that_is_no_rule_is_refused(document: object, expected: str) -> None:
    assert expected in [problem for problem, _ in problems_of(document)]


def test_limits_hold_at_their_edges() -> None:
    deep: Json = TRAIT
    for _ in range(5):
        deep = {"not": deep}

    assert problems_of(one(deep)) == []
    assert problems_of(one({"not": deep})) == [("rule.too_deep", "$.rule" + ".not" * 6)]
    assert problems_of(one({"any": [TRAIT] * 100})) == []
    assert problems_of(one({"any": [TRAIT] * 101})) == [("rule.too_many_leaves", "$.rule")]
    assert problems_of(one(TRAIT | {"op": "in", "value": list(range(1_000))})) == []


def test_every_fault_comes_at_once_with_a_hint() -> None:
    document = one({"all": [TRAIT | {"value": "1"}, {"trait": "teir", "op": "eq", "value": "free"}, {"not": {}}]})

    found = parse(document, VOCABULARY)

    assert isinstance(found, list)
    assert [problem.where for problem in found] == ["$.rule.all[0].value", "$.rule.all[1].trait", "$.rule.all[2].not"]
    assert found[1].sentence == 'There is no trait "teir".'
    assert found[1].hint.startswith("Did you mean tier")
    assert all(problem.sentence and problem.hint for problem in found)


def test_an_audience_may_not_ask_the_request_or_the_live_record() -> None:
    document = one({"all": [{"ctx": "hour", "op": "lt", "value": 6}, HISTORY, TRAIT]})

    assert problems_of(document, allow=EVERYWHERE) == []
    assert problems_of(document, allow=IN_AUDIENCES) == [
        ("rule.not_here", "$.rule.all[0]"),
        ("rule.not_here", "$.rule.all[1]"),
    ]


# --- audiences that lean on audiences ------------------------------------------------------------------------


def chain(length: int) -> Vocabulary:
    """a0 is a list; each next audience names the one before."""
    links = {f"a{n}": one({"audience": f"a{n - 1}", "op": "in"}) for n in range(1, length)}
    return Vocabulary(audiences={"a0": None, **links})


def test_a_circle_is_found_when_it_is_saved() -> None:
    vocabulary = chain(4)

    assert problems_of(one({"audience": "a3", "op": "in"}), vocabulary, name="a1") == [("rule.circle", "$.rule")]
    assert problems_of(one({"audience": "a1", "op": "nin"}), vocabulary, name="a1") == [("rule.circle", "$.rule")]
    assert problems_of(one({"audience": "a0", "op": "in"}), vocabulary, name="a1") == []


def test_audiences_nest_at_most_eight_deep() -> None:
    assert problems_of(one({"audience": "a7", "op": "in"}), chain(9)) == []
    assert problems_of(one({"audience": "a8", "op": "in"}), chain(9)) == [("rule.nested", "$.rule")]


def test_a_rule_may_not_explode_through_its_audiences() -> None:
    wide = {f"a{n}": one({"all": [{"audience": f"a{n - 1}", "op": "in"}] * 100}) for n in range(1, 3)}
    vocabulary = Vocabulary(audiences={"a0": None, **wide})

    assert problems_of(one({"audience": "a1", "op": "in"}), vocabulary) == []
    assert problems_of(one({"audience": "a2", "op": "in"}), vocabulary) == [("rule.inlined", "$.rule")]


def test_all_audiences_resolve_or_all_their_faults_are_told() -> None:
    good = resolve(chain(5))
    bad = resolve(
        Vocabulary(audiences={"x": one({"audience": "y", "op": "in"}), "y": one({"audience": "x", "op": "in"})})
    )

    assert isinstance(good, dict)
    assert list(good) == ["a0", "a1", "a2", "a3", "a4"]
    assert isinstance(bad, list)
    assert [(problem.id, problem.where) for problem in bad] == [
        ("rule.circle", "x: $.rule"),
        ("rule.circle", "y: $.rule"),
    ]


# --- whatever comes -----------------------------------------------------------------------------------------------

_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(["all", "eq"])
)
_json = st.recursive(
    _scalars,
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.text(max_size=5), below, max_size=3)),
)


@st.composite
def broken_documents(draw: st.DrawFn) -> Any:
    """A right document in which one place, anywhere, was overwritten, removed or renamed."""
    document = json.loads(json.dumps(draw(documents())))
    at = document
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return document
        key = draw(st.sampled_from(keys))
        if isinstance(at[key], dict | list) and at[key] and draw(st.integers(0, 3)):
            at = at[key]
            continue
        match draw(st.integers(0, 2)):
            case 0:
                at[key] = draw(_json)
            case 1:
                del at[key]
            case _ if isinstance(at, dict):
                at[draw(st.sampled_from(["op", "value", "not", "trait", "window", "zzz"]))] = at.pop(key)
        return document


@settings(max_examples=1_000)
@given(st.one_of(broken_documents(), _json, st.binary(max_size=40)))
def test_a_broken_document_never_raises(document: object) -> None:
    found = parse(document, VOCABULARY)

    assert isinstance(found, Rule) or (found and all(isinstance(problem, Problem) for problem in found))


@settings(max_examples=300)
@given(broken_documents())
def test_problems_are_safe_to_print(document: object) -> None:
    found = parse(document, VOCABULARY)

    for problem in found if isinstance(found, list) else []:
        text = f"{problem.sentence}{problem.hint}"
        assert text.isprintable()
        assert len(text) < 600
