"""What is recommended, and does looking every day leave the promise intact?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from experiments.analysis import analyze
from experiments.judging import Stage, criticals
from experiments.models import Experiment, Metric
from experiments.stats.ship_rule import Judged, Role
from tests.experiments.rows import DAY, LATER, START, experiment, expose, happen, metric

pytestmark = pytest.mark.django_db

SUCCESS = Judged("m", Role.SUCCESS, 0.0, 1.0)


def judged(row: Experiment, as_of: datetime = LATER) -> dict[str, Any]:
    result: dict[str, Any] = analyze(row, as_of=as_of)["recommendation"]
    return result


def better(row: Experiment, subjects: int, control: int, treatment: int) -> None:
    expose(row, {"a": subjects, "b": subjects})
    happen("a", 1, control, at=START)
    happen("b", 1, treatment, at=START)


@pytest.mark.parametrize(
    ("treatment", "state", "verdict"),
    [
        pytest.param(160, "RUNNING", "SHIP", id="clearly-better"),
        pytest.param(120, "RUNNING", "KEEP_RUNNING", id="one-look-would-say-yes-nothing-yet"),
        pytest.param(120, "STOPPED", "DO_NOT_SHIP", id="over-and-not-shown"),
        pytest.param(40, "RUNNING", "DO_NOT_SHIP", id="clearly-worse"),
    ],
)
def test_without_a_planned_size_the_bound_holds_at_every_moment(treatment: int, state: str, verdict: str) -> None:
    row = experiment(judged_by=(metric("share"),), state=state)
    better(row, 1000, 90, treatment)

    found = judged(row)

    assert found["arms"][0]["verdict"] == verdict
    assert found["basis"] == "confidence sequence"
    assert found["bounds"]["success"] > 3


@pytest.mark.parametrize(("tolerance", "verdict"), [(5, "KEEP_RUNNING"), (60, "SHIP")])
def test_a_guardrail_must_hold_within_its_tolerance(tolerance: int, verdict: str) -> None:
    guardrail = metric("cancels", event="cancel", role="guardrail", higher_is_better=False, tolerance_percent=tolerance)
    row = experiment(judged_by=(metric("share"), guardrail))
    better(row, 1000, 90, 180)
    happen("a", 1, 100, at=START, event="cancel")
    happen("b", 1, 102, at=START, event="cancel")

    assert judged(row)["arms"][0]["verdict"] == verdict


def test_a_ratio_mismatch_makes_everything_unreadable() -> None:
    row = experiment(judged_by=(metric("share"),))
    expose(row, {"a": 1000, "b": 1300})
    happen("b", 1, 900, at=START)

    found = judged(row)["arms"][0]

    assert found["verdict"] == "UNREADABLE"
    assert "promised" in found["because"][0]


def test_a_stopped_experiment_whose_windows_are_open_is_not_over() -> None:
    row = experiment(judged_by=(metric("share"),), state="STOPPED")
    expose(row, {"a": 100, "b": 100})
    expose(experiment("elsewhere"), {"x": 1})

    assert judged(row, START + 8 * DAY)["final"] is True
    expose(row, {"a": 101, "b": 101}, at=START + 5 * DAY, version=2)
    row.version = 2
    row.save()
    assert judged(row, START + 8 * DAY)["final"] is False


class TestAPlannedSize:
    def test_an_early_look_asks_for_more_than_the_last(self) -> None:
        row = experiment(judged_by=(metric("share"),), planned_subjects=4000)
        better(row, 1000, 90, 120)

        found = judged(row)

        assert found["basis"] == "group sequential"
        # O'Brien-Fleming at half of the information.
        assert found["bounds"]["success"] == pytest.approx(2.963, abs=1e-3)
        assert found["arms"][0]["verdict"] == "KEEP_RUNNING"

    def test_the_planned_look_decides_with_its_true_bound(self) -> None:
        row = experiment(judged_by=(metric("share"),), planned_subjects=2000)
        better(row, 1000, 90, 120)

        found = judged(row)

        assert found["final"] is True
        assert found["bounds"]["success"] == pytest.approx(1.96, abs=1e-3)
        assert found["arms"][0]["verdict"] == "SHIP"

    def test_a_look_after_the_planned_one_repeats_its_verdict(self) -> None:
        row = experiment(judged_by=(metric("share"),), planned_subjects=2000)
        better(row, 1000, 90, 120)
        decided = judged(row)

        happen("a", 500, 600, at=START)
        later = judged(row, LATER + DAY)

        assert later == decided
        assert later["decided_as_of"] == LATER.isoformat()

    def test_looking_twice_at_the_same_costs_nothing(self) -> None:
        row = experiment(judged_by=(metric("share"),), planned_subjects=4000)
        better(row, 1000, 90, 120)

        bounds = [judged(row, LATER + number * DAY)["bounds"] for number in range(3)]

        assert bounds[0] == bounds[1] == bounds[2]


@pytest.mark.parametrize(
    ("stage", "bound"),
    [
        pytest.param(Stage(2000, (), 10000), 4.877, id="first-of-five"),
        pytest.param(Stage(4000, (2000,), 10000), 3.357, id="second-of-five"),
        pytest.param(Stage(12000, (2000, 4000, 6500), 10000), 2.003, id="overrun"),
        pytest.param(Stage(6500, (2000, 4000), 10000, over=True), 1.961, id="ended-early"),
        pytest.param(Stage(4000, (2000, 2000, 1500, 4000), 10000), 3.357, id="looks-that-brought-nothing"),
        pytest.param(Stage(20, (), 10000), None, id="too-early"),
        pytest.param(Stage(0, (), 10000), None, id="nobody"),
    ],
)
def test_bounds_follow_the_information_that_really_came(stage: Stage, bound: float | None) -> None:
    found = criticals([SUCCESS], stage, treatments=1).success

    assert found == (None if bound is None else pytest.approx(bound, abs=1e-3))


def test_the_error_is_split_over_arms_and_success_metrics() -> None:
    other = Judged("n", Role.SUCCESS, 0.0, 1.0)

    def bound(metrics: list[Judged], treatments: int) -> float:
        return criticals(metrics, Stage(10000, (), 10000), treatments=treatments).success or 0.0

    assert bound([SUCCESS], 1) < bound([SUCCESS, other], 1) == bound([SUCCESS], 2) < bound([SUCCESS, other], 2)


def test_a_metric_that_nobody_moved_neither_ships_nor_breaks() -> None:
    row = experiment(judged_by=(metric("share"), metric("spend", Metric.Kind.MEAN, field="amount", event="buy")))
    better(row, 1000, 90, 180)

    assert judged(row)["arms"][0]["verdict"] == "SHIP"
