"""How do rules become tables?

Every demand of every row goes to the table of what it reads. What has no table stays with the row: that row is
*residual*, and where the rest of it holds the whole rule is asked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
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
    Node,
    Not,
    TraitLeaf,
    leaves,
)
from audiences.rules.operators import COMPLEMENTS, positive
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
TABLED: dict[Type, frozenset[str]] = {
    of: known | {each for each, base in COMPLEMENTS.items() if base in known}
    for of in Type
    for known in (OPERATORS[KINDS.get(of, int)],)
}
TYPED = (TraitLeaf, ContextLeaf)
UNTABLED = (HistoryLeaf, All, AnyOf)

Way: TypeAlias = Callable[[int], None]  # of a row's number to where its demand is kept


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
    apart = {id(rule): tuple(conjuncts(rule.node)) for rule in rules if rule is not None}
    shared = _shared([apart[id(rule)] for rule in rules if rule is not None])
    known = {name: rows(demands, shared.__contains__) for name, demands in apart.items()}
    of_rule: list[list[Row]] = [[()] if rule is None else known[id(rule)] for rule in rules]
    sorting = _Sorting(of_rule, shared)
    first = 0
    for rule, found in zip(rules, of_rule, strict=True):
        sorting.add(rule, found, first)
        first += len(found)
    return Plan(of_rule, [*sorting.tables(bits)], sorted(sorting.residual))


def _shared(rules: Sequence[Row]) -> frozenset[Demand]:
    """Conditions without a table that many rules have."""
    asked: Counter[Demand] = Counter()
    for demands in rules:
        untabled = [demand for demand in demands if _has_no_table(demand.node)]
        if untabled:
            asked.update([*dict.fromkeys(untabled)])
    return frozenset(demand for demand, times in asked.most_common(MOST_SHARED) if times >= WORTH)


def _has_no_table(node: Node) -> bool:
    if isinstance(node, TYPED):
        return node.op not in TABLED[node.type.type]
    return isinstance(node, UNTABLED)


def _kind(of: ValueType) -> type:
    return KINDS.get(of.type, int)


class _Sorting:
    """Demands on their way to tables. Rules share leaves, so the way of each is found once."""

    def __init__(self, of_rule: Sequence[Sequence[Row]], shared: frozenset[Demand]) -> None:
        self.size = sum(map(len, of_rule))
        self.residual: set[int] = set()
        self._ways: dict[tuple[int, bool], Way] = {}
        self._shared: dict[Demand, list[int]] = {demand: [] for demand in shared}
        nodes = (demand.node for found in of_rule for row in found for demand in row)
        self._salts = Counter(node.salt for node in nodes if isinstance(node, BucketLeaf))
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

    def add(self, rule: Rule | None, found: Sequence[Row], first: int) -> None:
        """The demands of a rule's rows, numbered from ``first``, and what it reads anywhere: there a value of a wrong
        type may make it raise."""
        for number, row in enumerate(found, first):
            for demand in row:
                way = self._ways.get((id(demand.node), demand.negated))
                if way is None:
                    way = self._ways[id(demand.node), demand.negated] = self._way(demand)
                way(number)
        if rule is not None:
            read = [self._attribute(leaf) for leaf in leaves(rule.node) if isinstance(leaf, TYPED)]
            for attribute in dict.fromkeys(read):
                self._touched[attribute].extend(range(first, first + len(found)))

    def _way(self, demand: Demand) -> Way:
        leaf, negated = demand
        if demand in self._shared:
            return self._shared[demand].append
        if isinstance(leaf, TYPED) and not _has_no_table(leaf):
            return self._typed(leaf, negated=negated)
        if isinstance(leaf, EventLeaf | ListLeaf):
            digest, complement = bit_of(leaf)
            return self._bits[digest, negated is complement].append
        if isinstance(leaf, HistoryLeaf):
            return self._history(leaf, negated=negated)
        if isinstance(leaf, BucketLeaf) and self._salts[leaf.salt] >= WORTH:
            accept = spans(leaf.op, leaf.value, Type.INT, negated=negated)
            return partial(_narrow, self._draws[leaf.salt], accept)
        return self.residual.add

    def _history(self, leaf: HistoryLeaf, *, negated: bool) -> Way:
        cells = self._cells["|".join((leaf.scope, leaf.key, leaf.of))]
        if _unhappened(leaf) is not negated:
            return cells.append

        def way(row: int) -> None:
            cells.append(row)
            self._unhappened.add(row)

        return way

    def _typed(self, leaf: TraitLeaf | ContextLeaf, *, negated: bool) -> Way:
        op, complement = positive(leaf.op)
        negated = negated is not complement
        attribute, kind = self._attribute(leaf), _kind(leaf.type)
        if kind is int:
            aged = attribute._replace(since=op in AGES)
            return partial(_narrow, self._spans[aged], spans(op, leaf.value, leaf.type.type, negated=negated))
        if not self._room(attribute, leaf, op):
            return self.residual.add
        if kind is list:
            return partial(self._collect, self._members[attribute], members(op, leaf.value, negated=negated))
        return partial(_narrow, self._choices[attribute], choice(op, leaf.value, negated=negated))

    def _collect(self, found: dict[int, Members], accept: Members, row: int) -> None:
        _narrow(found, accept, row)
        if not found[row].exact:
            self.residual.add(row)

    def _room(self, attribute: Attribute, leaf: TraitLeaf | ContextLeaf, op: str) -> bool:
        if op == "present":
            return True
        named = self._values[attribute]
        more = {*leaf.value} if isinstance(leaf.value, tuple) else {leaf.value}
        if len(named | more) > MOST_VALUES:
            return False
        named |= more
        return True

    def _attribute(self, leaf: TraitLeaf | ContextLeaf) -> Attribute:
        attribute = Attribute("trait" if isinstance(leaf, TraitLeaf) else "ctx", leaf.name)
        if attribute not in self._reads:
            read = (
                reading.trait(leaf.name, leaf.type.expires)
                if isinstance(leaf, TraitLeaf)
                else reading.context(leaf.name)
            )
            self._reads[attribute] = read, leaf.type
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


def _narrow(found: dict[int, Accept], accept: Accept, row: int) -> None:
    found[row] = found[row].both(accept) if row in found else accept


def _unhappened(leaf: HistoryLeaf) -> bool:
    """What the leaf answers to somebody to whom it never happened."""
    op, negated = positive(leaf.op)
    return (leaf.window is not None and compare(op, 0, leaf.value)) is not negated
