"""How do placements stand in a release, with the way each of them ranks?"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from audiences.moments import MICROSECOND
from campaigns.models import Placement, RankingChoice
from merch.engine.document import FieldDoc, PlacementDoc, StrategyDoc

Strategy = RankingChoice.Strategy
DRAWN = (Strategy.WEIGHTED, Strategy.BANDIT)


def placements(rows: Iterable[Placement], tests: Collection[str]) -> dict[str, PlacementDoc]:
    """By slug; an experiment that is not among ``tests`` (a draft) has no say yet."""
    return {row.slug: _placement(row, tests) for row in rows}


def _placement(placement: Placement, tests: Collection[str]) -> PlacementDoc:
    test = placement.experiment
    compares = test is not None and test.key in tests
    return PlacementDoc(
        rank=placement.rank,
        format=placement.format.key,
        slots=placement.slots,
        max_age=placement.max_age,
        fields=tuple(msgspec.convert(field, FieldDoc) for field in placement.format.fields),
        min_app_versions=placement.format.min_app_versions,
        when_degraded=placement.when_degraded,
        interruption_cost=placement.format.interruption_cost,
        strategy=strategy(placement),
        experiment=test.key if test is not None and compares else None,
        arms={arm.variant.key: strategy(arm) for arm in placement.arms.all()} if compares else {},
    )


def strategy(choice: RankingChoice) -> StrategyDoc:
    """What the strategy reads, and nothing else: what is not read must not make another release."""
    kind = str(choice.strategy)
    formula = choice.formula if kind == Strategy.FORMULA else ""
    if kind not in DRAWN:
        return StrategyDoc(kind=kind, formula=formula)
    floor = choice.exploration if kind == Strategy.BANDIT else 0
    return StrategyDoc(kind=kind, window=choice.draw_window // MICROSECOND, floor=floor)
