"""What has been published, and what may not be published now?"""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q


class Release(models.Model):
    """Immutable configuration of everything that decides, named by the sha256 of its canonical JSON."""

    digest = models.CharField(max_length=71, primary_key=True, help_text="sha256:<64 hex digits>")
    document = models.BinaryField(help_text="Canonical JSON, zlib-compressed.")
    revision = models.BigIntegerField(help_text="Every change up to this one is in it.")
    built_at = models.DateTimeField()
    size = models.PositiveIntegerField(help_text="Bytes of canonical JSON.")
    campaigns = models.PositiveIntegerField()
    candidates = models.PositiveIntegerField()

    class Meta:
        ordering = ("-built_at",)
        triggers = (pgtrigger.Protect(name="release_immutable", operation=pgtrigger.Update),)

    def __str__(self) -> str:
        return self.digest[:19]


class Publication(models.Model):
    """One act of making a release the served one; the highest number is served."""

    number = models.BigAutoField(primary_key=True)
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="publications")
    revision = models.BigIntegerField(help_text="The revision head this publication answers to.")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    why = models.CharField(max_length=200, blank=True)
    rollback = models.BooleanField(default=False)

    class Meta:
        ordering = ("-number",)
        triggers = (pgtrigger.Protect(name="publication_append_only", operation=pgtrigger.Update | pgtrigger.Delete),)

    def __str__(self) -> str:
        return f"publication {self.number}"


class PublicationHold(models.Model):
    """After a roll-back nothing new is published until a named person lifts the hold."""

    placed_at = models.DateTimeField()
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    why = models.CharField(max_length=200)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("lifted_at",),
                condition=Q(lifted_at__isnull=True),
                nulls_distinct=False,
                name="one_hold_at_a_time",
            ),
        )

    def __str__(self) -> str:
        return f"hold since {self.placed_at:%Y-%m-%d %H:%M} UTC"


class Kill(models.Model):
    """A campaign stopped at once, ahead of any release; in force until lifted."""

    campaign = models.CharField(max_length=100, help_text="The campaign's key.")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    why = models.CharField(max_length=200, blank=True)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("campaign",), condition=Q(lifted_at__isnull=True), name="killed_once"),
        )

    def __str__(self) -> str:
        return f"kill of {self.campaign}"


class PulsePart(models.Model):
    """One part of the pulse (kills, keys, drawn scores ...), named by the digest of its canonical JSON."""

    name = models.CharField(max_length=120)
    digest = models.CharField(max_length=71)
    body = models.JSONField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("name", "digest"), name="one_part_per_digest"),)

    def __str__(self) -> str:
        return f"{self.name} {self.digest[:19]}"


class PulseHead(models.Model):
    """A numbered list of the parts in force; the highest number is served."""

    number = models.BigAutoField(primary_key=True)
    parts = models.JSONField(help_text="{part name: digest}")
    at = models.DateTimeField()

    class Meta:
        ordering = ("-number",)

    def __str__(self) -> str:
        return f"pulse {self.number}"
