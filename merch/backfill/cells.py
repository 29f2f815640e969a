"""What does a cell of a file say, in a declared type?

Files know fewer types than the catalogue: a CSV has texts only, a Parquet file counts dates its own way. What a cell
clearly says is taken; everything else is refused with the way out. All raise Refusal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from audiences.moments import micros
from audiences.moments import moment as moment_of
from audiences.people import normalise_id
from audiences.records import Ref
from audiences.rules import BadValue, Type, ValueType
from merch.backfill.mapping import KINDS, UNITS, Cell, When, Where, Who, constant_micros, text_of
from merch.intake.refusals import Refusal

Row = Mapping[str, Any]

EARLIEST, LATEST = (micros(datetime(year, 1, 1, tzinfo=UTC)) for year in (1900, 3000))
FURTHEST_ORDER = 1_000_000_000  # microseconds: beyond it the order would move the moment itself
_WHOLE = re.compile(r"(-?[0-9]{1,19})(\.0+)?")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def passes(row: Row, where: Where) -> bool:
    """Whether the row is one that the mapping asks for."""
    return all(text_of(row.get(column)) in wanted for column, wanted in where.items())


def ref_of(row: Row, who: Who) -> Ref:
    raw = present(row.get(who.column))
    if raw is None:
        raise Refusal("missing_id", f"{who.column} is empty; every row needs the subject's id.")
    try:
        return Ref(KINDS[who.kind], normalise_id(text_of(raw)))
    except ValueError as wrong:
        raise Refusal("invalid_id", f"{who.column}: {wrong}") from wrong


def raw_of(row: Row, cell: Cell) -> Any:
    """The cell as the file has it, None where it says nothing; ``values`` applied."""
    if cell.column is None:
        return cell.constant
    value = present(row.get(cell.column))
    if value is None:
        return None
    text = text_of(value) if cell.values is not None or cell.missing else ""
    if cell.missing and text in cell.missing:
        return None
    if cell.values is None:
        return value
    if text not in cell.values:
        hint = f"add {text!r} to values in the mapping, or leave such rows out with where."
        raise Refusal("unmapped_value", f"{cell.column}: {text!r} is not translated; {hint}")
    return cell.values[text]


def value_of(row: Row, cell: Cell, of: ValueType) -> Any:
    """The cell as JSON would carry it in this type; None where it says nothing."""
    raw = raw_of(row, cell)
    if raw is None:
        return None
    try:
        return _READERS[of.type](raw, cell)
    except BadValue as bad:
        raise Refusal("bad_value", f"{cell.column}: {bad}") from bad


def truth_of(row: Row, cell: Cell) -> bool | None:
    """A cell as yes or no; None where it says nothing."""
    found: bool | None = value_of(row, cell, ValueType(Type.BOOL))
    if found is not None and not isinstance(found, bool):
        raise Refusal("bad_value", f"{cell.column}: {found!r} is not yes or no; translate it with values.")
    return found


def instant_of(row: Row, when: When) -> int:
    """UTC microseconds."""
    at = constant_micros(when.constant) if when.column is None else _column_instant(row, when, when.column)
    if not EARLIEST <= at <= LATEST:
        raise Refusal("bad_time", f"{when.column} names no moment of the years 1900 to 2999; is its unit right?")
    return at if when.order is None else at + _order(row, when.order)


def present(value: Any) -> Any:
    """None for what files write instead of it: the empty text, and NaN."""
    # Only NaN differs from itself.
    return None if value == "" or value != value else value


def _column_instant(row: Row, when: When, column: str) -> int:
    value = present(row.get(column))
    if value is None:
        raise Refusal("missing_time", f"{column} is empty; every row needs its time.")
    try:
        if when.unit is not None:
            return constant_micros(when.base) + int((_number(value) * UNITS[when.unit]).to_integral_value())
        return micros(_moment(value, when.format, when.zone))
    except (BadValue, OverflowError) as bad:
        raise Refusal("bad_time", f"{column}: {bad}") from bad


def _order(row: Row, column: str) -> int:
    try:
        order = int(_int(present(row.get(column)), Cell()))
    except (BadValue, TypeError, ValueError) as bad:
        raise Refusal("bad_order", f"{column} is not a whole number; order needs one in every row.") from bad
    if not 0 <= order < FURTHEST_ORDER:
        raise Refusal("bad_order", f"{column} is {order}; order takes 0 to {FURTHEST_ORDER - 1}.")
    return order


def _number(value: Any) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise BadValue(f"{value!r} is not a number.", "Write such as 12 or 1.5.")
    return found


def _moment(value: Any, format_: str | None, zone: str | None) -> datetime:
    """The moment that a cell names; a date is its midnight."""
    found = _parsed(value, format_)
    if found.tzinfo is None:
        if zone is None:
            hint = 'Say in the mapping where its clock stands: {column: ..., zone: "UTC"}.'
            raise BadValue(f"{value!s} has no time zone.", hint)
        found = found.replace(tzinfo=_zone(zone))
    return found


def _parsed(value: Any, format_: str | None) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - its zone is the mapping's
    try:
        if format_ is not None:
            return datetime.strptime(text_of(value), format_)  # noqa: DTZ007 - its zone may be the mapping's
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        wanted = f"in the format {format_}" if format_ else "such as 2026-11-22T12:00:00Z; give a format otherwise"
        raise BadValue(f"{value!r} is not a time.", f"Write it {wanted}.") from None


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _string(raw: Any, cell: Cell) -> Any:
    return raw.isoformat() if isinstance(raw, date) else text_of(raw)


def _int(raw: Any, cell: Cell) -> Any:
    found = _WHOLE.fullmatch(text_of(raw)) if not isinstance(raw, bool) else None
    return raw if found is None else int(found[1])


def _decimal(raw: Any, cell: Cell) -> Any:
    """A text, because a double is none of money's forms."""
    if cell.places is None:
        return raw if isinstance(raw, int | float) and not isinstance(raw, bool) else str(raw)
    rounded = round(_number(raw), cell.places)
    return f"{rounded:f}"


def _bool(raw: Any, cell: Cell) -> Any:
    return _TRUTH.get(text_of(raw).lower(), raw)


def _date(raw: Any, cell: Cell) -> Any:
    if cell.format is not None or isinstance(raw, datetime):
        return _parsed(raw, cell.format).date().isoformat()
    return raw.isoformat() if isinstance(raw, date) else raw


def _timestamp(raw: Any, cell: Cell) -> Any:
    at = _moment(raw, cell.format, cell.zone)
    return moment_of(micros(at)).isoformat().replace("+00:00", "Z")


def _set(raw: Any, cell: Cell) -> Any:
    if isinstance(raw, str) and cell.separator:
        return [part.strip() for part in raw.split(cell.separator) if part.strip()]
    return [text_of(part) for part in raw] if isinstance(raw, list | tuple) else raw


_READERS: dict[Type, Callable[[Any, Cell], Any]] = {
    Type.STRING: _string,
    Type.INT: _int,
    Type.DECIMAL: _decimal,
    Type.BOOL: _bool,
    Type.DATE: _date,
    Type.TIMESTAMP: _timestamp,
    Type.SET: _set,
    Type.VERSION: _string,
}
