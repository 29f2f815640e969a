"""How does PostgreSQL say the facts that rules read, as typed columns?

Each fact has two forms: the column of a temporary table (engine postgres), and what travels in CSV to DuckDB together
with the expression that reads it there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct
from psycopg import sql

from audiences.engines.facts import ID, Facts, Property, spellings
from audiences.engines.plan import bucket_sql, observed_at
from audiences.rules import Type, ValueType

_LARGEST = 2**63 - 1
# Years 1 to 9999, as days and as microseconds since 1970-01-01.
_DAYS = (-719_162, 2_932_896)
_MICROSECONDS = (_DAYS[0] * 86_400_000_000, (_DAYS[1] + 1) * 86_400_000_000 - 1)


class Column(Struct, frozen=True):
    """``table``: in PostgreSQL; ``wire``: its form in CSV, there typed ``csv`` and read by DuckDB as ``read``."""

    name: str
    table: sql.Composable
    wire: sql.Composable
    csv: str
    read: str = "{}"  # {}: the quoted name


def profile_columns(facts: Facts) -> list[Column]:
    """One row per subject ``s``."""
    columns = [_plain(ID, sql.SQL("s.id"), "BIGINT")]
    for name, of in facts.traits.items():
        cell = sql.SQL("s.traits->{}").format(sql.Literal(name))
        columns += [
            _trait(name, of, sql.SQL("({}->0)").format(cell)),
            _plain(observed_at(name), _number(sql.SQL("({}->1)").format(cell)), "BIGINT"),
        ]
    for slug, column in facts.plan.lists.items():
        columns.append(_plain(column, _listed(facts.lists[slug]), "BOOLEAN"))
    for salt, column in facts.plan.buckets.items():
        columns.append(_plain(column, sql.SQL(bucket_sql(salt, "postgres", key="key")), "BIGINT"))
    return columns


def event_columns(facts: Facts) -> list[Column]:
    """One row per event ``e``."""
    return [
        _plain("subject", sql.SQL("e.subject_id"), "BIGINT"),
        _plain("name", sql.SQL("e.name"), "VARCHAR"),
        _plain("day", sql.SQL("(e.day - date '1970-01-01')::bigint"), "BIGINT"),
        *(_plain(each.column, *_property(each)) for each in facts.properties),
    ]


def subjects_between(columns: list[Column], after: int, up_to: int, *, wire: bool) -> sql.Composed:
    """The profile of the subjects with ids in (after, up_to], by id."""
    return sql.SQL("SELECT {} FROM audiences_subject s WHERE s.id > {} AND s.id <= {} ORDER BY s.id").format(
        _selected(columns, wire=wire), sql.Literal(after), sql.Literal(up_to)
    )


def _selected(columns: list[Column], *, wire: bool) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} AS {}").format(each.wire if wire else each.table, sql.Identifier(each.name)) for each in columns
    )


def selected_events(facts: Facts, where: sql.Composable, *, wire: bool) -> sql.Composed:
    """The events that rules read, of any day that ``where`` lets through, by subject."""
    return sql.SQL("SELECT {} FROM event_log e WHERE e.name = ANY({}) AND {} ORDER BY e.subject_id").format(
        _selected(event_columns(facts), wire=wire), sql.Literal(facts.events), where
    )


def _plain(name: str, expression: sql.Composable, csv: str) -> Column:
    return Column(name, expression, expression, csv)


def _when(value: sql.Composable, kind: str, then: sql.Composable) -> sql.Composed:
    """``then`` where the JSON value is of this kind, else NULL; CASE keeps a cast from seeing anything else."""
    return sql.SQL("CASE WHEN jsonb_typeof({}) = {} THEN {} END").format(value, sql.Literal(kind), then)


def _number(value: sql.Composable, low: int = -_LARGEST, high: int = _LARGEST) -> sql.Composed:
    return sql.SQL(
        "CASE WHEN jsonb_typeof({0}) = 'number' THEN"
        " CASE WHEN ({0})::numeric BETWEEN {1} AND {2} THEN ({0})::bigint END END"
    ).format(value, sql.Literal(low), sql.Literal(high))


def _text(value: sql.Composable) -> sql.Composed:
    return _when(value, "string", sql.SQL("{} #>> '{{}}'").format(value))


def _truth(value: sql.Composable) -> sql.Composed:
    return _when(value, "boolean", sql.SQL("{}::boolean").format(value))


def _trait(name: str, of: ValueType, value: sql.Composable) -> Column:
    if of.type is Type.STRING:
        return _plain(name, _text(value), "VARCHAR")
    if of.type is Type.BOOL:
        return _plain(name, _truth(value), "BOOLEAN")
    return _SPECIAL.get(of.type, _whole)(name, value)


def _whole(name: str, value: sql.Composable) -> Column:
    return _plain(name, _number(value), "BIGINT")


def _date(name: str, value: sql.Composable) -> Column:
    days = _number(value, *_DAYS)
    table = sql.SQL("date '1970-01-01' + ({})::integer").format(days)
    return Column(name, table, days, "BIGINT", "DATE '1970-01-01' + {}::INTEGER")


def _moment(name: str, value: sql.Composable) -> Column:
    micros = _number(value, *_MICROSECONDS)
    # Two exact steps: an interval times a double would round far moments.
    table = sql.SQL(
        "timestamptz '1970-01-01 00:00:00+00' + ({0}) / 1000000 * interval '1 second'"
        " + ({0}) % 1000000 * interval '1 microsecond'"
    ).format(micros)
    return Column(name, table, micros, "BIGINT", "make_timestamptz({})")


def _set(name: str, value: sql.Composable) -> Column:
    table = _when(value, "array", sql.SQL("ARRAY(SELECT jsonb_array_elements_text({}))").format(value))
    wire = _when(value, "array", sql.SQL("({})::text").format(value))
    return Column(name, table, wire, "VARCHAR", "from_json({}, '[\"VARCHAR\"]')")


_SPECIAL: Mapping[Type, Callable[[str, sql.Composable], Column]] = {
    Type.DATE: _date,
    Type.TIMESTAMP: _moment,
    Type.SET: _set,
}


def _listed(audience_id: int) -> sql.Composed:
    return sql.SQL(
        "EXISTS (SELECT FROM audiences_listmember m WHERE m.audience_id = {} AND m.subject_id = s.id)"
    ).format(sql.Literal(audience_id))


def _property(of: Property) -> tuple[sql.Composable, str]:
    """The stored form of an event's field, which arrives in its JSON form, and the column's type."""
    value = sql.SQL("(e.properties->{})").format(sql.Literal(of.field))
    found: sql.Composable
    if of.type.type is Type.STRING:
        found, csv = _text(value), "VARCHAR"
    elif of.type.type is Type.BOOL:
        found, csv = _truth(value), "BOOLEAN"
    elif of.type.type is Type.INT:
        found, csv = _number(value), "BIGINT"
    elif of.type.type is Type.DECIMAL:
        found, csv = _decimal(value, of.type.scale), "BIGINT"
    else:
        found, csv = _one_of(value, of), "BIGINT"
    return sql.SQL("CASE WHEN e.name = {} THEN {} END").format(sql.Literal(of.event), found), csv


def _decimal(value: sql.Composable, scale: int) -> sql.Composed:
    """A number, or a text such as "9.99"."""
    text = sql.SQL("{} #>> '{{}}'").format(value)
    scaled = sql.SQL("({})::numeric * {}").format(text, sql.Literal(10**scale))
    return sql.SQL(
        r"CASE WHEN {} ~ '^-?[0-9]{{1,19}}(\.[0-9]{{1,19}})?$' THEN"
        r" CASE WHEN abs({}) <= {} THEN round({})::bigint END END"
    ).format(text, scaled, sql.Literal(_LARGEST), scaled)


def _one_of(value: sql.Composable, of: Property) -> sql.Composable:
    """Dates, moments and versions are only ever compared with the rules' own values, so those are recognised."""
    cases = [
        sql.SQL("WHEN {} THEN {}").format(sql.Literal(text), sql.Literal(stored))
        for stored in of.values
        for text in spellings(of.type, stored)
    ]
    if not cases:
        return sql.SQL("NULL::bigint")
    return sql.SQL("(CASE {} #>> '{{}}' {} END)::bigint").format(value, sql.SQL(" ").join(cases))
