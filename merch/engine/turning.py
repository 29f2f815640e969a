"""Which single facts would turn this rule, and to which value?

Walks the tree to the leaves that stand in the way and gives the values at the boundary of each leaf's own condition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from audiences.rules import BitPositions, Env, Rule, Type, describe, holds
from audiences.rules.behaviours import bit_of
from audiences.rules.compare import RELATIVE, counted
from audiences.rules.days import DAY, month_edge, months_before
from audiences.rules.evaluate import window_start
from audiences.rules.nodes import (
    All,
    AnyOf,
    BucketLeaf,
    ContextLeaf,
    EventLeaf,
    HistoryLeaf,
    ListLeaf,
    Member,
    Node,
    Not,
    TraitLeaf,
    Window,
)
from audiences.rules.operators import positive
from merch.engine import edits
from merch.engine.edits import Edit
from merch.engine.facts import HistoryCell

MOST_VALUES = 8  # of one leaf
LONG_AGO = 11_000  # days: of a date of which nothing else is asked, some thirty years


def turns(node: Node, want: bool, env: Env, bits: BitPositions) -> Iterator[Edit]:
    """Edits that bring ``node`` nearer to ``want``, in reading order; none where it is so already."""
    if holds(Rule(node), env, bits) is want:
        return
    if isinstance(node, Not | Member):
        yield from turns(node.node, want is not isinstance(node, Not), env, bits)
    elif isinstance(node, All | AnyOf):
        # All members must turn, so the first is the next; or any of them will do.
        standing = [below for below in node.nodes if holds(Rule(below), env, bits) is not want]
        for below in standing[:1] if want is isinstance(node, All) else standing:
            yield from turns(below, want, env, bits)
    else:
        yield from _LEAVES[type(node)](node, want, env, bits)


def _trait(leaf: TraitLeaf, want: bool, env: Env, bits: BitPositions) -> Iterator[Edit]:
    stored = env.traits.get(leaf.name, (None, 0))[0]
    for value in _values(leaf, want, stored, env):
        yield Edit(edits.TRAIT, leaf.name, value)


def _context(leaf: ContextLeaf, want: bool, env: Env, bits: BitPositions) -> Iterator[Edit]:
    for value in _values(leaf, want, env.ctx.get(leaf.name), env):
        yield Edit(edits.CONTEXT, leaf.name, value)


def _history(leaf: HistoryLeaf, want: bool, env: Env, bits: BitPositions) -> Iterator[Edit]:
    name = f"{leaf.scope}|{leaf.key}|{leaf.of}"
    cell = env.history.get((leaf.scope, leaf.key, leaf.of))
    op, negated = positive(leaf.op)
    if leaf.window is None:
        for at in _moments(op, leaf.value, want is not negated, env):
            yield Edit(edits.HISTORY, name, _at(leaf, cell, at))
        return
    since = _since(leaf.window, env)
    happened = _happened(cell, since, env.now)
    for target in _numbers(op, leaf.value, want is not negated):
        if target > happened:
            yield Edit(edits.HISTORY, name, edits.more(cell, target - happened, env.now))
        elif cell is not None and 0 <= target < happened:
            yield Edit(edits.HISTORY, name, edits.fewer(cell, target, None if since is None else since - 1))


def _at(leaf: HistoryLeaf, cell: HistoryCell | None, at: int | None) -> HistoryCell | None:
    if at is None:
        return None
    return edits.moved(cell, at) if leaf.agg == "last" else edits.begun(at)


def _since(window: Window, env: Env) -> int | None:
    return None if window.unit == "lifetime" else window_start(window, env)


def _happened(cell: HistoryCell | None, since: int | None, now: int) -> int:
    if cell is None:
        return 0
    return cell.count if since is None else counted(cell.instants, since, now)


def _behaviour(leaf: EventLeaf | ListLeaf, want: bool, env: Env, bits: BitPositions) -> Iterator[Edit]:
    digest, negated = bit_of(leaf)
    sentence = describe(Rule(leaf if want else Not(leaf)))
    yield Edit(edits.BEHAVIOUR, str(bits[digest]), want is not negated, f"{sentence[0].lower()}{sentence[1:-1]}")


def _chance(leaf: BucketLeaf, want: bool, env: Env, bits: BitPositions) -> Iterator[Edit]:
    """A draw is no fact that could have been otherwise."""
    return iter(())


_LEAVES: Mapping[type, Callable[[Any, bool, Env, BitPositions], Iterator[Edit]]] = {
    TraitLeaf: _trait,
    ContextLeaf: _context,
    HistoryLeaf: _history,
    EventLeaf: _behaviour,
    ListLeaf: _behaviour,
    BucketLeaf: _chance,
}


def _values(leaf: TraitLeaf | ContextLeaf, want: bool, stored: Any, env: Env) -> list[Any]:
    """Boundary values of the condition; None is the fact's absence, which a complement admits."""
    op, negated = positive(leaf.op)
    wanted = want is not negated
    kind = leaf.type.type
    if op == "present":
        return [some_value(kind, leaf.type.values, env)] if wanted else [None]
    if op in RELATIVE:
        found = _days(op, leaf.value, wanted, env) if kind is Type.DATE else _moments(op, leaf.value, wanted, env)
    elif kind is Type.SET:
        found = _sets(op, leaf.value, wanted, set(stored or ()))
    elif kind in (Type.STRING, Type.BOOL):
        found = _texts(op, leaf.value, wanted, kind, leaf.type.values)
    else:
        found = _numbers(op, leaf.value, wanted)
    return [*found[:MOST_VALUES], *(() if wanted else (None,))]


def _numbers(op: str, value: Any, wanted: bool) -> list[Any]:
    """Also of dates, moments and versions, which are stored as whole numbers."""
    match op:
        case "eq":
            return [value] if wanted else [value + 1, value - 1]
        case "in":
            return list(value) if wanted else [max(value) + 1, min(value) - 1]
        case "between":
            return list(value) if wanted else [value[0] - 1, value[1] + 1]
    inside, outside = {"lt": (-1, 0), "lte": (0, 1), "gt": (1, 0), "gte": (0, -1)}[op]
    return [value + (inside if wanted else outside)]


def _texts(op: str, value: Any, wanted: bool, kind: Type, known: frozenset[str]) -> list[Any]:
    members = value if op == "in" else (value,)
    if wanted:
        return list(members)
    if kind is Type.BOOL:
        return [not value]
    return [other for other in sorted(known) if not _passes(op, other, members)]


def _passes(op: str, text: str, members: Any) -> bool:
    return any(text.startswith(member) for member in members) if op == "prefix" else text in members


def _sets(op: str, value: Any, wanted: bool, stored: set[str]) -> list[Any]:
    members = {value} if op == "contains" else set(value)
    if wanted:
        each = [members] if op == "all_of" else [{member} for member in sorted(members)]
        return [sorted(stored | added) for added in each]
    if op == "all_of":
        return [sorted(stored - {member}) for member in sorted(members)]
    return [sorted(stored - members)]


def _days(op: str, size: int, wanted: bool, env: Env) -> list[Any]:
    """Days at the edge, as audiences.rules.compare draws it."""
    if op == "in_next_days":
        return [env.today + 1 if wanted else env.today]
    edge = env.today - size if op.endswith("_days") else months_before(env.today, size)
    if op.startswith("within"):
        return [env.today if wanted else edge]
    return [edge if wanted else edge + 1]


def _moments(op: str, size: Any, wanted: bool, env: Env) -> list[Any]:
    if op == "present":
        return [env.now if wanted else None]
    if op == "in_next_days":
        return [env.now + 1 if wanted else env.now]
    # The first microsecond that is not "before".
    edge = env.now - size * DAY + 1 if op.endswith("_days") else month_edge(env.today, env.day_start, size, env.starts)
    if op.startswith("within"):
        return [env.now if wanted else edge - 1]
    return [edge - 1 if wanted else edge]


def some_value(kind: Type, known: frozenset[str], env: Env) -> Any:
    """Any value of the type, where only its presence is asked."""
    if known:
        return min(known) if kind is not Type.SET else [min(known)]
    return {
        Type.STRING: "any", Type.SET: ["any"], Type.BOOL: True, Type.DATE: env.today - LONG_AGO,
        Type.TIMESTAMP: env.now,
    }.get(kind, 0)  # fmt: skip
