"""Can a placement rank as it says, and what does a running test of ways of ranking not let change?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audiences import catalogue
from campaigns import strategies
from campaigns.models import Placement, PlacementArm
from campaigns.problems import Refused
from experiments.models import Experiment
from tests.factories.audiences import TraitDefinitionFactory
from tests.factories.campaigns import PlacementFactory
from tests.factories.experiments import ExperimentFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
WEIGHTED, FORMULA, BANDIT = "WEIGHTED", "FORMULA", "BANDIT"


def placement_of(test: Experiment | None = None, **ranking: Any) -> Placement:
    row: Placement = PlacementFactory(slug="home", experiment=test, **ranking)
    return row


def a_test(**attributes: Any) -> Experiment:
    row: Experiment = ExperimentFactory(kind=Experiment.Kind.PLACEMENT, two_arms=True, **attributes)
    return row


def arm(placement: Placement, variant: str = "b", **ranking: Any) -> PlacementArm:
    assert placement.experiment is not None
    return PlacementArm.objects.create(
        placement=placement, variant=placement.experiment.variants.get(key=variant), **ranking
    )


def told(placement: Placement) -> list[str]:
    return [problem.id for problem in strategies.test_problems(placement, placement.arms.all())]


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [
        ({}, []),
        ({"formula": "not read"}, []),
        ({"strategy": WEIGHTED}, []),
        ({"strategy": WEIGHTED, "draw_window": timedelta(seconds=1)}, [("draw_window", "placement.draw_window")]),
        ({"strategy": BANDIT, "draw_window": timedelta(days=32)}, [("draw_window", "placement.draw_window")]),
        ({"strategy": FORMULA}, [("formula", "formula.empty")]),
        ({"strategy": FORMULA, "formula": "priority + trait.minutes"}, []),
        ({"strategy": FORMULA, "formula": "trait.minuts"}, [("formula", "formula.name")]),
    ],
)
def test_a_way_of_ranking_is_asked_what_its_strategy_reads(
    ranking: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    TraitDefinitionFactory(name="minutes", type="int")

    found = strategies.choice_problems(PlacementArm(**ranking), catalogue.vocabulary())

    assert [(field, problem.id) for field, problem in found] == expected


def test_a_test_compares_ways_of_ranking() -> None:
    placement = placement_of(a_test())
    assert told(placement) == ["placement.arm_same"]

    arm(placement, strategy=WEIGHTED)
    assert told(placement) == []


def test_what_is_no_test_of_ranking_is_told() -> None:
    other = ExperimentFactory(two_arms=True)
    placement = placement_of(a_test())
    row = arm(placement, strategy=WEIGHTED)

    placement.experiment = None
    assert told(placement) == ["placement.no_experiment"]
    placement.experiment = other
    assert told(placement) == ["placement.experiment_kind"]
    placement.experiment = a_test()
    assert told(placement) == ["placement.arm_foreign", "placement.arm_same"]
    row.delete()
    placement.experiment = a_test(stopped=True)
    assert told(placement) == ["experiment.over", "placement.arm_same"]


def test_while_it_runs_nothing_that_it_compares_may_change() -> None:
    placement = placement_of(a_test(running=True))
    before = strategies.ways(placement)
    arm(placement, strategy=WEIGHTED)

    with pytest.raises(Refused, match="Pause it first"):
        strategies.changed(placement, before, by=None, now=NOW)


def test_a_paused_test_goes_on_as_a_new_version_and_a_draft_as_it_is() -> None:
    for test, version in ((a_test(paused=True), 2), (a_test(), 1)):
        placement: Placement = PlacementFactory(slug=test.key, experiment=test)
        before = strategies.ways(placement)
        arm(placement, strategy=WEIGHTED)

        strategies.changed(placement, before, by=None, now=NOW)

        assert Experiment.objects.get(key=test.key).version == version


def test_what_a_strategy_does_not_read_changes_nothing() -> None:
    placement = placement_of(a_test(running=True))
    before = strategies.ways(placement)
    placement.exploration, placement.formula = 9, "price"
    placement.save()

    strategies.changed(placement, before, by=None, now=NOW)

    assert Experiment.objects.get().version == 1
