"""Which facts can change this rule's answer?

A release asks it to know what must be kept and filled; the recorder, to know which inputs to keep.
"""

from collections.abc import Mapping

from msgspec import Struct

from audiences.rules.behaviours import behaviours_of
from audiences.rules.days import DAY, HOUR
from audiences.rules.instants import instants_needed
from audiences.rules.nodes import (
    AudienceLeaf,
    BucketLeaf,
    ContextLeaf,
    HistoryLeaf,
    ListLeaf,
    Member,
    Node,
    Rule,
    TraitLeaf,
    Window,
    children,
    leaves,
)
from audiences.rules.operands import MOST_DAYS


class HistoryNeed(Struct, frozen=True):
    """How many of the newest instants must be kept, and for how long (microseconds); both 0 where counters suffice."""

    instants: int = 0
    reach: int = 0


class Reads(Struct, frozen=True):
    """Everything a rule reads. ``behaviours``: each bit's definition by digest; ``audiences``: all it leans on."""

    traits: frozenset[str]
    contexts: frozenset[str]
    history: Mapping[tuple[str, str, str], HistoryNeed]
    behaviours: Mapping[str, Node]
    salts: frozenset[str]
    audiences: frozenset[str]


_NAMED = (Member, ListLeaf, AudienceLeaf)


def reads(rule: Rule) -> Reads:
    """The exact inputs of an inlined rule."""
    found = leaves(rule.node)
    history: dict[tuple[str, str, str], HistoryNeed] = {}
    for leaf in found:
        if isinstance(leaf, HistoryLeaf):
            cell = (leaf.scope, leaf.key, leaf.of)
            history[cell] = _larger(history.get(cell, HistoryNeed()), _need(leaf))
            if leaf.window is not None and leaf.window.since is not None:
                history.setdefault(leaf.window.since, HistoryNeed())
    return Reads(
        traits=frozenset(leaf.name for leaf in found if isinstance(leaf, TraitLeaf)),
        contexts=frozenset(leaf.name for leaf in found if isinstance(leaf, ContextLeaf)),
        history=history,
        behaviours=behaviours_of(found),
        salts=frozenset(leaf.salt for leaf in found if isinstance(leaf, BucketLeaf)),
        audiences=frozenset(_audiences(rule.node)),
    )


def _need(leaf: HistoryLeaf) -> HistoryNeed:
    instants = instants_needed(leaf)
    return HistoryNeed(instants, _reach(leaf.window) if instants and leaf.window is not None else 0)


def _reach(window: Window) -> int:
    if window.unit == "local_day":
        return 25 * HOUR  # the longest day: clocks go back once
    if window.unit == "months":
        return (31 * window.size + 1) * DAY
    if window.unit == "since":
        return MOST_DAYS * DAY
    return window.size * (HOUR if window.unit == "hours" else DAY)


def _larger(one: HistoryNeed, other: HistoryNeed) -> HistoryNeed:
    return HistoryNeed(max(one.instants, other.instants), max(one.reach, other.reach))


def _audiences(node: Node) -> list[str]:
    own = [node.slug] if isinstance(node, _NAMED) else []
    return own + [slug for below in children(node) for slug in _audiences(below)]
