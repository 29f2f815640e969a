"""How do rules become tables?

Every demand of every row goes to the table of what it reads. What has no table stays with the row: that row is
*residual*, and where the rest of it holds the whole rule is asked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

from audiences.rules import BitPositions, Rule, Type, ValueType, compile_rule
from audiences.rules.behaviours import bit_of
from audiences.rules.compare import compare
from audiences.rules.nodes import (
    All,
    AnyOf,
    BucketLeaf,
    ContextLeaf,
    EventLeaf,
    HistoryLeaf,
    ListLeaf,
    Not,
    TraitLeaf,
    leaves,
)
from audiences.rules.operators import positive
from merch.engine.index import reading
from merch.engine.index.accepts import AGES, Choice, Members, Spans, choice, members, spans
from merch.engine.index.demands import Demand, Row, conjuncts, rows
from merch.engine.index.reading import Read
from merch.engine.index.tables import Bits, Choices, Collections, Histories, Shared, Stretches, Table, Typed

WORTH = 4  # rows that make a condition worth asking once per call, whoever survives
MOST_SHARED = 32
MOST_VALUES = 2_048  # texts that one table tells apart; rows that name more are residual

KINDS: dict[Type, type] = {Type.STRING: str, Type.BOOL: bool, Type.SET: list}  # all others are whole numbers
OPERATORS: dict[type, frozenset[str]] = {
    str: frozenset({"eq", "in", "present"}),
    bool: frozenset({"eq", "present"}),
    list: frozenset({"contains", "any_of", "all_of", "present"}),
    int: frozenset({"eq", "in", "lt", "lte", "gt", "gte", "between", "present"}) | AGES,
}


class Attribute(NamedTuple):
    """What one table reads: a trait or a value of the request, as it is or as the time since."""

    source: str
    name: str
    since: bool = False


Accept = TypeVar("Accept", Choice, Spans, Members)
Asked: TypeAlias = tuple[Table, Sequence[int]]  # a table, and the rows to ask where it cannot answer


class Plan(NamedTuple):
    """The rows of each rule, and what answers for them."""

    of_rule: list[list[Row]]
    tables: list[Asked]
    residual: list[int]


def plan(rules: Sequence[Rule | None], bits: BitPositions) -> Plan:
    """One row without demands where there is no rule."""
    shared = _shared(rules)
    known: dict[int, list[Row]] = {}
    for rule in rules:
        if rule is not None and id(rule) not in known:
            known[id(rule)] = rows(rule.node, shared.__contains__)
    of_rule: list[list[Row]] = [[()] if rule is None else known[id(rule)] for rule in rules]
    sorting = _Sorting(of_rule, shared)
    number = 0
    for rule, found in zip(rules, of_rule, strict=True):
        for row in found:
            sorting.add(number, row, rule)
            number += 1
    return Plan(of_rule, [*sorting.tables(bits)], sorted(sorting.residual))


def _shared(rules: Sequence[Rule | None]) -> frozenset[Demand]:
    """Conditions without a table that many rules have."""
    asked: Counter[Demand] = Counter()
    for rule in rules:
        if rule is not None:
            asked.update([*dict.fromkeys(each for each in conjuncts(rule.node) if _has_no_table(each))])
    return frozenset(demand for demand, times in asked.most_common(MOST_SHARED) if times >= WORTH)


def _has_no_table(demand: Demand) -> bool:
    leaf = demand.node
    if isinstance(leaf, TraitLeaf | ContextLeaf):
        return positive(leaf.op)[0] not in OPERATORS[_kind(leaf.type)]
    return isinstance(leaf, HistoryLeaf | All | AnyOf)


def _kind(of: ValueType) -> type:
    return KINDS.get(of.type, int)


class _Sorting:
    """Demands on their way to tables."""

    def __init__(self, of_rule: Sequence[Sequence[Row]], shared: frozenset[Demand]) -> None:
        self.size = sum(len(found) for found in of_rule)
        self.residual: set[int] = set()
        self._shared: dict[Demand, list[int]] = {demand: [] for demand in shared}
        self._salts = Counter(
            demand.node.salt
            for found in of_rule
            for row in found
            for demand in row
            if isinstance(demand.node, BucketLeaf)
        )
        self._reads: dict[Attribute, tuple[Read, ValueType]] = {}
        self._touched: dict[Attribute, list[int]] = defaultdict(list)
        self._choices: dict[Attribute, dict[int, Choice]] = defaultdict(dict)
        self._spans: dict[Attribute, dict[int, Spans]] = defaultdict(dict)
        self._members: dict[Attribute, dict[int, Members]] = defaultdict(dict)
        self._bits: dict[tuple[str, bool], list[int]] = defaultdict(list)
        self._draws: dict[str, dict[int, Spans]] = defaultdict(dict)
        self._cells: dict[str, list[int]] = defaultdict(list)
        self._unhappened: set[int] = set()
        self._values: dict[Attribute, set[object]] = defaultdict(set)

    def add(self, number: int, row: Row, rule: Rule | None) -> None:
        """The row's demands, and what its rule reads anywhere: a value of a wrong type there may make it raise."""
        for demand in row:
            self._demand(number, demand)
        for leaf in leaves(rule.node) if rule else ():
            if isinstance(leaf, TraitLeaf | ContextLeaf):
                touched = self._touched[self._attribute(leaf)]
                if touched[-1:] != [number]:
                    touched.append(number)

    def _demand(self, number: int, demand: Demand) -> None:
        leaf, negated = demand
        if demand in self._shared:
            self._shared[demand].append(number)
        elif isinstance(leaf, TraitLeaf | ContextLeaf) and not _has_no_table(demand):
            self._typed(number, leaf, negated=negated)
        elif isinstance(leaf, EventLeaf | ListLeaf):
            digest, complement = bit_of(leaf)
            self._bits[digest, negated is complement].append(number)
        elif isinstance(leaf, HistoryLeaf):
            self._cells["|".join((leaf.scope, leaf.key, leaf.of))].append(number)
            if _unhappened(leaf) is negated:
                self._unhappened.add(number)
        elif isinstance(leaf, BucketLeaf) and self._salts[leaf.salt] >= WORTH:
            _narrow(self._draws[leaf.salt], number, spans(leaf.op, leaf.value, Type.INT, negated=negated))
        else:
            self.residual.add(number)

    def _typed(self, number: int, leaf: TraitLeaf | ContextLeaf, *, negated: bool) -> None:
        op, complement = positive(leaf.op)
        negated = negated is not complement
        attribute, kind = self._attribute(leaf), _kind(leaf.type)
        if kind is int:
            aged = attribute._replace(since=op in AGES)
            _narrow(self._spans[aged], number, spans(op, leaf.value, leaf.type.type, negated=negated))
        elif not self._room(attribute, leaf, op):
            self.residual.add(number)
        elif kind is list:
            accept = members(op, leaf.value, negated=negated)
            _narrow(self._members[attribute], number, accept)
            if not self._members[attribute][number].exact:
                self.residual.add(number)
        else:
            _narrow(self._choices[attribute], number, choice(op, leaf.value, negated=negated))

    def _room(self, attribute: Attribute, leaf: TraitLeaf | ContextLeaf, op: str) -> bool:
        named = self._values[attribute]
        if op == "present":
            return True
        more = {*leaf.value} if isinstance(leaf.value, tuple) else {leaf.value}
        if len(named | more) > MOST_VALUES:
            return False
        named |= more
        return True

    def _attribute(self, leaf: TraitLeaf | ContextLeaf) -> Attribute:
        if isinstance(leaf, TraitLeaf):
            attribute, read = Attribute("trait", leaf.name), reading.trait(leaf.name, leaf.type.expires)
        else:
            attribute, read = Attribute("ctx", leaf.name), reading.context(leaf.name)
        self._reads.setdefault(attribute, (read, leaf.type))
        return attribute

    def tables(self, bits: BitPositions) -> Iterator[Asked]:
        """One for each thing that is read."""
        yield from self._typed_tables()
        if self._bits:
            demands = {(bits[digest], wanted): found for (digest, wanted), found in self._bits.items()}
            yield Bits(self.size, demands), ()
        for salt, draws in self._draws.items():
            yield Stretches(reading.drawn(salt), self.size, draws), ()
        if self._cells:
            yield Histories(self.size, self._unhappened, self._cells), ()
        for demand, having in self._shared.items():
            node = Not(demand.node) if demand.negated else demand.node
            yield Shared(self.size, compile_rule(Rule(node), bits), having), having

    def _typed_tables(self) -> Iterator[Asked]:
        """Also for what is read only in one piece: its type is looked at."""
        size, answered = self.size, set()
        for attribute, choices in self._choices.items():
            answered.add(attribute)
            read, of = self._reads[attribute]
            yield Choices(read, _kind(of), size, choices), self._touched[attribute]
        for attribute, sets in self._members.items():
            answered.add(attribute)
            yield Collections(self._reads[attribute][0], size, sets), self._touched[attribute]
        for asked, numbers in self._spans.items():
            attribute = asked._replace(since=False)
            answered.add(attribute)
            yield Stretches(self._numbers(asked), size, numbers), self._touched[attribute]
        for attribute, touched in self._touched.items():
            if attribute not in answered:
                read, of = self._reads[attribute]
                yield Typed(read, _kind(of), size), touched

    def _numbers(self, attribute: Attribute) -> Read:
        read, of = self._reads[attribute._replace(since=False)]
        if not attribute.since:
            return read
        return reading.age_in_days(read) if of.type is Type.DATE else reading.age(read)


def _narrow(found: dict[int, Accept], row: int, accept: Accept) -> None:
    found[row] = found[row].both(accept) if row in found else accept


def _unhappened(leaf: HistoryLeaf) -> bool:
    """What the leaf answers to somebody to whom it never happened."""
    op, negated = positive(leaf.op)
    return (leaf.window is not None and compare(op, 0, leaf.value)) is not negated
