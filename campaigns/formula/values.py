"""Which function of its operands is a formula? (Nothing raises; missing is None and spreads; no result is infinite.)"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import NamedTuple

Operands = Callable[[str], float | None]  # a name to its number; None: missing
Value = Callable[[Operands], float | None]

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


class Constant:
    """A number as it is written."""

    def __init__(self, constant: float) -> None:
        self.constant = constant

    def __call__(self, operands: Operands) -> float | None:
        return self.constant


def missing(operands: Operands) -> float | None:
    return None


def named(name: str) -> Value:
    def value(operands: Operands) -> float | None:
        return _finite(operands(name))

    return value


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def negated(of: Value) -> Value:
    def value(operands: Operands) -> float | None:
        found = of(operands)
        return None if found is None else -found

    return value


def calculated(parts: Sequence[tuple[str, Value]]) -> Value:
    """A sum or a product from left to right; the first part's sign is that of doing nothing."""

    def value(operands: Operands) -> float | None:
        result = parts[0][1](operands)
        for sign, part in parts[1:]:
            other = part(operands)
            if result is None or other is None:
                return None
            result = _finite(_apply(sign, result, other))
        return result

    return value


def _apply(sign: str, left: float, right: float) -> float | None:
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "*":
        return left * right
    return left / right if right else None


def compared(sign: str, left: Value, right: Value) -> Value:
    compare = COMPARISONS[sign]

    def value(operands: Operands) -> float | None:
        one, other = left(operands), right(operands)
        return None if one is None or other is None else float(compare(one, other))

    return value


def _if(parts: Sequence[Value]) -> Value:
    condition, then, otherwise = parts

    def value(operands: Operands) -> float | None:
        holds = condition(operands)
        if holds is None:
            return None
        return then(operands) if holds else otherwise(operands)

    return value


def _coalesce(parts: Sequence[Value]) -> Value:
    def value(operands: Operands) -> float | None:
        return next((found for part in parts if (found := part(operands)) is not None), None)

    return value


def _of_all(combine: Callable[[list[float]], float]) -> Callable[[Sequence[Value]], Value]:
    """A function of numbers none of which may be missing."""

    def of(parts: Sequence[Value]) -> Value:
        def value(operands: Operands) -> float | None:
            found = [part(operands) for part in parts]
            known = [each for each in found if each is not None]
            return combine(known) if len(known) == len(found) else None

        return value

    return of


class Function(NamedTuple):
    usage: str
    least: int
    most: int
    of: Callable[[Sequence[Value]], Value]


FUNCTIONS: Mapping[str, Function] = {
    "if": Function("if(condition, then, otherwise)", 3, 3, _if),
    "min": Function("min(a, b, ...)", 1, 100, _of_all(min)),
    "max": Function("max(a, b, ...)", 1, 100, _of_all(max)),
    "abs": Function("abs(x)", 1, 1, _of_all(lambda found: abs(found[0]))),
    "clamp": Function("clamp(x, low, high)", 3, 3, _of_all(lambda found: max(found[1], min(found[0], found[2])))),
    "coalesce": Function("coalesce(x, default)", 2, 100, _coalesce),
}
