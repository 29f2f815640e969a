"""Which values of one attribute does a row accept?

One shape for texts and truths (``Choice``), one for numbers (``Spans``), one for sets (``Members``). All say also
whether a missing value is accepted.
"""

from __future__ import annotations

from collections.abc import Collection
from math import inf
from typing import Any, NamedTuple, TypeAlias

from audiences.rules.days import DAY
from audiences.rules.values import Type

Edges: TypeAlias = tuple[float, ...]

FOREVER: Edges = (-inf,)
# Of a day or a moment, as its age: how long before now it was.
AGES = frozenset({"within_days", "before_days", "in_next_days"})


class Choice(NamedTuple):
    """``values`` are accepted, or with ``others`` all but them."""

    values: frozenset[Any]
    others: bool
    missing: bool

    def both(self, other: Choice) -> Choice:
        """What both accept."""
        missing = self.missing and other.missing
        if self.others and other.others:
            return Choice(self.values | other.values, True, missing)
        if self.others:
            return Choice(other.values - self.values, False, missing)
        return Choice(self.values - other.values if other.others else self.values & other.values, False, missing)


class Spans(NamedTuple):
    """Whole numbers, outside at first; at each edge, ascending, in and out change places."""

    edges: Edges
    missing: bool

    def both(self, other: Spans) -> Spans:
        """What both accept."""
        edges, inside = [], False
        for edge in sorted({*self.edges, *other.edges}):
            now_inside = _holds(self.edges, edge) and _holds(other.edges, edge)
            if now_inside is not inside:
                edges.append(edge)
            inside = now_inside
        return Spans(tuple(edges), self.missing and other.missing)


class Members(NamedTuple):
    """A set that has one of ``taken`` (None: any set) and none of ``refused``.

    Not ``exact``: some of what the row asks of the set cannot be said like this, and must be asked.
    """

    taken: frozenset[str] | None
    refused: frozenset[str]
    missing: bool
    exact: bool = True

    def both(self, other: Members) -> Members:
        """What both accept."""
        taken = other.taken if self.taken is None else self.taken
        return Members(
            taken=taken,
            refused=self.refused | other.refused,
            missing=self.missing and other.missing,
            exact=self.exact and other.exact and (self.taken is None or other.taken is None),
        )


def _holds(edges: Edges, number: float) -> bool:
    return sum(edge <= number for edge in edges) % 2 == 1


def choice(op: str, value: Any, *, negated: bool) -> Choice:
    """Of eq, in and present."""
    if op == "present":
        return Choice(frozenset(), not negated, negated)
    return Choice(frozenset(value if op == "in" else (value,)), negated, negated)


def members(op: str, value: Any, *, negated: bool) -> Members:
    """Of contains, any_of, all_of and present."""
    if op == "present":
        return Members(frozenset() if negated else None, frozenset(), negated)
    asked = frozenset((value,) if op == "contains" else value)
    exact = op != "all_of" or len(asked) == 1
    if negated:
        return Members(None, asked if exact else frozenset(), True, exact)
    return Members(asked, frozenset(), False, exact)


def spans(op: str, value: Any, of: Type, *, negated: bool) -> Spans:
    """Of present and the operators that compare with a number, or with a number of days."""
    edges = _edges(op, value, DAY if of is Type.TIMESTAMP else 1)
    if negated:
        edges = edges[1:] if edges[:1] == FOREVER else FOREVER + edges
    return Spans(edges, negated)


def _edges(op: str, value: Any, day: int) -> Edges:
    if op == "present":
        return FOREVER
    if op in AGES:
        size = value * day
        return {"within_days": (0, size), "before_days": (size,), "in_next_days": (-size, 0)}[op]
    if op in ("eq", "in"):
        return _each_alone(value if op == "in" else (value,))
    low, high = value if op == "between" else (value, value)
    return {
        "lt": (-inf, low),
        "lte": (-inf, low + 1),
        "gt": (low + 1,),
        "gte": (low,),
        "between": (low, high + 1),
    }[op]


def _each_alone(values: Collection[int]) -> Edges:
    """Neighbours share an edge, which then is none."""
    edges: set[float] = set()
    for value in values:
        edges ^= {value, value + 1}
    return tuple(sorted(edges))
