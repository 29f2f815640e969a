"""What is the one spelling of this rule, and its identity?"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec

from audiences.rules.nodes import (
    All,
    AnyOf,
    AudienceLeaf,
    BucketLeaf,
    ContextLeaf,
    EventLeaf,
    HistoryLeaf,
    ListLeaf,
    Member,
    Node,
    Not,
    Operand,
    Rule,
    TraitLeaf,
    Window,
)
from audiences.rules.operands import WHOLE
from audiences.rules.operators import BUCKETS, COUNTS, EVENT_LAST, HISTORY_LAST, OPERATORS, PRESENCE, Shape
from audiences.rules.values import Type, ValueType, decode_trait


def canonical(rule: Rule) -> dict[str, Any]:
    """The document. An inlined audience is written by its name again."""
    return {"v": 1, "rule": node_document(rule.node)}


def digest(rule: Rule) -> str:
    """SHA-256 of the canonical document, in hexadecimal."""
    return node_digest(rule.node)


def node_digest(node: Node) -> str:
    """As ``digest``, of a part of a rule."""
    text = msgspec.json.encode(node_document(node), order="sorted")
    return sha256(text).hexdigest()


def node_document(node: Node) -> dict[str, Any]:
    """The JSON form of a part of a rule."""
    return _WRITERS[type(node)](node)


def json_operand(of: ValueType, shape: Shape, value: Operand) -> Any:
    """An operand as it stands in a document."""
    if shape in (Shape.DAYS, Shape.MONTHS):
        return value
    member = ValueType(Type.STRING) if of.type is Type.SET else of
    if shape is Shape.ONE:
        return decode_trait(member, value)
    return [decode_trait(member, item) for item in value]


def _question(of: ValueType, shapes: dict[str, Shape], op: str, value: Operand) -> dict[str, Any]:
    shape = shapes[op]
    return {"op": op} if shape is Shape.NOTHING else {"op": op, "value": json_operand(of, shape, value)}


def _trait(leaf: TraitLeaf) -> dict[str, Any]:
    return {"trait": leaf.name, **_question(leaf.type, OPERATORS[leaf.type.type] | PRESENCE, leaf.op, leaf.value)}


def _context(leaf: ContextLeaf) -> dict[str, Any]:
    return {"ctx": leaf.name, **_question(leaf.type, OPERATORS[leaf.type.type] | PRESENCE, leaf.op, leaf.value)}


def _event(leaf: EventLeaf) -> dict[str, Any]:
    document: dict[str, Any] = {"event": leaf.event, "agg": leaf.agg, "window": leaf.window}
    if leaf.field is not None:
        document["field"] = leaf.field
    if leaf.where:
        document["where"] = {part.field: decode_trait(part.type, part.value) for part in leaf.where}
    return document | _question(leaf.number, EVENT_LAST if leaf.agg == "last" else COUNTS, leaf.op, leaf.value)


def _history(leaf: HistoryLeaf) -> dict[str, Any]:
    document: dict[str, Any] = {"history": leaf.scope, "agg": leaf.agg, "of": leaf.of}
    if leaf.key:
        document["key"] = leaf.key
    if leaf.window is not None:
        document["window"] = _window(leaf.window)
    return document | _question(WHOLE, COUNTS if leaf.agg == "count" else HISTORY_LAST, leaf.op, leaf.value)


def _window(window: Window) -> Any:
    if window.unit == "days":
        return window.size
    if window.unit in ("hours", "months"):
        return {window.unit: window.size}
    if window.since is not None:
        scope, key, happening = window.since
        return {"since": {"history": scope, **({"key": key} if key else {}), "of": happening}}
    return window.unit


_WRITERS: dict[type, Callable[[Any], dict[str, Any]]] = {
    All: lambda node: {"all": [node_document(below) for below in node.nodes]},
    AnyOf: lambda node: {"any": [node_document(below) for below in node.nodes]},
    Not: lambda node: {"not": node_document(node.node)},
    Member: lambda node: {"audience": node.slug, "op": "in"},
    ListLeaf: lambda leaf: {"audience": leaf.slug, "op": "in"},
    AudienceLeaf: lambda leaf: {"audience": leaf.slug, "op": leaf.op},
    BucketLeaf: lambda leaf: {"bucket": leaf.salt, **_question(WHOLE, BUCKETS, leaf.op, leaf.value)},
    TraitLeaf: _trait,
    ContextLeaf: _context,
    EventLeaf: _event,
    HistoryLeaf: _history,
}
