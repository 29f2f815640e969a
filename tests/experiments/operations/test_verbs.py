"""What may be done with an experiment, and what does it leave behind?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, transaction

from audiences.models import Revision
from experiments import claims, operations
from experiments.models import Allocation, Experiment, ExperimentMetric, Variant
from experiments.problems import Refused
from experiments.readiness import problems
from tests.experiments.rows import DAY, START, experiment, layer, metric

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    person = User.objects.create_user("ann")
    person.user_permissions.add(*Permission.objects.filter(content_type__app_label="experiments"))
    return User.objects.get(pk=person.pk)


def ready(key: str = "hero", **more: Any) -> Experiment:
    return experiment(key, judged_by=(metric(f"metric-{key}"),), **more)


def ids(refusal: pytest.ExceptionInfo[Refused]) -> set[str]:
    return {problem.id for problem in refusal.value.problems}


def test_its_whole_life_stands_in_the_history(ann: User) -> None:
    row = ready()

    operations.start(row, 1000, by=ann, now=START, why="Go")
    operations.ramp(row, 2000, by=ann, now=START + DAY)
    operations.pause(row, by=ann, now=START + 2 * DAY)
    operations.resume(row, by=ann, now=START + 3 * DAY)
    operations.stop(row, by=ann, now=START + 4 * DAY)
    done = operations.conclude(row, " Ship b. ", by=ann, now=START + 20 * DAY)

    lines = Revision.objects.filter(object_type="experiment", object_key="hero").order_by("number")
    assert [line.verb for line in lines] == ["started", "ramped", "paused", "resumed", "stopped", "concluded"]
    assert [(line.after or {})["buckets"] for line in lines] == [1000, 2000, 2000, 2000, 0, 0]
    assert (lines[0].actor, lines[0].why, lines[0].at) == (ann, "Go", START)
    assert (done.state, done.conclusion, done.started_at, done.ended_at) == (
        "CONCLUDED",
        "Ship b.",
        START,
        START + 4 * DAY,
    )


@pytest.mark.parametrize(
    ("state", "verb", "word"),
    [
        pytest.param("PAUSED", lambda row, **k: operations.start(row, 10, **k), "not DRAFT", id="start-a-paused-one"),
        pytest.param("DRAFT", operations.resume, "not PAUSED", id="resume-a-draft"),
        pytest.param("DRAFT", operations.pause, "cannot become PAUSED", id="pause-a-draft"),
        pytest.param("DRAFT", operations.stop, "cannot become STOPPED", id="stop-a-draft"),
        pytest.param("STOPPED", operations.resume, "cannot become RUNNING", id="resume-a-stopped-one"),
        pytest.param("RUNNING", lambda row, **k: operations.conclude(row, "x", **k), "cannot become", id="conclude"),
        pytest.param("DRAFT", lambda row, **k: operations.ramp(row, 10, **k), "It is DRAFT", id="ramp-a-draft"),
        pytest.param("STOPPED", lambda row, **k: operations.conclude(row, " ", **k), "is empty", id="no-conclusion"),
    ],
)
def test_a_move_that_is_not_open_is_refused(state: str, verb: Callable[..., Any], word: str) -> None:
    row = ready(state=state)

    with pytest.raises(Refused, match=word):
        verb(row, by=None, now=START)

    assert Experiment.objects.get().state == state
    assert not Revision.objects.exists()


def test_only_people_who_may_change_it_do() -> None:
    row = ready()

    with pytest.raises(Refused) as refusal:
        operations.start(row, 100, by=User.objects.create_user("bob"), now=START)

    assert ids(refusal) == {"permission"}


def test_a_share_is_needed_and_bounded() -> None:
    for buckets in (None, 0, 10_001):
        with pytest.raises(Refused) as refusal:
            operations.start(ready(f"own-{buckets}"), buckets, by=None, now=START)
        assert ids(refusal) == {"experiment.share"}


def test_one_assigned_elsewhere_starts_without_a_share() -> None:
    row = ready(propensities={"none": 0.25, "offer": 0.75})

    with pytest.raises(Refused, match="takes no share"):
        operations.start(row, 100, by=None, now=START)
    operations.start(row, by=None, now=START)
    operations.stop(row, by=None, now=START + DAY)

    assert not Allocation.objects.exists()


class TestReadiness:
    def ids(self, row: Experiment) -> set[str]:
        return {problem.id for problem in problems(row)}

    def test_a_good_design_has_none(self) -> None:
        assert self.ids(ready()) == set()
        assert self.ids(ready("elsewhere", propensities={"a": 0.3, "b": 0.7})) == set()

    def test_every_reason_is_told_at_once(self) -> None:
        row = experiment(weights={"a": 0})
        Variant.objects.update(is_control=False)

        assert self.ids(row) == {
            "experiment.variants",
            "experiment.control",
            "experiment.weights",
            "experiment.metrics",
        }

    @pytest.mark.parametrize(
        ("shares", "found"),
        [
            ({"a": 0.6, "b": 0.6}, {"experiment.propensities"}),
            ({"a": 0.6, "b": None}, {"experiment.propensity"}),
            ({"a": 0.6, "b": 0.0}, {"experiment.propensity"}),
            ({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, set()),
        ],
    )
    def test_declared_propensities_add_up_to_one_at_most(self, shares: dict[str, Any], found: set[str]) -> None:
        assert self.ids(ready(propensities=shares)) == found

    @pytest.mark.parametrize(
        ("field", "found"), [("amount", set()), ("minutes", set()), ("", set()), ("plan", {"metric.field"})]
    )
    def test_a_mean_adds_up_a_number(self, field: str, found: set[str]) -> None:
        assert self.ids(experiment(judged_by=(metric("m", "mean", field=field),))) == found

    def test_guardrails_alone_could_not_speak_for_it(self) -> None:
        row = experiment(judged_by=(metric("g", role="guardrail"),))

        assert self.ids(row) == {"experiment.success"}

    def test_a_window_holds_something(self) -> None:
        assert self.ids(experiment(judged_by=(metric("g", window_hours=0),))) == {"metric.window"}


class TestDesign:
    def edit(self, row: Experiment, **weights: int) -> Experiment:
        with transaction.atomic():
            before = operations.design(row)
            for key, weight in weights.items():
                row.variants.filter(key=key).update(weight=weight)
            return operations.arms_edited(row, before, by=None, now=START)

    @pytest.mark.parametrize("state", ["DRAFT", "PAUSED"])
    def test_an_edit_is_a_new_version(self, state: str) -> None:
        row = self.edit(ready(state=state), b=3)

        line = Revision.objects.get()
        assert row.version == 2
        assert line.verb == "redesigned"
        assert line.before is not None
        assert line.after is not None
        assert (line.before["version"], line.after["version"]) == (1, 2)
        assert [arm["weight"] for arm in line.after["design"]["variants"]] == [1, 3]

    @pytest.mark.parametrize("state", ["RUNNING", "STOPPED", "CONCLUDED"])
    def test_it_is_frozen_otherwise_and_the_edit_is_undone(self, state: str) -> None:
        row = ready(state=state)

        with pytest.raises(Refused, match="frozen"):
            self.edit(row, b=3)

        assert Variant.objects.get(key="b").weight == 1
        assert Experiment.objects.get().version == 1

    def test_the_same_again_is_no_new_version(self) -> None:
        assert self.edit(ready(state="RUNNING"), b=1).version == 1

    @pytest.mark.parametrize("change", [{"rule": {"v": 1, "rule": {}}}, {"salt": "other"}])
    def test_rule_and_salt_count_as_design(self, change: dict[str, Any]) -> None:
        row = ready()
        before = operations.design(row)
        Experiment.objects.update(**change)

        assert operations.arms_edited(row, before, by=None, now=START).version == 2

    def test_a_started_one_stays_in_its_layer(self) -> None:
        row = ready()
        operations.start(row, 100, by=None, now=START)
        operations.pause(row, by=None, now=START + DAY)
        before = operations.design(Experiment.objects.get())
        Experiment.objects.update(layer=layer("other"))

        with pytest.raises(Refused, match="its layer stays"):
            operations.arms_edited(row, before, by=None, now=START + DAY)

    def test_a_ramp_makes_no_version(self) -> None:
        row = ready()
        operations.start(row, 100, by=None, now=START)

        assert operations.ramp(row, 900, by=None, now=START + DAY).version == 1

    def test_a_paused_one_resumes_only_when_its_arms_still_compare(self) -> None:
        row = ready()
        operations.start(row, 100, by=None, now=START)
        operations.pause(row, by=None, now=START + DAY)
        ExperimentMetric.objects.all().delete()

        with pytest.raises(Refused) as refusal:
            operations.resume(row, by=None, now=START + 2 * DAY)

        assert ids(refusal) == {"experiment.metrics"}


def test_two_controls_cannot_be_stored() -> None:
    ready()

    with pytest.raises(IntegrityError), transaction.atomic():
        Variant.objects.update(is_control=True)


def test_a_blank_salt_is_filled_at_the_start() -> None:
    row = operations.start(ready(salt=""), 10, by=None, now=START)

    assert row.salt == "exp:hero:1"
    assert claims.held(row) == 10
