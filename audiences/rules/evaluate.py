"""Does a rule hold, and if not, what kind of fact stood in its way?

A plain walk over the tree: slow, and readable enough to be the judge of the compiled form.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from audiences.hashing import bucket
from audiences.rules.behaviours import bit_of
from audiences.rules.compare import RELATIVE, SINCE_EVER, compare, compare_day, compare_moment, counted
from audiences.rules.days import DAY, HOUR, month_edge
from audiences.rules.environment import Env
from audiences.rules.nodes import (
    All,
    AnyOf,
    AudienceLeaf,
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
)
from audiences.rules.operators import positive
from audiences.rules.values import Type, ValueType

# digest of a behaviour's definition -> its bit
BitPositions = Mapping[str, int]


class WhyFalse(StrEnum):
    """Reasons of a rule, in the order in which they are asked."""

    TRAIT_STALE = "TRAIT_STALE"
    TRAIT_MISSING = "TRAIT_MISSING"
    AUDIENCE_MISS = "AUDIENCE_MISS"
    TARGETING_MISS = "TARGETING_MISS"


def holds(rule: Rule, env: Env, bit_positions: BitPositions) -> bool:
    """The two-valued answer of an inlined rule."""
    return _Judge(env, bit_positions).answer(rule.node) is True


def why_false(rule: Rule, env: Env, bit_positions: BitPositions) -> WhyFalse:
    """Why an inlined rule that does not hold does not; meaningless for one that does."""
    if _Judge(env, bit_positions, admit_stale=True).answer(rule.node):
        return WhyFalse.TRAIT_STALE
    if _Judge(env, bit_positions, missing_is_unknown=True).answer(rule.node) is None:
        return WhyFalse.TRAIT_MISSING
    first = _first_false(rule.node, _Judge(env, bit_positions))
    return WhyFalse.AUDIENCE_MISS if _is_audience(first) else WhyFalse.TARGETING_MISS


def first_false(rule: Rule, env: Env, bit_positions: BitPositions) -> Rule:
    """The first condition of an inlined rule that stands in its way, as a rule of its own, for ``describe``."""
    return Rule(_first_false(rule.node, _Judge(env, bit_positions)))


def window_start(window: Window, env: Env) -> int:
    """The first moment that a windowed count counts; of a lifetime there is none."""
    return _Judge(env, {}).since(window)


def _first_false(node: Node, judge: "_Judge") -> Node:
    """The first false conjunct, walking into groups of ``all`` but not into an audience's own rule."""
    if isinstance(node, All):
        return next((_first_false(below, judge) for below in node.nodes if not judge.answer(below)), node)
    return node


def _is_audience(node: Node) -> bool:
    return isinstance(node.node if isinstance(node, Not) else node, Member | ListLeaf)


class _Judge(Struct, frozen=True):
    env: Env
    bit_positions: BitPositions
    admit_stale: bool = False
    missing_is_unknown: bool = False

    def answer(self, node: Node) -> bool | None:
        """None is unknown, and comes only when missing is unknown."""
        if isinstance(node, All):
            return _conjunction([self.answer(below) for below in node.nodes])
        if isinstance(node, AnyOf):
            return _negated(_conjunction([_negated(self.answer(below)) for below in node.nodes]))
        if isinstance(node, Not):
            return _negated(self.answer(node.node))
        if isinstance(node, Member):
            return self.answer(node.node)
        return self.leaf(node)

    def leaf(self, leaf: Leaf) -> bool | None:
        if isinstance(leaf, TraitLeaf):
            return self.typed(leaf.op, leaf.type, self.trait(leaf), leaf.value)
        if isinstance(leaf, ContextLeaf):
            return self.typed(leaf.op, leaf.type, self.env.ctx.get(leaf.name), leaf.value)
        if isinstance(leaf, HistoryLeaf):
            return self.history(leaf)
        if isinstance(leaf, BucketLeaf):
            return compare(leaf.op, bucket(leaf.salt, self.env.key), leaf.value)
        if isinstance(leaf, EventLeaf | ListLeaf):
            digest, negated = bit_of(leaf)
            return bool(self.env.bits >> self.bit_positions[digest] & 1) != negated
        return _refused(leaf)

    def trait(self, leaf: TraitLeaf) -> Any:
        """The stored value; None when missing or too old."""
        value, observed_at = self.env.traits.get(leaf.name, (None, 0))
        expires = None if self.admit_stale else leaf.type.expires
        return None if expires is not None and self.env.now - observed_at > expires else value

    def typed(self, asked: str, of: ValueType, stored: Any, value: Any) -> bool | None:
        op, negated = positive(asked)
        if op == "present":
            return (stored is not None) != negated
        if stored is None:
            return None if self.missing_is_unknown else negated
        if op not in RELATIVE:
            return compare(op, stored, value) != negated
        if of.type is Type.DATE:
            return compare_day(op, stored, value, self.env.today)
        return compare_moment(op, stored, value, self.env)

    def history(self, leaf: HistoryLeaf) -> bool:
        op, negated = positive(leaf.op)
        cell = self.env.history.get((leaf.scope, leaf.key, leaf.of))
        if leaf.window is None:
            moment = None if cell is None else cell.last if leaf.agg == "last" else cell.first
            if op == "present":
                return (moment is not None) != negated
            return moment is not None and compare_moment(op, moment, leaf.value, self.env)
        if cell is None:
            happened = 0
        elif leaf.window.unit == "lifetime":
            happened = cell.count
        else:
            happened = counted(cell.instants, self.since(leaf.window), self.env.now)
        return compare(op, happened, leaf.value) != negated

    def since(self, window: Window) -> int:
        if window.unit == "local_day":
            return self.env.day_start
        if window.unit == "months":
            return month_edge(self.env.today, self.env.day_start, window.size, self.env.starts)
        if window.since is not None:
            began = self.env.history.get(window.since)
            return SINCE_EVER if began is None else int(began.last)
        return self.env.now - window.size * (HOUR if window.unit == "hours" else DAY)


def _conjunction(answers: list[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True


def _negated(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def _refused(leaf: AudienceLeaf) -> bool:
    raise ValueError(f"The audience {leaf.slug} is not inlined; call inline first.")
