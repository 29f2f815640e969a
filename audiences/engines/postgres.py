"""How does PostgreSQL itself answer all rules for one shard, over temporary tables with the same columns?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from psycopg import sql

from audiences.engines.answers import Statements, statements
from audiences.engines.columns import profile_columns, selected_events, subjects_between
from audiences.engines.export import patient
from audiences.engines.facts import Facts
from audiences.rules import Rule


class PostgresEngine:
    """The same door as DuckEngine; exports nothing."""

    def __init__(self, facts: Facts, rules: Sequence[Rule], *, as_of: int, home: Path) -> None:
        self.facts = facts
        self.statements: Statements = statements(facts, rules, as_of=as_of, dialect="postgres")
        self.end = date.min

    def prepare(self, end: date, done: Callable[[int, int], None]) -> list[str]:
        self.end = end
        done(0, 0)
        return []

    def answer(self, after: int, up_to: int, path: Path) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        profile = subjects_between(profile_columns(self.facts), after, up_to, wire=False)
        events = selected_events(
            self.facts,
            sql.SQL("e.day >= {} AND e.day < {} AND e.subject_id > {} AND e.subject_id <= {}").format(
                sql.Literal(self.end - timedelta(days=self.facts.longest_window)),
                sql.Literal(self.end),
                sql.Literal(after),
                sql.Literal(up_to),
            ),
            wire=False,
        )
        with patient(), connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS pg_temp.profile, pg_temp.events, pg_temp.facts")
            for name, query in (("profile", profile), ("events", events)):
                made = sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS {}").format(sql.Identifier(name), query)
                cursor.execute(made.as_string(cursor.connection))
            cursor.execute(f"CREATE TEMP TABLE facts ON COMMIT DROP AS {self.statements.facts}")
            parts: list[NDArray[np.int64]] = []
            for query_text in self.statements.answers:
                cursor.execute(query_text)
                width = len(cursor.description)
                parts.append(np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, width))
        answers = np.concatenate([part[:, 1:] for part in parts], axis=1)
        return parts[0][:, 0], answers.astype(np.bool_)

    def close(self) -> None:
        """Its tables end with their transaction."""
