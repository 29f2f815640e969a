"""Rows of tests, layers and holdouts."""

from __future__ import annotations

from datetime import UTC, datetime

import factory
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange, NumericRange

from experiments.models import Allocation, Experiment, Holdout, HoldoutPeriod, Layer, Metric, Variant
from tests.factories.audiences import EventDefinitionFactory

THEN = datetime(2026, 1, 1, tzinfo=UTC)


class LayerFactory(factory.django.DjangoModelFactory[Layer]):
    class Meta:
        model = Layer

    key = factory.Sequence(lambda number: f"layer-{number}")
    name = factory.SelfAttribute("key")
    salt = factory.LazyAttribute(lambda row: f"layer:{row.key}")


class ExperimentFactory(factory.django.DjangoModelFactory[Experiment]):
    """A draft without variants; ``two_arms`` has "control" and "b", half each."""

    class Meta:
        model = Experiment
        skip_postgeneration_save = True

    class Params:
        running = factory.Trait(state=Experiment.State.RUNNING, started_at=THEN)
        paused = factory.Trait(state=Experiment.State.PAUSED, started_at=THEN)
        stopped = factory.Trait(state=Experiment.State.STOPPED, started_at=THEN, ended_at=THEN)
        external = factory.Trait(assignment=Experiment.AssignedBy.EXTERNAL, layer=None)

    key = factory.Sequence(lambda number: f"experiment-{number}")
    name = factory.SelfAttribute("key")
    layer = factory.SubFactory(LayerFactory)
    salt = factory.LazyAttribute(lambda row: f"exp:{row.key}")

    @factory.post_generation
    def two_arms(self: Experiment, create: bool, wanted: object) -> None:
        if wanted:
            VariantFactory(experiment=self, key="control", is_control=True)
            VariantFactory(experiment=self, key="b")


class VariantFactory(factory.django.DjangoModelFactory[Variant]):
    class Meta:
        model = Variant

    experiment = factory.SubFactory(ExperimentFactory)
    key = factory.Sequence(lambda number: f"variant-{number}")
    weight = 1


class AllocationFactory(factory.django.DjangoModelFactory[Allocation]):
    """All buckets from the first of January 2026 on."""

    class Meta:
        model = Allocation

    experiment = factory.SubFactory(ExperimentFactory)
    layer = factory.SelfAttribute("experiment.layer")
    buckets = NumericRange(0, 10_000)
    period = DateTimeTZRange(THEN, None)


class HoldoutFactory(factory.django.DjangoModelFactory[Holdout]):
    class Meta:
        model = Holdout

    class Params:
        everything = factory.Trait(scope=Holdout.Scope.GLOBAL, scope_key="")

    key = factory.Sequence(lambda number: f"holdout-{number}")
    name = factory.SelfAttribute("key")
    scope = Holdout.Scope.GLOBAL


class HoldoutPeriodFactory(factory.django.DjangoModelFactory[HoldoutPeriod]):
    """Two percent from the first of January 2026 on."""

    class Meta:
        model = HoldoutPeriod

    holdout = factory.SubFactory(HoldoutFactory)
    number = 1
    salt = factory.LazyAttribute(lambda row: f"{row.holdout.key}:{row.number}")
    size = 200
    period = DateTimeTZRange(THEN, None)


class MetricFactory(factory.django.DjangoModelFactory[Metric]):
    class Meta:
        model = Metric

    class Params:
        mean = factory.Trait(kind=Metric.Kind.MEAN, field="amount")

    key = factory.Sequence(lambda number: f"metric-{number}")
    name = factory.SelfAttribute("key")
    kind = Metric.Kind.PROPORTION
    event = factory.SubFactory(EventDefinitionFactory)
