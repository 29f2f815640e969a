"""How far have everybody's marks been folded anew, after journeys changed?"""

from __future__ import annotations

from django.db import models


class JourneyRebuild(models.Model):
    """One pass over all subjects by one set of published journeys. Written in each page's transaction, so that a
    killed one goes on where it was."""

    fingerprint = models.CharField(max_length=64, help_text="Of the journeys as they were published then.")
    after = models.BigIntegerField(default=0, help_text="The last subject that is done, by id.")
    done = models.BigIntegerField(default=0)
    changed = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0, help_text="Subjects at its beginning.")
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-started_at",)

    def __str__(self) -> str:
        return f"rebuild of journeys from {self.started_at:%Y-%m-%d %H:%M}"
