"""Which tests run, with which arms, for whom?"""

from __future__ import annotations

from decimal import Decimal

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import (
    BigIntegerRangeField,
    DateTimeRangeField,
    IntegerRangeField,
    RangeOperators,
)
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q, Value

from audiences.models import SLUG, EventDefinition

BUCKETS = 10_000


class Layer(models.Model):
    """An exclusion group: experiments in one layer never share a subject at the same time."""

    key = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    salt = models.CharField(
        max_length=100, help_text="Changing it reshuffles everybody; done only between experiments."
    )

    class Meta:
        ordering = ("key",)

    def __str__(self) -> str:
        return self.name


class Experiment(models.Model):
    """A test of creative, offer or nothing inside a campaign, of ways of ranking, or one assigned elsewhere."""

    class State(models.TextChoices):
        DRAFT = "DRAFT", "Draft"
        RUNNING = "RUNNING", "Running"
        PAUSED = "PAUSED", "Paused"
        STOPPED = "STOPPED", "Stopped"
        CONCLUDED = "CONCLUDED", "Concluded"

    class Kind(models.TextChoices):
        CANDIDATE = "candidate", "A creative, an offer or nothing, on a campaign's item"
        PLACEMENT = "placement", "The way of ranking, in a placement"

    class AssignedBy(models.TextChoices):
        OWN = "own", "Merch assigns"
        EXTERNAL = "external", "Assigned elsewhere, with declared propensities"

    key = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=150)
    hypothesis = models.TextField(blank=True, help_text="We believe that ... because ... We will know when ...")
    kind = models.CharField(
        max_length=9, choices=Kind, default=Kind.CANDIDATE, verbose_name="what it varies",
        help_text="What an arm does is chosen on the item, or in the placement.",
    )  # fmt: skip
    assignment = models.CharField(max_length=8, choices=AssignedBy, default=AssignedBy.OWN)
    layer = models.ForeignKey(Layer, null=True, blank=True, on_delete=models.PROTECT, related_name="experiments")
    salt = models.CharField(max_length=100, blank=True)
    version = models.PositiveIntegerField(
        default=1, help_text="Bumped by any edit of arms, weights, rule or salt; never by a ramp."
    )
    rule = models.JSONField(
        default=dict, blank=True, help_text='Who may take part: {"v": 1, "rule": {...}}. Empty: everyone.'
    )
    planned_subjects = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="All arms together, with complete windows: where the test is read for good. Empty: open-ended.",
    )
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    conclusion = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.CheckConstraint(
                condition=Q(assignment="external") | Q(layer__isnull=False), name="own_experiment_has_layer"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Variant(models.Model):
    """One arm; exactly one per experiment is the control."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="variants")
    key = models.CharField(max_length=60, validators=[SLUG])
    name = models.CharField(max_length=100, blank=True)
    weight = models.PositiveIntegerField(default=1, help_text="Relative; frozen while running.")
    is_control = models.BooleanField(default=False)
    propensity = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="For external assignment: the declared probability of this arm.",
    )

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("experiment", "key"), name="one_variant_per_key"),
            # Two controls would make every difference ambiguous.
            models.UniqueConstraint(fields=("experiment",), condition=Q(is_control=True), name="one_control"),
        )

    def __str__(self) -> str:
        return self.name or self.key


class Int8Range(Func):
    """int8range of one id, so that an exclusion constraint can say "the same layer" without btree_gist."""

    function = "int8range"
    output_field = BigIntegerRangeField()


class Allocation(models.Model):
    """Buckets [start, end) of a layer that belong to an experiment during [from, to)."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="allocations")
    layer = models.ForeignKey(Layer, on_delete=models.PROTECT, related_name="allocations", editable=False)
    buckets = IntegerRangeField(help_text="Half-open, within 0 to 10,000.")
    period = DateTimeRangeField(help_text="Half-open; an open end runs on.")

    class Meta:
        constraints = (
            # Two experiments of one layer on one bucket would mix their effects.
            ExclusionConstraint(
                name="layer_buckets_exclusive",
                expressions=(
                    (Int8Range(F("layer_id"), F("layer_id"), Value("[]")), RangeOperators.OVERLAPS),
                    ("buckets", RangeOperators.OVERLAPS),
                    ("period", RangeOperators.OVERLAPS),
                ),
            ),
            models.CheckConstraint(
                condition=Q(buckets__startswith__gte=0) & Q(buckets__endswith__lte=BUCKETS),
                name="buckets_in_layer",
            ),
        )

    def __str__(self) -> str:
        return f"{self.buckets} of {self.layer_id}"


class Metric(models.Model):
    """What is measured per subject in a window after exposure."""

    class Kind(models.TextChoices):
        PROPORTION = "proportion", "Share of subjects with the event"
        MEAN = "mean", "Mean per subject (sum of a field, or count)"

    class Role(models.TextChoices):
        SUCCESS = "success", "Success"
        GUARDRAIL = "guardrail", "Guardrail"

    key = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=Kind)
    event = models.ForeignKey(EventDefinition, on_delete=models.PROTECT, related_name="+")
    field = models.CharField(
        max_length=63, blank=True, help_text="For a mean: the number to add up. Empty: count events."
    )
    window_hours = models.PositiveIntegerField(default=168, help_text="[exposure, exposure + window), start included.")
    higher_is_better = models.BooleanField(default=True)
    role = models.CharField(max_length=10, choices=Role, default=Role.SUCCESS)
    tolerance_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal(1),
        validators=[MinValueValidator(0)],
        help_text="For a guardrail: the loss that is tolerated, in percent of the control's level.",
    )

    class Meta:
        ordering = ("key",)

    def __str__(self) -> str:
        return self.name


class ExperimentMetric(models.Model):
    """A metric that an experiment is judged by."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="judged_by")
    metric = models.ForeignKey(Metric, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("experiment", "metric"), name="metric_once"),)

    def __str__(self) -> str:
        return f"{self.metric_id} of {self.experiment_id}"
