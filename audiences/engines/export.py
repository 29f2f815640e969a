"""How do facts come out of PostgreSQL into Parquet, in streams and without doing unchanged days again?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
from django.db import connection, transaction
from msgspec import Struct
from psycopg import sql

from audiences.engines.columns import Column, event_columns, profile_columns, selected_events, subjects_between
from audiences.engines.facts import Facts

# Changes with the form of the exported files, so that older ones are not taken for current.
FORMAT = "1"


class Day(Struct, frozen=True):
    """One UTC day of events, and the name of the file that holds exactly what it holds now."""

    day: date
    rows: int
    file: str


def open_duckdb(scratch: Path) -> Any:
    """A DuckDB of this process alone, in memory, spilling into ``scratch``."""
    scratch.mkdir(parents=True, exist_ok=True)
    return duckdb.connect(
        ":memory:",
        config={
            "temp_directory": str(scratch),
            "autoinstall_known_extensions": "false",
            "preserve_insertion_order": "true",
            "TimeZone": "UTC",
        },
    )


def days(facts: Facts, end: date) -> list[Day]:
    """The days [end - longest window, end) that have events the rules read."""
    if not facts.longest_window:
        return []
    asked = _asked(facts)
    query = sql.SQL(
        "SELECT e.day, count(*), bit_xor(hash_record_extended("
        "ROW(e.source, e.event_id, e.subject_id, e.name, e.properties), 0))"
        " FROM event_log e WHERE e.name = ANY({}) AND e.day >= {} AND e.day < {} GROUP BY e.day ORDER BY e.day"
    ).format(
        sql.Literal(facts.events),
        sql.Literal(end - timedelta(days=facts.longest_window)),
        sql.Literal(end),
    )
    with patient(), connection.cursor() as cursor:
        cursor.execute(query.as_string(cursor.connection))
        found = cursor.fetchall()
    return [Day(day, rows, f"{day}.{_fingerprint(asked, rows, content)}.parquet") for day, rows, content in found]


def export_days(facts: Facts, wanted: Sequence[Day], home: Path, done: Callable[[int], None]) -> list[Path]:
    """The files of these days under ``home``, made where missing; ``done`` hears how many there are so far."""
    home.mkdir(parents=True, exist_ok=True)
    database = open_duckdb(home / "scratch")
    for number, each in enumerate(wanted, 1):
        if not (home / each.file).exists():
            query = selected_events(facts, sql.SQL("e.day = {}").format(sql.Literal(each.day)), wire=True)
            to_parquet(database, query, event_columns(facts), home / each.file)
        done(number)
    database.close()
    return [home / each.file for each in wanted]


def export_subjects(database: Any, facts: Facts, after: int, up_to: int, path: Path) -> None:
    """The profile of the subjects in (after, up_to]."""
    columns = profile_columns(facts)
    to_parquet(database, subjects_between(columns, after, up_to, wire=True), columns, path)


def to_parquet(database: Any, query: sql.Composed, columns: Sequence[Column], path: Path) -> None:
    """Stream a query's rows into a Parquet file. A crash leaves the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.with_name(f"{path.name}.{os.getpid()}.csv")
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        _copy_out(query, text)
        read = ", ".join(f"{each.read.format(_quoted(each.name))} AS {_quoted(each.name)}" for each in columns)
        types = ", ".join(f"{_text(each.name)}: {_text(each.csv)}" for each in columns)
        # An unquoted empty field is NULL, a quoted one the empty text: what COPY writes.
        database.execute(
            f"COPY (SELECT {read} FROM read_csv({_text(str(text))}, columns = {{{types}}}, auto_detect = false,"  # noqa: S608
            " header = false, delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false,"
            f" parallel = false)) TO {_text(str(temporary))} (FORMAT parquet, COMPRESSION zstd)"
        )
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        text.unlink(missing_ok=True)
        temporary.unlink(missing_ok=True)


def _copy_out(query: sql.Composed, path: Path) -> None:
    with patient(), connection.cursor() as cursor, path.open("wb") as file:
        statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(query)
        with cursor.copy(statement) as stream:
            for block in stream:
                file.write(block)


@contextmanager
def patient() -> Iterator[None]:
    """A transaction whose statements may take long."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
        yield


def _asked(facts: Facts) -> str:
    """Two plans that ask the same of a day share its file."""
    columns = [(each.name, each.wire.as_string(None), each.csv) for each in event_columns(facts)]
    return repr((FORMAT, facts.events, columns))


def _fingerprint(*parts: object) -> str:
    return sha256(repr(parts).encode()).hexdigest()[:32]


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
