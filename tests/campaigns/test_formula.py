"""Does a formula give the number it says, and does a wrong one say where and what to do?"""

from __future__ import annotations

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiences.rules import TraitType, Type, ValueType, Vocabulary
from campaigns.formula import Formula, names_of, read

WORDS = Vocabulary(
    traits={
        "minutes": TraitType(Type.INT),
        "birth_date": TraitType(Type.DATE),
        "student": TraitType(Type.BOOL),
        "genre": TraitType(Type.STRING),
    },
    contexts={"battery": ValueType(Type.INT), "screen": ValueType(Type.STRING)},
)
KNOWN = {"priority": 60.0, "weight": 2.0, "price": 9900.0, "saving": 9900.0, "trait.minutes": 0.5, "ctx.hour": 17.0}


def formula(text: str) -> Formula:
    found = read(text, WORDS)
    assert isinstance(found, Formula), found
    return found


def value(text: str) -> float | None:
    return formula(text).score(KNOWN.get)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("priority + 10 * weight", 80),
        ("(priority + 10) * weight", 140),
        ("10 - 4 - 3", 3),
        ("16 / 4 / 2", 2),
        ("2 * -3", -6),
        ("1 - -2", 3),
        ("-priority", -60),
        ("-(1 - 2)", 1),
        ("saving / price", 1),
        ("coalesce(saving, 0) / 100 + priority", 159),
        ("if(price < 5000, 2, 1) * priority", 60),
        ("if(ctx.hour >= 17, 1, 0)", 1),
        ("if(1 == 1, 2, days_left)", 2),
        ("min(3, 1, 2) + max(3, 1, 2)", 4),
        ("abs(1 - 3)", 2),
        ("clamp(40, 0, 30)", 30),
        ("clamp(-1, 0, 30)", 0),
        ("2 != 2", 0),
        ("1 / 3", 0.333333333),
        ("trait.minutes * 2", 1),
        ("  1\n+\t1 ", 2),
    ],
)
def test_a_formula_is_its_value(text: str, expected: float) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "days_left",
        "days_left + 1",
        "0 * days_left",
        "min(1, days_left)",
        "if(days_left < 1, 1, 2)",
        "days_left == days_left",
        "1 / (priority - 60)",
        "-trait.birth_date",
        "coalesce(days_left, trait.birth_date)",
        " * ".join(["999999999999999"] * 30),  # too large for a double
    ],
)
def test_missing_spreads(text: str) -> None:
    assert value(text) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("coalesce(days_left, 7)", 7), ("coalesce(1/(weight-2), price, 1)", 9900)]
)
def test_coalesce_takes_the_first_that_is_there(text: str, expected: float) -> None:
    assert value(text) == expected


def test_an_operand_without_end_is_missing() -> None:
    assert formula("price").score({"price": float("inf")}.get) is None
    assert formula("coalesce(price, 1)").score({"price": float("nan")}.get) == 1


def test_no_score_is_a_negative_nothing() -> None:
    assert str(value("-0.0000000001")) == "0.0"


@pytest.mark.parametrize(
    ("text", "where", "sentence", "hint"),
    [
        ("", "the formula", "It is empty.", "Write such as priority + 10 * weight."),
        ("1" + "+1" * 1000, "the formula", "It has 2001 characters.", "Use at most 2000."),
        ("priorty", "character 1", 'There is nothing named "priorty".', "Did you mean priority?"),
        ("1 + trait.minuts", "character 5", 'There is nothing named "trait.minuts".', "Did you mean trait.minutes?"),
        ("ctx.screen", "character 1", "ctx.screen is of type string, which is no number.", "Use one of type bool,"),
        ("trait.genre", "character 1", "trait.genre is of type string", "Use one of type bool, date, decimal,"),
        ("1 < 2 < 3", "character 7", "A comparison does not chain.", "Write if(a < b, b < c, 0)."),
        ("min(1", "character 6", "The ( of character 4 is not closed.", "Write ) here, or remove it there."),
        ("(1 + 2", "character 7", "The ( of character 1 is not closed.", "Write ) here"),
        ("mim(1)", "character 1", 'There is no function "mim".', "Did you mean min?"),
        ("if(1, 2)", "character 1", "if has 2 arguments.", "Write if(condition, then, otherwise)."),
        ("clamp", "character 1", "clamp is not followed by (.", "Write clamp(x, low, high)."),
        ("price / 0", "character 9", "It divides by 0.", "Divide by something else."),
        ("1 2", "character 3", '"2" does not go on from there.', "Put + - * / or ,."),
        ("1 +", "character 4", "The formula ends where a number is due.", "Write a number"),
        ("* 1", "character 1", '"*" stands where a number is due.', "Write a number"),
        ("--2", "character 2", "Two signs follow each other.", "Keep one."),
        ("1 ; 2", "character 3", '";" means nothing here.', "Use numbers"),
        ("1e5", "character 2", '"e5" does not go on from there.', "Put"),
        ("1234567890123456", "character 1", "The number is too long.", "Use at most 15 digits."),
        ("(" * 21 + "1" + ")" * 21, "character 22", "It nests deeper than 20.", "Take a part out"),
    ],
)
def test_a_wrong_formula_says_where_and_what_to_do(text: str, where: str, sentence: str, hint: str) -> None:
    found = read(text, WORDS)

    assert isinstance(found, list)
    assert (found[0].where, found[0].sentence[: len(sentence)]) == (where, sentence)
    assert found[0].hint.startswith(hint)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    found = read("foo(1) + clamp(1) + bar + 1 / 0 $", WORDS)

    assert isinstance(found, list)
    assert [problem.id for problem in found] == [
        "formula.stray", "formula.function", "formula.arguments", "formula.name", "formula.zero",
    ]  # fmt: skip


def test_as_long_and_as_deep_as_allowed_is_read() -> None:
    assert value("1" + "+1" * 999) == 1000
    assert value("(" * 20 + "1" + ")" * 20) == 1


def test_what_it_reads_is_known() -> None:
    assert formula("priority + coalesce(trait.minutes, 0) + min(1, 2)").reads == {"priority", "trait.minutes"}
    assert set(names_of(WORDS)) >= {"trait.minutes", "trait.birth_date", "trait.student", "ctx.battery", "ctx.hour"}
    assert not {"trait.genre", "ctx.screen"} & set(names_of(WORDS))


NAMES = st.sampled_from(["priority", "weight", "price", "days_left", "ctx.hour"])
NUMBERS = st.integers(0, 10**6).map(str) | st.decimals(0, 1000, places=3).map(str)
FORMULAS = st.recursive(
    NAMES | NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/<"), inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"if({', '.join(parts)})"),
        st.tuples(st.sampled_from(["min", "max", "coalesce"]), inner, inner).map(
            lambda parts: f"{parts[0]}({parts[1]}, {parts[2]})"
        ),
        inner.map(lambda one: f"-{one}" if not one.startswith("-") else one),
    ),
    max_leaves=12,
)


@given(FORMULAS, st.dictionaries(NAMES, st.floats() | st.none()))
def test_a_score_is_missing_or_a_number_and_always_the_same(text: str, known: dict[str, float | None]) -> None:
    found = read(text, WORDS)
    if isinstance(found, list):
        # Constants may divide by 0, and brackets may nest too deep; nothing else is wrong with these.
        assert {problem.id for problem in found} <= {"formula.zero", "formula.deep"}
        return
    score = found.score(known.get)

    assert score is None or (isfinite(score) and score == round(score, 9))
    assert found.score(known.get) == score


@given(st.text(max_size=60) | st.text("()+-*/<>=,.1ape ", max_size=40))
def test_any_text_is_read_or_refused_with_its_reasons(text: str) -> None:
    found = read(text, WORDS)

    assert isinstance(found, Formula) or all(problem.sentence and problem.hint for problem in found)
