"""Which numbers does a formula read of this candidate, for this subject, now?

The language is campaigns/formula; the names and when they are missing stand in docs/algorithms/ranking.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from audiences.rules import Type, ValueType
from campaigns.formula import Formula, Operands
from merch.engine import rendering
from merch.engine.call import Call
from merch.engine.clock import DAY
from merch.engine.compiled import Candidate
from merch.engine.law import objection


def score(formula: Formula, candidate: Candidate, call: Call) -> float | None:
    """The candidate's score, rounded to 1e-9; None: missing. A value that is broken is missing."""
    return formula.score(_operands(candidate, call))


def _operands(candidate: Candidate, call: Call) -> Operands:
    def number(name: str) -> float | None:
        scope, _, rest = name.partition(".")
        try:
            if scope == "trait":
                return _trait(rest, candidate, call)
            if scope == "ctx":
                return _context(rest, call)
            found = OF_A_CANDIDATE[name](candidate, call)
            return None if found is None else float(found)
        except (ArithmeticError, KeyError, TypeError, ValueError):
            return None

    return number


def _trait(name: str, candidate: Candidate, call: Call) -> float | None:
    """What is fresh, and may be read: a profiling trait only where the law lets this candidate profile."""
    if not call.fresh(name):
        return None
    if call.release.traits[name].profiling and objection(call.law, candidate.content.legal._replace(profiled=True)):
        return None
    return _number(call.release.trait_types[name], call.env.traits[name][0], call)


def _context(name: str, call: Call) -> float | None:
    value = call.env.ctx.get(name)
    return None if value is None else _number(call.release.context_types.get(name, HOUR), value, call)


def _number(of: ValueType, stored: Any, call: Call) -> float:
    if of.type is Type.DATE:
        return float(call.env.today - stored)
    if of.type is Type.TIMESTAMP:
        return float((call.now - stored) / DAY)
    return float(stored / 10**of.scale) if of.type is Type.DECIMAL else float(stored)


def _price(candidate: Candidate, call: Call) -> float | None:
    quote = rendering.quote(candidate.content, call)
    return None if quote is None else quote.amount


def _saving(candidate: Candidate, call: Call) -> float | None:
    quote = rendering.quote(candidate.content, call)
    return None if quote is None else quote.saving or 0


def _total(candidate: Candidate, call: Call) -> float | None:
    cost = rendering.total_cost(candidate.content, call)
    return None if cost is None else float(cost.amount)


def _days_left(candidate: Candidate, call: Call) -> float | None:
    """Rounded up: 1 on the last day."""
    end = candidate.flight.instants(call.zone)[1]
    return None if end is None else -((call.now - end) // DAY)


HOUR = ValueType(Type.INT)
OF_A_CANDIDATE: Mapping[str, Callable[[Candidate, Call], float | None]] = {
    "priority": lambda candidate, call: candidate.campaign.priority,
    "weight": lambda candidate, call: candidate.item.weight,
    "price": _price,
    "saving": _saving,
    "total_12m": _total,
    "days_left": _days_left,
}
