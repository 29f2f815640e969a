"""What does an engineer get at the terminal, and what does the scheduler do each day?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from config.celery import app
from experiments import operations, tasks
from experiments.models import Experiment, Holdout, Readout
from tests.experiments.rows import LATER, START, experiment, expose, happen, metric

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command("analyze_experiment", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def hero() -> Experiment:
    row = experiment(judged_by=(metric("subscribed"),), name="Hero copy", state="RUNNING")
    expose(row, {"a": 1000, "b": 1000})
    happen("a", 1, 80, at=START)
    happen("b", 1, 150, at=START)
    return row


def test_the_table_says_verdict_arms_and_differences(hero: Experiment) -> None:
    shown = run("hero", "--as-of", LATER.isoformat())

    assert "b: SHIP. Superior: subscribed." in shown
    assert "a (control)" in shown
    assert "+0.07" in shown
    assert "ratio check p 1" in shown
    assert Readout.objects.get().as_of == LATER


def test_json_is_the_stored_read_out(hero: Experiment) -> None:
    shown = json.loads(run("hero", "--json", "--as-of", LATER.isoformat(), "--version", "1"))

    assert shown == Readout.objects.get().result


def test_now_is_the_default(hero: Experiment) -> None:
    before = timezone.now()

    run("hero")

    assert before <= Readout.objects.get().as_of <= timezone.now()


def test_a_holdout_is_read_with_every_metric(hero: Experiment) -> None:
    holdout = Holdout.objects.create(key="all", name="Everything", scope="GLOBAL")
    operations.draw(holdout, 200, by=None, now=START)

    shown = run("all", "--holdout")

    assert "Holdout all, draws 1" in shown
    assert "Not readable: Nobody was exposed." in shown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["zero"], "There is no experiment zero. There are: hero."),
        (["zero", "--holdout"], "There is no holdout zero. There are: none yet."),
        (["hero", "--as-of", "yesterday"], "--as-of takes a moment"),
        (["hero", "--version", "3"], "version 3 is not known"),
    ],
)
def test_what_cannot_be_read_is_said_with_a_way_out(hero: Experiment, words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*words)

    assert not Readout.objects.exists()


@pytest.fixture
def eager() -> Iterator[None]:
    """Tasks run where they are rung for."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


class TestDaily:
    def test_every_experiment_that_is_not_concluded_is_read(self, eager: None) -> None:
        for state in Experiment.State:
            experiment(state.lower(), state=state)

        rung = [tasks.read_out_due(), tasks.read_out_due()]

        assert rung == [3, 0]
        assert set(Readout.objects.values_list("experiment__key", flat=True)) == {"paused", "running", "stopped"}

    def test_it_is_read_once_a_day(self, hero: Experiment) -> None:
        with time_machine.travel(LATER, tick=False):
            assert [tasks.read_out("hero"), tasks.read_out("hero")] == [True, False]
        with time_machine.travel(LATER + timedelta(days=1), tick=False):
            assert tasks.read_out("hero")

        assert Readout.objects.count() == 2

    def test_one_that_cannot_be_read_leaves_the_others_alone(self) -> None:
        experiment("odd", weights={"a": 1}, state="RUNNING")

        assert tasks.read_out("odd") is False

    def test_the_scheduler_knows_it(self) -> None:
        names = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

        assert tasks.read_out_due.name in names
