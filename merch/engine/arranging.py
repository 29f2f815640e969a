"""In which order do those who are able compete for one slot, and how probable was the outcome?

Pinned ones first, in every strategy; the rest as docs/algorithms/ranking.md says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from merch.engine import eligibility, formula, propensity, rendering
from merch.engine.call import Call
from merch.engine.compiled import Candidate, PlacementPlan
from merch.engine.composing import TotalCost
from merch.engine.document import StrategyDoc
from merch.engine.filling import Filling
from merch.engine.propensity import Contender, Entered, Round, distribution
from merch.engine.ranking import BANDIT, FORMULA, WEIGHTED, Draw, Entrant, order, ready, window_of
from merch.engine.trigger import arm_of, held_out

NEVER_SOLD = TotalCost(Fraction(2**63), Fraction(0))


class Arrangement:
    """The order for one slot; ``able`` stands in arbitration order. ``scores`` by campaign/item; None: it has none."""

    def __init__(
        self, able: Sequence[Candidate], plan: PlacementPlan, strategy: StrategyDoc, filling: Filling, call: Call
    ) -> None:
        self.call = call
        self.strategy = strategy
        self.rows = ready(call.pulse.bandits.get(plan.slug)) if strategy.kind == BANDIT else None
        pinned = [each for each in able if call.pin_of(each.content)]
        self.rest = [each for each in able if each not in pinned] if pinned else list(able)
        self.entrants = _entrants(self.rest, plan, strategy, call)
        draw = Draw(call.request.key, plan.slug, filling.number, window_of(strategy, call.now))
        ranked = order(self.entrants, strategy, draw, self.rows)
        self.scores: Mapping[str, float | None] = ranked.scores
        by_name = {each.name: each for each in self.rest}
        self.order = pinned + [by_name[each.name] for each in ranked.entrants]
        # What chance had a part in is weighed as it stood before anybody was asked.
        self.outcomes: Mapping[propensity.Outcome, float] | None = None
        if not pinned and (strategy.kind == WEIGHTED or self.rows is not None):
            self.before = filling.probability()
            self.outcomes = self._outcomes(filling)

    @property
    def drawn(self) -> bool:
        """Did the strategy draw by chance?"""
        return self.outcomes is not None

    def probability(self, filling: Filling, outcome: propensity.Outcome) -> float:
        """Of what this slot came to, ``filling`` standing where it stands now."""
        if self.outcomes is None:
            return filling.probability()
        return self.before * self.outcomes.get(outcome, 0.0)

    def _outcomes(self, filling: Filling) -> Mapping[propensity.Outcome, float]:
        contenders = [
            _contender(candidate, entrant, filling, self.call)
            for candidate, entrant in zip(self.rest, self.entrants, strict=True)
        ]
        return distribution([Round(contenders, self.strategy, self.rows)])


def _entrants(rest: Sequence[Candidate], plan: PlacementPlan, strategy: StrategyDoc, call: Call) -> list[Entrant]:
    inside = _by_cost([each for each in rest if each.category], call)
    scoring = plan.formulas.get(strategy.formula) if strategy.kind == FORMULA else None
    return [
        Entrant(
            name=each.name,
            place=place,
            weight=each.item.weight,
            score=formula.score(scoring, each, call) if scoring else None,
            stratum=0 if not call.preferring or call.preferred(each) else 1,
            category=each.category,
            inside=inside.get(each.name, 0),
        )
        for place, each in enumerate(rest)
    ]


def _by_cost(members: list[Candidate], call: Call) -> dict[str, int]:
    """Where each stands inside its category: the cheapest over 12 months first; ties: the longer."""
    costs = {each.name: rendering.total_cost(each.content, call) or NEVER_SOLD for each in members}
    steps = sorted({(cost.amount, -cost.promised) for cost in costs.values()})
    number = {step: at for at, step in enumerate(steps)}
    return {name: number[cost.amount, -cost.promised] for name, cost in costs.items()}


def _contender(candidate: Candidate, entrant: Entrant, filling: Filling, call: Call) -> Contender:
    """As chance sees it: who is withheld or excluded is a fact, and so is an arm that an earlier slot drew."""
    refused = eligibility.undecided(candidate, candidate.content, call) is not None or held_out(candidate, call)
    drawn = None if refused else arm_of(candidate, call)
    if drawn is None or candidate.experiment is None:
        return Contender(entrant, gone=refused, empty=candidate.item.nothing)
    spec = candidate.experiment.spec
    possible = {variant.key: variant.weight for variant in spec.variants}
    if spec.key in call.settled:
        possible = {drawn.variant: 1}
    elif spec.key in filling.drawn:
        possible = {key: weight for key, weight in possible.items() if key in filling.drawn[spec.key][1]}
    total = sum(possible.values())
    arms = tuple((key, weight / total, candidate.arms[key] is not None) for key, weight in possible.items())
    return Contender(entrant, Entered(spec.key, arms), empty=candidate.item.nothing)
