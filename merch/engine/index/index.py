"""Whom does this call match?

One index per placement. Its rows stand in the order of its candidates, so what it finds comes out in that order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import accumulate
from typing import NamedTuple, Protocol, TypeVar

from audiences.rules import BitPositions, Predicate, Rule
from audiences.tiers import Tier
from merch.engine.index.building import plan
from merch.engine.index.masks import Drawing, drawn, each, whole
from merch.engine.index.reading import Asker
from merch.engine.law import Law, objection
from merch.engine.law import Traits as LegalTraits

NONE: frozenset[Tier] = frozenset()


class Asked(Protocol):
    """A rule, and its predicate, which is asked where the tables cannot tell."""

    @property
    def rule(self) -> Rule: ...
    @property
    def holds(self) -> Predicate: ...


class Piece(NamedTuple):
    """What the index needs of one candidate."""

    rule: Asked | None
    legal: LegalTraits
    markets: tuple[str, ...] = ()
    needs_record: bool = False
    offer: str | None = None


class Found(NamedTuple):
    """The rows that may match a call, those among them whose rule must be asked, and the tiers that have any."""

    may: int
    ask: int
    tiers: frozenset[Tier]


class _Span(NamedTuple):
    """A tier's first candidate, its first row, and as many ones as it has rows."""

    candidate: int
    row: int
    rows: int


class Index:
    """The candidates of one placement, by what they demand of a call.

    Left out are those that rows 2 (law), 2b (record, guards apart), 5 (the campaign's markets) or 7 would refuse.
    """

    __slots__ = (
        "_anywhere", "_everyone", "_laws", "_legal", "_owners", "_pieces", "_recordless", "_residual", "_selling",
        "_sold_in",
        "_spans", "_tables",
    )  # fmt: skip

    def __init__(self, tiers: Mapping[Tier, Sequence[Piece]], bits: BitPositions) -> None:
        self._pieces = [piece for pieces in tiers.values() for piece in pieces]
        made = plan([piece.rule.rule if piece.rule else None for piece in self._pieces], bits)
        self._owners = [at for at, found in enumerate(made.of_rule) for _ in found]
        firsts = [0, *accumulate(map(len, made.of_rule))]
        ends = [0, *accumulate(map(len, tiers.values()))]
        self._spans = {
            tier: _Span(start, firsts[start], whole(firsts[end] - firsts[start]))
            for tier, start, end in zip(tiers, ends, ends[1:], strict=False)
        }
        rows = firsts[-1]
        self._everyone = whole(rows)
        self._tables = [(table.answer, drawn(touched, rows)) for table, touched in made.tables]
        self._residual = drawn(made.residual, rows)
        self._recordless = drawn((row for row, piece in self._rows() if not piece.needs_record), rows)
        self._laws: dict[Law, int] = {}  # by a law that was met: at most 144
        self._legal = _grouped(((row, piece.legal) for row, piece in self._rows()), rows)
        self._anywhere = drawn((row for row, piece in self._rows() if not piece.markets), rows)
        sold = _grouped(((row, market) for row, piece in self._rows() for market in piece.markets), rows)
        self._sold_in = {market: self._anywhere | having for market, having in sold.items()}
        self._selling = _grouped(((row, piece.offer) for row, piece in self._rows() if piece.offer), rows)

    def _rows(self) -> Iterator[tuple[int, Piece]]:
        return ((row, self._pieces[at]) for row, at in enumerate(self._owners))

    @property
    def residual(self) -> int:
        """How many candidates have a condition that no table answers."""
        return len({self._owners[row] for row in each(self._residual)})

    def find(self, call: Asker) -> Found:
        """Everybody, to be asked, where the call is so odd that not even its types can be looked at."""
        may, ask, odd = self._everyone, self._residual, 0
        try:
            for answer, touched in self._tables:
                masks = answer(call)
                if masks is None:
                    odd |= touched
                else:
                    may &= masks[0]
                    ask |= masks[1]
        except Exception:
            may = ask = self._everyone
        may = (may | odd) & self._lawful(call.law) & self._sold_in.get(call.billing or "", self._anywhere)
        if not call.readable:
            may &= self._recordless
        tiers = frozenset([tier for tier, span in self._spans.items() if may >> span.row & span.rows]) if may else NONE
        return Found(may, ask | odd, tiers)

    def survivors(self, call: Asker) -> int:
        """Bit i says that candidate i, counted through all tiers, matches or that its rule raises."""
        found, drawing = self.find(call), Drawing(len(self._pieces))
        for tier, span in self._spans.items():
            for at in self.among(found, tier, call):
                drawing.add(span.candidate + at)
        return drawing.mask()

    def among(self, found: Found, tier: Tier, call: Asker, offers: Set[str] = frozenset()) -> Iterable[int]:
        """Which of a tier's candidates match or sell one of these offers, ascending."""
        span = self._spans[tier]
        may, ask, _ = found
        for offer in offers:
            selling = self._selling.get(offer, 0)
            may, ask = may | selling, ask & ~selling
        may = may >> span.row & span.rows
        return self._each(may, ask >> span.row & may, span, call) if may else ()

    def _each(self, may: int, ask: int, span: _Span, call: Asker) -> Iterator[int]:
        start, row, _ = span
        latest = -1
        for at in each(may):
            owner = self._owners[row + at]
            if owner != latest and not (ask >> at & 1 and self._refuses(owner, call)):
                latest = owner
                yield owner - start

    def _refuses(self, at: int, call: Asker) -> bool:
        rule = self._pieces[at].rule
        try:
            return rule is not None and not rule.holds(call.env)
        except Exception:
            return False

    def _lawful(self, law: Law) -> int:
        known = self._laws.get(law)
        if known is None:
            known = 0
            for legal, having in self._legal.items():
                if objection(law, legal) is None:
                    known |= having
            self._laws[law] = known
        return known


Key = TypeVar("Key")


def _grouped(keyed: Iterable[tuple[int, Key]], rows: int) -> dict[Key, int]:
    having: dict[Key, list[int]] = defaultdict(list)
    for row, key in keyed:
        having[key].append(row)
    return {key: drawn(named, rows) for key, named in having.items()}
