"""How does the engines' expression language see the facts? (Apart from them, as it takes a second to import.)"""

from __future__ import annotations

from typing import Any

import ibis

from audiences.engines.facts import ID, Facts
from audiences.engines.plan import observed_at
from audiences.rules import Type

_IBIS = {
    Type.STRING: "string",
    Type.INT: "int64",
    Type.DECIMAL: "int64",
    Type.BOOL: "boolean",
    Type.DATE: "date",
    Type.TIMESTAMP: "timestamp('UTC')",
    Type.SET: "array<string>",
    Type.VERSION: "int64",
}


def profile_table(facts: Facts) -> Any:
    """The Ibis table ``profile``: one row per subject."""
    schema = {ID: "int64"}
    for name, of in facts.traits.items():
        schema |= {name: _IBIS[of.type], observed_at(name): "int64"}
    schema |= dict.fromkeys(facts.plan.lists.values(), "boolean")
    schema |= dict.fromkeys(facts.plan.buckets.values(), "int64")
    return ibis.table(schema, name="profile")


def events_table(facts: Facts) -> Any:
    """The Ibis table ``events``: one row per event, ``day`` in days since 1970-01-01."""
    schema = {"subject": "int64", "name": "string", "day": "int64"}
    kinds = {Type.STRING: "string", Type.BOOL: "boolean"}
    schema |= {each.column: kinds.get(each.type.type, "int64") for each in facts.properties}
    return ibis.table(schema, name="events")
