"""Do Python, DuckDB and PostgreSQL give the same answer to any rule about any subject?"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from audiences.engines.plan import Plan, feature_plan, observed_at, property_column, with_buckets_sql
from audiences.engines.rules_ibis import expression, features
from audiences.rules import IN_AUDIENCES, Kind, Rule, Type, compile_rule, env_at, inline, reads
from audiences.rules.nodes import EventLeaf, ListLeaf, Node, Not
from tests.audiences.rules.strategies import (
    AUDIENCES,
    NOW,
    TIME_LEAVES,
    TODAY,
    VOCABULARY,
    Json,
    documents,
    people_at_edges,
    rule_of,
    trait_values,
)

Row = dict[str, Any]
People = dict[str, dict[str, tuple[Any, int]]]  # traits by subject
Run = Callable[[dict[str, tuple[dict[str, str], list[Row]]], dict[str, str]], list[tuple[Any, ...]]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STORED = {Type.STRING: "string", Type.BOOL: "boolean", Type.SET: "array<string>"}
_NATIVE = {**_STORED, Type.DATE: "date", Type.TIMESTAMP: "timestamp('UTC')"}
_EVENT_FIELDS = {
    property_column(event, field): of.type
    for event, known in VOCABULARY.events.items()
    for field, of in known.fields.items()
}

SUBJECTS = [f"acc_{n}" for n in range(12)]


# --- random subjects and events ------------------------------------------------------------------------------

_listens = st.fixed_dictionaries(
    {"name": st.just("listen")},
    optional={"listen__content": st.sampled_from(["podcast", "music"]), "listen__minutes": st.integers(0, 3)},
)
_purchases = st.fixed_dictionaries(
    {"name": st.just("purchase")},
    optional={"purchase__amount": st.sampled_from([100, 200, -100]), "purchase__gift": st.booleans()},
)
# The day of as_of itself (0) and what lies after it are outside every window.
_ages = st.sampled_from([-1, 0, 1, 2, 3, 7, 8, 28, 29])
_events = st.lists(
    st.tuples(st.sampled_from(SUBJECTS[:4]), _ages, st.integers(1, 3), st.one_of(_listens, _purchases)).map(
        lambda parts: {"subject": parts[0], "day": TODAY - parts[1], "n": parts[2], **parts[3]}
    ),
    min_size=10,
    max_size=40,
)
_people = st.fixed_dictionaries({subject: trait_values() for subject in SUBJECTS})
_members = st.sets(st.sampled_from(SUBJECTS))


# --- what the rules mean, in plain Python -----------------------------------------------------------------------


def aggregate(leaf: EventLeaf, events: list[Row]) -> Any:
    """The leaf's aggregate over one subject's events, straight from the specification; None: there is no last."""
    inside = [
        row
        for row in events
        if row["name"] == leaf.event
        and TODAY - leaf.window <= row["day"] < TODAY
        and all(row.get(property_column(leaf.event, part.field)) == part.value for part in leaf.where)
    ]
    if leaf.agg == "last":
        return max((row["day"] for row in inside), default=None)
    if leaf.agg == "days":
        return len({row["day"] for row in inside})
    if leaf.agg == "sum":
        return sum(row.get(property_column(leaf.event, leaf.field or "")) or 0 for row in inside)
    return sum(row["n"] for row in inside)


def behaves(definition: Node, subject: str, events: list[Row], members: set[str]) -> bool:
    """A behaviour bit's value."""
    if isinstance(definition, Not):
        return not behaves(definition.node, subject, events, members)
    if isinstance(definition, ListLeaf):
        return subject in members
    assert isinstance(definition, EventLeaf)
    found, op, value = aggregate(definition, events), definition.op, definition.value
    if definition.agg == "last":
        if found is None or op == "present":
            return found is not None
        return (TODAY - value <= found) is (op == "within_days")
    if op == "between":
        return bool(value[0] <= found <= value[1])
    return bool(found == value if op == "eq" else found >= value)


def python_answers(rules: list[Rule], people: People, events: list[Row], members: set[str]) -> list[tuple[Any, ...]]:
    answers = []
    for subject, traits in people.items():
        own = [row for row in events if row["subject"] == subject]
        row: list[Any] = [subject]
        for rule in rules:
            defined = reads(rule).behaviours
            bits = sum(behaves(node, subject, own, members) << at for at, node in enumerate(defined.values()))
            positions = {digest: at for at, digest in enumerate(defined)}
            row.append(compile_rule(rule, positions)(env_at(NOW, key=subject, traits=traits, bits=bits)))
        answers.append(tuple(row))
    return answers


# --- the same, by the engines -------------------------------------------------------------------------------------


def profile_table(
    people: People, members: set[str], plan: Plan, types: dict[Type, str]
) -> tuple[dict[str, str], list[Row]]:
    """Schema and rows of the profile: traits with their ages, and lists."""
    schema = {"subject": "string"}
    for name, of in VOCABULARY.traits.items():
        schema |= {name: types.get(of.type, "int64"), observed_at(name): "int64"}
    schema |= dict.fromkeys(plan.lists.values(), "boolean")
    rows = []
    for subject, traits in people.items():
        row: Row = dict.fromkeys(schema) | {"subject": subject}
        for name, (stored, moment) in traits.items():
            row |= {name: _shaped(stored, schema[name]), observed_at(name): moment}
        # Not being on a list may be said or left open.
        row |= dict.fromkeys(plan.lists.values(), True if subject in members else None)
        rows.append(row)
    return schema, rows


def events_table(events: list[Row], types: dict[Type, str]) -> tuple[dict[str, str], list[Row]]:
    schema = {"subject": "string", "name": "string", "day": types.get(Type.DATE, "int64"), "n": "int64"}
    schema |= {column: types.get(of, "int64") for column, of in _EVENT_FIELDS.items()}
    return schema, [dict.fromkeys(schema) | row | {"day": _shaped(row["day"], schema["day"])} for row in events]


def _shaped(stored: Any, column: str) -> Any:
    if column == "date":
        return date(1970, 1, 1) + timedelta(days=stored)
    return _EPOCH + timedelta(microseconds=stored) if column.startswith("timestamp") else stored


def query(rules: list[Rule], plan: Plan, dialect: str, tables: dict[str, tuple[dict[str, str], list[Row]]]) -> str:
    """One SELECT of every rule's answer for every subject."""
    profile = ibis.table(tables["profile"][0] | dict.fromkeys(plan.buckets.values(), "int64"), name="bucketed")
    counted = features(ibis.table(tables["events"][0], name="events"), plan, as_of=NOW)
    joined = profile.left_join(counted, "subject")
    answers = {f"r{at}": expression(rule, joined, as_of=NOW, features=plan) for at, rule in enumerate(rules)}
    text = ibis.to_sql(joined.select("subject", **answers).order_by("subject"), dialect=dialect)
    return f"WITH bucketed AS ({with_buckets_sql('profile', plan, dialect)}) SELECT * FROM ({text}) AS answered"


def run_duckdb(tables: dict[str, tuple[dict[str, str], list[Row]]], sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as engine:
        for name, (schema, rows) in tables.items():
            engine.register(name, pa.Table.from_pylist(rows, schema=ibis.schema(schema).to_pyarrow()))
        return sorted(engine.execute(sql).fetchall())


def run_postgres(tables: dict[str, tuple[dict[str, str], list[Row]]], sql: str) -> list[tuple[Any, ...]]:
    types = {
        "string": "text",
        "int64": "bigint",
        "boolean": "boolean",
        "array<string>": "text[]",
        "date": "date",
        "timestamp('UTC')": "timestamptz",
    }
    with connection.cursor() as cursor:
        for name, (schema, rows) in tables.items():
            columns = ", ".join(f'"{column}" {types[of]}' for column, of in schema.items())
            cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
            cursor.execute(f"CREATE TEMPORARY TABLE {name} ({columns})")
            holes = ", ".join(["%s"] * len(schema))
            cursor.executemany(f"INSERT INTO {name} VALUES ({holes})", [tuple(row.values()) for row in rows])
        cursor.execute(sql)
        return sorted(cursor.fetchall())


# --- the proofs -----------------------------------------------------------------------------------------------------

# Events only, as well: a window's edge shows where nothing else decides.
_documents = st.tuples(
    st.lists(documents(IN_AUDIENCES), max_size=4),
    st.lists(documents(frozenset({Kind.EVENT})), min_size=2, max_size=3),
).map(lambda both: [*both[0], *both[1]])


def prove(
    run: Any,
    dialect: str,
    types: dict[Type, str],
    asked: list[Json],
    people: People,
    events: list[Row],
    members: set[str],
) -> None:
    rules = [inline(rule_of(document), AUDIENCES) for document in asked]
    rules += [Rule(Not(rule.node)) for rule in rules]
    plan = feature_plan(rules)
    tables = {"profile": profile_table(people, members, plan, types), "events": events_table(events, types)}

    answers = run(tables, query(rules, plan, dialect, tables))

    assert answers == sorted(python_answers(rules, people, events, members))
    for at in range(len(asked)):
        assert sum(row[1 + at] for row in answers) + sum(row[1 + len(asked) + at] for row in answers) == len(people)


def edges(run: Any, dialect: str, types: dict[Type, str]) -> None:
    """Every question about time against every date and moment at which its answer changes."""
    people = people_at_edges()
    subjects = [f"acc_{at}" for at in range(len(people))]
    for at in range(0, len(TIME_LEAVES), 40):
        asked = [{"v": 1, "rule": leaf} for leaf in TIME_LEAVES[at : at + 40]]
        prove(run, dialect, types, asked, dict(zip(subjects, people, strict=True)), [], set())


@pytest.mark.parametrize("types", [_STORED, _NATIVE], ids=["stored", "native"])
def test_every_edge_of_time_falls_in_duckdb_as_in_python(types: dict[Type, str]) -> None:
    edges(run_duckdb, "duckdb", types)


@pytest.mark.django_db
@pytest.mark.parametrize("types", [_STORED, _NATIVE], ids=["stored", "native"])
def test_every_edge_of_time_falls_in_postgresql_as_in_python(types: dict[Type, str]) -> None:
    edges(run_postgres, "postgres", types)


@pytest.mark.parametrize("types", [_STORED, _NATIVE], ids=["stored", "native"])
def test_duckdb_answers_as_python(types: dict[Type, str]) -> None:
    @settings(max_examples=60, deadline=None)
    @given(_documents, _people, _events, _members)
    def prove_it(asked: list[Json], people: People, events: list[Row], members: set[str]) -> None:
        prove(run_duckdb, "duckdb", types, asked, people, events, members)

    prove_it()


@pytest.mark.django_db
@pytest.mark.parametrize("types", [_STORED, _NATIVE], ids=["stored", "native"])
def test_postgresql_answers_as_python(types: dict[Type, str]) -> None:
    @settings(max_examples=60, deadline=None)
    @given(_documents, _people, _events, _members)
    def prove_it(asked: list[Json], people: People, events: list[Row], members: set[str]) -> None:
        prove(run_postgres, "postgres", types, asked, people, events, members)

    prove_it()
