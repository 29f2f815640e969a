"""What stands in a read-out besides the estimates, and what does it cost?"""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments import operations
from experiments.analysis import analyze
from experiments.models import Experiment, ExperimentMetric, Exposure, Metric, Readout, Variant
from experiments.problems import Refused
from tests.experiments.rows import DAY, LATER, START, experiment, expose, happen, metric

pytestmark = pytest.mark.django_db


def test_it_is_plain_json_and_stored_as_shown() -> None:
    row = experiment(judged_by=(metric("share"), metric("spend", Metric.Kind.MEAN, field="amount")))
    expose(row, {"a": 20, "b": 20})
    happen("b", 1, 5, at=START, amount="2.50")

    result = analyze(row, as_of=LATER)

    stored = Readout.objects.get()
    assert stored.result == json.loads(json.dumps(result)) == result
    assert (stored.experiment, stored.version, stored.as_of) == (row, 1, LATER)


def test_the_control_stands_first_wherever_it_was_written() -> None:
    row = experiment(weights={"b": 1, "a": 1}, judged_by=(metric("share"),))
    row.variants.update(is_control=False)
    row.variants.filter(key="a").update(is_control=True)
    expose(row, {"a": 10, "b": 10})
    happen("b", 1, 5, at=START)

    arms = analyze(row, as_of=LATER)["metrics"][0]["arms"]

    assert [(arm["arm"], arm["control"]) for arm in arms] == [("a", True), ("b", False)]
    assert arms[0]["difference"] is None
    assert arms[1]["difference"] == 0.5


def test_arms_tell_their_share_and_how_many_saw_nothing() -> None:
    row = experiment(weights={"a": 1, "b": 3})
    expose(row, {"a": 10, "b": 30})
    Exposure.objects.filter(arm="a").update(ghost=True)

    arms = {arm["arm"]: arm for arm in analyze(row, as_of=LATER)["arms"]}

    assert (arms["a"]["share"], arms["a"]["promised"], arms["a"]["ghost_share"]) == (0.25, 0.25, 1.0)
    assert (arms["b"]["subjects"], arms["b"]["promised"], arms["b"]["ghost_share"]) == (30, 0.75, 0.0)


def test_several_arms_stand_against_one_control_with_p_values_for_the_family() -> None:
    row = experiment(weights={"a": 1, "b": 1, "c": 1}, judged_by=(metric("share"),))
    expose(row, {"a": 200, "b": 200, "c": 200})
    happen("a", 1, 20, at=START)
    happen("b", 1, 40, at=START)
    happen("c", 1, 30, at=START)

    arms = {arm["arm"]: arm for arm in analyze(row, as_of=LATER)["metrics"][0]["arms"]}

    assert arms["b"]["difference"] == pytest.approx(0.1)
    assert arms["c"]["difference"] == pytest.approx(0.05)
    assert arms["b"]["p_holm"] == pytest.approx(2 * arms["b"]["p"])
    assert arms["c"]["p_holm"] == pytest.approx(arms["c"]["p"])


def test_sizes_are_hinted_at() -> None:
    row = experiment(judged_by=(metric("share"),))
    expose(row, {"a": 1000, "b": 1000})
    happen("a", 1, 50, at=START)
    happen("b", 1, 55, at=START)

    result = analyze(row, as_of=LATER)["metrics"][0]

    assert result["hint"] == {"effect": 0.05, "power": 0.8, "subjects_per_arm": 122121}
    assert result["arms"][1]["detectable"] == pytest.approx(2.8016 * result["arms"][1]["error"], rel=1e-4)


def test_nobody_exposed_is_said_and_nothing_is_estimated() -> None:
    row = experiment(judged_by=(metric("share"), metric("spend", Metric.Kind.MEAN, field="amount")))

    result = analyze(row, as_of=LATER)

    assert result["quality"]["problems"] == ["Nobody was exposed."]
    assert result["recommendation"]["arms"][0]["verdict"] == "UNREADABLE"
    assert {arm["value"] for each in result["metrics"] for arm in each["arms"]} == {None}


def test_subjects_in_an_arm_that_does_not_exist_forbid_to_read_on() -> None:
    row = experiment(propensities={"a": 0.5, "b": 0.5}, judged_by=(metric("share"),))
    expose(row, {"a": 10, "b": 10, "mystery": 3})

    result = analyze(row, as_of=LATER)

    assert "mystery" in result["quality"]["problems"][0]
    assert result["recommendation"]["arms"][0]["verdict"] == "UNREADABLE"


def test_declared_propensities_need_not_add_up_to_one() -> None:
    row = experiment(propensities={"a": 0.2, "b": 0.1}, judged_by=(metric("share"),))
    expose(row, {"a": 2000, "b": 1000})

    assert analyze(row, as_of=LATER)["quality"]["ratio_check"]["p"] == pytest.approx(1.0)


def test_the_number_of_queries_depends_on_nothing() -> None:
    few = experiment("few", judged_by=(metric("share"),))
    expose(few, {"a": 10, "b": 10})
    metrics = tuple(metric(f"metric-{index}", Metric.Kind.MEAN, field="amount") for index in range(6))
    many = experiment("many", weights={"k": 1, "l": 2, "m": 3, "n": 4}, judged_by=metrics)
    expose(many, {"k": 100, "l": 200, "m": 300, "n": 400})
    happen("n", 1, 400, at=START, amount="3")

    assert queries(few) == queries(many) == 8


def queries(row: Experiment) -> int:
    with CaptureQueriesContext(connection) as captured:
        analyze(Experiment.objects.select_related("layer").get(pk=row.pk), as_of=LATER)
    return len([each for each in captured if "SAVEPOINT" not in each["sql"]])


class TestVersions:
    def test_each_is_read_by_itself_with_the_arms_it_had(self) -> None:
        row = experiment(weights={"a": 1, "b": 1}, judged_by=(metric("share"),))
        before = operations.design(row)
        row.variants.filter(key="b").update(weight=3, name="Bold")
        row = operations.arms_edited(row, before, by=None, now=START)
        expose(row, {"a": 10, "b": 10}, version=1)
        expose(row, {"a": 100, "b": 300}, version=2)

        old, new = analyze(row, as_of=LATER, version=1), analyze(row, as_of=LATER)

        assert [arm["promised"] for arm in old["arms"]] == [0.5, 0.5]
        assert [arm["subjects"] for arm in old["arms"]] == [10, 10]
        assert (new["version"], [arm["promised"] for arm in new["arms"]]) == (2, [0.25, 0.75])
        assert [arm["subjects"] for arm in new["arms"]] == [100, 300]

    def test_one_that_never_was_is_refused(self) -> None:
        with pytest.raises(Refused, match="version 7 is not known; the current one is 1"):
            analyze(experiment(), as_of=LATER, version=7)


def test_changes_of_the_plan_after_the_start_are_told() -> None:
    row = experiment(judged_by=(metric("share"),), planned_subjects=1000)
    operations.start(row, 500, by=None, now=START)
    ExperimentMetric.objects.create(experiment=row, metric=metric("late"))
    row.planned_subjects = 2000
    row.save()

    assert analyze(Experiment.objects.get(), as_of=LATER)["deviations"] == [
        "The metric late was added after the start.",
        "1000 subjects were planned at the start, 2000 now.",
    ]


def test_arms_that_cannot_be_compared_are_refused() -> None:
    row = experiment()
    Variant.objects.update(is_control=False)

    with pytest.raises(Refused, match="one of them the control"):
        analyze(row, as_of=START + DAY)
