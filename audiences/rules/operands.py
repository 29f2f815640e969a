"""Does this leaf's operator exist, and is its value what the operator takes?"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from audiences.rules.nodes import Operand
from audiences.rules.operators import Shape
from audiences.rules.problems import Findings, nearest, shown
from audiences.rules.values import BadValue, Stored, Type, ValueType, encode_trait

SUCH_AS = {
    "op": ', such as "eq"',
    "agg": ', such as "count"',
    "of": ', such as "impression"',
    "window": ", a number of days",
    "v": ": 1",
}
MOST_VALUES = 1_000
MOST_DAYS = 36_500
MOST_MONTHS = 1_200
LONGEST_WINDOW = 400  # whole days; the event roll-up keeps no more
LONGEST_NAME = 200

Raw = Mapping[str, Any]

WHOLE = ValueType(Type.INT)


def read_operand(
    findings: Findings, of: ValueType, shapes: Mapping[str, Shape], raw: Mapping[str, Any], where: str
) -> tuple[str, Operand] | None:
    """The operator and its stored operand; None after reporting what is wrong."""
    op = raw.get("op")
    if not isinstance(op, str) or op not in shapes:
        if "op" in raw:  # A missing one has been reported with the other missing keys.
            findings.add(
                "rule.operator",
                f"{where}.op",
                f"{shown(op)} cannot be asked here.",
                nearest(op, shapes, "operator"),
            )
        return None
    shape = shapes[op]
    if shape is Shape.NOTHING:
        if "value" in raw:
            findings.add("rule.value", f"{where}.value", f"{op} takes no value.", "Leave value out.")
        return op, None
    if "value" not in raw:
        findings.add("rule.missing_key", where, f"{op} needs a value.", f'Add "value": {shape}.')
        return None
    before = len(findings.problems)
    value = _READERS[shape](findings, of, raw["value"], f"{where}.value")
    if op == "prefix" and value == "":
        findings.add(
            "rule.value",
            f"{where}.value",
            "Every text begins with nothing.",
            "Name some letters, or ask present.",
        )
    return (op, value) if len(findings.problems) == before else None


def read_value(findings: Findings, of: ValueType, raw: object, where: str) -> Stored:
    """One stored value; None after reporting what is wrong."""
    try:
        return encode_trait(_member(of), raw)
    except BadValue as bad:
        findings.add("rule.value", where, bad.sentence, bad.hint)
        return None


def keys_fit(
    findings: Findings,
    raw: Mapping[str, Any],
    where: str,
    *,
    required: Collection[str],
    optional: Collection[str] = (),
) -> None:
    """Report keys that are missing, and keys that mean nothing here."""
    for key in required:
        if key not in raw:
            findings.add("rule.missing_key", where, f'"{key}" is missing.', f'Add "{key}"{SUCH_AS.get(key, "")}.')
    allowed = [*required, *optional]
    for key in raw:
        if key not in allowed:
            findings.add(
                "rule.unknown_key",
                f"{where}.{key[:60]}",
                f"{shown(key)} means nothing here.",
                nearest(key, allowed, "key"),
            )


def days_window(findings: Findings, raw: object, where: str, *, also: str = "") -> int:
    """A window in whole days."""
    if isinstance(raw, int) and not isinstance(raw, bool) and 1 <= raw <= LONGEST_WINDOW:
        return raw
    findings.add("rule.window", where, f"{shown(raw)} is not a window.", f"Write 1 to {LONGEST_WINDOW} days{also}.")
    return MOST_DAYS  # so that nothing else is reported of it


def choice(findings: Findings, raw: object, choices: tuple[str, ...] | list[str], where: str) -> Any:
    """One of the choices; None after reporting what stands there."""
    if isinstance(raw, str) and raw in choices:
        return raw
    findings.add("rule.choice", where, f"{shown(raw)} cannot stand here.", f"Use one of: {', '.join(choices)}.")
    return None


def not_negative(findings: Findings, value: Operand, where: str) -> None:
    """Report a count below nothing."""
    if any(number < 0 for number in (value if isinstance(value, tuple) else (value,))):
        findings.add("rule.value", where, "A count is never negative.", "Write 0 or more.")


def _member(of: ValueType) -> ValueType:
    """A set is compared text by text."""
    return ValueType(Type.STRING, of.values) if of.type is Type.SET else of


def _one(findings: Findings, of: ValueType, raw: object, where: str) -> Stored:
    return read_value(findings, of, raw, where)


def _list(findings: Findings, of: ValueType, raw: object, where: str) -> Operand:
    if not isinstance(raw, list) or not raw:
        findings.add(
            "rule.value",
            where,
            f"{shown(raw)} is not a list of values.",
            "Write at least one value in brackets.",
        )
        return None
    if len(raw) > MOST_VALUES:
        findings.add(
            "rule.too_many_values",
            where,
            f"{len(raw)} values are too many.",
            f"Use at most {MOST_VALUES}, or upload them as a list audience and name that.",
        )
        return None
    before = len(findings.problems)
    values = [read_value(findings, of, item, f"{where}[{at}]") for at, item in enumerate(raw)]
    return tuple(sorted(set(values))) if len(findings.problems) == before else None


def _range(findings: Findings, of: ValueType, raw: object, where: str) -> Operand:
    if not isinstance(raw, list) or len(raw) != 2:
        findings.add(
            "rule.value",
            where,
            f"{shown(raw)} is not a range.",
            "Write [lowest, highest]; both are included.",
        )
        return None
    before = len(findings.problems)
    low, high = (read_value(findings, of, item, f"{where}[{at}]") for at, item in enumerate(raw))
    if len(findings.problems) > before:
        return None
    if low > high:
        findings.add("rule.value", where, "The range ends before it begins.", "Write the lowest value first.")
    return low, high


def _number(unit: str, most: int) -> Callable[[Findings, ValueType, object, str], Operand]:
    def read(findings: Findings, of: ValueType, raw: object, where: str) -> Operand:
        if isinstance(raw, bool) or not isinstance(raw, int) or not 1 <= raw <= most:
            findings.add(
                "rule.value",
                where,
                f"{shown(raw)} is not a number of {unit}.",
                f"Write a whole number from 1 to {most}.",
            )
        return raw

    return read


_READERS: dict[Shape, Callable[[Findings, ValueType, object, str], Operand]] = {
    Shape.ONE: _one,
    Shape.LIST: _list,
    Shape.RANGE: _range,
    Shape.DAYS: _number("days", MOST_DAYS),
    Shape.MONTHS: _number("months", MOST_MONTHS),
}
