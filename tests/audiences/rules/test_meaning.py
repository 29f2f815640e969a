"""Do the worked tables of docs/algorithms/rules.md hold, in the compiled form and in the reasons?"""

from typing import Any

import pytest

from audiences.rules import (
    Env,
    HistoryCell,
    Rule,
    Type,
    ValueType,
    WhyFalse,
    compile_rule,
    encode_trait,
    env_at,
    holds,
    inline,
    reads,
    why_false,
)
from audiences.rules.days import DAY, HOUR
from audiences.rules.instants import instants_needed
from audiences.rules.nodes import HistoryLeaf, Not, leaves
from tests.audiences.rules.strategies import AUDIENCES, NOW, TODAY, Json, rule_of


def rule(node: Json) -> Rule:
    return inline(rule_of({"v": 1, "rule": node}), AUDIENCES)


def answer(node: Json, **facts: Any) -> bool:
    """The compiled answer for one subject at NOW; every behaviour bit is 0 unless given."""
    asked = rule(node)
    positions = {digest: at for at, digest in enumerate(sorted(reads(asked).behaviours))}
    env = env_at(NOW, key="acc_1", **facts)
    assert compile_rule(asked, positions)(env) is holds(asked, env, positions)
    return compile_rule(asked, positions)(env)


def encoded(version: str) -> int:
    return int(encode_trait(ValueType(Type.VERSION), version))


def score(op: str, value: Any = None) -> Json:
    return {"trait": "score", "op": op} if value is None else {"trait": "score", "op": op, "value": value}


@pytest.mark.parametrize(
    ("stored", "eq", "ne", "present", "not_between"),
    [
        pytest.param(1990, True, False, True, True, id="1990"),
        pytest.param(1985, False, True, True, False, id="1985"),
        pytest.param(None, False, True, False, True, id="missing"),
    ],
)
def test_missing_makes_positives_false_and_complements_true(
    stored: int | None, eq: bool, ne: bool, present: bool, not_between: bool
) -> None:
    traits = {} if stored is None else {"score": (stored, NOW)}

    assert answer(score("eq", 1990), traits=traits) is eq
    assert answer(score("ne", 1990), traits=traits) is ne
    assert answer(score("present"), traits=traits) is present
    assert answer(score("absent"), traits=traits) is not present
    assert answer({"not": score("between", [1980, 1989])}, traits=traits) is not_between


@pytest.mark.parametrize(
    ("trait", "op", "value", "yes", "no"),
    [
        ("market", "eq", "SE", ["SE"], ["se", "S", ""]),
        ("market", "in", ["SE", "GB"], ["SE", "GB"], ["G", "SEGB"]),
        ("market", "prefix", "S%", ["S%", "S%E"], ["SE", "S", "xS%"]),
        ("score", "lt", 3, [2, -9], [3, 4]),
        ("score", "lte", 3, [3], [4]),
        ("score", "gt", 3, [4], [3]),
        ("score", "gte", 3, [3], [2]),
        ("score", "between", [1, 3], [1, 2, 3], [0, 4]),
        ("balance", "in", ["9.99"], [999], [9, 10]),
        ("opt_in", "eq", False, [False], [True]),
        ("genres", "contains", "pop", [["jazz", "pop"]], [["kpop"], []]),
        ("genres", "any_of", ["pop", "jazz"], [["jazz"], ["jazz", "kpop"]], [["kpop"], []]),
        ("genres", "all_of", ["pop", "jazz"], [["jazz", "kpop", "pop"]], [["jazz"], ["kpop"], []]),
        ("client", "gte", "8.9.40", [encoded("8.9.40"), encoded("8.10")], [encoded("8.9.9"), encoded("8")]),
        ("client", "between", ["8.9", "8.10"], [encoded("8.9.0.1")], [encoded("8.10.0.1")]),
    ],
)
def test_each_operator_means_what_it_says(trait: str, op: str, value: Any, yes: list[Any], no: list[Any]) -> None:
    leaf = {"trait": trait, "op": op, "value": value}

    assert [answer(leaf, traits={trait: (stored, NOW)}) for stored in yes] == [True] * len(yes)
    assert [answer(leaf, traits={trait: (stored, NOW)}) for stored in no] == [False] * len(no)
    assert answer({"not": leaf}) is True


@pytest.mark.parametrize(
    ("trait", "value", "age", "known"),
    [
        pytest.param("market", "SE", 30 * DAY, True, id="exactly-as-old-as-tolerated"),
        pytest.param("market", "SE", 30 * DAY + 1, False, id="one-microsecond-older"),
        pytest.param("plan", "solo", 400 * DAY, True, id="keep"),
        pytest.param("tier", "free", 4_000 * DAY, True, id="no-tolerated-age"),
    ],
)
def test_a_value_is_stale_when_strictly_older(trait: str, value: str, age: int, known: bool) -> None:
    traits = {trait: (value, NOW - age)}

    assert answer({"trait": trait, "op": "eq", "value": value}, traits=traits) is known
    assert answer({"trait": trait, "op": "present"}, traits=traits) is known
    assert answer({"trait": trait, "op": "ne", "value": value}, traits=traits) is not known


@pytest.mark.parametrize(
    ("op", "size", "ages"),
    [
        ("within_days", 7, {0: True, 6: True, 7: False, 8: False, -1: False}),
        ("before_days", 7, {6: False, 7: True, 8: True, -1: False}),
        ("in_next_days", 7, {0: False, -1: True, -7: True, -8: False}),
        # NOW is 2026-11-22: a month ago ends with 2026-10-22.
        ("before_months", 1, {30: False, 31: True, 32: True}),
        ("within_months", 1, {30: True, 31: False, 0: True, -1: False}),
    ],
)
def test_dates_are_compared_with_the_account_s_today(op: str, size: int, ages: dict[int, bool]) -> None:
    leaf = {"trait": "expiry", "op": op, "value": size}

    answers = {age: answer(leaf, traits={"expiry": (TODAY - age, NOW)}) for age in ages}

    assert answers == ages


@pytest.mark.parametrize(
    ("op", "size", "ages"),
    [
        ("within_days", 7, {0: True, 7 * DAY - 1: True, 7 * DAY: False, -1: False}),
        ("before_days", 7, {7 * DAY - 1: False, 7 * DAY: True, -1: False}),
        ("in_next_days", 7, {0: False, -1: True, -7 * DAY: True, -7 * DAY - 1: False}),
        # The last microsecond of 2026-10-22, and the first of the day after.
        ("before_months", 1, {NOW - (TODAY - 30) * DAY + 1: True, NOW - (TODAY - 30) * DAY: False}),
        ("within_months", 1, {NOW - (TODAY - 30) * DAY + 1: False, NOW - (TODAY - 30) * DAY: True, -1: False}),
    ],
)
def test_moments_are_compared_with_now_to_the_microsecond(op: str, size: int, ages: dict[int, bool]) -> None:
    leaf = {"trait": "last_seen", "op": op, "value": size}

    answers = {age: answer(leaf, traits={"last_seen": (NOW - age, NOW)}) for age in ages}

    assert answers == ages


def test_a_new_local_day_begins_before_the_one_of_utc() -> None:
    leaf = {"trait": "expiry", "op": "before_days", "value": 60}
    traits = {"expiry": (TODAY - 59, NOW)}

    assert answer(leaf, traits=traits) is False
    assert answer(leaf, traits=traits, utc_offset=13 * HOUR) is True


def test_a_leap_day_trial_opens_again_after_twelve_months() -> None:
    node = {
        "history": "plan_group",
        "key": "music",
        "agg": "last",
        "of": "redemption",
        "op": "before_months",
        "value": 12,
    }
    leap_day = 19_782 * DAY + 15 * HOUR  # 2024-02-29
    cell = {("plan_group", "music", "redemption"): HistoryCell(1, leap_day, leap_day, (leap_day,))}
    asked = compile_rule(rule(node), {})
    last_of_february = (19_782 + 365) * DAY  # 2025-02-28

    assert asked(env_at(last_of_february, key="acc_1", history=cell)) is True
    assert asked(env_at(last_of_february - 1, key="acc_1", history=cell)) is False
    assert asked(env_at(last_of_february, key="acc_1")) is False


TRIAL, PAID = ("plan_group", "music", "trial"), ("plan_group", "music", "paid")
SINCE_TRIAL = {
    "history": "plan_group", "key": "music", "agg": "count", "of": "paid", "op": "eq", "value": 0,
    "window": {"since": {"history": "plan_group", "key": "music", "of": "trial"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("trial", "paid", "none_since"),
    [
        pytest.param(None, None, True, id="nothing-ever"),
        pytest.param(9, None, True, id="trial-only"),
        pytest.param(9, 10, True, id="paid-before"),
        pytest.param(9, 9, False, id="at-that-moment"),
        pytest.param(9, 8, False, id="paid-after"),
        pytest.param(None, 8, False, id="since-what-never-happened-is-ever"),
    ],
)
def test_what_happened_since_something_else(trial: int | None, paid: int | None, none_since: bool) -> None:
    cells = {
        cell: HistoryCell(1, NOW - age * DAY, NOW - age * DAY, (NOW - age * DAY,))
        for cell, age in ((TRIAL, trial), (PAID, paid))
        if age is not None
    }

    assert answer(SINCE_TRIAL, history=cells) is none_since
    assert reads(rule(SINCE_TRIAL)).history.keys() == {TRIAL, PAID}


def shown(*ages: int, count: int | None = None) -> dict[tuple[str, str, str], HistoryCell]:
    instants = tuple(sorted(NOW - age for age in ages))
    return {("all", "", "impression"): HistoryCell(count or len(ages), instants[0], instants[-1], instants)}


@pytest.mark.parametrize(
    ("window", "age", "counted"),
    [
        pytest.param(7, 7 * DAY, True, id="days-start-included"),
        pytest.param(7, 7 * DAY + 1, False, id="days-before-start"),
        pytest.param({"hours": 5}, 5 * HOUR, True, id="hours-start-included"),
        pytest.param({"hours": 5}, 5 * HOUR + 1, False, id="hours-before-start"),
        pytest.param("local_day", NOW - TODAY * DAY, True, id="midnight-included"),
        pytest.param("local_day", NOW - TODAY * DAY + 1, False, id="yesterday"),
        pytest.param({"months": 2}, NOW - (TODAY - 60) * DAY, True, id="months-first-day-included"),
        pytest.param({"months": 2}, NOW - (TODAY - 60) * DAY + 1, False, id="months-the-day-before"),
        pytest.param("lifetime", 9_999 * DAY, True, id="lifetime"),
        pytest.param(7, -1, False, id="not-yet"),
    ],
)
def test_history_counts_what_lies_in_its_window(window: Any, age: int, counted: bool) -> None:
    leaf = {"history": "all", "agg": "count", "of": "impression", "window": window, "op": "gte", "value": 1}

    assert answer(leaf, history=shown(age)) is counted
    assert answer(leaf) is False
    assert answer(leaf | {"op": "lt"}) is True


def test_a_lifetime_is_counted_beyond_the_kept_instants() -> None:
    leaf = {"history": "all", "agg": "count", "of": "impression", "window": "lifetime", "op": "eq", "value": 345}

    assert answer(leaf, history=shown(DAY, 2 * DAY, count=345)) is True


@pytest.mark.parametrize(
    ("op", "value", "needed"),
    [("gte", 3, 3), ("lt", 3, 3), ("gt", 3, 4), ("lte", 3, 4), ("eq", 3, 4), ("ne", 3, 4), ("between", [1, 3], 4)],
)
def test_a_windowed_count_needs_as_many_instants_as_decide_it(op: str, value: Any, needed: int) -> None:
    node = {"history": "all", "agg": "count", "of": "impression", "window": 7, "op": op, "value": value}
    (leaf,) = leaves(rule(node).node)
    assert isinstance(leaf, HistoryLeaf)

    assert instants_needed(leaf) == needed


@pytest.mark.parametrize(
    ("op", "value", "holds_without_events"),
    [
        ("gte", 12, False),
        ("lt", 4, True),
        ("eq", 0, True),
        ("between", [0, 3], True),
        ("ne", 2, True),
        ("gte", 0, True),
    ],
)
def test_a_subject_without_bits_is_one_without_events(op: str, value: Any, holds_without_events: bool) -> None:
    leaf = {"event": "listen", "agg": "days", "window": 28, "op": op, "value": value}

    assert answer(leaf, bits=0) is holds_without_events
    assert answer(leaf, bits=1) is not holds_without_events


def test_questions_about_one_threshold_share_a_bit() -> None:
    base = {"event": "listen", "agg": "days", "window": 28}
    nodes = [base | {"op": op, "value": value} for op, value in [("gte", 4), ("lt", 4), ("gt", 3), ("lte", 3)]]

    assert len(reads(rule({"any": nodes})).behaviours) == 1
    assert len(reads(rule({"any": [*nodes, base | {"op": "gte", "value": 5}]})).behaviours) == 2


FREE = {"trait": "tier", "op": "eq", "value": "free"}
SWEDEN = {"trait": "market", "op": "eq", "value": "SE"}
OLD = NOW - 31 * DAY


@pytest.mark.parametrize(
    ("nodes", "traits", "why"),
    [
        ([FREE, SWEDEN], {"market": ("SE", NOW)}, WhyFalse.TRAIT_MISSING),
        ([FREE, SWEDEN], {"market": ("KR", NOW)}, WhyFalse.TARGETING_MISS),
        ([FREE, SWEDEN], {"tier": ("free", NOW), "market": ("SE", OLD)}, WhyFalse.TRAIT_STALE),
        ([FREE, SWEDEN], {"tier": ("free", NOW), "market": ("KR", OLD)}, WhyFalse.TRAIT_MISSING),
        ([FREE, SWEDEN], {"tier": ("premium", NOW), "market": ("KR", NOW)}, WhyFalse.TARGETING_MISS),
        ([{"audience": "employees", "op": "in"}, SWEDEN], {"market": ("KR", NOW)}, WhyFalse.AUDIENCE_MISS),
        ([SWEDEN, {"audience": "employees", "op": "in"}], {"market": ("KR", NOW)}, WhyFalse.TARGETING_MISS),
        ([{"all": [{"audience": "employees", "op": "in"}]}], {}, WhyFalse.AUDIENCE_MISS),
        ([{"any": [{"audience": "employees", "op": "in"}]}], {}, WhyFalse.TARGETING_MISS),
        ([{"audience": "payers", "op": "nin"}], {"tier": ("family", NOW)}, WhyFalse.AUDIENCE_MISS),
        ([{"audience": "payers", "op": "in"}], {"tier": ("free", NOW)}, WhyFalse.AUDIENCE_MISS),
        ([{"trait": "score", "op": "present"}], {}, WhyFalse.TARGETING_MISS),
        ([{"ctx": "platform", "op": "eq", "value": "ios"}], {}, WhyFalse.TRAIT_MISSING),
    ],
)
def test_a_rule_that_fails_says_what_stood_in_its_way(nodes: list[Json], traits: dict[str, Any], why: WhyFalse) -> None:
    asked = rule({"all": nodes})
    positions = {digest: at for at, digest in enumerate(reads(asked).behaviours)}
    env = env_at(NOW, key="acc_1", traits=traits)

    assert holds(asked, env, positions) is False
    assert why_false(asked, env, positions) is why


def test_reads_name_every_input() -> None:
    asked = rule(
        {
            "all": [
                {"audience": "keen", "op": "in"},
                {"audience": "employees", "op": "nin"},
                {"ctx": "hour", "op": "lt", "value": 6},
                {"history": "all", "agg": "count", "of": "impression", "window": 7, "op": "lt", "value": 3},
                {"history": "all", "agg": "count", "of": "impression", "window": "local_day", "op": "eq", "value": 3},
                {"history": "event", "key": "skip_limit", "agg": "last", "of": "custom", "op": "absent"},
                {"bucket": "split", "op": "lt", "value": 5},
            ]
        }
    )

    found = reads(asked)

    assert found.traits == {"tier", "plan"}
    assert found.contexts == {"hour"}
    assert found.salts == {"split"}
    assert found.audiences == {"keen", "payers", "employees"}
    assert len(found.behaviours) == 2
    impressions = found.history["all", "", "impression"]
    assert (impressions.instants, impressions.reach) == (4, 7 * DAY)
    assert found.history["event", "skip_limit", "custom"].instants == 0


def test_nothing_of_a_document_enters_the_generated_source() -> None:
    asked = rule({"trait": "market", "op": "in", "value": ['"); import os; ("', "SE"]})

    predicate = compile_rule(asked, {})

    assert "import" not in str(predicate.__code__.co_names) + str(predicate.__code__.co_consts)
    assert predicate(env_at(NOW, key="", traits={"market": ('"); import os; ("', NOW)})) is True


def test_the_deepest_rule_that_may_be_saved_compiles() -> None:
    node = rule({"trait": "score", "op": "ne", "value": 1}).node
    for _ in range(9 * 6):
        node = Not(node)

    env = Env({}, {}, {}, 0, "", NOW, TODAY, TODAY * DAY)

    assert compile_rule(Rule(node), {})(env) is True


def test_an_audience_that_is_not_inlined_is_refused() -> None:
    with pytest.raises(ValueError, match="call inline first"):
        compile_rule(rule_of({"v": 1, "rule": {"audience": "employees", "op": "in"}}), {})
