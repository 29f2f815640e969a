"""Where do we sell, and what does the law there allow?"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

COUNTRY = RegexValidator(r"^[A-Z]{2}$", "Use a two-letter ISO 3166 code, e.g. SE.")
CURRENCY = RegexValidator(r"^[A-Z]{3}$", "Use a three-letter ISO 4217 code, e.g. SEK.")


class Market(models.Model):
    """A territory with one currency; an account's billing market decides its prices."""

    code = models.CharField(max_length=8, unique=True, help_text="Usually the country code: SE, GB, US.")
    name = models.CharField(max_length=100)
    currency = models.CharField(max_length=3, validators=[CURRENCY])
    time_zone = models.CharField(max_length=60, help_text="Used where an account declares none, e.g. Europe/Stockholm.")
    countries = ArrayField(
        models.CharField(max_length=2, validators=[COUNTRY]),
        help_text="Request countries that belong to this market.",
    )
    default_locale = models.CharField(max_length=20, help_text="e.g. sv-SE.")
    embargoed = models.BooleanField(default=False, help_text="Nothing at all may be shown here.")

    class Meta:
        ordering = ("code",)

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class WhenUnknown(models.TextChoices):
    ALLOW = "ALLOW", "Allow, as if known"
    CONTEXTUAL = "CONTEXTUAL", "Contextual only: LEGAL, SERVICE and HOUSE without profiling"
    BLOCK = "BLOCK", "Block everything but LEGAL and SERVICE"


class LegalProfile(models.Model):
    """What may be done to people of an age band in a market; where two apply, the stricter wins."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="legal_profiles")
    min_age = models.PositiveSmallIntegerField(default=0, help_text="In whole years, inclusive.")
    max_age = models.PositiveSmallIntegerField(default=200, help_text="In whole years, exclusive.")
    profiling = models.BooleanField(default=True, help_text="May rules read profiling traits and behaviour?")
    urgency = models.BooleanField(default=True, help_text="May creatives press for time?")
    trial_allowed = models.BooleanField(default=True, help_text="May a trial that converts to pay be offered?")
    unknown_age = models.CharField(max_length=10, choices=WhenUnknown, default=WhenUnknown.CONTEXTUAL)
    unknown_consent = models.CharField(max_length=10, choices=WhenUnknown, default=WhenUnknown.CONTEXTUAL)

    class Meta:
        ordering = ("market", "min_age")
        constraints = (
            models.CheckConstraint(condition=Q(min_age__lt=F("max_age")), name="age_band_not_empty"),
            models.UniqueConstraint(fields=("market", "min_age"), name="one_band_per_age"),
        )

    def __str__(self) -> str:
        return f"ages {self.min_age} to {self.max_age}"
