"""Which columns must stand beside the traits before rules can be asked of a whole table?

One column for each distinct event aggregate, list and bucket salt of all rules together: rules of one business share
most of them.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import TypeAlias

from msgspec import Struct
from sqlglot import exp

from audiences.rules.canonical import node_document
from audiences.rules.nodes import BucketLeaf, Condition, EventLeaf, ListLeaf, Rule, leaves

Salt: TypeAlias = str
Slug: TypeAlias = str


class Feature(Struct, frozen=True):
    """An event aggregate without the question asked of it."""

    event: str
    agg: str
    field: str | None
    where: tuple[Condition, ...]
    window: int


class Plan(Struct, frozen=True):
    """The column name of everything that rules read beside traits."""

    features: Mapping[Feature, str]
    lists: Mapping[Slug, str]
    buckets: Mapping[Salt, str]


def feature_of(leaf: EventLeaf) -> Feature:
    """What the leaf compares."""
    return Feature(leaf.event, leaf.agg, leaf.field, leaf.where, leaf.window)


def feature_plan(rules: Iterable[Rule]) -> Plan:
    """The columns that inlined rules read. Names follow from what a column holds, so two plans agree on them."""
    features: dict[Feature, str] = {}
    lists: dict[Slug, str] = {}
    buckets: dict[Salt, str] = {}
    for leaf in (leaf for rule in rules for leaf in leaves(rule.node)):
        if isinstance(leaf, EventLeaf):
            features[feature_of(leaf)] = _column("f", _described(leaf))
        elif isinstance(leaf, ListLeaf):
            lists[leaf.slug] = _column("l", leaf.slug)
        elif isinstance(leaf, BucketLeaf):
            buckets[leaf.salt] = _column("b", leaf.salt)
    return Plan(features, lists, buckets)


def observed_at(trait: str) -> str:
    """The column of a trait's age: when it was observed, in microseconds since 1970-01-01 UTC."""
    return f"{trait}__observed_at"


def property_column(event: str, field: str) -> str:
    """The column of an event's field in the table of events: two events may type one name differently."""
    return f"{event}__{field}"


# The same 60 bits as audiences.hashing; the two dialects on which its golden values are checked.
_BUCKET_SQL = {
    "duckdb": "(('0x' || left(md5({salt} || ':' || {key}), 15))::BIGINT % 10000)",
    "postgres": "(('x' || lpad(substr(md5({salt} || ':' || {key}), 1, 15), 16, '0'))::bit(64)::bigint % 10000)",
}


def bucket_sql(salt: Salt, dialect: str, *, key: str = "subject") -> str:
    """An SQL expression for the bucket of column ``key``. KeyError: no snippet has been proved for the dialect."""
    literal = exp.Literal.string(salt).sql(dialect=dialect)
    column = exp.column(key, quoted=True).sql(dialect=dialect)
    return _BUCKET_SQL[dialect].format(salt=literal, key=column)


def with_buckets_sql(relation: str, plan: Plan, dialect: str, *, key: str = "subject") -> str:
    """A SELECT that adds the plan's bucket columns to ``relation``, a quoted table name or a query in brackets."""
    columns = [f'{bucket_sql(salt, dialect, key=key)} AS "{column}"' for salt, column in plan.buckets.items()]
    return f"SELECT {', '.join(['source.*', *columns])} FROM {relation} AS source"  # noqa: S608  made of literals


def _described(leaf: EventLeaf) -> str:
    document = node_document(leaf)
    return repr(sorted((key, repr(part)) for key, part in document.items() if key not in ("op", "value")))


def _column(prefix: str, content: str) -> str:
    return f"{prefix}_{sha256(content.encode()).hexdigest()[:16]}"
