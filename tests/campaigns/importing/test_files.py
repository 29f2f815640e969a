"""Are files read as people meant them, and refused with a way out where that cannot be known?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from campaigns.importing import Unreadable, document_of, document_of_rows

ROWS = (
    '{"id": "o1", "reward": 5, "days": 7.0, "kind": "bogo"}\n{"id": "o2", "reward": 0, "days": 0.5, "kind": "info"}\n'
)
MAPPING = """
kind: offers
fields:
  key: {column: id}
  name: {column: kind, values: {bogo: Two for one, info: Information}}
  mechanic: {constant: REWARD}
  terms.reward: {column: reward}
  terms.duration_hours: {column: days, times: 24}
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: NO", "NO"),
        ("a: yes", "yes"),
        ("a: 12:30", "12:30"),
        ("a: 2027-03-01", "2027-03-01"),
        ("a: 007", "007"),
        ("a: 1e3", "1e3"),
        ("a: 7", 7),
        ("a: 7.5", 7.5),
        ("a: true", True),
        ("a: null", None),
        ("a:", None),
    ],
)
def test_yaml_guesses_no_more_than_people_do(tmp_path: Path, text: str, value: Any) -> None:
    assert document_of(written(tmp_path, "c.yaml", text)) == {"a": value}


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("c.yaml", "a: 1\nb: 2\na: 3", "Line 3: a stands there twice"),
        ("c.yaml", "a: [1", "c.yaml in line 1"),
        ("c.yaml", "a: !!python/object:os.system {}", "c.yaml"),
        ("c.json", '{"a": 1, "a": 2}', "a stands twice"),
        ("c.json", '{"a": }', "c.json in line 1"),
        ("c.csv", "a,b", "need a --mapping"),
    ],
)
def test_what_cannot_be_read_says_where(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        document_of(written(tmp_path, name, text))


def test_a_file_that_is_not_there_or_not_utf8_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="cannot be read"):
        document_of(tmp_path / "none.yaml")
    (tmp_path / "c.yaml").write_bytes(b"a: \xff")
    with pytest.raises(Unreadable, match="not UTF-8 at byte 3"):
        document_of(tmp_path / "c.yaml")


def test_rows_of_every_format_become_the_same_entries(tmp_path: Path) -> None:
    mapping = written(tmp_path, "m.yaml", MAPPING)
    parquet = tmp_path / "o.parquet"
    columns = {"id": ["o1", "o2"], "reward": [5, 0], "days": [7.0, 0.5], "kind": ["bogo", "info"]}
    pyarrow.parquet.write_table(pyarrow.table(columns), parquet)

    entries = [
        document_of_rows(path, mapping)["offers"]
        for path in (written(tmp_path, "o.jsonl", ROWS), written(tmp_path, "o.json", ROWS), parquet)
    ]

    assert entries[0] == entries[1] == entries[2]
    assert entries[0][0] == {
        "key": "o1", "name": "Two for one", "mechanic": "REWARD", "terms": {"reward": 5, "duration_hours": 168},
    }  # fmt: skip
    assert entries[0][1]["terms"]["duration_hours"] == 12


def test_csv_columns_are_split_and_may_be_optional(tmp_path: Path) -> None:
    mapping = written(
        tmp_path,
        "m.yaml",
        "kind: markets\nfields:\n  code: {column: code}\n  countries: {column: lands, split: '|'}\n"
        "  name: {column: name, optional: true}\n",
    )
    rows = written(tmp_path, "m.csv", "code,lands,name\nSE,SE|AX,Sweden\nGB,GB,\n")

    assert document_of_rows(rows, mapping) == {
        "markets": [
            {"code": "SE", "countries": ["SE", "AX"], "name": "Sweden"},
            {"code": "GB", "countries": ["GB"]},
        ]
    }


@pytest.mark.parametrize(
    ("mapping", "rows", "sentence"),
    [
        ("kind: cats\nfields: {}", ROWS, "no section cats"),
        ("kind: offers\nfields: {key: {}}", ROWS, "either a column or a constant"),
        ("kind: offers\nfields: {key: {colum: id}}", ROWS, "m.yaml"),
        ("kind: offers\nfields: {key: {column: name}}", ROWS, "Row 1: there is no column name"),
        (MAPPING, '{"id": "o1", "reward": 5, "days": 0.3, "kind": "bogo"}', "not whole"),
        (MAPPING, '{"id": "o1", "reward": 5, "days": "x", "kind": "bogo"}', "no number"),
        (MAPPING, '{"id": "o1", "reward": 5, "days": 1, "kind": "gift"}', "does not translate"),
        (MAPPING, '{"id": "", "reward": 5, "days": 1, "kind": "bogo"}', "id is empty"),
        (MAPPING, "[1, 2]", "not every row is an object"),
        (MAPPING, "{", "o.jsonl"),
    ],
)
def test_every_row_that_cannot_be_mapped_is_named(tmp_path: Path, mapping: str, rows: str, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        document_of_rows(written(tmp_path, "o.jsonl", rows), written(tmp_path, "m.yaml", mapping))
