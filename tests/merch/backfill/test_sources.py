"""The same rows come out of every kind of file, from wherever one goes on; what is damaged is told, not guessed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from merch.backfill.sources import Source, Unreadable
from merch.intake.refusals import Refusal

ROWS: list[dict[str, Any]] = [{"id": f"p{n}", "n": n, "note": f'a "quoted", note {n}'} for n in range(1, 24)]


def csv_text() -> str:
    quoted = (each["note"].replace('"', '""') for each in ROWS)
    lines = (f'{each["id"]},{each["n"]},"{note}"' for each, note in zip(ROWS, quoted, strict=True))
    return "\ufeffid,n,note\n" + "\n".join(lines) + "\n"


def write_csv(folder: Path) -> Path:
    path = folder / "rows.csv"
    path.write_text(csv_text())
    return path


def write_csv_gz(folder: Path) -> Path:
    path = folder / "rows.csv.gz"
    path.write_bytes(gzip.compress(csv_text().encode()))
    return path


def write_jsonl(folder: Path) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in ROWS))
    return path


def write_parquet(folder: Path) -> Path:
    path = folder / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=7)
    return path


@pytest.mark.parametrize("write", [write_csv, write_csv_gz, write_jsonl, write_parquet])
@pytest.mark.parametrize(("size", "skip"), [(5, 0), (5, 5), (100, 22), (1, 20), (5, 23), (4, 9)])
def test_rows_come_in_chunks_from_where_one_left(
    write: Callable[[Path], Path], size: int, skip: int, tmp_path: Path
) -> None:
    chunks = list(Source(write(tmp_path)).chunks(size, {"id", "note"}, skip=skip))

    rows: list[Any] = [row for chunk in chunks for row in chunk.rows]
    assert rows == [{"id": each["id"], "note": each["note"]} for each in ROWS[skip:]]
    numbers = [number for chunk in chunks for number in range(chunk.first, chunk.first + len(chunk.rows))]
    assert numbers == list(range(skip + 1, 24))


@pytest.mark.parametrize("write", [write_csv, write_csv_gz, write_parquet])
def test_columns_are_known_before_a_row_is_read(write: Callable[[Path], Path], tmp_path: Path) -> None:
    assert Source(write(tmp_path)).columns() == ["id", "n", "note"]


def test_lines_of_json_have_columns_of_their_own(tmp_path: Path) -> None:
    assert Source(write_jsonl(tmp_path)).columns() is None


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    first, copy = write_csv(tmp_path), tmp_path / "copy.csv"
    copy.write_bytes(first.read_bytes())

    assert Source(first).digest() == Source(copy).digest()
    copy.write_text("id,n,note\n")
    assert Source(first).digest() != Source(copy).digest()


def test_a_bad_row_stands_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id,n\na,1\nb\nc,3,4\nd,4\n")
    rows = next(Source(path).chunks(10, {"id"})).rows

    assert [row if isinstance(row, dict) else type(row) for row in rows] == [{"id": "a"}, Refusal, Refusal, {"id": "d"}]

    lines = tmp_path / "rows.jsonl"
    lines.write_bytes(b'{"id": "a"}\n[1]\n{"id": \n{"id": "\xff"}\n{"id": "e"}\n')
    read = next(Source(lines).chunks(10, {"id"})).rows
    assert [row if isinstance(row, dict) else row.code for row in read] == [
        {"id": "a"}, "bad_row", "bad_row", "bad_row", {"id": "e"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.xlsx", b"x", "no known kind"),
        ("rows.parquet", b"not parquet", "cannot be opened"),
        ("rows.parquet.gz", b"x", "no known kind"),
        ("rows.csv", b"", "no header"),
        ("rows.csv", b"id,id\na,b\n", "twice"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(Unreadable, match=said):
        Source(tmp_path / name).columns()


def test_half_a_packed_file_is_noticed(tmp_path: Path) -> None:
    path = write_csv_gz(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(Unreadable, match="damaged"):
        list(Source(path).chunks(5, {"id"}))
