"""What is each column of a file, as the mapping says?

A mapping is YAML. Every mistake in it is reported at once, by its place in the mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct

from audiences.moments import SECOND, micros
from audiences.rules.problems import Findings, nearest
from merch import complaints

UNITS: dict[str, int] = {
    "microseconds": 1,
    "milliseconds": SECOND // 1000,
    "seconds": SECOND,
    "minutes": 60 * SECOND,
    "hours": 3_600 * SECOND,
    "days": 86_400 * SECOND,
}
KINDS = {"account": "a", "device": "d"}
SEE = "docs/howto/backfill.md shows how."
A_COLUMN = "For a moment that stands in a column write {column: ...}; docs/howto/backfill.md shows how."


class Cell(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a value comes from. In the mapping a bare text is a column.

    ``values`` translates texts; ``missing`` lists what means "not known"; ``places`` rounds decimals; ``format`` is
    strptime's; ``zone`` is that of moments without one; ``separator`` splits a text into a set.
    """

    column: str | None = None
    constant: Any = None
    values: dict[str, Any] | None = None
    missing: frozenset[str] = frozenset()
    format: str | None = None
    zone: str | None = None
    places: int | None = None
    separator: str | None = None


class When(Struct, frozen=True, forbid_unknown_fields=True):
    """When something happened. In the mapping a bare text is a moment that holds for every row.

    ``unit``: the column counts these since ``base`` (default 1970). ``order``: a column of whole numbers, added as
    microseconds, so that rows of one moment keep their order.
    """

    column: str | None = None
    constant: datetime | None = None
    base: datetime | None = None
    unit: Literal["microseconds", "milliseconds", "seconds", "minutes", "hours", "days"] | None = None
    format: str | None = None
    zone: str | None = None
    order: str | None = None


class Who(Struct, frozen=True, forbid_unknown_fields=True):
    """The column of the subject's id; in the mapping a bare text is a column of account ids."""

    column: str
    kind: Literal["account", "device"] = "account"


class Otherwise(Struct, frozen=True, forbid_unknown_fields=True):
    """The arm of every subject that no row exposed. ``subject``: in the file of everybody, when one is given."""

    arm: str
    at: datetime
    subject: Who | None = None


Where = dict[str, frozenset[str]]


class Common(Struct, frozen=True, kw_only=True):
    """What the three mappings share. ``where``: only rows whose cells are among these texts."""

    subject: Who
    where: Where = {}


class TraitsMapping(Common, frozen=True, kw_only=True):
    observed_at: When
    traits: dict[str, Cell] = {}
    consent: dict[str, Cell] = {}


class EventsMapping(Common, frozen=True, kw_only=True):
    """``name``: of a declared event; ``event_id``: instead of the digest of file and row."""

    occurred_at: When
    name: Cell
    type: Literal["custom", "conversion"] = "custom"
    source: str = "backfill"
    event_id: Cell | None = None
    properties: dict[str, Cell] = {}


class ExposuresMapping(Common, frozen=True, kw_only=True):
    """``version``: of the experiment, default the current one; ``propensity``: by arm, default as declared there."""

    experiment: str
    arm: Cell
    at: When
    version: int | None = None
    propensity: dict[str, float] = {}
    otherwise: Otherwise | None = None


AnyMapping = TypeVar("AnyMapping", bound=Common)
Part = TypeVar("Part")


def mapping_of(raw: Any, type_: type[AnyMapping], findings: Findings) -> AnyMapping | None:
    """The mapping in its type; None and findings where it is none."""
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        findings.add("mapping.shape", "$", "A mapping is a list of names with what each means.", SEE)
        return None
    fields = {field.name: field for field in msgspec.structs.fields(type_)}
    for name in raw.keys() - fields.keys():
        findings.add("mapping.unknown", name, f"{name} is nothing a mapping says.", nearest(name, fields, "name"))
    for name, field in fields.items():
        if name not in raw and field.required:
            findings.add("mapping.missing", name, f"{name} is missing.", f"Add it; {SEE}")
    before = len(findings.problems)
    given = {name: _part(fields[name].type, raw[name], name, findings) for name in fields if name in raw}
    return None if findings.problems[before:] or fields.keys() & _missing(fields, raw) else type_(**given)


def columns_of(mapping: Struct) -> set[str]:
    """Every column that the mapping reads of its file."""
    found: set[str] = set()
    for name in mapping.__struct_fields__:
        value = getattr(mapping, name)
        if name == "otherwise":
            continue  # of another file
        if name == "where":
            found |= value.keys()
        for part in value.values() if isinstance(value, dict) else [value]:
            if isinstance(part, Cell | When | Who) and part.column is not None:
                found.add(part.column)
            if isinstance(part, When) and part.order is not None:
                found.add(part.order)
    return found


def _missing(fields: Mapping[str, Any], raw: Mapping[str, Any]) -> set[str]:
    return {name for name, field in fields.items() if field.required and name not in raw}


def _part(type_: Any, raw: Any, where: str, findings: Findings) -> Any:
    """One named part, with its short forms written out."""
    if type_ == dict[str, Cell]:
        return _cells(raw, where, findings)
    if type_ == Where:
        return _where(raw, where, findings)
    if type_ in (Cell, Cell | None):
        return _cell(raw, where, findings)
    if type_ is When:
        return _when(raw, where, findings)
    if type_ is Who and isinstance(raw, str):
        raw = {"column": raw}
    if type_ == Otherwise | None:
        return _otherwise(raw, where, findings)
    return _converted(type_, raw, where, findings)


def _otherwise(raw: Any, where: str, findings: Findings) -> Otherwise | None:
    if isinstance(raw, dict) and isinstance(raw.get("subject"), str):
        raw = {**raw, "subject": {"column": raw["subject"]}}
    found = _converted(Otherwise, raw, where, findings)
    if found is not None:
        _check_moment(found.at, f"{where}.at", findings)
    return found


def _cells(raw: Any, where: str, findings: Findings) -> dict[str, Cell | None]:
    if not isinstance(raw, dict):
        findings.add("mapping.shape", where, f"{where} is not a list of names.", "Write name: column.")
        return {}
    return {str(name): _cell(part, f"{where}.{name}", findings) for name, part in raw.items()}


def _cell(raw: Any, where: str, findings: Findings) -> Cell | None:
    cell = _converted(Cell, {"column": raw} if isinstance(raw, str) else raw, where, findings)
    if cell is None:
        return None
    if (cell.column is None) == (cell.constant is None):
        findings.add("mapping.source", where, f"{where} needs a column or a constant.", "Give one of the two.")
    _check_zone(cell.zone, where, findings)
    return cell


def _when(raw: Any, where: str, findings: Findings) -> When | None:
    if isinstance(raw, str | datetime):
        raw = {"constant": raw}
    when = _converted(When, raw, where, findings)
    if when is None:
        return None
    if (when.column is None) == (when.constant is None):
        findings.add("mapping.source", where, f"{where} needs a column or one moment.", "Give one of the two.")
    if when.base is not None and when.unit is None:
        findings.add("mapping.unit", where, f"{where} counts from a base, but in what?", f"unit: {', '.join(UNITS)}.")
    for moment in (when.constant, when.base):
        _check_moment(moment, where, findings)
    _check_zone(when.zone, where, findings)
    return when


def _where(raw: Any, where: str, findings: Findings) -> Where:
    if not isinstance(raw, dict):
        findings.add("mapping.shape", where, f"{where} is not a list of columns.", "Write column: value.")
        return {}
    return {
        str(column): frozenset(text_of(each) for each in (wanted if isinstance(wanted, list) else [wanted]))
        for column, wanted in raw.items()
    }


def _check_moment(moment: datetime | None, where: str, findings: Findings) -> None:
    if moment is not None and moment.tzinfo is None:
        hint = "Write it such as 2026-11-22T12:00:00Z."
        findings.add("mapping.moment", where, f"{where} holds a moment without a zone.", hint)


def _check_zone(zone: str | None, where: str, findings: Findings) -> None:
    try:
        ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        findings.add("mapping.zone", where, f"There is no time zone {zone}.", "Write such as Europe/Stockholm.")


def _converted(type_: type[Part], raw: Any, where: str, findings: Findings) -> Part | None:
    if isinstance(raw, dict) and isinstance(raw.get("values"), dict):
        raw = {**raw, "values": {text_of(key): value for key, value in raw["values"].items()}}
    if isinstance(raw, dict) and isinstance(raw.get("missing"), list):
        raw = {**raw, "missing": [text_of(each) for each in raw["missing"]]}
    try:
        return msgspec.convert(raw, type_)
    except msgspec.ValidationError as wrong:
        complaint, _, place = str(wrong).partition(" - at `$.")
        said = complaints.sentence(complaint)
        hint = A_COLUMN if type_ is When else SEE
        findings.add("mapping.value", where, f"{place.rstrip('`')}: {said}" if place else said, hint)
        return None


def text_of(value: Any) -> str:
    """A cell as a text to compare with: whole numbers without a point, "" for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def constant_micros(moment: datetime | None) -> int:
    """UTC microseconds; 1970 for none."""
    return 0 if moment is None else micros(moment)


def check_columns(wanted: Iterable[str], there: Iterable[str], findings: Findings) -> None:
    """Every column that the mapping names stands in the file."""
    known = set(there)
    for column in sorted(set(wanted) - known):
        findings.add("mapping.column", column, f"The file has no column {column}.", nearest(column, known, "column"))
