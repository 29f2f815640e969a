"""How does DuckDB answer all rules for one shard, over Parquet?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiences.engines.answers import Statements, statements
from audiences.engines.export import days, export_days, export_subjects, open_duckdb
from audiences.engines.facts import ID, Facts
from audiences.engines.tables import events_table
from audiences.rules import Rule


class DuckEngine:
    """Answers shard after shard in one process; ``home`` holds the exports of all runs."""

    def __init__(self, facts: Facts, rules: Sequence[Rule], *, as_of: int, home: Path) -> None:
        self.facts = facts
        self.home = home
        self.statements: Statements = statements(facts, rules, as_of=as_of, dialect="duckdb")
        self.files: list[Path] = []
        self.database: Any = open_duckdb(home / "scratch")

    def prepare(self, end: date, done: Callable[[int, int], None]) -> list[str]:
        """Bring the events of the days before ``end`` to Parquet; the names of the files."""
        wanted = days(self.facts, end)
        done(0, len(wanted))
        self.files = export_days(self.facts, wanted, self.home / "events", lambda made: done(made, len(wanted)))
        return [path.name for path in self.files]

    def answer(self, after: int, up_to: int, path: Path) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Ids and answers (one column per rule) of the subjects in (after, up_to]; their export goes to ``path``."""
        export_subjects(self.database, self.facts, after, up_to, path)
        self.database.execute(f"CREATE OR REPLACE TEMP VIEW profile AS SELECT * FROM read_parquet({_list([path])})")  # noqa: S608
        self._show_events(after, up_to)
        self.database.execute(f"CREATE OR REPLACE TEMP TABLE facts AS {self.statements.facts}")
        columns: list[Any] = []
        ids: Any = None
        for query in self.statements.answers:
            found = self.database.execute(query).fetchnumpy()
            ids = found.pop(ID)
            columns += found.values()
        return ids, np.stack(columns, axis=1) if columns else np.zeros((len(ids), 0), dtype=np.bool_)

    def close(self) -> None:
        self.database.close()

    def _show_events(self, after: int, up_to: int) -> None:
        """Files are sorted by subject, so that only the row groups of this shard are read."""
        names = ", ".join(f'"{name}"' for name in events_table(self.facts).columns)
        source = f"SELECT {names} FROM read_parquet({_list(self.files)})" if self.files else self._no_events()  # noqa: S608
        self.database.execute(
            f"CREATE OR REPLACE TEMP VIEW events AS SELECT * FROM ({source})"  # noqa: S608
            f" WHERE subject > {int(after)} AND subject <= {int(up_to)}"
        )

    def _no_events(self) -> str:
        types = {"int64": "BIGINT", "string": "VARCHAR", "boolean": "BOOLEAN"}
        schema = events_table(self.facts).schema().items()
        return "SELECT " + ", ".join(f'NULL::{types[str(of)]} AS "{name}"' for name, of in schema) + " WHERE false"


def _list(paths: Sequence[Path]) -> str:
    return "[" + ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths) + "]"
