"""At which values of a fact does the answer of some condition change?

Every fact that rules read gets the values on both sides of each edge, and being unknown. Values are in stored form, in
a fixed order, so that what is made of them is the same every time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any, TypeAlias

from audiences.hashing import bucket
from audiences.rules.behaviours import bit_of
from audiences.rules.days import DAY, month_edge, months_before
from audiences.rules.environment import Env, HistoryCell
from audiences.rules.evaluate import window_start
from audiences.rules.nodes import (
    BucketLeaf,
    ContextLeaf,
    EventLeaf,
    HistoryLeaf,
    Leaf,
    ListLeaf,
    Node,
    TraitLeaf,
    leaves,
)
from audiences.rules.operators import positive
from audiences.rules.values import Type, ValueType

# ("trait", name), ("ctx", name), ("history", scope, key, happening), ("bit", digest), ("key",)
Fact: TypeAlias = tuple[str, ...]
# A trait is (stored value, its age); unknown is None, also a cell of what never happened.
Value: TypeAlias = Any

KEY: Fact = ("key",)
MOST_KEYS = 20_000  # ids that are tried until each side of a split has one
MOST_OF_A_LIST = 8
FEW_MEMBERS = 4


def facts_of(leaf: Leaf) -> tuple[Fact, ...]:
    """What a condition reads; the first is what it is about."""
    if isinstance(leaf, TraitLeaf):
        return (("trait", leaf.name),)
    if isinstance(leaf, ContextLeaf):
        return (("ctx", leaf.name),)
    if isinstance(leaf, HistoryLeaf):
        own: Fact = ("history", leaf.scope, leaf.key, leaf.of)
        since = leaf.window.since if leaf.window is not None else None
        return (own,) if since is None else (own, ("history", *since))
    if isinstance(leaf, EventLeaf | ListLeaf):
        return (("bit", bit_of(leaf)[0]),)
    return (KEY,)


def boundaries(nodes: Iterable[Node], env: Env) -> dict[Fact, tuple[Value, ...]]:
    """The values of every fact that these inlined rules read, at the moment of ``env``."""
    found: dict[Fact, list[Value]] = {}
    asked = [leaf for node in nodes for leaf in leaves(node)]
    for leaf in asked:
        for fact in facts_of(leaf):
            found.setdefault(fact, [])
        if facts_of(leaf)[0] != KEY:
            found[facts_of(leaf)[0]] += _values(leaf, env)
    if KEY in found:
        found[KEY] = list(_keys([leaf for leaf in asked if isinstance(leaf, BucketLeaf)]))
    return {fact: _completed(fact, values, env) for fact, values in found.items()}


def _completed(fact: Fact, values: list[Value], env: Env) -> tuple[Value, ...]:
    """Without repeats; a cell that is only looked back to has happened now and a while ago."""
    if fact[0] == "history" and not values:
        values = [cell_of(env.now - back) for back in (0, DAY, 400 * DAY)]
    distinct: list[Value] = []
    for value in values if fact[0] in ("bit", "key") else [*values, None]:
        if value not in distinct:
            distinct.append(value)
    return tuple(distinct)


def _values(leaf: Leaf, env: Env) -> list[Value]:
    if isinstance(leaf, TraitLeaf):
        fresh = [(value, 0) for value in _typed(leaf.op, leaf.type, leaf.value, env)]
        stale = [(fresh[0][0], leaf.type.expires + 1)] if leaf.type.expires is not None else []
        return fresh + stale
    if isinstance(leaf, ContextLeaf):
        return _typed(leaf.op, leaf.type, leaf.value, env)
    if isinstance(leaf, HistoryLeaf):
        return list(_cells(leaf, env))
    return [False, True]


def _typed(asked: str, of: ValueType, value: Any, env: Env) -> list[Any]:
    op, _ = positive(asked)
    if of.type is Type.BOOL:
        return [True, False]
    if of.type is Type.SET:
        return _sets(op, value)
    if of.type is Type.STRING:
        return _texts(op, of, value)
    if op == "present":
        return [1]
    if op.endswith(("_days", "_months")):
        return _days(op, value, env) if of.type is Type.DATE else _moments(op, value, env)
    ends = value if isinstance(value, tuple) else (value,)
    picked = ends if op == "between" else ends[:MOST_OF_A_LIST]
    return [end + step for end in picked for step in (0, -1, 1)]


def _sets(op: str, value: Any) -> list[tuple[str, ...]]:
    members = () if op == "present" else value if isinstance(value, tuple) else (value,)
    few = members[:FEW_MEMBERS]
    some = [chosen for size in range(len(few) + 1) for chosen in combinations(few, size)]
    return [*some, members] if len(members) > FEW_MEMBERS else some


def _texts(op: str, of: ValueType, value: Any) -> list[str]:
    named = () if op == "present" else value if isinstance(value, tuple) else (value,)
    others = sorted(of.values - set(named)) if of.values else ["something else"]
    return [*named[:MOST_OF_A_LIST], *others[:1]]


def _days(op: str, size: int, env: Env) -> list[int]:
    today = env.today
    if op == "in_next_days":
        return [today + 1, today, today + size, today + size + 1]
    edge = today - size if op.endswith("_days") else months_before(today, size)
    return [edge, edge + 1, today, today + 1]


def _moments(op: str, size: int, env: Env) -> list[int]:
    now = env.now
    if op == "in_next_days":
        return [now + 1, now, now + size * DAY, now + size * DAY + 1]
    after = now - size * DAY + 1 if op.endswith("_days") else month_edge(env.today, env.day_start, size, env.starts)
    return [after - 1, after, now, now + 1]


def cell_of(*instants: int) -> HistoryCell:
    """What happened at these instants, ascending."""
    return HistoryCell(len(instants), instants[0], instants[-1], instants)


def _cells(leaf: HistoryLeaf, env: Env) -> Iterator[HistoryCell]:
    op, _ = positive(leaf.op)
    if leaf.window is None:
        for at in [env.now] if op == "present" else _moments(op, leaf.value, env):
            yield cell_of(at)
        return
    ends = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    for count in sorted({end + step for end in ends for step in (-1, 0, 1)} - {-1, 0}):
        # Beyond the newest few only the count is asked.
        instants = tuple(env.now - back for back in range(min(count, 21) - 1, -1, -1))
        yield HistoryCell(count, instants[0], env.now, instants)
    start = window_start(leaf.window, env)
    if leaf.window.unit not in ("lifetime", "since"):
        yield cell_of(start - 1)


def _keys(asked: list[BucketLeaf]) -> Iterator[str]:
    """Ids that differ in which of these splits they fall into, as many kinds as are found."""
    kinds: set[tuple[bool, ...]] = set()
    for number in range(MOST_KEYS):
        key = f"acc_{number}"
        kind = tuple(_falls(leaf, key) for leaf in asked)
        if kind not in kinds:
            kinds.add(kind)
            yield key
        if len(kinds) == 2 ** len(asked):
            return


def _falls(leaf: BucketLeaf, key: str) -> bool:
    low, high = leaf.value if leaf.op == "between" else (0, leaf.value - 1)
    return bool(low <= bucket(leaf.salt, key) <= high)


def env_of(facts: Mapping[Fact, Value], env: Env, positions: Mapping[str, int]) -> Env:
    """The subject with these facts, at the moment of ``env``."""
    known = {fact: value for fact, value in facts.items() if value is not None}
    return Env(
        traits={fact[1]: (value, env.now - age) for fact, (value, age) in _of(known, "trait")},
        ctx={fact[1]: value for fact, value in _of(known, "ctx")},
        history={(fact[1], fact[2], fact[3]): value for fact, value in _of(known, "history")},
        bits=sum(1 << positions[fact[1]] for fact, value in _of(known, "bit") if value),
        key=known.get(KEY, "acc_0"),
        now=env.now, today=env.today, day_start=env.day_start, starts=env.starts,
    )  # fmt: skip


def _of(facts: Mapping[Fact, Value], kind: str) -> Iterator[tuple[Fact, Value]]:
    return ((fact, value) for fact, value in facts.items() if fact[0] == kind)
