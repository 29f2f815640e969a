"""Who writes and who approves what this example shows, and which trial do its data hold?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from audiences.models import EventDefinition
from campaigns import operations as campaigns
from examples.starbucks.expected import ARMS
from experiments import operations
from experiments.models import Experiment, ExperimentMetric, Metric, Variant
from merch.demo.authoring import bring_about, write_all
from merch.demo.staff import Staff


def staff() -> Staff:
    """One who writes and another who approves."""
    people = [
        User.objects.get_or_create(username=name, defaults={"is_staff": True, "is_superuser": True})[0]
        for name in ("rewards-editor", "rewards-approver")
    ]
    return Staff(admin=people[0], editor=people[0], approver=people[1])


def define_experiment(now: datetime) -> None:
    """The first wave, as a test that was assigned elsewhere with declared probabilities; judged by a week's spend."""
    by = staff().editor
    metric = Metric.objects.create(
        key="spend-7d", name="Dollars spent in 7 days", kind=Metric.Kind.MEAN, field="amount", window_hours=168,
        event=EventDefinition.objects.get(name="transaction"),
    )  # fmt: skip
    experiment = Experiment.objects.create(
        key="first-wave",
        name="Which type of offer makes people spend more?",
        hypothesis="We believe that a discount beats buy one get one. We will know when a week's spend rises more.",
        assignment=Experiment.AssignedBy.EXTERNAL,
    )
    for arm, propensity in ARMS.items():
        Variant.objects.create(experiment=experiment, key=arm, propensity=propensity, is_control=arm == "none")
    ExperimentMetric.objects.create(experiment=experiment, metric=metric)
    campaigns.edited(metric, None, by=by, now=now)
    campaigns.edited(experiment, None, by=by, now=now)
    operations.start(experiment, by=by, now=now, why="The wave went out")


def write_campaigns(document: dict[str, Any], now: datetime) -> None:
    """Write them, have them approved by the other person, launch them."""
    write_all(document, staff=staff(), now=now)
    bring_about(document, staff=staff(), now=now)
