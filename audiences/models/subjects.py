"""Who is a decision for, what do we know of them, and which records wait to be published?"""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from audiences.tiers import Tier


class SubjectKind(models.TextChoices):
    ACCOUNT = "a", "Account"
    DEVICE = "d", "Device"


class Subject(models.Model):
    """An account (the billing party) or a device before login. This row is the truth behind its serving record.

    ``traits``   {name: [stored value, observed-at in UTC microseconds]}; the value is null since it was removed
    ``consent``  {purpose: [granted, observed-at in UTC microseconds]}
    ``history``  {"scope|key|of": [count, first, last, [instants], [session hashes]]}, instants in UTC microseconds
    ``marks``    {"experiment|KEY": [version, arm, instant]}: what was folded from exposures
    ``pins``     {"campaign|KEY": [campaign, item, offer, start, end, price id, plan group]}: from first impressions
    ``journeys`` {"KEY": [...]}: where the subject stands in each journey, folded from events
    """

    kind = models.CharField(max_length=1, choices=SubjectKind)
    key = models.CharField(max_length=200, help_text="The bare id, normalised; also the hash key.")
    version = models.BigIntegerField(
        default=0, help_text="From the sequence subject_version; grows with every write to the record."
    )
    traits = models.JSONField(default=dict)
    consent = models.JSONField(default=dict)
    history = models.JSONField(default=dict)
    marks = models.JSONField(default=dict)
    pins = models.JSONField(default=dict)
    journeys = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        permissions = (("view_sensitive_traits", "Can see sensitive traits of subjects"),)
        # Two first events of one account must not make two people.
        constraints = (models.UniqueConstraint(fields=("kind", "key"), name="one_subject_per_id"),)

    def __str__(self) -> str:
        return f"{self.kind}:{self.key}"


class DirtySubject(models.Model):
    """A record version that must reach the serving store; written in the transaction that made it."""

    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="+", db_index=False)
    version = models.BigIntegerField()
    created_at = models.DateTimeField()
    written_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("subject", "version"), name="one_dirty_row_per_version"),)
        indexes = (
            # Serves the sweeper: what is still owed, oldest first.
            models.Index(fields=("created_at",), condition=Q(written_at__isnull=True), name="dirty_owed"),
            # Serves the replay after a store restart, and the clean-up.
            models.Index(fields=("written_at",), name="dirty_written"),
        )

    def __str__(self) -> str:
        return f"{self.subject_id} version {self.version}"


class ServingEpoch(models.Model):
    """Which rebuild of the serving store is current? One row; the number only grows."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField(default=0)
    store_run_id = models.CharField(max_length=64, blank=True, help_text="The serving store's run id when last seen.")
    rebuilt_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(id=1), name="one_serving_epoch"),)

    def __str__(self) -> str:
        return f"epoch {self.number}"


class Grant(models.Model):
    """An explicit allowance by a person: this subject may have this offer, whatever suppressions and rules say."""

    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="grants")
    key = models.CharField(max_length=100)
    offer = models.CharField(max_length=100, help_text="The offer's key.")
    reason = models.CharField(max_length=200)
    granted_by = models.CharField(max_length=200, help_text="Who allowed it.")
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Exclusive. Empty: until removed.")
    amount = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Minor units: the first price is no dearer. Empty: the offer's own."
    )
    currency = models.CharField(max_length=3, blank=True)
    source = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("subject", "key"), name="one_grant_per_key"),
            models.CheckConstraint(
                condition=Q(amount__isnull=True, currency="") | Q(amount__isnull=False) & ~Q(currency=""),
                name="granted_amount_has_currency",
            ),
        )

    def __str__(self) -> str:
        return f"{self.key} of {self.subject_id}"


class SuppressionQuerySet(models.QuerySet["Suppression"]):
    def active_at(self, moment: datetime) -> Self:
        """In force at ``moment``: started, not expired (the end is exclusive)."""
        return self.filter(starts_at__lte=moment).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=moment))


class Suppression(models.Model):
    """A positive reason not to merchandise to a subject in some tiers: support case, dunning, opt-out."""

    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="suppressions")
    key = models.CharField(max_length=100)
    reason = models.CharField(max_length=200, blank=True)
    tiers = ArrayField(models.CharField(max_length=12, choices=[(tier.value, tier.value) for tier in Tier]))
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Exclusive. Empty: until removed.")
    source = models.CharField(max_length=60, blank=True)

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("subject", "key"), name="one_suppression_per_key"),)

    def __str__(self) -> str:
        return f"{self.key} of {self.subject_id}"
