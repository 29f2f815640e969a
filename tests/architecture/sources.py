"""Which Python files are ours, and what do they say?"""

import ast
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("audiences", "experiments", "campaigns", "merch", "config")
ROOMS = (*PACKAGES, "tests", "benchmarks", "examples")
MIGRATIONS = "migrations"  # written by Django, read once


@dataclass(frozen=True)
class Source:
    """One Python file."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    def __str__(self) -> str:
        return str(self.path.relative_to(PROJECT))


@cache
def sources() -> list[Source]:
    """Every Python file of ours but the migrations."""
    found = [PROJECT / "manage.py", *(path for room in ROOMS for path in sorted((PROJECT / room).rglob("*.py")))]
    return [Source(path) for path in found if path.parent.name != MIGRATIONS]
