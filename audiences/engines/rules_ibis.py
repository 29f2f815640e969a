"""How does a rule become one boolean expression over a table of all subjects?

The expression compiles for any engine that Ibis speaks to. Values become literals made by Ibis. Thresholds are computed
here, from the as-of moment, so a query reads no clock and adds no intervals, where engines differ.

A trait column holds the stored form; a date may also be a DATE and a moment a TIMESTAMP with UTC.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis
from msgspec import Struct

from audiences.engines.plan import Feature, Plan, feature_of, observed_at, property_column
from audiences.rules.days import DAY, day_of, month_edge, months_before
from audiences.rules.nodes import (
    All,
    AnyOf,
    BucketLeaf,
    EventLeaf,
    ListLeaf,
    Member,
    Node,
    Not,
    Rule,
    TraitLeaf,
)
from audiences.rules.operators import positive
from audiences.rules.values import Type

# Ibis is untyped for us: these names say what is meant.
Table = Any
Column = Any
Boolean = Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1)


def expression(rule: Rule, table: Table, *, as_of: int, features: Plan) -> Boolean:
    """TRUE or FALSE for each row, never NULL. ``rule`` is inlined; ``as_of`` in microseconds since 1970-01-01 UTC.

    Raises ValueError for context and history leaves, which have no column.
    """
    return _known(_Builder(table, as_of, features).node(rule.node))


def features(events: Table, plan: Plan, *, as_of: int) -> Table:
    """One row per subject with events in some window, one column per feature of the plan.

    ``events``: ``subject``, ``name``, ``day`` (DATE, or days since 1970-01-01), optionally ``n`` (how many events a
    rolled-up row stands for), and a column ``property_column(event, field)`` per field read, in stored form. Windows
    are the whole UTC days [D - window, D), D the day of ``as_of``. A subject without a row had no events.
    """
    today, _ = day_of(as_of)
    longest = max((feature.window for feature in plan.features), default=1)
    recent = events.filter(
        events.name.isin(sorted({feature.event for feature in plan.features})),
        events.day >= _literal(events.day, today - longest),
        events.day < _literal(events.day, today),
    )
    columns = {column: _aggregate(recent, feature, today) for feature, column in plan.features.items()}
    return recent.group_by("subject").aggregate(**columns)


def _aggregate(events: Table, feature: Feature, today: int) -> Column:
    inside = (events.name == feature.event) & (events.day >= _literal(events.day, today - feature.window))
    for part in feature.where:
        column = events[property_column(feature.event, part.field)]
        inside = inside & (column == _literal(column, part.value))
    if feature.agg == "last":
        return events.day.max(where=inside)
    if feature.agg == "days":
        return events.day.nunique(where=inside).cast("int64")
    if feature.agg == "sum":
        return events[property_column(feature.event, feature.field or "")].sum(where=inside).cast("int64")
    return (events.n.sum(where=inside) if "n" in events.columns else events.count(where=inside)).cast("int64")


class _Builder(Struct, frozen=True):
    table: Table
    as_of: int
    plan: Plan

    def node(self, node: Node) -> Boolean:
        if isinstance(node, All | AnyOf):
            below = [self.node(each) for each in node.nodes]
            return _balanced(ibis.and_ if isinstance(node, All) else ibis.or_, below)
        if isinstance(node, Not):
            return ~_known(self.node(node.node))
        if isinstance(node, Member):
            return self.node(node.node)
        if isinstance(node, ListLeaf):
            return self.table[self.plan.lists[node.slug]]
        if isinstance(node, BucketLeaf):
            return _compare(self.table[self.plan.buckets[node.salt]], node.op, node.value)
        if not isinstance(node, TraitLeaf | EventLeaf):
            raise ValueError(f"A {type(node).__name__} has no column; it cannot stand in an audience.")
        op, negated = positive(node.op)
        answer = self.trait(node, op) if isinstance(node, TraitLeaf) else self.event(node, op)
        return ~_known(answer) if negated else answer

    def trait(self, leaf: TraitLeaf, op: str) -> Boolean:
        column = self.table[leaf.name]
        answer = column.notnull() if op == "present" else self.ask(leaf, op, column)
        expires = leaf.type.expires
        if expires is None:
            return answer
        return answer & (self.table[observed_at(leaf.name)] >= ibis.literal(self.as_of - expires, type="int64"))

    def ask(self, leaf: TraitLeaf, op: str, column: Column) -> Boolean:
        if leaf.type.type is Type.DATE and op in _DAY_EDGES:
            today, _ = day_of(self.as_of)
            return _since(column, op, _DAY_EDGES[op](today, leaf.value), today)
        if op in _MOMENT_EDGES:
            return _since(column, op, _MOMENT_EDGES[op](self.as_of, leaf.value), self.as_of)
        return _compare(column, op, leaf.value)

    def event(self, leaf: EventLeaf, op: str) -> Boolean:
        column = self.table[self.plan.features[feature_of(leaf)]]
        if leaf.agg != "last":
            return _compare(column.fill_null(0), op, leaf.value)
        if op == "present":
            return column.notnull()
        today, _ = day_of(self.as_of)
        edge = _literal(column, today - leaf.value)
        return column >= edge if op == "within_days" else column < edge


# The last day, or microsecond, that is "before"; for in_next_days, the last that still comes soon enough.
_DAY_EDGES: dict[str, Callable[[int, int], int]] = {
    "within_days": lambda today, days: today - days,
    "before_days": lambda today, days: today - days,
    "in_next_days": lambda today, days: today + days,
    "within_months": months_before,
    "before_months": months_before,
}
_MOMENT_EDGES: dict[str, Callable[[int, int], int]] = {
    "within_days": lambda now, days: now - days * DAY,
    "before_days": lambda now, days: now - days * DAY,
    "in_next_days": lambda now, days: now + days * DAY,
    "within_months": lambda now, months: month_edge(*day_of(now), months) - 1,
    "before_months": lambda now, months: month_edge(*day_of(now), months) - 1,
}


def _since(column: Column, op: str, edge: int, now: int) -> Boolean:
    """``column``, ``edge`` and ``now`` all in days, or all in microseconds."""
    if op.startswith("before"):
        return column <= _literal(column, edge)
    low, high = (now, edge) if op == "in_next_days" else (edge, now)
    return (column > _literal(column, low)) & (column <= _literal(column, high))


def _compare(column: Column, op: str, value: Any) -> Boolean:
    if op == "between":
        return column.between(_literal(column, value[0]), _literal(column, value[1]))
    if op == "in":
        return column.isin([_literal(column, each) for each in value])
    if op in ("any_of", "all_of"):
        return _balanced(ibis.or_ if op == "any_of" else ibis.and_, [column.contains(each) for each in value])
    return _SIMPLE[op](column, value if op in ("prefix", "contains") else _literal(column, value))


_SIMPLE: dict[str, Callable[[Column, Any], Boolean]] = {
    "eq": lambda column, value: column == value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "prefix": lambda column, value: column.startswith(value),
    "contains": lambda column, value: column.contains(value),
}


def _literal(column: Column, stored: Any) -> Any:
    """A stored value in the type of the column it is compared with."""
    of = column.type()
    if of.is_date():
        # Said as text: how a compiler spells a date's literal depends on what else the process has compiled before.
        return ibis.literal((_EPOCH_DAY + timedelta(days=stored)).isoformat()).cast("date")
    if of.is_timestamp():
        return ibis.literal(_EPOCH + timedelta(microseconds=stored), type="timestamp('UTC')")
    return ibis.literal(stored)


def _known(answer: Boolean) -> Boolean:
    """NULL becomes FALSE. Needed only where a negation or a reader sees the answer: AND and OR keep NULL harmless."""
    return answer.fill_null(False)


def _balanced(join: Callable[..., Boolean], parts: Sequence[Boolean]) -> Boolean:
    """As a balanced tree: a chain of a thousand would exceed the depth that SQL compilers walk."""
    if len(parts) < 2:
        return parts[0] if parts else join()
    middle = len(parts) // 2
    return join(_balanced(join, parts[:middle]), _balanced(join, parts[middle:]))
