"""Which one bit answers this event condition or list, for every rule that asks it?"""

from collections.abc import Iterable
from functools import lru_cache

from msgspec.structs import replace

from audiences.rules.canonical import node_digest
from audiences.rules.compare import compare
from audiences.rules.nodes import EventLeaf, Leaf, ListLeaf, Node, Not, leaves
from audiences.rules.operators import positive

# Each of these is "not (gte value + step)", except gt, which is "gte value + 1".
_AS_GTE = {"lt": (0, True), "lte": (1, True), "gt": (1, False)}


def behaviour(leaf: EventLeaf | ListLeaf) -> tuple[Node, bool]:
    """What the bit says, and whether the leaf is the bit's negation.

    The bit is defined so that it is false for a subject without events; then a missing bit record is such a subject.
    """
    if isinstance(leaf, ListLeaf):
        return leaf, False
    op, negated = positive(leaf.op)
    value = leaf.value
    if op in _AS_GTE:
        step, negated = _AS_GTE[op]
        op, value = "gte", value + step
    asked = replace(leaf, op=op, value=value)
    if without_events(asked):
        return Not(asked), not negated
    return asked, negated


def without_events(leaf: EventLeaf) -> bool:
    """What the positive condition answers for a subject that has no events: counts are 0, there is no last."""
    return leaf.agg != "last" and compare(leaf.op, 0, leaf.value)


def behaviours(node: Node) -> dict[str, Node]:
    """The definition of every bit that an inlined rule reads, by its digest."""
    return behaviours_of(leaves(node))


def behaviours_of(found: Iterable[Leaf]) -> dict[str, Node]:
    """The same, of the leaves of a rule."""
    asked = [behaviour(leaf)[0] for leaf in found if isinstance(leaf, (EventLeaf, ListLeaf))]
    return {node_digest(definition): definition for definition in asked}


@lru_cache(maxsize=8192)
def bit_of(leaf: EventLeaf | ListLeaf) -> tuple[str, bool]:
    """The digest under which the leaf's bit has its position, and whether the leaf is the bit's negation."""
    definition, negated = behaviour(leaf)
    return node_digest(definition), negated
