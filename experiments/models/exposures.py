"""When could a subject first have been affected by a test, and what was read out of it?"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audiences.models import Subject
from experiments.models.experiments import Experiment
from experiments.models.holdouts import Holdout


class Exposure(models.Model):
    """The first decision at which a subject could have been affected; recorded alike for arms and ghosts."""

    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="+")
    experiment = models.ForeignKey(Experiment, null=True, on_delete=models.PROTECT, related_name="exposures")
    holdout = models.ForeignKey(Holdout, null=True, on_delete=models.PROTECT, related_name="exposures")
    version = models.PositiveIntegerField(help_text="Of the experiment; of a holdout the number of its draw.")
    arm = models.CharField(max_length=60)
    ghost = models.BooleanField(default=False, help_text="Nothing was shown: control, holdout or an empty arm.")
    at = models.DateTimeField()
    source = models.CharField(max_length=20, default="decision", help_text="decision, viewed, event or backfill.")
    decision_id = models.UUIDField(null=True)
    propensity = models.FloatField(default=1.0)

    class Meta:
        constraints = (
            # A subject counted twice, or in two arms, would poison every comparison.
            models.UniqueConstraint(
                fields=("experiment", "version", "subject"),
                condition=Q(experiment__isnull=False),
                name="exposed_once",
            ),
            models.UniqueConstraint(
                fields=("holdout", "version", "subject"),
                condition=Q(holdout__isnull=False),
                name="withheld_once",
            ),
            models.CheckConstraint(
                condition=Q(experiment__isnull=False, holdout__isnull=True)
                | Q(experiment__isnull=True, holdout__isnull=False),
                name="exposure_of_one_test",
            ),
        )

    def __str__(self) -> str:
        return f"{self.subject_id} in {self.arm}"


class Readout(models.Model):
    """The numbers of an experiment at one moment, kept as they were shown."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="readouts")
    version = models.PositiveIntegerField()
    as_of = models.DateTimeField()
    result = models.JSONField()

    class Meta:
        ordering = ("-as_of",)

    def __str__(self) -> str:
        return f"read-out of {self.experiment_id} as of {self.as_of:%Y-%m-%d %H:%M} UTC"
