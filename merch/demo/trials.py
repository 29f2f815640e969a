"""Which experiment and which holdouts run in the demo?"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import User

from audiences.models import EventDefinition
from campaigns import operations as campaigns
from experiments import operations
from experiments.models import Experiment, ExperimentMetric, Holdout, Layer, Metric, Variant

STARTED = timedelta(days=21)  # before the demo was loaded
HOLDOUTS_BEGAN = timedelta(days=28)
EXPERIMENT = "hero-copy"
BUCKETS = 8_000


def prepare(*, by: User, now: datetime, listeners: int) -> Experiment:
    """The experiment as a draft: its items need it before it can start."""
    layer = Layer.objects.create(key="home", name="Home page", salt="layer:home:1")
    experiment = Experiment.objects.create(
        key=EXPERIMENT,
        name="Hero: which words start trials?",
        hypothesis=(
            "We believe that naming the skips first starts more trials, because that is what free listeners run into. "
            "We will know when trials within seven days rise."
        ),
        layer=layer,
        salt="exp:hero-copy:a1",
        planned_subjects=max(listeners // 5, 100),
    )
    for key, name, weight, control in (
        ("control", "The month first", 2, True), ("b", "The skips first", 2, False), ("nothing", "Nothing", 1, False),
    ):  # fmt: skip
        Variant.objects.create(experiment=experiment, key=key, name=name, weight=weight, is_control=control)
    for metric in _metrics():
        ExperimentMetric.objects.create(experiment=experiment, metric=metric)
        campaigns.edited(metric, None, by=by, now=now)
    campaigns.edited(layer, None, by=by, now=now)
    campaigns.edited(experiment, None, by=by, now=now)
    return experiment


def begin(experiment: Experiment, *, by: User, now: datetime) -> None:
    """Start it as of three weeks ago, on most of its layer; and draw the holdouts a week earlier."""
    operations.start(experiment, BUCKETS, by=by, now=now - STARTED, why="Agreed in the growth meeting")
    began = now - HOLDOUTS_BEGAN
    for holdout, size in (
        (Holdout(key="everything", name="Nothing at all", scope=Holdout.Scope.GLOBAL), 200),
        (Holdout(key="win-back", name="No win-back", scope=Holdout.Scope.DOMAIN, scope_key="win-back"), 500),
    ):
        holdout.save()
        campaigns.edited(holdout, None, by=by, now=now)
        operations.draw(holdout, size, by=by, now=began, why="Measures what all of it is worth")


def _metrics() -> list[Metric]:
    subscribe = EventDefinition.objects.get(name="subscribe")
    listen = EventDefinition.objects.get(name="listen")
    paywall = EventDefinition.objects.get(name="paywall_view")
    return [
        Metric.objects.create(
            key="trial-7d", name="Subscribed within 7 days", kind=Metric.Kind.PROPORTION, event=subscribe
        ),
        Metric.objects.create(
            key="minutes-7d", name="Minutes listened in 7 days", kind=Metric.Kind.MEAN, event=listen, field="minutes",
            role=Metric.Role.GUARDRAIL, tolerance_percent=5,
        ),
        Metric.objects.create(
            key="paywall-7d", name="Paywalls seen in 7 days", kind=Metric.Kind.MEAN, event=paywall,
            role=Metric.Role.GUARDRAIL, tolerance_percent=10, higher_is_better=False,
        ),
    ]  # fmt: skip
