"""Which values of which facts does a condition leave possible?

A condition, asked to hold or not to hold, is a list of alternatives; each names facts and the values that are left to
them. Facts are independent of each other as far as is known here, so a contradiction that is found is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from typing import Any, TypeAlias

from msgspec import Struct

from audiences.hashing import BUCKETS
from audiences.rules.canonical import node_digest
from audiences.rules.compare import RELATIVE
from audiences.rules.days import DAY
from audiences.rules.nodes import BucketLeaf, ContextLeaf, EventLeaf, HistoryLeaf, ListLeaf, Node, TraitLeaf
from audiences.rules.operators import positive
from audiences.rules.values import Type

Fact: TypeAlias = tuple[Any, ...]


class Numbers(Struct, frozen=True):
    """Whole numbers within ranges, both ends included; ranges ascend and never touch."""

    ranges: tuple[tuple[float, float], ...]

    def both(self, other: Numbers) -> Numbers:
        cut = [(max(low, from_), min(high, to)) for low, high in self.ranges for from_, to in other.ranges]
        return Numbers(tuple(each for each in cut if each[0] <= each[1]))

    def others(self) -> Numbers:
        left, reached = [], -inf
        for low, high in self.ranges:
            if low > -inf and reached <= low - 1:
                left.append((reached, low - 1))
            reached = high + 1
        return Numbers((*left, (reached, inf)) if reached < inf else tuple(left))

    @property
    def empty(self) -> bool:
        return not self.ranges


class Texts(Struct, frozen=True):
    """These, or with ``all_but`` everything else."""

    named: frozenset[Any]
    all_but: bool = False

    def both(self, other: Texts) -> Texts:
        if self.all_but and other.all_but:
            return Texts(self.named | other.named, all_but=True)
        if self.all_but or other.all_but:
            some, but = (other, self) if self.all_but else (self, other)
            return Texts(some.named - but.named)
        return Texts(self.named & other.named)

    def others(self) -> Texts:
        return Texts(self.named, all_but=not self.all_but)

    @property
    def empty(self) -> bool:
        return not self.named and not self.all_but


Values: TypeAlias = Numbers | Texts
Term: TypeAlias = Mapping[Fact, Values]

YES, NO = Texts(frozenset({True})), Texts(frozenset({False}))
COUNTS = Numbers(((0, inf),))


def met(one: Term, other: Term) -> Term | None:
    """Both at once; None where some fact is left no value."""
    joined: dict[Fact, Values] = dict(one)
    for fact, values in other.items():
        known = joined.get(fact)
        both = values if known is None else known.both(values)  # type: ignore[arg-type]
        if both.empty:
            return None
        joined[fact] = both
    return joined


def alternatives(leaf: Node, want: bool) -> list[Term]:
    """The ways in which the condition comes out as ``want``."""
    say = _SAY.get(type(leaf), _opaque)
    return say(leaf, want)


def _opaque(leaf: Node, want: bool) -> list[Term]:
    """Of a condition that nothing is known of but its own answer."""
    return [{("leaf", node_digest(leaf)): YES if want else NO}]


def _known_or_not(fact: Fact, values: Values, want: bool, about: Fact) -> list[Term]:
    """A positive condition on something that may be missing: then it does not hold."""
    known = {(*about, "known"): YES}
    if want:
        return [] if values.empty else [{**known, fact: values}]
    rest = values.others()
    return [{(*about, "known"): NO}, *([] if rest.empty else [{**known, fact: rest}])]


def _typed(leaf: TraitLeaf | ContextLeaf, want: bool) -> list[Term]:
    about: Fact = (type(leaf).__name__, leaf.name)
    op, negated = positive(leaf.op)
    wanted = want is not negated
    if op == "present":
        return [{(*about, "known"): YES if wanted else NO}]
    if op in RELATIVE:
        unit, ages = _age(op, leaf.value, 1 if leaf.type.type is Type.DATE else DAY)
        return _known_or_not((*about, unit), ages, wanted, about)
    if leaf.type.type is Type.SET:
        return _members(about, op, leaf.value, wanted)
    if op == "prefix":
        return _known_or_not((*about, "prefix", leaf.value), YES, wanted, about)
    if leaf.type.type in (Type.STRING, Type.BOOL):
        named = Texts(frozenset(leaf.value) if op == "in" else frozenset({leaf.value}))
        closed = {(*about, "value"): Texts(leaf.type.values)} if leaf.type.values else {}
        found = _known_or_not((*about, "value"), named, wanted, about)
        return [term for each in found if (term := met(each, closed if len(each) > 1 else {})) is not None]
    return _known_or_not((*about, "value"), _numbers(op, leaf.value), wanted, about)


def _members(about: Fact, op: str, value: Any, wanted: bool) -> list[Term]:
    """Each member of a set is a fact of its own; of a missing set none is one."""
    names = [value] if op == "contains" else list(value)
    facts = [(*about, "holds", name) for name in names]
    if wanted is (op != "all_of") and op != "contains":
        return [{fact: YES if wanted else NO} for fact in facts]
    return [dict.fromkeys(facts, YES if wanted else NO)]


def _numbers(op: str, value: Any) -> Numbers:
    match op:
        case "in":
            return Numbers(_apart(sorted(value)))
        case "between":
            return Numbers(((value[0], value[1]),) if value[0] <= value[1] else ())
        case "eq":
            return Numbers(((value, value),))
    return {
        "lt": Numbers(((-inf, value - 1),)),
        "lte": Numbers(((-inf, value),)),
        "gt": Numbers(((value + 1, inf),)),
        "gte": Numbers(((value, inf),)),
    }[op]


def _apart(values: list[int]) -> tuple[tuple[float, float], ...]:
    ranges: list[tuple[float, float]] = []
    for value in values:
        if ranges and value <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], value)
        else:
            ranges.append((value, value))
    return tuple(ranges)


def _age(op: str, size: int, day: int) -> tuple[str, Numbers]:
    """How long ago, in the operator's unit; the future is negative. A number of months has edges of its own."""
    unit, length = ("months", size) if op.endswith("_months") else ("age", size * day)
    if op == "in_next_days":
        return unit, Numbers(((-length, -1),))
    return unit, Numbers(((0, length - 1),) if op.startswith("within") else ((length, inf),))


def _history(leaf: HistoryLeaf, want: bool) -> list[Term]:
    about: Fact = ("history", leaf.scope, leaf.key, leaf.of, leaf.agg)
    op, negated = positive(leaf.op)
    wanted = want is not negated
    if leaf.window is not None:
        return _counted((*about, repr(leaf.window)), op, leaf.value, wanted)
    if op == "present":
        return [{(*about, "known"): YES if wanted else NO}]
    unit, ages = _age(op, leaf.value, DAY)
    return _known_or_not((*about, unit), ages, wanted, about)


def _event(leaf: EventLeaf, want: bool) -> list[Term]:
    about: Fact = ("event", leaf.event, leaf.agg, leaf.window, leaf.field, repr(leaf.where))
    if leaf.agg == "last":
        return _opaque(leaf, want)
    op, negated = positive(leaf.op)
    wanted = want is not negated
    if leaf.agg == "sum":
        values = _numbers(op, leaf.value)
        left = values if wanted else values.others()
        return [] if left.empty else [{about: left}]
    return _counted(about, op, leaf.value, wanted)


def _counted(fact: Fact, op: str, value: Any, wanted: bool) -> list[Term]:
    values = _numbers(op, value)
    left = (values if wanted else values.others()).both(COUNTS)
    return [] if left.empty else [{fact: left}]


def _bucket(leaf: BucketLeaf, want: bool) -> list[Term]:
    values = _numbers(leaf.op, leaf.value)
    left = (values if want else values.others()).both(Numbers(((0, BUCKETS - 1),)))
    return [] if left.empty else [{("bucket", leaf.salt): left}]


def _list(leaf: ListLeaf, want: bool) -> list[Term]:
    return [{("list", leaf.slug): YES if want else NO}]


_SAY: Mapping[type, Callable[[Any, bool], list[Term]]] = {
    TraitLeaf: _typed,
    ContextLeaf: _typed,
    HistoryLeaf: _history,
    EventLeaf: _event,
    BucketLeaf: _bucket,
    ListLeaf: _list,
}
