"""What is taken from a cell, and what is refused with the way out."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from audiences.moments import micros
from audiences.rules import Type, ValueType, encode_trait
from merch.backfill.cells import instant_of, passes, ref_of, truth_of, value_of
from merch.backfill.mapping import Cell, When, Who
from merch.intake.refusals import Refusal

BASE = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("type_", "raw", "said", "stored"),
    [
        pytest.param(Type.STRING, "free", {}, "free", id="text"),
        pytest.param(Type.STRING, 7, {}, "7", id="a number as text"),
        pytest.param(Type.STRING, "F", {"values": {"F": "female"}}, "female", id="translated"),
        pytest.param(Type.INT, 112000.0, {}, 112000, id="a whole number that was a double"),
        pytest.param(Type.INT, "112000.0", {}, 112000, id="the same in CSV"),
        pytest.param(Type.INT, "-5", {}, -5, id="below zero"),
        pytest.param(Type.INT, 118, {"missing": frozenset({"118"})}, None, id="118 means missing"),
        pytest.param(Type.INT, "118", {"missing": frozenset({"118"})}, None, id="118 in CSV too"),
        pytest.param(Type.INT, float("nan"), {}, None, id="NaN is missing"),
        pytest.param(Type.INT, "", {}, None, id="empty is missing"),
        pytest.param(Type.DECIMAL, 0.1 + 0.2, {"places": 2}, 30, id="a double, rounded"),
        pytest.param(Type.DECIMAL, "9.99", {}, 999, id="decimal text"),
        pytest.param(Type.DECIMAL, Decimal("9.90"), {}, 990, id="decimal"),
        pytest.param(Type.BOOL, "yes", {}, True, id="yes"),
        pytest.param(Type.BOOL, 0, {}, False, id="zero is no"),
        pytest.param(Type.DATE, "20170715", {"format": "%Y%m%d"}, 17362, id="a date by its format"),
        pytest.param(Type.DATE, 20170715, {"format": "%Y%m%d"}, 17362, id="a date written as a number"),
        pytest.param(Type.DATE, date(2017, 7, 15), {}, 17362, id="a date"),
        pytest.param(Type.TIMESTAMP, "2026-03-01 01:00", {"zone": "Europe/Paris"}, micros(BASE), id="a wall time"),
        pytest.param(Type.TIMESTAMP, BASE, {}, micros(BASE), id="a moment"),
        pytest.param(Type.SET, "pop; jazz", {"separator": ";"}, ["jazz", "pop"], id="a set in a text"),
        pytest.param(Type.SET, ["pop", "jazz"], {}, ["jazz", "pop"], id="a list"),
        pytest.param(Type.VERSION, "8.9", {}, encode_trait(ValueType(Type.VERSION), "8.9"), id="a version"),
    ],
)
def test_a_cell_is_read_in_its_declared_type(type_: Type, raw: Any, said: dict[str, Any], stored: Any) -> None:
    value = value_of({"c": raw}, Cell(column="c", **said), ValueType(type_))

    assert (None if value is None else encode_trait(ValueType(type_), value)) == stored


@pytest.mark.parametrize(
    ("type_", "raw", "said", "code"),
    [
        pytest.param(Type.STRING, "X", {"values": {"F": "female"}}, "unmapped_value", id="not translated"),
        pytest.param(Type.DATE, "15/07/2017", {"format": "%Y%m%d"}, "bad_value", id="another format"),
        pytest.param(Type.TIMESTAMP, "2026-03-01T01:00", {}, "bad_value", id="a wall time of no wall"),
        pytest.param(Type.DECIMAL, "nine", {"places": 2}, "bad_value", id="not a number"),
    ],
)
def test_what_a_cell_does_not_clearly_say_is_refused(type_: Type, raw: Any, said: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        value_of({"c": raw}, Cell(column="c", **said), ValueType(type_))

    assert refused.value.code == code
    assert str(refused.value).startswith("c: ")


@pytest.mark.parametrize(
    ("when", "row", "seconds"),
    [
        pytest.param(When(constant=BASE), {}, 0, id="one moment for all"),
        pytest.param(When(column="h", unit="hours", base=BASE), {"h": 2}, 7200, id="hours since a base"),
        pytest.param(When(column="h", unit="hours", base=BASE), {"h": "1.5"}, 5400, id="part of an hour"),
        pytest.param(When(column="s", unit="seconds"), {"s": BASE.timestamp() + 1}, 1, id="seconds since 1970"),
        pytest.param(When(column="t"), {"t": "2026-03-01T00:00:05Z"}, 5, id="text"),
        pytest.param(When(column="t", zone="Asia/Seoul"), {"t": "2026-03-01 09:00"}, 0, id="wall time"),
        pytest.param(When(column="t", zone="UTC", format="%d.%m.%Y"), {"t": "02.03.2026"}, 86400, id="its own format"),
        pytest.param(When(constant=BASE, order="n"), {"n": 7}, 0.000007, id="rows of one moment keep their order"),
    ],
)
def test_a_row_says_when_it_happened(when: When, row: dict[str, Any], seconds: float) -> None:
    assert instant_of(row, when) == micros(BASE) + round(seconds * 1_000_000)


@pytest.mark.parametrize(
    ("when", "row", "code"),
    [
        pytest.param(When(column="t"), {"t": ""}, "missing_time", id="no time"),
        pytest.param(When(column="t"), {"t": "2026-03-01 09:00"}, "bad_time", id="no zone"),
        pytest.param(When(column="t", unit="hours"), {"t": "soon"}, "bad_time", id="not a number"),
        pytest.param(When(column="t", unit="days"), {"t": 10**30}, "bad_time", id="beyond all calendars"),
        pytest.param(When(constant=BASE, order="n"), {"n": "first"}, "bad_order", id="no order"),
        pytest.param(When(constant=BASE, order="n"), {"n": 10**9}, "bad_order", id="an order that would move it"),
    ],
)
def test_a_row_without_a_readable_time_is_refused(when: When, row: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        instant_of(row, when)

    assert refused.value.code == code


def test_a_subject_is_named_by_its_normal_id() -> None:
    assert ref_of({"id": 42}, Who("id")) == ("a", "42")
    assert ref_of({"id": "dev-1"}, Who("id", "device")) == ("d", "dev-1")
    for bad in (None, "", " x", "a\x00b", "x" * 201):
        with pytest.raises(Refusal):
            ref_of({"id": bad}, Who("id"))


def test_yes_and_no_are_not_guessed() -> None:
    assert truth_of({"c": "TRUE"}, Cell(column="c")) is True
    assert truth_of({"c": None}, Cell(column="c")) is None
    with pytest.raises(Refusal):
        truth_of({"c": "perhaps"}, Cell(column="c"))


def test_where_compares_texts_whatever_the_file_calls_a_number() -> None:
    where = {"hour": frozenset({"0"}), "event": frozenset({"viewed", "clicked"})}

    assert passes({"hour": 0, "event": "viewed"}, where)
    assert passes({"hour": 0.0, "event": "clicked"}, where)
    assert passes({"hour": "0", "event": "viewed"}, where)
    assert not passes({"hour": 1, "event": "viewed"}, where)
    assert not passes({"hour": 0, "event": None}, where)
