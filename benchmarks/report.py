"""How are figures kept and shown?"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

LATEST = Path(__file__).parent / "results" / "latest.json"


class Row(msgspec.Struct, frozen=True):
    """One figure. ``ratio`` is value divided by that of ``beside``, measured in the same run."""

    name: str
    value: float
    unit: str
    beside: str | None = None
    ratio: float | None = None


def median(figures: list[float]) -> float:
    """The middle one of an odd number."""
    return sorted(figures)[len(figures) // 2]


def keep(rows: list[Row]) -> None:
    """Write the rows as JSON and print them as a table, with the load of the machine that made them."""
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_bytes(msgspec.json.format(msgspec.json.encode(rows)) + b"\n")
    table = Table(title=f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; compare ratios, not runs")
    for column in ("name", "value", "unit", "beside", "ratio"):
        table.add_column(column, justify="right" if column in ("value", "ratio") else "left")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        table.add_row(row.name, f"{row.value:,.2f}", row.unit, row.beside or "", ratio)
    Console().print(table)
