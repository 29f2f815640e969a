"""Can a test be started, read and ended from its page, and does nothing of it change while it runs?"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from experiments.models import Experiment, ExperimentMetric, Holdout, Readout
from tests.factories.experiments import ExperimentFactory, HoldoutFactory, MetricFactory
from tests.factories.people import UserFactory
from tests.factories.posting import errors, posted

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    user: User = UserFactory(username="anna", is_staff=True, is_superuser=True)
    made = Client()
    made.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return made


@pytest.fixture
def experiment() -> Experiment:
    made: Experiment = ExperimentFactory(key="hero-copy", two_arms=True)
    ExperimentMetric.objects.create(experiment=made, metric=MetricFactory())
    return made


def page_of(row: Experiment | Holdout) -> str:
    return reverse(f"admin:experiments_{row._meta.model_name}_change", args=[row.pk])


def do(row: Experiment | Holdout, verb: str) -> str:
    return reverse(f"admin:experiments_{row._meta.model_name}_do", args=[row.pk, verb])


def test_a_test_lives_from_start_to_conclusion_on_its_buttons(client: Client, experiment: Experiment) -> None:
    steps: tuple[tuple[str, dict[str, str], str], ...] = (
        ("start", {"percent": "50"}, "RUNNING"),
        ("ramp", {"percent": "80"}, "RUNNING"),
        ("pause", {}, "PAUSED"),
        ("resume", {}, "RUNNING"),
        ("stop", {}, "STOPPED"),
        ("conclude", {"comment": "b is shipped"}, "CONCLUDED"),
    )
    for verb, data, state in steps:
        answer = client.post(do(experiment, verb), {"comment": "", **data})
        assert answer.status_code == 302, answer.content.decode()
        experiment.refresh_from_db()
        assert experiment.state == state


def test_a_refused_start_shows_every_reason(client: Client) -> None:
    answer = client.post(do(ExperimentFactory(), "start"), {"percent": "50", "comment": ""})

    assert answer.status_code == 200
    assert answer.context["problems"]


def test_arms_are_no_inputs_while_it_runs(client: Client) -> None:
    running: Experiment = ExperimentFactory(running=True, two_arms=True)

    page = client.get(page_of(running)).content.decode()

    assert 'name="variants-0-weight"' not in page
    assert 'name="rule"' not in page


def test_two_controls_are_refused(client: Client, experiment: Experiment) -> None:
    answer = client.post(
        page_of(experiment), posted(client.get(page_of(experiment)), **{"variants-1-is_control": "on"})
    )

    assert "exactly one" in errors(answer)


def test_a_read_out_is_a_table_with_its_verdict_first(client: Client, experiment: Experiment) -> None:
    arms = [
        {"arm": "control", "control": True, "n": 4120, "value": 0.0412, "difference": None, "interval": None},
        {"arm": "b", "control": False, "n": 4098, "value": 0.0467, "difference": 0.0055, "interval": [-0.003, 0.014]},
    ]
    result = {
        "metrics": [{"name": "Subscribed", "arms": arms}],
        "recommendation": {"arms": [{"arm": "b", "verdict": "wait", "because": ["Too few subjects."]}]},
    }
    Readout.objects.create(experiment=experiment, version=1, as_of=timezone.now(), result=result)

    page = client.get(page_of(experiment)).content.decode()

    assert page.index("Too few subjects.") < page.index("4,098")
    assert "-0.003 to +0.014" in page


def test_a_holdout_is_drawn_and_ended_by_buttons(client: Client) -> None:
    holdout: Holdout = HoldoutFactory()

    client.post(do(holdout, "draw"), {"percent": "2", "comment": ""})
    (period,) = holdout.periods.all()
    client.post(do(holdout, "end"), {"comment": ""})

    assert period.size == 200
    assert not holdout.periods.filter(period__contains=timezone.now()).exists()
