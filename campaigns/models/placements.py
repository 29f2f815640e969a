"""Where in the client can something be shown, and in which shape?"""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from audiences.models import SLUG


class PlacementFormat(models.Model):
    """A shape that a client can render, with the typed fields a creative must fill.

    ``fields``: [{"name": "title", "type": "text"|"url"|"image"|"cta"|"bool", "required": true, "max_length": 60}, ...]
    """

    key = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    fields = models.JSONField(default=list)
    interruption_cost = models.PositiveSmallIntegerField(default=0, help_text="0 for inline; a full-screen costs most.")
    min_app_versions = models.JSONField(
        default=dict,
        blank=True,
        help_text='First app version per platform that can show it: {"ios": "8.9.0"}.',
    )

    class Meta:
        ordering = ("key",)

    def __str__(self) -> str:
        return self.name


class Placement(models.Model):
    """Named slot(s) in a client."""

    class Strategy(models.TextChoices):
        PRIORITY = "PRIORITY", "By priority"

    class WhenDegraded(models.TextChoices):
        UNPRICED = "UNPRICED", "Show what needs no record: unpriced, unprofiled, uncapped"
        EMPTY = "EMPTY", "Show nothing"

    slug = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    format = models.ForeignKey(PlacementFormat, on_delete=models.PROTECT, related_name="placements")
    rank = models.PositiveSmallIntegerField(default=100, help_text="In one call, lower ranks choose first.")
    slots = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(20)])
    strategy = models.CharField(max_length=10, choices=Strategy, default=Strategy.PRIORITY)
    max_age = models.PositiveIntegerField(default=300, help_text="Seconds a client may show an unpriced answer.")
    when_degraded = models.CharField(max_length=10, choices=WhenDegraded, default=WhenDegraded.UNPRICED)

    class Meta:
        ordering = ("rank", "slug")

    def __str__(self) -> str:
        return self.name


class Creative(models.Model):
    """Content in a format, with one set of fields per locale. Amounts never stand in its text."""

    key = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=150)
    format = models.ForeignKey(PlacementFormat, on_delete=models.PROTECT, related_name="creatives")
    default_locale = models.CharField(
        max_length=20,
        blank=True,
        help_text="Shown where no locale of the client fits. Empty: then it is not shown.",
    )
    urgency = models.BooleanField(default=False, help_text="It presses for time; some legal profiles forbid that.")
    archived = models.BooleanField(default=False)

    class Meta:
        ordering = ("key",)

    def __str__(self) -> str:
        return self.name


class CreativeContent(models.Model):
    """A creative's fields in one locale; {price}, {then} and {saving} are filled from the quote."""

    creative = models.ForeignKey(Creative, on_delete=models.CASCADE, related_name="contents")
    locale = models.CharField(max_length=20, help_text="e.g. sv-SE, or sv for every Swedish.")
    fields = models.JSONField(default=dict)

    class Meta:
        ordering = ("locale",)
        constraints = (models.UniqueConstraint(fields=("creative", "locale"), name="one_content_per_locale"),)

    def __str__(self) -> str:
        return self.locale
