"""What did a run find about one shard of subjects, and how is it kept?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct
from numpy.typing import NDArray

Booleans = NDArray[np.bool_]


class Outcome(Struct, frozen=True):
    """Subjects by id, with one column per audience and one per bit position."""

    ids: NDArray[np.int64]
    audiences: Booleans
    bits: Booleans


class Saved(Struct, frozen=True):
    """A shard's outcome as read back; ``bits`` are a subject's bytes, without trailing zeros."""

    ids: NDArray[np.int64]
    audiences: Booleans
    bits: list[bytes]


def save(outcome: Outcome, path: Path) -> str:
    """Write the outcome so that a crash leaves all of it or nothing; the file's SHA-256."""
    table = pa.table(
        {
            "subject": pa.array(outcome.ids, pa.int64()),
            "bits": pa.array(packed(outcome.bits), pa.binary()),
            "audiences": pa.array(packed(outcome.audiences), pa.binary()),
        }
    )
    # Another process may be writing the same name.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    found = digest(temporary)
    temporary.replace(path)
    return found


def load(path: Path, audiences: int) -> Saved:
    """Read an outcome of that many audiences."""
    table: Any = pq.read_table(path)
    return Saved(
        ids=table["subject"].to_numpy(),
        audiences=unpacked(table["audiences"].to_pylist(), audiences),
        bits=table["bits"].to_pylist(),
    )


def digest(path: Path) -> str:
    with path.open("rb") as file:
        content = sha256()
        while block := file.read(1 << 20):
            content.update(block)
    return content.hexdigest()


def packed(answers: Booleans) -> list[bytes]:
    """Each row as little-endian bytes, bit i for column i, without trailing zero bytes."""
    rows = np.packbits(answers, axis=1, bitorder="little")
    return [row.tobytes().rstrip(b"\0") for row in rows]


def unpacked(rows: Sequence[bytes], columns: int) -> Booleans:
    width = (columns + 7) // 8
    joined = np.frombuffer(b"".join(row.ljust(width, b"\0") for row in rows), dtype=np.uint8)
    bits = np.unpackbits(joined.reshape(len(rows), width), axis=1, count=columns, bitorder="little")
    return bits.astype(np.bool_)


def moved(ids: NDArray[np.int64], now: Booleans, before_ids: NDArray[np.int64], before: Booleans) -> tuple[int, int]:
    """How many subjects entered and how many left one audience; both id arrays ascend."""
    inside, was_inside = ids[now], before_ids[before]
    common = np.intersect1d(inside, was_inside, assume_unique=True).size
    return int(inside.size - common), int(was_inside.size - common)
