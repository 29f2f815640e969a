"""Which names may rules, uploads and events use, as they are declared now?"""

from __future__ import annotations

from collections.abc import Mapping

from audiences.models import Audience, ContextDefinition, EventDefinition, TraitDefinition
from audiences.moments import MICROSECOND
from audiences.rules import EventType, TraitType, Type, ValueType, Vocabulary


def vocabulary(*, keys: Mapping[str, frozenset[str]] | None = None) -> Vocabulary:
    """Every declared name with its type; four queries. ``keys``: known slugs by history scope, from the apps above.

    Archived audiences are known, because what names them goes on working.
    """
    return Vocabulary(
        traits=trait_types(),
        contexts={
            each.name: ValueType(Type(each.type), frozenset(each.values)) for each in ContextDefinition.objects.all()
        },
        events=event_types(),
        audiences={
            each.slug: None if each.kind == Audience.Kind.LIST else each.rule for each in Audience.objects.all()
        },
        keys=keys or {},
    )


def trait_types() -> dict[str, TraitType]:
    """Declared traits by name; one query."""
    return {each.name: _trait_type(each) for each in TraitDefinition.objects.all()}


def event_types() -> dict[str, EventType]:
    """Declared events by name; one query."""
    return {
        each.name: EventType({name: ValueType(Type(of)) for name, of in each.fields.items()}, each.in_history)
        for each in EventDefinition.objects.all()
    }


def _trait_type(definition: TraitDefinition) -> TraitType:
    tolerated = definition.tolerated_age
    return TraitType(
        Type(definition.type),
        frozenset(definition.values),
        definition.decimal_places,
        tolerance=None if tolerated is None else tolerated // MICROSECOND,
        when_stale="keep" if definition.when_stale == "keep" else "missing",
    )
