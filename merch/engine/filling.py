"""What has one placement of a call been given so far?"""

from __future__ import annotations

from collections.abc import Set
from copy import copy
from typing import NamedTuple

from audiences.tiers import Tier
from experiments.assignment import ExperimentSpec
from merch.engine.call import Call
from merch.engine.compiled import Candidate, Content, PlacementPlan, Release
from merch.engine.eligibility import Objection
from merch.engine.facts import Asked, Loss, Slot
from merch.engine.trigger import Assigned

MOST_SLOTS = 20


class Winner(NamedTuple):
    """Who took a slot, with which content, and the slot as the client gets it."""

    candidate: Candidate
    content: Content
    slot: Slot


class Filling:
    """One placement while it fills.

    ``drawn`` holds, for the slot being filled, which arms of each experiment met so far lead to where we are: the
    product of their probabilities is that of the path. Experiments met by earlier slots of the call are settled.
    """

    __slots__ = ("drawn", "emptiness", "failed", "fallback", "losses", "nothing", "plan", "slug", "wanted", "winners")

    def __init__(self, slug: str, plan: PlacementPlan | None, wanted: int) -> None:
        self.slug = slug
        self.plan = plan
        self.wanted = wanted
        self.winners: list[Winner] = []
        self.nothing: list[Candidate] = []  # those that won in order to show nothing
        self.losses: list[Loss] = []
        self.fallback = False
        self.failed = False
        self.emptiness = 1.0  # probability that the slots left empty on purpose are so
        self.drawn: dict[str, tuple[ExperimentSpec, frozenset[str]]] = {}

    @classmethod
    def of(cls, release: Release, asked: Asked) -> Filling:
        plan = release.placements.get(asked.placement)
        own = plan.doc.slots if plan else 0
        return cls(asked.placement, plan, min(asked.slots or own, MOST_SLOTS))

    @property
    def rank(self) -> int:
        return self.plan.doc.rank if self.plan else 0

    @property
    def number(self) -> int:
        """Of the slot that is being filled, from 0; one that stays empty on purpose counts."""
        return len(self.winners) + len(self.nothing)

    def full(self) -> bool:
        return len(self.winners) + len(self.nothing) >= self.wanted

    def tiers(self, call: Call) -> Set[Tier]:
        """Those in which a candidate may match."""
        return self.plan.found(call).tiers if self.plan else frozenset()

    def lose(self, candidate: Candidate, objection: Objection) -> None:
        self.losses.append(Loss(candidate.campaign.key, candidate.item.key, objection.reason.value, objection.detail))

    def draw(self, candidate: Candidate, assigned: Assigned, call: Call) -> None:
        """Note the arms that would have led here just as well: those that show nothing, or the one that is shown."""
        experiment = candidate.experiment
        if experiment is None or experiment.spec.key in call.settled:
            return
        arms = frozenset({assigned.arm.variant})
        if assigned.content is None:
            arms = frozenset(variant for variant, content in candidate.arms.items() if content is None)
        known = self.drawn.get(experiment.spec.key)
        self.drawn[experiment.spec.key] = (experiment.spec, arms & known[1] if known else arms)

    def probability(self) -> float:
        """Of the path to where we are, by the arms drawn on it; 1 where no experiment was met."""
        product = 1.0
        for spec, arms in self.drawn.values():
            weights = {variant.key: variant.weight for variant in spec.variants}
            product *= sum(weights[arm] for arm in arms) / sum(weights.values())
        return product

    def settle(self, call: Call) -> None:
        """The slot is decided; what was drawn for it holds for the rest of the call."""
        call.settled.update(self.drawn)
        self.drawn = {}

    def fork(self) -> Filling:
        """As it stands, to try something out."""
        other = copy(self)
        other.winners, other.nothing, other.losses = list(self.winners), list(self.nothing), []
        other.drawn = dict(self.drawn)
        return other
