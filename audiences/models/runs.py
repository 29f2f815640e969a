"""Which behaviour bits exist, and what did each run over all subjects find?"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audiences.models.audiences import Audience
from audiences.models.subjects import Subject


class BehaviourLeaf(models.Model):
    """One distinct event condition or uploaded list, and its bit position; never reused within a layout."""

    layout = models.PositiveIntegerField(default=1)
    position = models.PositiveIntegerField()
    digest = models.CharField(max_length=64, help_text="Of the leaf's canonical JSON.")
    leaf = models.JSONField()
    created_at = models.DateTimeField()
    filled_by = models.ForeignKey(
        "AudienceRun",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The newest published run that computed it; empty: not usable yet.",
    )

    class Meta:
        ordering = ("layout", "position")
        constraints = (
            # A bit that meant two things would let a rule read another rule's answer.
            models.UniqueConstraint(fields=("layout", "position"), name="one_leaf_per_position"),
            models.UniqueConstraint(fields=("layout", "digest"), name="one_position_per_leaf"),
        )

    def __str__(self) -> str:
        return f"bit {self.position}"


class AudienceRun(models.Model):
    """One computation of audience counts and behaviour bits, as of a moment; a row of its own with a lease."""

    class State(models.TextChoices):
        QUEUED = "QUEUED", "Queued"
        RUNNING = "RUNNING", "Running"
        HELD = "HELD", "Held for a person"
        PUBLISHED = "PUBLISHED", "Published"
        FAILED = "FAILED", "Failed"

    as_of = models.DateTimeField(help_text="Windows end here (exclusive), in whole UTC days.")
    engine = models.CharField(max_length=20, default="duckdb")
    layout = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    plan = models.JSONField(default=dict, help_text="Frozen audiences, leaves and positions this run computes.")
    shards = models.PositiveIntegerField(default=0)
    shards_done = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(
        default=0, help_text="Grows with each lease; a late worker's writes are refused."
    )
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True, help_text="Why it was held or failed.")

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"run {self.pk} as of {self.as_of:%Y-%m-%d %H:%M} UTC"


class RunShard(models.Model):
    """One range of subjects of a run: (after, up_to] by subject id."""

    run = models.ForeignKey(AudienceRun, on_delete=models.CASCADE, related_name="run_shards")
    number = models.PositiveIntegerField()
    after = models.BigIntegerField()
    up_to = models.BigIntegerField()
    counts = models.JSONField(default=dict)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=("run", "number"), name="one_shard_per_number"),)

    def __str__(self) -> str:
        return f"shard {self.number} of run {self.run_id}"


class AudienceCount(models.Model):
    """What a run counted for an audience, and how that differs from the run published before."""

    run = models.ForeignKey(AudienceRun, on_delete=models.CASCADE, related_name="audience_counts")
    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="counts")
    size = models.BigIntegerField()
    previous_size = models.BigIntegerField(null=True)
    entered = models.BigIntegerField(null=True)
    left = models.BigIntegerField(null=True)
    held = models.BooleanField(default=False, help_text="Shrank below half, or to zero: a person must look.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("run", "audience"), name="one_count_per_audience"),)
        indexes = (models.Index(fields=("audience", "-run"), name="audience_over_time"),)

    def __str__(self) -> str:
        return f"{self.audience_id}: {self.size}"


class BehaviourBits(models.Model):
    """A subject's bits of the newest published run, and those of the run before it (to roll back)."""

    subject = models.OneToOneField(Subject, on_delete=models.CASCADE, primary_key=True, related_name="behaviour")
    layout = models.PositiveIntegerField()
    run = models.ForeignKey(AudienceRun, on_delete=models.PROTECT, related_name="+")
    bits = models.BinaryField(help_text="Little-endian; bit i is position i.")
    previous_run = models.ForeignKey(AudienceRun, null=True, on_delete=models.SET_NULL, related_name="+")
    previous_bits = models.BinaryField(null=True)
    published = models.BooleanField(default=False, help_text="False: still owed to the serving store.")

    class Meta:
        indexes = (
            # Serves the sweeper: which bits are still owed.
            models.Index(fields=("subject",), condition=Q(published=False), name="bits_owed"),
        )

    def __str__(self) -> str:
        return f"bits of {self.subject_id}"
