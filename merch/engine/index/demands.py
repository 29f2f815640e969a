"""What must hold, all together, for a rule to hold?

A rule becomes rows: it holds when every demand of some row does. Without alternatives there is one row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple, TypeAlias

from audiences.rules.nodes import All, AnyOf, Member, Node, Not

GROUPS = (All, AnyOf)
MOST_ROWS = 8  # of one rule; a node that would make more of them stays in one piece


class Demand(NamedTuple):
    """A leaf, or a node in one piece, must be true; ``negated``: false."""

    node: Node
    negated: bool


Row: TypeAlias = tuple[Demand, ...]
Keep: TypeAlias = Callable[[Demand], bool]


def conjuncts(node: Node, *, negated: bool = False) -> Iterator[Demand]:
    """The demands that must all hold; alternatives among them are in one piece."""
    if isinstance(node, Member):
        yield from conjuncts(node.node, negated=negated)
    elif isinstance(node, Not):
        yield from conjuncts(node.node, negated=not negated)
    elif isinstance(node, GROUPS) and (isinstance(node, AnyOf) is negated or len(node.nodes) == 1):
        for below in node.nodes:
            yield from conjuncts(below, negated=negated)
    else:
        yield Demand(node, negated)


def rows(demands: Row, keep: Keep) -> list[Row]:
    """At most MOST_ROWS in which all demands are met. Alternatives for which ``keep`` says so stay in one piece."""
    if not any(isinstance(demand.node, GROUPS) for demand in demands):
        return [demands]
    found: list[Row] = [()]
    for demand in demands:
        ways = _ways(demand, keep)
        if len(found) * len(ways) > MOST_ROWS:
            ways = [(demand,)]
        found = [one + other for one, other in product(found, ways)]
    return found or [demands]


def _ways(demand: Demand, keep: Keep) -> list[Row]:
    """In which ways the demand can be met."""
    node = demand.node
    if not isinstance(node, GROUPS) or keep(demand):
        return [(demand,)]
    found: list[Row] = []
    for below in node.nodes:
        found += rows(tuple(conjuncts(below, negated=demand.negated)), keep)
        if len(found) > MOST_ROWS:
            return [(demand,)]
    return found
