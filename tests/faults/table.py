"""What did the drills measure, against which limits?"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    id: str
    what: str
    figure: str
    limit: str
    passed: bool


class Table:
    """Figures as they come; every one is printed before the first that is missed fails the test."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._rows: list[Row] = []

    def most(self, id_: str, what: str, figure: float, limit: float, unit: str = "") -> None:
        """``figure`` may be at most ``limit``."""
        self._add(id_, what, f"{figure:.4g} {unit}", f"<= {limit:.4g} {unit}", figure <= limit)

    def exactly(self, id_: str, what: str, figure: object, wanted: object) -> None:
        self._add(id_, what, str(figure), f"= {wanted}", figure == wanted)

    def told(self, id_: str, what: str, figure: float, unit: str = "") -> None:
        """For the reader; no limit."""
        self._add(id_, what, f"{figure:.4g} {unit}", "", True)

    def _add(self, id_: str, what: str, figure: str, limit: str, passed: bool) -> None:
        self._rows.append(Row(id_, what, figure.strip(), limit.strip(), passed))

    def verdict(self) -> None:
        """Print all; fail naming those that missed."""
        print(f"\n{self._title}")
        for row in self._rows:
            verdict = "" if not row.limit else "pass" if row.passed else "MISSED"
            print(f"  {row.id:<6} {row.what:<66} {row.figure:>12}  {row.limit:<18} {verdict}")
        missed = [f"{row.id} {row.what}: {row.figure}, wanted {row.limit}" for row in self._rows if not row.passed]
        assert not missed, "; ".join(missed)
