"""Does a placement stand in a release with the way it ranks, and a test of ways with its arms?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from campaigns.models import Campaign, Placement, PlacementArm
from experiments.models import Experiment
from merch.engine.compiling import compile_release
from merch.engine.document import PlacementDoc, StrategyDoc
from merch.releases import build
from tests.factories.experiments import AllocationFactory, ExperimentFactory
from tests.merch.releases.conftest import NOW

MINUTE = 60_000_000


def document_of(**ranking: object) -> PlacementDoc:
    Placement.objects.update(**ranking)
    built = build.build(NOW).document
    compile_release(built)
    return built.placements["home-hero"]


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [
        ({}, StrategyDoc()),
        ({"exploration": 7, "formula": "price", "draw_window": timedelta(minutes=5)}, StrategyDoc()),
        (
            {"strategy": "WEIGHTED", "draw_window": timedelta(minutes=5), "exploration": 7},
            StrategyDoc(kind="WEIGHTED", window=5 * MINUTE),
        ),
        ({"strategy": "BANDIT", "exploration": 1_000}, StrategyDoc(kind="BANDIT", floor=1_000)),
        ({"strategy": "FORMULA", "formula": "-price"}, StrategyDoc(kind="FORMULA", formula="-price")),
    ],
)
def test_a_release_carries_what_a_strategy_reads(
    campaign: Campaign, ranking: dict[str, object], expected: StrategyDoc
) -> None:
    assert document_of(**ranking).strategy == expected


def test_a_test_of_ranking_goes_in_once_it_is_no_draft(campaign: Campaign, editor: User) -> None:
    test: Experiment = ExperimentFactory(kind=Experiment.Kind.PLACEMENT, two_arms=True)
    AllocationFactory(experiment=test)
    placement = Placement.objects.get(slug="home-hero")
    PlacementArm.objects.create(placement=placement, variant=test.variants.get(key="b"), strategy="WEIGHTED")

    draft = document_of(experiment=test)
    Experiment.objects.update(state=Experiment.State.RUNNING)
    running = document_of(experiment=test)

    assert (draft.experiment, draft.arms) == (None, {})
    assert (running.experiment, running.arms) == (test.key, {"b": StrategyDoc(kind="WEIGHTED")})
    assert test.key in build.build(NOW).document.experiments
