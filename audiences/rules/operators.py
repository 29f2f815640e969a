"""Which operators does each type have, what operand do they take, and which are exact complements?"""

from enum import StrEnum

from audiences.rules.values import Type


class Shape(StrEnum):
    """What stands in ``value``."""

    ONE = "one value"
    LIST = "a list of values"
    RANGE = "a list of the lowest and the highest value"
    DAYS = "a number of days"
    MONTHS = "a number of months"
    NOTHING = "nothing"


# Each complement is literally the negation of its positive, so also true where a value is missing.
COMPLEMENTS = {"ne": "eq", "nin": "in", "ncontains": "contains", "none_of": "any_of", "absent": "present"}

PRESENCE = {"present": Shape.NOTHING, "absent": Shape.NOTHING}
_EQUAL = {"eq": Shape.ONE, "ne": Shape.ONE}
_ORDER = {"lt": Shape.ONE, "lte": Shape.ONE, "gt": Shape.ONE, "gte": Shape.ONE, "between": Shape.RANGE}
_IN = {"in": Shape.LIST, "nin": Shape.LIST}
SINCE = {
    "within_days": Shape.DAYS,
    "before_days": Shape.DAYS,
    "within_months": Shape.MONTHS,
    "before_months": Shape.MONTHS,
}
_MOMENTS = _EQUAL | {"lt": Shape.ONE, "gte": Shape.ONE, "between": Shape.RANGE} | SINCE | {"in_next_days": Shape.DAYS}

OPERATORS: dict[Type, dict[str, Shape]] = {
    Type.STRING: _EQUAL | _IN | {"prefix": Shape.ONE},
    Type.INT: _EQUAL | _ORDER | _IN,
    Type.DECIMAL: _EQUAL | _ORDER | _IN,
    Type.BOOL: _EQUAL,
    Type.DATE: _MOMENTS,
    Type.TIMESTAMP: _MOMENTS,
    Type.SET: {
        "contains": Shape.ONE,
        "ncontains": Shape.ONE,
        "any_of": Shape.LIST,
        "none_of": Shape.LIST,
        "all_of": Shape.LIST,
    },
    Type.VERSION: _EQUAL | {"gte": Shape.ONE, "lt": Shape.ONE, "between": Shape.RANGE},
}
COUNTS = _EQUAL | _ORDER
EVENT_LAST = {"within_days": Shape.DAYS, "before_days": Shape.DAYS} | PRESENCE
HISTORY_LAST = SINCE | PRESENCE
BUCKETS = {"lt": Shape.ONE, "between": Shape.RANGE}


def positive(op: str) -> tuple[str, bool]:
    """The positive operator behind ``op``, and whether ``op`` is its complement."""
    return (COMPLEMENTS[op], True) if op in COMPLEMENTS else (op, False)
