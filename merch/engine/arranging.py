"""In which order do those who are able compete for one slot, and how probable was the outcome?

Pinned ones first, in every strategy; then by the strategy's order, those that a journey prefers before the others, and
an exclusive category as one candidate: at the place of its best member, the cheapest over 12 months first.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from merch.engine import eligibility
from merch.engine.call import Call
from merch.engine.compiled import Candidate
from merch.engine.composing import TotalCost
from merch.engine.document import StrategyDoc
from merch.engine.filling import Filling

NEVER_SOLD = TotalCost(Fraction(2**63), Fraction(0))


class Arrangement:
    """The order for one slot; ``able`` stands in arbitration order."""

    def __init__(self, able: Sequence[Candidate], strategy: StrategyDoc, filling: Filling, call: Call) -> None:
        pinned = [each for each in able if call.pin_of(each.content)]
        rest = [each for each in able if each not in pinned] if pinned else list(able)
        if call.preferring:
            rest.sort(key=lambda each: not call.preferred(each))
        self.order = pinned + by_category(rest, call)
        self.before = filling.probability()

    def probability(self, filling: Filling) -> float:
        """Of the outcome that ``filling`` has come to in this slot."""
        return filling.probability()


def by_category(order: list[Candidate], call: Call) -> list[Candidate]:
    """The same with the members of each exclusive category side by side, the cheapest first; ties: the longer."""
    members: dict[str, list[Candidate]] = {}
    for candidate in order:
        if category := candidate.category:
            members.setdefault(category, []).append(candidate)
    if not members:
        return order
    arranged: list[Candidate] = []
    for candidate in order:
        if not candidate.category:
            arranged.append(candidate)
        elif group := members.pop(candidate.category, None):
            arranged += sorted(group, key=lambda each: _cost(each, call))
    return arranged


def _cost(candidate: Candidate, call: Call) -> tuple[Fraction, Fraction]:
    total = eligibility.total_cost(candidate.content, call) or NEVER_SOLD
    return total.amount, -total.promised
