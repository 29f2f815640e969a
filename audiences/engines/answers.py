"""Which SQL answers every question of a run about a set of subjects?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
from msgspec import Struct

from audiences.engines.facts import ID, Facts
from audiences.engines.rules_ibis import expression, features
from audiences.engines.tables import events_table, profile_table
from audiences.rules import Rule

# A statement of many rules costs its planner more than a second scan costs the executor.
MOST_RULES = 100


class Statements(Struct, frozen=True):
    """``facts`` is the query behind the temporary table ``facts``; each of ``answers`` reads it, in id order.

    An answer's first column is the subject's id, then one boolean per rule, in the order of the rules.
    """

    facts: str
    answers: tuple[str, ...]


def statements(facts: Facts, rules: Sequence[Rule], *, as_of: int, dialect: str) -> Statements:
    """``as_of`` in microseconds. The query reads the tables ``profile`` and ``events`` (see engines.facts)."""
    joined = _joined(facts, as_of)
    table = ibis.table(joined.schema(), name="facts")
    # Even with no rule the ids are needed.
    starts = range(0, max(len(rules), 1), MOST_RULES)
    return Statements(
        facts=_sql(joined, dialect),
        answers=tuple(
            _sql(_answered(table, facts, rules[start : start + MOST_RULES], as_of), dialect) for start in starts
        ),
    )


def _joined(facts: Facts, as_of: int) -> Any:
    profile = profile_table(facts)
    if not facts.plan.features:
        return profile
    found = features(events_table(facts), facts.plan, as_of=as_of)
    return profile.left_join(found, profile[ID] == found.subject).drop("subject")


def _answered(table: Any, facts: Facts, rules: Sequence[Rule], as_of: int) -> Any:
    answers = {
        f"q{number}": expression(rule, table, as_of=as_of, features=facts.plan) for number, rule in enumerate(rules)
    }
    return table.select(table[ID], **answers).order_by(ID)


def _sql(expr: Any, dialect: str) -> str:
    return str(ibis.to_sql(expr, dialect=dialect))
