"""Does one stored value pass one positive operator? The truth table that every other form of a rule must reproduce."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any

from audiences.rules.days import DAY, month_edge, months_before
from audiences.rules.environment import Env

_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda stored, value: bool(stored == value),
    "lt": lambda stored, value: bool(stored < value),
    "lte": lambda stored, value: bool(stored <= value),
    "gt": lambda stored, value: bool(stored > value),
    "gte": lambda stored, value: bool(stored >= value),
    "between": lambda stored, value: bool(value[0] <= stored <= value[1]),
    "in": lambda stored, value: stored in value,
    "prefix": lambda stored, value: bool(stored.startswith(value)),
    "contains": lambda stored, value: value in stored,
    "any_of": lambda stored, value: any(member in stored for member in value),
    "all_of": lambda stored, value: all(member in stored for member in value),
}
RELATIVE = frozenset({"within_days", "before_days", "in_next_days", "within_months", "before_months"})


def compare(op: str, stored: Any, value: Any) -> bool:
    """For operators that read no clock."""
    return _TESTS[op](stored, value)


def compare_day(op: str, day: int, size: int, today: int) -> bool:
    """For a date and an operator relative to today."""
    if op == "in_next_days":
        return today < day <= today + size
    edge = today - size if op.endswith("_days") else months_before(today, size)
    return edge < day <= today if op.startswith("within") else day <= edge


def compare_moment(op: str, moment: int, size: int, env: Env) -> bool:
    """For a moment and an operator relative to now."""
    now = env.now
    if op == "in_next_days":
        return now < moment <= now + size * DAY
    # The first microsecond that is not "before".
    edge = now - size * DAY + 1 if op.endswith("_days") else month_edge(env.today, env.day_start, size, env.starts)
    return edge <= moment <= now if op.startswith("within") else moment < edge


# Since what never happened is since ever.
SINCE_EVER = -(2**63)


def counted(instants: tuple[int, ...], since: int, now: int) -> int:
    """How many of the ascending instants lie in [since, now]."""
    return bisect_right(instants, now) - bisect_left(instants, since)
