"""In which order do those who are able compete for one slot?

The strategies of docs/algorithms/ranking.md. Chance is a hash of the subject, the slot and the draw window, so a retry
in the same window draws the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import log
from typing import NamedTuple

from audiences.hashing import BUCKETS, bucket, unit
from merch.engine.document import BanditRows, StrategyDoc

PRIORITY, WEIGHTED, FORMULA, BANDIT = "PRIORITY", "WEIGHTED", "FORMULA", "BANDIT"
TICKET, FLOOR, EXPLORE, ROW = "rank:weighted", "rank:floor", "rank:explore", "rank:row"
PLACES = 9
MILLIONTHS = 1_000_000
LEAST_UNIT = 2.0**-54  # half of the smallest step: a logarithm of 0 has no value
MOST_READY = 64


class Entrant(NamedTuple):
    """One who is able.

    ``place``: in arbitration order, among all of the tier; ``score``: of a FORMULA; ``stratum``: who stands in a lower
    one competes first; ``inside``: the order within an exclusive category.
    """

    name: str  # campaign/item
    place: int
    weight: int = 1
    score: float | None = None
    stratum: int = 0
    category: str = ""
    inside: int = 0


class Draw(NamedTuple):
    """For whom, where and when chance is asked."""

    subject: str
    placement: str
    slot: int
    window: int

    @property
    def key(self) -> str:
        return f"{self.subject}|{self.placement}|{self.slot}|{self.window}"


class Ranked(NamedTuple):
    """Best first, each with its score (None: it has none); ``explored``: by chance alone."""

    entrants: tuple[Entrant, ...]
    scores: Mapping[str, float | None]
    explored: bool = False


class ReadyRows:
    """The rows of one bandit placement, each worked out as an order of items once; equal digests are equal rows."""

    __slots__ = ("digest", "index", "items", "orders", "rows", "tied")

    def __init__(self, drawn: BanditRows) -> None:
        self.digest = drawn.digest
        self.items = drawn.items
        self.rows = drawn.rows
        self.index = {name: at for at, name in enumerate(drawn.items)}
        width = range(len(drawn.items))
        # Rows with equal scores in them are ordered when the arbitration order is known.
        self.tied = [row for row in drawn.rows if len(set(row)) < len(row)]
        self.orders = Counter(
            tuple(sorted(width, key=row.__getitem__, reverse=True)) for row in drawn.rows if len(set(row)) == len(row)
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ReadyRows) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


_ready: dict[str, ReadyRows] = {}


def ready(drawn: BanditRows | None) -> ReadyRows | None:
    """The rows, worked out once per digest; None where there are none."""
    if drawn is None or not drawn.rows:
        return None
    known = _ready.get(drawn.digest)
    if known is None:
        known = _ready[drawn.digest] = ReadyRows(drawn)
        for digest in list(_ready)[:-MOST_READY]:
            _ready.pop(digest, None)
    return known


def window_of(strategy: StrategyDoc, now: int) -> int:
    """The number of the draw window that holds ``now``."""
    return now // max(strategy.window, 1)


def order(
    entrants: Sequence[Entrant], strategy: StrategyDoc, draw: Draw, rows: ReadyRows | None = None
) -> Ranked:  # fmt: skip
    """Rank them for the slot that ``draw`` names; in whatever order they are given, the outcome is the same."""
    explored = explores(strategy, draw, rows)
    scores = _scores(entrants, strategy, draw, rows, explored=explored)
    ranked = sorted(entrants, key=lambda each: _rank(each, scores[each.name]))
    return Ranked(tuple(_side_by_side(ranked)), scores, explored)


def explores(strategy: StrategyDoc, draw: Draw, rows: ReadyRows | None) -> bool:
    """Is this one of the draws of a bandit that explore?"""
    if strategy.kind != BANDIT or rows is None or not strategy.floor:
        return False
    return bucket(FLOOR, draw.key) < strategy.floor


def _scores(
    entrants: Sequence[Entrant], strategy: StrategyDoc, draw: Draw, rows: ReadyRows | None, *, explored: bool
) -> dict[str, float | None]:
    if strategy.kind == FORMULA:
        return {each.name: each.score for each in entrants}
    if strategy.kind == WEIGHTED:
        return {each.name: _ticket(TICKET, draw, each.name, each.weight) for each in entrants}
    if strategy.kind == BANDIT and rows is not None:
        if explored:
            return {each.name: _ticket(EXPLORE, draw, each.name, 1) for each in entrants}
        row = rows.rows[int(unit(ROW, draw.key) * len(rows.rows))]
        return {each.name: _entry(rows, row, each.name) for each in entrants}
    return {each.name: None for each in entrants}


def _ticket(salt: str, draw: Draw, name: str, weight: int) -> float | None:
    """The largest wins, with probability weight / sum of weights; without a weight there is no ticket."""
    if weight <= 0:
        return None
    drawn = unit(salt, f"{draw.key}|{name}") or LEAST_UNIT
    return round(log(weight) - log(-log(drawn)), PLACES)


def _entry(rows: ReadyRows, row: Sequence[int], name: str) -> float | None:
    at = rows.index.get(name)
    return None if at is None else row[at] / MILLIONTHS


def _rank(entrant: Entrant, score: float | None) -> tuple[int, bool, float, int]:
    return entrant.stratum, score is None, 0.0 if score is None else -score, entrant.place


def _side_by_side(ranked: list[Entrant]) -> list[Entrant]:
    """The members of each exclusive category at the place of the best of them."""
    members: dict[str, list[Entrant]] = {}
    for each in ranked:
        if each.category:
            members.setdefault(each.category, []).append(each)
    if not members:
        return ranked
    arranged: list[Entrant] = []
    for each in ranked:
        if not each.category:
            arranged.append(each)
        else:
            arranged += sorted(members.pop(each.category, ()), key=lambda one: (one.inside, one.place))
    return arranged


def share_of_floor(strategy: StrategyDoc) -> float:
    """Which share of a bandit's draws explores?"""
    return min(max(strategy.floor, 0), BUCKETS) / BUCKETS
