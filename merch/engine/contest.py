"""Who takes the slots of one placement, among the candidates of one tier?

Two ways to the same answer. In plain order, best first, stopping when the slots are full: no strategy, category, pin,
grant or journey has a say. Else everybody able is gathered, then arranged for each slot: docs/algorithms/decision.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from audiences.tiers import Tier
from merch.engine import eligibility, limiting
from merch.engine.arranging import Arrangement
from merch.engine.call import Call
from merch.engine.compiled import Candidate, PlacementPlan
from merch.engine.document import StrategyDoc
from merch.engine.eligibility import Objection, Question, first_objection
from merch.engine.filling import Filling, Winner
from merch.engine.propensity import EMPTY
from merch.engine.reasons import WOULD_HAVE_WON, Reason
from merch.engine.slots import slot_of
from merch.engine.trigger import Assigned, assign, strategy_arm, withheld


def fill(filling: Filling, call: Call, *, tier: Tier, explain: bool) -> None:
    """Give the open slots to candidates of this tier; with ``explain`` each loser is named with its reason."""
    plan = filling.plan
    if plan is None or not plan.tiers[tier] or (filling.full() and not explain) or closed(plan, call):
        return
    if not explain and call.plain and plan.plain[tier]:
        _in_order(filling, plan.matching(tier, call), call)
        return
    contest = _Contest(filling, plan, tier, call)
    contest.hold(explain=explain)
    if explain:
        contest.tell()


def closed(plan: PlacementPlan, call: Call) -> bool:
    """The placement's contract for a record that cannot be read may be to show nothing."""
    return not call.readable and plan.doc.when_degraded == "EMPTY"


def _in_order(filling: Filling, matching: Iterable[Candidate], call: Call) -> None:
    for candidate in matching:
        objection = first_objection(eligibility.BEFORE_RANKING, candidate, candidate.content, call)
        if objection is None:
            objection = try_to_win(filling, candidate, call)
        if objection is None:
            if filling.full():
                return
        elif objection.reason in WOULD_HAVE_WON:
            filling.lose(candidate, objection)


class _Contest:
    """One tier in one placement: who is able, and what became of everybody."""

    def __init__(self, filling: Filling, plan: PlacementPlan, tier: Tier, call: Call) -> None:
        self.filling = filling
        self.plan = plan
        self.tier = tier
        self.call = call
        self.objections: dict[Candidate, Objection] = {}
        self.able: list[Candidate] = []
        self.scores: dict[str, float | None] = {}

    def hold(self, *, explain: bool) -> None:
        self._gather(everybody=explain)
        strategy = self._strategy()
        while self.able and not self.filling.full():
            self._fill_one(strategy, explain=explain)

    def tell(self) -> None:
        """Name every loser, in arbitration order; whoever was able and came too late is outranked."""
        won = {winner.candidate for winner in self.filling.winners} | set(self.filling.nothing)
        for candidate in self.plan.tiers[self.tier]:
            if candidate not in won:
                late = eligibility.still_open(candidate, candidate.content, self.call)
                self.filling.lose(candidate, self.objections.get(candidate) or late or self._outranked(candidate))

    def _outranked(self, candidate: Candidate) -> Objection:
        score = self.scores.get(candidate.name)
        return Objection(Reason.OUTRANKED, "" if score is None else f"score {score:g}")

    def _gather(self, *, everybody: bool) -> None:
        call = self.call
        plan, tier = self.plan, self.tier
        # The rule is not asked of what a pin or a grant holds.
        held = {*call.pins, *call.grants}
        for candidate in plan.tiers[tier] if everybody else plan.matching(tier, call, held):
            objection = first_objection(_questions(candidate, call), candidate, candidate.content, call)
            if objection is None:
                self.able.append(candidate)
            else:
                self.objections[candidate] = objection

    def _fill_one(self, strategy: StrategyDoc, *, explain: bool) -> None:
        """One slot, by an order of its own; who is withheld from it is withheld from the next ones too."""
        filling = self.filling
        arranged = Arrangement(self.able, self.plan, strategy, filling, self.call)
        self.scores |= arranged.scores
        for candidate in arranged.order:
            objection = try_to_win(filling, candidate, self.call, arranged)
            self.able.remove(candidate)
            if objection is None:
                return
            self.objections[candidate] = objection
            if not explain and objection.reason in WOULD_HAVE_WON:
                filling.lose(candidate, objection)

    def _strategy(self) -> StrategyDoc:
        """The placement's own, or that of the subject's arm; an exposure only where the arms would fill otherwise."""
        own = self.plan.doc.strategy
        drawn = strategy_arm(self.plan, self.call)
        if drawn is None:
            return own
        arms = self.plan.doc.arms
        strategies = {arms.get(variant.key, own) for variant in drawn.experiment.spec.variants}
        if len({self._outcome(strategy) for strategy in strategies}) > 1:
            drawn.expose(self.plan.slug, self.call)
        return arms.get(drawn.arm.variant, own)

    def _outcome(self, strategy: StrategyDoc) -> tuple[str, ...]:
        """Who would win under a strategy; nothing is chosen or recorded by asking."""
        trial = _Contest(self.filling.fork(), self.plan, self.tier, self.call.fork())
        trial.able = list(self.able)
        while trial.able and not trial.filling.full():
            trial._fill_one(strategy, explain=True)
        return tuple(winner.candidate.name for winner in trial.filling.winners)


def _questions(candidate: Candidate, call: Call) -> tuple[Question, ...]:
    return eligibility.OF_A_PINNED if call.pin_of(candidate.content) else eligibility.BEFORE_RANKING


def try_to_win(
    filling: Filling, candidate: Candidate, call: Call, arranged: Arrangement | None = None
) -> Objection | None:
    """Rows 13 and 14, for a candidate that has earned the slot; None means that it took it."""
    pinned = call.pin_of(candidate.content) is not None
    if not pinned:
        objection = eligibility.still_open(candidate, candidate.content, call) or withheld(candidate, call)
        if objection is not None:
            return objection
    assigned = assign(candidate, call)
    if assigned is not None:
        filling.draw(candidate, assigned, call)
        if assigned.content is None and not pinned:
            return Objection(Reason.VARIANT_EMPTY, f"{assigned.arm.experiment}: {assigned.arm.variant}")
    return _take(filling, candidate, assigned, call, arranged)


def _take(
    filling: Filling, candidate: Candidate, assigned: Assigned | None, call: Call, arranged: Arrangement | None
) -> Objection | None:
    if candidate.item.nothing:
        filling.nothing.append(candidate)
        filling.emptiness *= arranged.probability(filling, EMPTY) if arranged else filling.probability()
        filling.settle(call)
        return None
    content = assigned.content if assigned and assigned.content else candidate.content
    try:
        holds = () if call.pin_of(candidate.content) else limiting.holds_for(candidate, content, call)
        slot = slot_of(candidate, content, assigned, filling, call, arranged, hold=holds[0].key if holds else None)
    except Exception as error:
        # What cannot be composed costs its own candidate the slot, and nobody else.
        call.errors.append(f"{candidate.name}: {type(error).__name__}")
        return Objection(Reason.CONTENT_MISSING, type(error).__name__)
    filling.winners.append(Winner(candidate, content, slot))
    filling.settle(call)
    call.choose(content)
    call.holds += holds
    return None
