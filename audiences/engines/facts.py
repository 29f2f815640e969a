"""Which stored facts do rules read, and in which typed columns do they stand?

The names and types are those of docs/algorithms/rules.md. A stored value that does not fit its declared type (the
declaration has changed since) is NULL, so one such value never stops a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from audiences.engines.plan import Plan, feature_plan, property_column
from audiences.rules import Rule, Type, ValueType, decode_trait
from audiences.rules.nodes import TraitLeaf, leaves

ID = "subject id"  # no trait can have this name


class Property(Struct, frozen=True):
    """An event's field that some rule reads; ``values`` are the stored values it is compared with."""

    event: str
    field: str
    type: ValueType
    values: tuple[Any, ...] = ()

    @property
    def column(self) -> str:
        return property_column(self.event, self.field)

    @property
    def numeric(self) -> bool:
        return self.type.type in (Type.INT, Type.DECIMAL)


class Facts(Struct, frozen=True):
    """Everything the rules of one run read. ``lists``: the audience's id by slug."""

    traits: Mapping[str, ValueType]
    plan: Plan
    properties: tuple[Property, ...]
    lists: Mapping[str, int]

    @property
    def events(self) -> list[str]:
        return sorted({feature.event for feature in self.plan.features})

    @property
    def longest_window(self) -> int:
        """In days; 0 when no rule reads an event."""
        return max((feature.window for feature in self.plan.features), default=0)


def facts_of(rules: Sequence[Rule], lists: Mapping[str, int], events: Mapping[str, Mapping[str, ValueType]]) -> Facts:
    """What these inlined rules read. ``events``: the fields of each event by name, with their types."""
    traits = {leaf.name: leaf.type for rule in rules for leaf in leaves(rule.node) if isinstance(leaf, TraitLeaf)}
    plan = feature_plan(rules)
    return Facts(
        traits=dict(sorted(traits.items())),
        plan=plan,
        properties=tuple(_properties(plan, events)),
        lists={slug: lists[slug] for slug in plan.lists},
    )


def _properties(plan: Plan, events: Mapping[str, Mapping[str, ValueType]]) -> Iterable[Property]:
    read: dict[tuple[str, str], set[Any]] = {}
    for feature in plan.features:
        if feature.field is not None:
            read.setdefault((feature.event, feature.field), set())
        for part in feature.where:
            read.setdefault((feature.event, part.field), set()).add(part.value)
    for (event, field), values in sorted(read.items()):
        yield Property(event, field, events[event][field], tuple(sorted(values)))


def spellings(of: ValueType, stored: Any) -> list[str]:
    """How an event may spell a date, moment or version that a rule asks for."""
    text = str(decode_trait(of, stored))
    if of.type is Type.VERSION:
        numbers = [*text.split("."), "0", "0", "0"][:4]
        return [".".join(numbers[:size]) for size in range(1, 5) if not any(int(rest) for rest in numbers[size:])]
    if of.type is Type.TIMESTAMP:
        return [text, text.removesuffix("Z") + "+00:00"]
    return [text]
