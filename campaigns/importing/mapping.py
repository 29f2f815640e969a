"""How do rows of a table (CSV, JSON lines, Parquet) become entries of a catalogue?

A mapping file names the section and says for each field where its value comes from:

    kind: offers
    fields:
      key: {column: id}
      mechanic: {constant: REWARD}
      name: {column: offer_type, values: {bogo: Buy one get one}}
      terms.duration_hours: {column: duration, times: 24}
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
from msgspec import UNSET, Struct, UnsetType, ValidationError, convert

from campaigns.importing.documents import Unreadable, text_of, yaml_of
from campaigns.importing.entries import SECTIONS

FORMATS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json", ".parquet": "parquet"}


class Source(Struct, forbid_unknown_fields=True, kw_only=True):
    """Where one field's value comes from: a constant, or a column that may be translated, scaled or split."""

    column: str | None = None
    constant: Any = UNSET
    values: dict[str, Any] | UnsetType = UNSET
    times: int | None = None
    split: str | None = None
    optional: bool = False


class Mapping(Struct, forbid_unknown_fields=True, kw_only=True):
    """A mapping file."""

    kind: str
    fields: dict[str, Source]


def document_of_rows(path: Path, mapping_path: Path) -> dict[str, list[Any]]:
    """The rows as one section of a catalogue. Raises Unreadable with every row that cannot be read."""
    mapping = _mapping(mapping_path)
    entries: list[Any] = []
    wrong: list[str] = []
    for number, row in enumerate(_rows(path), 1):
        try:
            entries.append(_entry(row, mapping))
        except Unreadable as bad:
            wrong.append(f"Row {number}: {bad}")
    if wrong:
        more = f"\n... and {len(wrong) - 100} more rows" if len(wrong) > 100 else ""
        raise Unreadable("\n".join(wrong[:100]) + more)
    return {mapping.kind: entries}


def _mapping(path: Path) -> Mapping:
    raw = yaml_of(text_of(path), path.name)
    try:
        mapping = convert(raw, Mapping)
    except ValidationError as error:
        raise Unreadable(f"{path.name}: {error}. Write kind, and under fields where each value comes from.") from error
    if mapping.kind not in SECTIONS:
        raise Unreadable(f"{path.name}: there is no section {mapping.kind}. Use one of {', '.join(SECTIONS)}.")
    for name, source in mapping.fields.items():
        if (source.column is None) == (source.constant is UNSET):
            raise Unreadable(f"{path.name}: {name} needs either a column or a constant.")
    return mapping


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    of = FORMATS.get(path.suffix)
    if of == "parquet":
        yield from _parquet(path)
    elif of == "csv":
        yield from csv.DictReader(io.StringIO(text_of(path)))
    elif of == "json":
        yield from _json(path)
    else:
        raise Unreadable(f"{path.name}: rows come as {', '.join(FORMATS)}.")


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    try:
        yield from pyarrow.parquet.read_table(path).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise Unreadable(f"{path.name} is no Parquet file that can be read: {str(error).splitlines()[0]}.") from error


def _json(path: Path) -> Iterator[dict[str, Any]]:
    """One array of objects, or one object per line."""
    text = text_of(path)
    try:
        found = json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in _lines(text)]
    except json.JSONDecodeError as error:
        raise Unreadable(f"{path.name}: {error.msg}, line {error.lineno}. Write one object per line.") from error
    if not all(isinstance(row, dict) for row in found):
        raise Unreadable(f"{path.name}: not every row is an object.")
    yield from found


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line.strip())


def _entry(row: dict[str, Any], mapping: Mapping) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for name, source in mapping.fields.items():
        value = _taken(row, source)
        if value is UNSET:
            continue
        outer, _, inner = name.partition(".")
        if inner:
            entry.setdefault(outer, {})[inner] = value
        else:
            entry[outer] = value
    return entry


def _taken(row: dict[str, Any], source: Source) -> Any:
    if source.constant is not UNSET:
        return source.constant
    if source.column not in row:
        raise Unreadable(f"there is no column {source.column}. The row has {', '.join(map(str, row))}.")
    value = row[source.column]
    if value in (None, ""):
        if source.optional:
            return UNSET
        raise Unreadable(f"{source.column} is empty. Fill it in, or write optional: true in the mapping.")
    if isinstance(source.values, dict):
        if str(value) not in source.values:
            raise Unreadable(f"{source.column} is {value!r}, which the mapping does not translate.")
        return source.values[str(value)]
    if source.split is not None:
        return [part.strip() for part in str(value).split(source.split) if part.strip()]
    return value if source.times is None else _scaled(value, source)


def _scaled(value: Any, source: Source) -> int:
    """Exactly; a duration of 0.3 days is no whole number of hours, and is refused."""
    try:
        scaled = Decimal(str(value)) * (source.times or 1)
    except InvalidOperation as error:
        raise Unreadable(f"{source.column} is {value!r}, which is no number.") from error
    if scaled != scaled.to_integral_value():
        raise Unreadable(f"{source.column} times {source.times} is {scaled}, which is not whole.")
    return int(scaled)
