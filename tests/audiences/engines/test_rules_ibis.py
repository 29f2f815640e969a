"""Does a rule compile for every engine we name, and do buckets in SQL equal ours?"""

import duckdb
import ibis
import pytest
from django.db import connection

from audiences import hashing
from audiences.engines.plan import bucket_sql, feature_plan, observed_at, property_column
from audiences.engines.rules_ibis import expression, features
from audiences.rules import Type, inline
from audiences.rules.days import DAY
from tests.audiences.rules.strategies import AUDIENCES, NOW, TODAY, VOCABULARY, Json, rule_of

DIALECTS = ["duckdb", "postgres", "bigquery", "pyspark", "trino", "clickhouse", "snowflake"]

_COLUMNS = {Type.STRING: "string", Type.BOOL: "boolean", Type.SET: "array<string>", Type.DATE: "date"}
_COLUMNS |= {Type.TIMESTAMP: "timestamp('UTC')"}

WHITELIST: list[Json] = [
    {"trait": "tier", "op": "nin", "value": ["free", "family"]},
    {"trait": "market", "op": "prefix", "value": "S%_'"},
    {"trait": "score", "op": "between", "value": [1, 2]},
    {"trait": "balance", "op": "in", "value": ["9.99"]},
    {"trait": "opt_in", "op": "ne", "value": False},
    {"trait": "expiry", "op": "before_months", "value": 12},
    {"trait": "expiry", "op": "in_next_days", "value": 7},
    {"trait": "last_seen", "op": "within_days", "value": 7},
    {"trait": "genres", "op": "all_of", "value": ["pop", "jazz"]},
    {"trait": "genres", "op": "none_of", "value": ["pop", "jazz"]},
    {"trait": "client", "op": "gte", "value": "8.9.40"},
    {"trait": "market", "op": "absent"},
    {"not": {"any": [{"trait": "score", "op": "lt", "value": 3}, {"audience": "keen", "op": "in"}]}},
    {"audience": "employees", "op": "nin"},
    {"bucket": "it's", "op": "between", "value": [0, 99]},
    {"event": "listen", "agg": "count", "window": 7, "where": {"content": "podcast"}, "op": "gte", "value": 3},
    {"event": "listen", "agg": "sum", "field": "minutes", "window": 28, "op": "lt", "value": 30},
    {"event": "purchase", "agg": "last", "window": 28, "op": "before_days", "value": 7},
]


def profile(plan_columns: dict[str, str]) -> ibis.Table:
    schema = {"subject": "string"}
    for name, of in VOCABULARY.traits.items():
        schema |= {name: _COLUMNS.get(of.type, "int64"), observed_at(name): "int64"}
    return ibis.table(schema | plan_columns, name="profile")


def events() -> ibis.Table:
    fields = {
        property_column(event, name): _COLUMNS.get(of.type, "int64")
        for event, known in VOCABULARY.events.items()
        for name, of in known.fields.items()
    }
    return ibis.table({"subject": "string", "name": "string", "day": "date"} | fields, name="events")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_construct_compiles_for_every_engine(dialect: str) -> None:
    rules = [inline(rule_of({"v": 1, "rule": node}), AUDIENCES) for node in WHITELIST]
    plan = feature_plan(rules)
    extra = dict.fromkeys(plan.lists.values(), "boolean") | dict.fromkeys(plan.buckets.values(), "int64")
    joined = profile(extra).left_join(features(events(), plan, as_of=NOW), "subject")

    asked = {f"r{at}": expression(rule, joined, as_of=NOW, features=plan) for at, rule in enumerate(rules)}

    assert "podcast" in ibis.to_sql(joined.select("subject", **asked), dialect=dialect)


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_a_thousand_values_compile(dialect: str) -> None:
    rule = rule_of({"v": 1, "rule": {"trait": "genres", "op": "any_of", "value": [f"g{n:03d}" for n in range(1_000)]}})

    text = ibis.to_sql(
        profile({}).select(x=expression(rule, profile({}), as_of=NOW, features=feature_plan([]))), dialect=dialect
    )

    assert "g999" in text


def test_rules_of_one_business_share_their_features() -> None:
    asked: list[Json] = [
        {"event": "listen", "agg": "days", "window": 28, "op": op, "value": 4} for op in ("gte", "lt", "eq")
    ]
    asked.append(asked[0] | {"where": {}})

    plan = feature_plan([rule_of({"v": 1, "rule": node}) for node in asked])

    assert len(plan.features) == 1


@pytest.mark.parametrize(
    "node", [{"ctx": "hour", "op": "lt", "value": 6}, {"history": "all", "agg": "last", "of": "click", "op": "present"}]
)
def test_what_has_no_column_is_refused(node: Json) -> None:
    with pytest.raises(ValueError, match="cannot stand in an audience"):
        expression(rule_of({"v": 1, "rule": node}), profile({}), as_of=NOW, features=feature_plan([]))


def test_windows_are_whole_utc_days_before_the_as_of_day() -> None:
    rule = rule_of({"v": 1, "rule": {"event": "listen", "agg": "count", "window": 7, "op": "gte", "value": 1}})
    plan = feature_plan([rule])
    (column,) = plan.features.values()
    days = [TODAY - 8, TODAY - 7, TODAY - 1, TODAY]
    rows = ", ".join(f"('s{day}', 'listen', {day})" for day in days)
    table = ibis.table({"subject": "string", "name": "string", "day": "int64"}, name="events")

    for moment in (TODAY * DAY, NOW, TODAY * DAY + DAY - 1):
        sql = ibis.to_sql(features(table, plan, as_of=moment), dialect="duckdb")
        found = duckdb.execute(
            f"WITH events(subject, name, day) AS (VALUES {rows}) SELECT subject, {column} FROM ({sql})"
        ).fetchall()
        assert sorted(found) == [(f"s{TODAY - 7}", 1), (f"s{TODAY - 1}", 1)]


SALTS = ["exp:hero-2026q4:a1b2", "it's", 'a"b\\c%', "Å🎧"]
KEYS = ["user-00000042", "", "u-ÅÄÖ-🎧", "a'b"]


@pytest.mark.parametrize("salt", SALTS)
def test_buckets_in_duckdb_are_ours(salt: str) -> None:
    sql = f"SELECT {bucket_sql(salt, 'duckdb')} FROM (SELECT unnest($1::TEXT[]) AS subject)"

    found = [bucket for (bucket,) in duckdb.execute(sql, [KEYS]).fetchall()]

    assert found == [hashing.bucket(salt, key) for key in KEYS]


@pytest.mark.django_db
@pytest.mark.parametrize("salt", SALTS)
def test_buckets_in_postgresql_are_ours(salt: str) -> None:
    sql = f"SELECT {bucket_sql(salt, 'postgres')}".replace("%", "%%") + " FROM unnest(%s::text[]) AS keys(subject)"

    with connection.cursor() as cursor:
        cursor.execute(sql, [KEYS])
        found = [bucket for (bucket,) in cursor.fetchall()]

    assert found == [hashing.bucket(salt, key) for key in KEYS]
