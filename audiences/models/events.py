"""What did a subject do? One row per (source, event id), for ever where money is involved."""

from __future__ import annotations

from django.db import models


class EventKind(models.TextChoices):
    IMPRESSION = "impression", "Impression"
    VIEWED = "viewed", "Viewed"
    CLICK = "click", "Click"
    DISMISSAL = "dismissal", "Dismissal"
    CONVERSION = "conversion", "Conversion"
    EXPOSURE = "exposure", "Exposure"
    CUSTOM = "custom", "Custom"


class EventFields(models.Model):
    """The columns that both event tables share. ``day`` is the UTC day that a retry repeats: see subject-records.md."""

    source = models.CharField(max_length=100, help_text="The sending application; 'token' for token events.")
    event_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=12, choices=EventKind)
    name = models.CharField(max_length=63, help_text="The event definition's name; the kind for token events.")
    subject_id = models.BigIntegerField(
        help_text="audiences.Subject; without a constraint, so that ingestion stays one insert."
    )
    occurred_at = models.DateTimeField(help_text="Corrected for the device's clock.")
    claimed_at = models.DateTimeField(help_text="As the client said it.")
    received_at = models.DateTimeField()
    properties = models.JSONField(default=dict)
    digest = models.BinaryField(
        max_length=16, help_text="BLAKE2b of the body: the same id with another body is a conflict."
    )

    class Meta:
        abstract = True


class Event(EventFields):
    """Events that no money hangs on; partitioned by UTC day, late by at most 35 days."""

    pk = models.CompositePrimaryKey("source", "event_id", "day")
    day = models.DateField()

    class Meta:
        db_table = "audiences_event"
        # Serves a subject's timeline, refolding and the read-outs.
        indexes = (models.Index(fields=("name", "subject_id", "occurred_at"), name="event_name_subject_time"),)


class MoneyEvent(EventFields):
    """Conversions and other money-bearing events; unpartitioned, so that an id is unique for ever."""

    pk = models.CompositePrimaryKey("source", "event_id")
    day = models.DateField()

    class Meta:
        db_table = "audiences_moneyevent"
        indexes = (models.Index(fields=("name", "subject_id", "occurred_at"), name="money_name_subject_time"),)


class QuarantinedEvent(models.Model):
    """An event that cannot be counted (too late, unreadable token day); visible and replayable, never lost."""

    source = models.CharField(max_length=100)
    event_id = models.CharField(max_length=200)
    reason = models.CharField(max_length=40)
    body = models.JSONField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("source", "event_id"), name="quarantined_once"),)

    def __str__(self) -> str:
        return f"{self.source}/{self.event_id}: {self.reason}"


class EventConflict(models.Model):
    """The same (source, event id) came again with another body; the first one stands."""

    source = models.CharField(max_length=100)
    event_id = models.CharField(max_length=200)
    body = models.JSONField()
    received_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.source}/{self.event_id}"
