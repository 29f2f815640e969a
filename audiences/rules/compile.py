"""How does a rule become a Python function that decides in well under a microsecond?

By generated source. Operators and structure become text; names and values never do: each is bound to a numbered
constant. Compiled once per release, called for every candidate that needs it.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

from audiences.hashing import bucket
from audiences.rules.behaviours import bit_of
from audiences.rules.compare import SINCE_EVER, counted
from audiences.rules.days import DAY, HOUR, month_edge, months_before
from audiences.rules.environment import Env
from audiences.rules.evaluate import BitPositions
from audiences.rules.nodes import (
    All,
    AnyOf,
    BucketLeaf,
    ContextLeaf,
    EventLeaf,
    HistoryLeaf,
    Leaf,
    ListLeaf,
    Member,
    Node,
    Not,
    Rule,
    TraitLeaf,
    Window,
    leaves,
)
from audiences.rules.operators import positive
from audiences.rules.values import Type

Predicate = Callable[[Env], bool]

# What a leaf may read, and where it comes from; only what is read is loaded.
_LOADS = {
    "traits": "env.traits.get",
    "ctx": "env.ctx.get",
    "history": "env.history.get",
    "bits": "env.bits",
    "key": "env.key",
    "now": "env.now",
    "today": "env.today",
    "start": "env.day_start",
    "starts": "env.starts",
}
_FUNCTIONS = {"bucket": bucket, "counted": counted, "months_before": months_before, "month_edge": month_edge}

# x: the stored value, read once; k: its constant; a, b: the two ends of a range.
_TESTS = {
    "eq": "{x} == {k}",
    "lt": "{x} < {k}",
    "lte": "{x} <= {k}",
    "gt": "{x} > {k}",
    "gte": "{x} >= {k}",
    "between": "{a} <= {x} <= {b}",
    "in": "{x} in {k}",
    "prefix": "{x}.startswith({k})",
    "contains": "{k} in {x}",
    "any_of": "not {k}.isdisjoint({x})",
    "all_of": "{k}.issubset({x})",
}
_DAY_TESTS = {
    "within_days": "today - {k} < {x} <= today",
    "before_days": "{x} <= today - {k}",
    "in_next_days": "today < {x} <= today + {k}",
    "within_months": "months_before(today, {k}) < {x} <= today",
    "before_months": "{x} <= months_before(today, {k})",
}
_MOMENT_TESTS = {
    "within_days": "now - {k} < {x} <= now",
    "before_days": "{x} <= now - {k}",
    "in_next_days": "now < {x} <= now + {k}",
    "within_months": "month_edge(today, start, {k}, starts) <= {x} <= now",
    "before_months": "{x} < month_edge(today, start, {k}, starts)",
}
_SETS = ("in", "any_of", "all_of")
_CLOCKS = re.compile(r"\b(?:now|today|starts?)\b")


def compile_rule(rule: Rule, bit_positions: BitPositions) -> Predicate:
    """The predicate of an inlined rule. Raises KeyError (a digest) for a behaviour that has no position."""
    source = _Source(bit_positions)
    body = source.node(rule.node)
    loads = "".join(f"    {name} = {origin}\n" for name, origin in _LOADS.items() if name in source.loaded)
    text = f"def predicate(env):\n{loads}    return {body}\n"
    namespace: dict[str, Any] = {**_FUNCTIONS, **source.constants}
    return FunctionType(_code(text), namespace)


@lru_cache(maxsize=2048)
def _code(text: str) -> CodeType:
    """Rules of one shape share their text: names and values are bound, not written."""
    made: dict[str, Any] = {}
    exec(compile(text, "<rule>", "exec"), made)  # noqa: S102  the text holds no name or value of the document
    code: CodeType = made["predicate"].__code__
    return code


class _Source:
    """Source text of nodes, and the constants it refers to."""

    def __init__(self, bit_positions: Mapping[str, int]) -> None:
        self.bit_positions = bit_positions
        self.constants: dict[str, Any] = {}
        self.loaded: set[str] = set()

    def node(self, node: Node) -> str:
        if isinstance(node, All | AnyOf):
            word, empty = (" and ", "True") if isinstance(node, All) else (" or ", "False")
            # A hash costs as much as ten other leaves, so it is asked last; order changes no answer.
            ordered = sorted(node.nodes, key=_hashes)
            return f"({word.join(self.node(below) for below in ordered)})" if ordered else empty
        if isinstance(node, Not):
            return f"(not {self.node(node.node)})"
        if isinstance(node, Member):
            return self.node(node.node)
        return self.leaf(node)

    def leaf(self, leaf: Leaf) -> str:
        if isinstance(leaf, EventLeaf | ListLeaf):
            digest, negated = bit_of(leaf)
            mask = self.bind(1 << self.bit_positions[digest])
            return f"({self.load('bits')} & {mask} {'==' if negated else '!='} 0)"
        if isinstance(leaf, BucketLeaf):
            drawn = f"bucket({self.bind(leaf.salt)}, {self.load('key')})"
            return f"({self.test(_TESTS, leaf.op, drawn, leaf.value)})"
        if isinstance(leaf, TraitLeaf | ContextLeaf | HistoryLeaf):
            op, negated = positive(leaf.op)
            text = self.history(leaf, op) if isinstance(leaf, HistoryLeaf) else self.typed(leaf, op)
            return f"(not {text})" if negated else text
        raise ValueError(f"The audience {leaf.slug} is not inlined; call inline first.")

    def typed(self, leaf: TraitLeaf | ContextLeaf, op: str) -> str:
        stored, parts = "c", [f"(c := {self.load('ctx')}({self.bind(leaf.name)})) is not None"]
        if isinstance(leaf, TraitLeaf):
            stored, parts = "c[0]", [f"(c := {self.load('traits')}({self.bind(leaf.name)})) is not None"]
            if leaf.type.expires is not None:
                parts.append(f"{self.load('now')} - c[1] <= {self.bind(leaf.type.expires)}")
        if op != "present":
            parts.append(self.typed_test(leaf, op, stored))
        return f"({' and '.join(parts)})"

    def typed_test(self, leaf: TraitLeaf | ContextLeaf, op: str, stored: str) -> str:
        if op in _DAY_TESTS and leaf.type.type is Type.DATE:
            return self.test(_DAY_TESTS, op, stored, leaf.value)
        if op in _MOMENT_TESTS:
            return self.moment(op, stored, leaf.value)
        return self.test(_TESTS, op, stored, frozenset(leaf.value) if op in _SETS else leaf.value)

    def moment(self, op: str, stored: str, size: int) -> str:
        return self.test(_MOMENT_TESTS, op, stored, size if op.endswith("_months") else size * DAY)

    def history(self, leaf: HistoryLeaf, op: str) -> str:
        cell = f"(c := {self.load('history')}({self.bind((leaf.scope, leaf.key, leaf.of))})) is not None"
        if leaf.window is None:
            return f"({cell})" if op == "present" else f"({cell} and {self.moment(op, f'c.{leaf.agg}', leaf.value)})"
        happened = "c.count"
        if leaf.window.unit != "lifetime":
            happened = f"counted(c.instants, {self.since(leaf.window)}, {self.load('now')})"
        return f"({self.test(_TESTS, op, f'({happened} if {cell} else 0)', leaf.value)})"

    def since(self, window: Window) -> str:
        """The moment at which a window begins."""
        if window.unit == "local_day":
            return self.load("start")
        if window.unit == "months":
            known = ", ".join(self.load(name) for name in ("today", "start"))
            return f"month_edge({known}, {self.bind(window.size)}, {self.load('starts')})"
        if window.since is not None:
            began = f"(d := {self.load('history')}({self.bind(window.since)})) is not None"
            return f"(d.last if {began} else {self.bind(SINCE_EVER)})"
        return f"{self.load('now')} - {self.bind(window.size * (HOUR if window.unit == 'hours' else DAY))}"

    def test(self, tests: Mapping[str, str], op: str, stored: str, value: Any) -> str:
        template = tests[op]
        self.loaded.update(_CLOCKS.findall(template))
        if op == "between":
            return template.format(x=stored, a=self.bind(value[0]), b=self.bind(value[1]))
        return template.format(x=stored, k=self.bind(value))

    def bind(self, value: Any) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    def load(self, name: str) -> str:
        self.loaded.add(name)
        return name


def _hashes(node: Node) -> bool:
    return any(isinstance(leaf, BucketLeaf) for leaf in leaves(node))
