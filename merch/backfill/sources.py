"""Which rows does a file hold? (CSV, JSONL and Parquet by their names, .gz too; never the whole file in memory.)

Rows are numbered from 1, a CSV's header not counted. A row that cannot be read is a Refusal in its place.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from merch.intake.refusals import Refusal

Row = dict[str, Any]

LONGEST_CELL = 1 << 20  # characters
TEXT_KINDS = (".csv", ".jsonl")
KINDS = ".csv, .csv.gz, .jsonl, .jsonl.gz and .parquet"


class Unreadable(ValueError):
    """The file cannot be read at all, or not any further; the sentence says where and the way out."""


class Chunk(NamedTuple):
    """Rows in a row. ``first``: the number of the first; ``position``: how much of the file is behind, of its size."""

    first: int
    rows: Sequence[Row | Refusal]
    position: int


class Source:
    """One file, readable again and again. ``size``: bytes, or a Parquet file's rows; for the progress only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        names = [suffix.lower() for suffix in path.suffixes[-2:]]
        self._packed = names[-1:] == [".gz"]
        self._kind = names[0] if self._packed and len(names) == 2 else "".join(names[-1:])
        if self._kind not in TEXT_KINDS and (self._kind != ".parquet" or self._packed):
            raise Unreadable(f"{path.name} is of no known kind. Files are {KINDS}.")
        try:
            self.size = self._parquet().metadata.num_rows if self._kind == ".parquet" else path.stat().st_size
        except (OSError, pa.ArrowException) as error:
            raise Unreadable(f"{path.name} cannot be opened: {error}.") from error

    def digest(self) -> str:
        """Of the content; the file's name and place do not matter."""
        found = blake2b(digest_size=32)
        with self.path.open("rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
        return found.hexdigest()

    def columns(self) -> list[str] | None:
        """By name; None where each row has its own (JSONL). Raises Unreadable."""
        if self._kind == ".jsonl":
            return None
        if self._kind == ".parquet":
            return list(self._parquet().schema_arrow.names)
        with self._lines() as lines:
            return _header(lines, self.path.name)

    def chunks(self, size: int, columns: Iterable[str], *, skip: int = 0) -> Iterator[Chunk]:
        """The rows after the first ``skip``, with these columns, ``size`` at a time. Raises Unreadable."""
        wanted = sorted(columns)
        try:
            yield from (
                self._parquet_chunks(size, wanted, skip)
                if self._kind == ".parquet"
                else self._text_chunks(size, wanted, skip)
            )
        except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
            raise Unreadable(f"{self.path.name} is damaged: {error}. Bring it again whole.") from error

    def _parquet(self) -> Any:
        return pq.ParquetFile(self.path)

    def _parquet_chunks(self, size: int, wanted: list[str], skip: int) -> Iterator[Chunk]:
        done = 0
        for batch in self._parquet().iter_batches(batch_size=size, columns=wanted):
            fresh = batch.slice(max(skip - done, 0))
            done += batch.num_rows
            if fresh.num_rows:
                yield Chunk(done - fresh.num_rows + 1, fresh.to_pylist(), done)

    def _text_chunks(self, size: int, wanted: list[str], skip: int) -> Iterator[Chunk]:
        with self.path.open("rb") as file, self._lines(file) as lines:
            rows = _csv_rows(lines, wanted, self.path.name) if self._kind == ".csv" else _json_rows(lines, wanted)
            for _ in islice(rows, skip):
                pass
            first = skip + 1
            while chunk := list(islice(rows, size)):
                yield Chunk(first, chunk, file.tell())
                first += len(chunk)

    def _lines(self, file: IO[bytes] | None = None) -> IO[str]:
        """Bytes that are no UTF-8 become lone surrogates, which every value refuses: a bad cell, not a bad file."""
        raw = file or self.path.open("rb")
        unpacked = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if self._packed else raw
        return io.TextIOWrapper(unpacked, "utf-8-sig", "surrogateescape", newline="")


def _header(lines: IO[str], name: str) -> list[str]:
    header = next(csv.reader(lines), None)
    if not header:
        raise Unreadable(f"{name} has no header line. Name the columns in the first line.")
    if len(set(header)) < len(header):
        raise Unreadable(f"{name} names a column twice: {', '.join(header)}. Give each its own name.")
    return header


def _csv_rows(lines: IO[str], wanted: list[str], name: str) -> Iterator[Row | Refusal]:
    csv.field_size_limit(LONGEST_CELL)
    header = _header(lines, name)
    places = [(column, header.index(column)) for column in wanted if column in header]
    reader = csv.reader(lines, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as wrong:
            yield Refusal("bad_row", f"Line {reader.line_num + 1} is not CSV: {wrong}; mend its quotes.")
            continue
        if not cells:
            continue  # an empty line
        if len(cells) != len(header):
            sentence = f"The row has {len(cells)} cells, the header {len(header)}; quote cells that hold commas."
            yield Refusal("bad_row", sentence)
            continue
        yield {column: cells[place] for column, place in places}


def _json_rows(lines: IO[str], wanted: list[str]) -> Iterator[Row | Refusal]:
    decode = msgspec.json.decode
    for line in lines:
        text = line.strip()
        if not text:
            continue
        try:
            found = decode(text.encode("utf-8", "surrogateescape"))
        except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
            yield Refusal("bad_row", f"The line is not JSON: {wrong}; write one object per line.")
            continue
        if isinstance(found, dict):
            yield {column: found.get(column) for column in wanted}
        else:
            yield Refusal("bad_row", "The line is not a JSON object; write one object per line.")
