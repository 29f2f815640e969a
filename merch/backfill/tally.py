"""What was found in a file, and what became of it?"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

MOST_EXAMPLES = 3


class Refused(Struct, frozen=True):
    """One row that is not taken: its number, why, and the way out."""

    row: int
    code: str
    reason: str


class Tally(Struct):
    """Totals so far. ``left_out``: rows that ``where`` does not ask for; ``found``: by what was read ("trait age");
    ``days``: first and last UTC day, by event; ``written``: by what was done ("events new")."""

    rows: int = 0
    left_out: int = 0
    found: dict[str, int] = field(default_factory=dict)
    days: dict[str, list[str]] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[Refused]] = field(default_factory=dict)

    @property
    def rejects(self) -> int:
        return sum(self.refused.values())

    def add_found(self, name: str, number: int = 1) -> None:
        self.found[name] = self.found.get(name, 0) + number

    def add_written(self, name: str, number: int) -> None:
        self.written[name] = self.written.get(name, 0) + number

    def add_day(self, name: str, day: str) -> None:
        """ISO days sort as texts do."""
        held = self.days.setdefault(name, [day, day])
        held[0], held[1] = min(held[0], day), max(held[1], day)

    def add_refused(self, refused: Iterable[Refused]) -> None:
        for each in refused:
            self.refused[each.code] = self.refused.get(each.code, 0) + 1
            examples = self.examples.setdefault(each.code, [])
            if len(examples) < MOST_EXAMPLES:
                examples.append(each)
