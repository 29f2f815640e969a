"""What do the three kinds of backfill have in common?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from audiences.records import Ref
from audiences.rules import Problem
from merch.backfill.mapping import Where
from merch.backfill.others import Others
from merch.backfill.tally import Refused, Tally

Item = TypeVar("Item")
Row = Mapping[str, Any]


class Misfit(ValueError):
    """The mapping does not fit the file or the catalogue; ``problems`` holds every reason."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{each.where}: {each.sentence} {each.hint}" for each in problems))


class Wrote(NamedTuple):
    """What writing a chunk did, and which of its rows turned out not to count."""

    counts: dict[str, int]
    refused: Sequence[Refused] = ()


class Job(ABC, Generic[Item]):
    """Rows in, items out, items written; what happens between is the same for all."""

    columns: frozenset[str]
    where: Where
    others: Others | None = None

    @abstractmethod
    def read(self, number: int, row: Row) -> Item:
        """One row as what it says. Raises Refusal."""

    @abstractmethod
    def named(self, item: Item) -> tuple[Ref, str]:
        """Whom it is about; and the arm, "" where there are none."""

    @abstractmethod
    def count(self, item: Item, tally: Tally) -> None:
        """Add what was read to ``tally.found`` and ``tally.days``."""

    @abstractmethod
    def write(self, items: Sequence[tuple[int, Item]], *, now: datetime) -> Wrote:
        """Keep them, in the caller's transaction, so that keeping them again changes nothing."""
