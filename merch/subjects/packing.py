"""How does a subject's record look in the serving store, and how is it read back?

Keys, headers and their meaning: docs/algorithms/subject-records.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from merch.engine.facts import NEW_SUBJECT, Subject, SubjectRecord, SuppressionFact

EPOCH_KEY: Final = b"epoch"
REBUILD_KEY: Final = b"rebuild"
TRUST_KEY: Final = b"holds"

_HALF = 6  # bytes of each number in a header
HEADER = 2 * _HALF

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(SubjectRecord)


class Unreadable(ValueError):
    """The store holds something that is not a record of a format we know."""


def record_key(kind: str, key: str) -> bytes:
    return f"s:{{{kind}:{key}}}".encode()


def holds_key(kind: str, key: str) -> bytes:
    return f"h:{{{kind}:{key}}}".encode()


def bits_key(kind: str, key: str, layout: int) -> bytes:
    return f"m{layout}:{{{kind}:{key}}}".encode()


def header(epoch: int, number: int) -> bytes:
    return epoch.to_bytes(_HALF, "big") + number.to_bytes(_HALF, "big")


def pack_bits(bits: bytes, epoch: int, run: int) -> bytes:
    return header(epoch, run) + bits


def pack_record(record: SubjectRecord, epoch: int) -> bytes:
    return header(epoch, record.version) + _encoder.encode(record)


def packed_size(record: SubjectRecord) -> int:
    """Bytes of the value, header included."""
    return HEADER + len(_encoder.encode(record))


def present(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Without those that were removed: PostgreSQL remembers when, the record holds no nulls."""
    return {name: fact for name, fact in facts.items() if fact[0] is not None}


def suppression_facts(rows: list[list[Any]]) -> tuple[SuppressionFact, ...]:
    return tuple(SuppressionFact(key, tuple(tiers), start, end) for key, tiers, start, end in rows)


def unpack(epoch: bytes | None, record: bytes | None, bits: bytes | None) -> Subject | None:
    """What one MGET says: a subject, or None when it cannot be known. Raises Unreadable."""
    number = None if epoch is None else _number(epoch)
    if record is None:
        if number is None:
            return None
        return NEW_SUBJECT if bits is None else Subject(SubjectRecord(), _bits(bits, number))
    if len(record) < HEADER:
        raise Unreadable("a record without a header")
    if number is not None and int.from_bytes(record[:_HALF], "big") < number:
        return NEW_SUBJECT  # left over from an earlier epoch: the truth does not know this subject any more
    try:
        found = _decoder.decode(memoryview(record)[HEADER:])
    except msgspec.MsgspecError as wrong:
        raise Unreadable(str(wrong)) from wrong
    return Subject(found, 0 if bits is None else _bits(bits, number or 0))


def _bits(value: bytes, epoch: int) -> int:
    if int.from_bytes(value[:_HALF], "big") < epoch:
        return 0
    return int.from_bytes(value[HEADER:], "little")


def _number(epoch: bytes) -> int:
    try:
        return int(epoch)
    except ValueError as wrong:
        raise Unreadable("the epoch is not a number") from wrong
