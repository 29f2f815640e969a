"""What is a rule made of? Frozen nodes with resolved types and stored values."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct

from audiences.rules.values import ValueType
from audiences.rules.vocabulary import TraitType

# One stored value, a sorted tuple for list operators, (low, high) for between, a number of days or months, or None.
Operand: TypeAlias = Any


class All(Struct, frozen=True):
    """True when every node is; true when there is none."""

    nodes: tuple[Node, ...]


class AnyOf(Struct, frozen=True):
    """True when some node is; false when there is none."""

    nodes: tuple[Node, ...]


class Not(Struct, frozen=True):
    node: Node


class TraitLeaf(Struct, frozen=True):
    name: str
    type: TraitType
    op: str
    value: Operand = None


class ContextLeaf(Struct, frozen=True):
    name: str
    type: ValueType
    op: str
    value: Operand = None


class Condition(Struct, frozen=True):
    """One ``where`` of an event leaf: this field equals this stored value."""

    field: str
    type: ValueType
    value: Operand


class EventLeaf(Struct, frozen=True):
    """An aggregate over whole UTC days. ``number`` is the type of what ``op`` compares."""

    event: str
    agg: Literal["count", "days", "sum", "last"]
    window: int
    number: ValueType
    op: str
    value: Operand = None
    field: str | None = None
    where: tuple[Condition, ...] = ()


class Window(Struct, frozen=True):
    """How far back a history count looks. ``size`` counts days, hours or months, else it is 0.

    ``since`` is the (scope, key, happening) whose last time a window of that unit begins with.
    """

    unit: Literal["days", "hours", "months", "local_day", "lifetime", "since"]
    size: int = 0
    since: tuple[str, str, str] | None = None


class HistoryLeaf(Struct, frozen=True):
    """``window`` is None for last and first. ``key`` is empty for the scope ``all``."""

    scope: str
    key: str
    agg: Literal["count", "last", "first"]
    of: str
    op: str
    value: Operand = None
    window: Window | None = None


class AudienceLeaf(Struct, frozen=True):
    """Membership, before inlining."""

    slug: str
    op: Literal["in", "nin"]


class BucketLeaf(Struct, frozen=True):
    salt: str
    op: Literal["lt", "between"]
    value: Operand


class Member(Struct, frozen=True):
    """An audience's rule in the place of its name; made by inlining only."""

    slug: str
    node: Node


class ListLeaf(Struct, frozen=True):
    """Membership of an uploaded list; made by inlining only."""

    slug: str


Leaf: TypeAlias = TraitLeaf | ContextLeaf | EventLeaf | HistoryLeaf | AudienceLeaf | BucketLeaf | ListLeaf
Node: TypeAlias = All | AnyOf | Not | Member | Leaf


class Rule(Struct, frozen=True):
    """A whole rule, version 1 of the language."""

    node: Node


# Asking for a tuple of classes is much quicker than for a union.
_GROUPS = (All, AnyOf)
_WRAPPERS = (Not, Member)

EVERYONE = Rule(All(()))


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below; none below a leaf."""
    if isinstance(node, All | AnyOf):
        return node.nodes
    if isinstance(node, Not | Member):
        return (node.node,)
    return ()


def leaves(node: Node) -> list[Leaf]:
    """All leaves in reading order."""
    found: list[Leaf] = []
    _gather(node, found)
    return found


def _gather(node: Node, found: list[Leaf]) -> None:
    if isinstance(node, _GROUPS):
        for below in node.nodes:
            _gather(below, found)
    elif isinstance(node, _WRAPPERS):
        _gather(node.node, found)
    else:
        found.append(node)
