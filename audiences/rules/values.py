"""How is a value of each type written in JSON, and how is it stored?

The table of forms stands in docs/algorithms/rules.md. Nothing is coerced: a value of another JSON type is refused.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from typing import Any

from msgspec import Struct

from audiences.rules.problems import nearest, shown

Stored = Any  # str, int, bool, or list[str] for a set; the type says which

TEXT_LENGTH = 1024
LARGEST_INT = 2**63 - 1
FLOAT_DIGITS = 15  # a JSON number of more digits may not survive its way through a double

# Four numbers of a version in one signed 64-bit integer: 62 bits.
VERSION_BITS = (14, 14, 14, 20)

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")
_DECIMAL = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_VERSION = re.compile(r"[0-9]{1,7}(\.[0-9]{1,7}){0,3}")


class Type(StrEnum):
    """The closed set of types a rule can test."""

    __hash__ = str.__hash__  # an Enum's own is slow

    STRING = "string"
    INT = "int"
    DECIMAL = "decimal"
    BOOL = "bool"
    DATE = "date"
    TIMESTAMP = "timestamp"
    SET = "set"
    VERSION = "version"


class ValueType(Struct, frozen=True):
    """What values may be. ``values`` closes a vocabulary (empty: open); ``scale``: decimal places of a decimal."""

    type: Type
    values: frozenset[str] = frozenset()
    scale: int = 2


class BadValue(ValueError):
    """A value that its type refuses: a sentence, and a hint that says what would be taken."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(f"{sentence} {hint}")
        self.sentence = sentence
        self.hint = hint


def encode_trait(of: ValueType, value: object) -> Stored:
    """The stored form of a JSON value. Raises BadValue."""
    return _ENCODERS[of.type](of, value)


def decode_trait(of: ValueType, stored: Stored) -> Any:
    """The JSON form of a stored value, in its canonical spelling."""
    return _DECODERS[of.type](of, stored)


def _text(of: ValueType, value: object) -> str:
    if not isinstance(value, str):
        raise BadValue(f"{shown(value)} is not a text.", 'Write it in quotes, such as "free".')
    if len(value) > TEXT_LENGTH:
        raise BadValue(f"A text of {len(value)} characters is too long.", f"Use at most {TEXT_LENGTH}.")
    if _UNSTORABLE.search(value):
        raise BadValue("The text holds a character that cannot be stored.", "Leave out NUL and lone surrogates.")
    if of.values and value not in of.values:
        raise BadValue(f"{shown(value)} is not one of the declared values.", nearest(value, of.values, "value"))
    return value


def _int(of: ValueType, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadValue(f"{shown(value)} is not a whole number.", "Write a whole number without quotes, such as 12.")
    return _within_64_bits(value)


def _within_64_bits(value: int) -> int:
    if not -LARGEST_INT <= value <= LARGEST_INT:
        raise BadValue("The number is too large.", f"Stay within plus or minus {LARGEST_INT}.")
    return value


def _decimal(of: ValueType, value: object) -> int:
    scaled = _exact(value) * 10**of.scale
    if scaled != scaled.to_integral_value():
        raise BadValue(f"{shown(value)} has too many decimal places.", f"At most {of.scale} are kept.")
    return _within_64_bits(int(scaled))


def _exact(value: object) -> Decimal:
    """The number as it was written. A double is read by its shortest text, which gives back up to 15 digits exactly."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(_within_64_bits(value))
    if isinstance(value, float) and isfinite(value):
        number = Decimal(repr(value))
        if len(number.normalize().as_tuple().digits) <= FLOAT_DIGITS and abs(number) <= LARGEST_INT:
            return number
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    raise BadValue(f"{shown(value)} is not a decimal number.", 'Write it as "9.99".')


def _bool(of: ValueType, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadValue(f"{shown(value)} is not true or false.", "Write true or false, without quotes.")
    return value


def _date(of: ValueType, value: object) -> int:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value).toordinal() - _EPOCH_DAY
        except ValueError:
            pass
    raise BadValue(f"{shown(value)} is not a date.", 'Write year, month and day, such as "2026-11-22".')


def _timestamp(of: ValueType, value: object) -> int:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        else:
            return (moment - _EPOCH) // timedelta(microseconds=1)
    raise BadValue(f"{shown(value)} is not a moment with a zone.", 'Write it such as "2026-11-22T12:00:00Z".')


def _set(of: ValueType, value: object) -> list[str]:
    if not isinstance(value, list | tuple):
        raise BadValue(f"{shown(value)} is not a list of texts.", 'Write a list, such as ["pop", "jazz"].')
    return sorted({_text(of, member) for member in value})


def _version(of: ValueType, value: object) -> int:
    if not (isinstance(value, str) and _VERSION.fullmatch(value)):
        raise BadValue(f"{shown(value)} is not a version.", 'Write one to four numbers, such as "8.9.12".')
    numbers = [int(part) for part in value.split(".")]
    packed = 0
    for bits, number in zip(VERSION_BITS, numbers + [0] * (4 - len(numbers)), strict=True):
        if number >= 1 << bits:
            raise BadValue(
                f"{shown(value)} has a number that is too large.",
                "At most 16383, and 1048575 in fourth place.",
            )
        packed = packed << bits | number
    return packed


def _decimal_text(of: ValueType, stored: int) -> str:
    whole, part = divmod(abs(stored), 10**of.scale)
    return f"{'-' if stored < 0 else ''}{whole}{f'.{part:0{of.scale}d}' if of.scale else ''}"


def _date_text(of: ValueType, stored: int) -> str:
    return date.fromordinal(stored + _EPOCH_DAY).isoformat()


def _timestamp_text(of: ValueType, stored: int) -> str:
    return (_EPOCH + timedelta(microseconds=stored)).isoformat().replace("+00:00", "Z")


def _version_text(of: ValueType, stored: int) -> str:
    numbers = []
    for bits in reversed(VERSION_BITS):
        numbers.append(stored & (1 << bits) - 1)
        stored >>= bits
    fourth, *rest = numbers
    return ".".join(str(number) for number in [*reversed(rest), *([fourth] if fourth else [])])


def _texts(of: ValueType, stored: Stored) -> list[str]:
    return list(stored)


def _as_it_is(of: ValueType, stored: Stored) -> Stored:
    return stored


_ENCODERS: dict[Type, Callable[[ValueType, object], Stored]] = {
    Type.STRING: _text,
    Type.INT: _int,
    Type.DECIMAL: _decimal,
    Type.BOOL: _bool,
    Type.DATE: _date,
    Type.TIMESTAMP: _timestamp,
    Type.SET: _set,
    Type.VERSION: _version,
}
_DECODERS: dict[Type, Callable[[ValueType, Stored], Any]] = {
    Type.STRING: _as_it_is,
    Type.INT: _as_it_is,
    Type.DECIMAL: _decimal_text,
    Type.BOOL: _as_it_is,
    Type.DATE: _date_text,
    Type.TIMESTAMP: _timestamp_text,
    Type.SET: _texts,
    Type.VERSION: _version_text,
}
