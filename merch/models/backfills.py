"""How far has each file been read in?"""

from __future__ import annotations

from django.db import models


class BackfillRun(models.Model):
    """One file under one mapping. Written in each chunk's transaction, so that a killed run goes on where it was."""

    class Verb(models.TextChoices):
        TRAITS = "traits", "Traits"
        EVENTS = "events", "Events"
        EXPOSURES = "exposures", "Exposures"

    class State(models.TextChoices):
        RUNNING = "RUNNING", "Running or interrupted"
        DONE = "DONE", "Done"

    verb = models.CharField(max_length=10, choices=Verb)
    file_name = models.CharField(max_length=255)
    file_digest = models.CharField(max_length=64)
    mapping_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    rows_done = models.BigIntegerField(default=0, help_text="Rows of the file that are committed, rejected ones too.")
    rejects_size = models.BigIntegerField(default=0, help_text="Bytes of the reject file that belong to those rows.")
    counts = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-started_at",)
        # Two rows for one file and mapping would go on from two places.
        constraints = (
            models.UniqueConstraint(fields=("verb", "file_digest", "mapping_digest"), name="one_run_per_file"),
        )

    def __str__(self) -> str:
        return f"{self.verb} from {self.file_name}"
