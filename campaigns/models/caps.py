"""How often may something be shown, how long must it rest, and how much interruption does a person bear?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from campaigns.models.campaigns import Campaign


class Scope(models.TextChoices):
    """What a cap or a cooldown counts."""

    CAMPAIGN = "CAMPAIGN", "this campaign"
    OFFER = "OFFER", "this offer, in any campaign"
    PLACEMENT = "PLACEMENT", "this placement"
    FORMAT = "FORMAT", "this format, in any placement"
    TIER = "TIER", "this tier"
    INTERRUPT = "INTERRUPT", "everything that interrupts"
    ALL = "ALL", "everything"


class FrequencyCap(models.Model):
    """At most ``limit`` of an event per window and scope. Without a campaign it is shared by all of its scope."""

    class Event(models.TextChoices):
        IMPRESSION = "impression", "times shown"
        CLICK = "click", "clicks"
        DISMISSAL = "dismissal", "dismissals"

    class Window(models.TextChoices):
        ROLLING = "ROLLING", "in any period of this length"
        CALENDAR_LOCAL = "CALENDAR_LOCAL", "per calendar day, week or month"
        SESSION = "SESSION", "per session"
        LIFETIME = "LIFETIME", "ever"

    class Unit(models.TextChoices):
        DAY = "DAY", "day"
        WEEK = "WEEK", "week, from Monday"
        MONTH = "MONTH", "month"

    Scope = Scope

    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.CASCADE, related_name="caps")
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.CAMPAIGN)
    scope_key = models.CharField(
        max_length=100,
        blank=True,
        help_text="For a shared cap: one placement, format, tier or offer. Empty: each one.",
    )
    event = models.CharField(max_length=10, choices=Event, default=Event.IMPRESSION)
    limit = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])
    window = models.CharField(max_length=14, choices=Window, default=Window.ROLLING)
    length = models.DurationField(null=True, blank=True, help_text="Of a rolling window, e.g. 7 days.")
    unit = models.CharField(
        max_length=5,
        blank=True,
        choices=Unit,
        help_text="Of a calendar window. Days begin at midnight where the listener lives.",
    )
    strict = models.BooleanField(
        default=False,
        help_text="Never more, also when several devices ask at once: each answer holds its place for 10 minutes or "
        "until it is seen. Costs a round trip, and shows nothing while the serving store is away.",
    )

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(window="ROLLING", length__isnull=False) | (~Q(window="ROLLING") & Q(length__isnull=True)),
                name="rolling_cap_has_length",
            ),
            models.CheckConstraint(
                condition=(Q(window="CALENDAR_LOCAL") & ~Q(unit="")) | (~Q(window="CALENDAR_LOCAL") & Q(unit="")),
                name="calendar_cap_has_unit",
            ),
            models.CheckConstraint(
                condition=Q(campaign__isnull=False) | ~Q(scope="CAMPAIGN"), name="shared_cap_has_shared_scope"
            ),
            # Instants are kept as many as the largest limit needs; the record is bounded.
            models.CheckConstraint(condition=Q(window="LIFETIME") | Q(limit__lte=20), name="windowed_cap_at_most_20"),
            # A hold stands for an impression that is under way; nothing else is known before it happens.
            models.CheckConstraint(
                condition=Q(strict=False) | Q(event="impression"), name="strict_cap_counts_impressions"
            ),
        )

    def __str__(self) -> str:
        return f"{self.limit} {self.event} per {self.scope}"


class Cooldown(models.Model):
    """Nothing of the scope for ``length`` after an event. Without a campaign it holds for all of its scope."""

    class Event(models.TextChoices):
        IMPRESSION = "impression", "it was shown"
        CLICK = "click", "it was clicked"
        DISMISSAL = "dismissal", "it was closed"
        CONVERSION = "conversion", "it was bought"

    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.CASCADE, related_name="cooldowns")
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.CAMPAIGN)
    scope_key = models.CharField(
        max_length=100,
        blank=True,
        help_text="For a shared cooldown: one placement, format, tier or offer. Empty: each one by itself.",
    )
    event = models.CharField(max_length=10, choices=Event, default=Event.DISMISSAL)
    length = models.DurationField(help_text="How long it rests, e.g. 30 days.")

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(campaign__isnull=False) | ~Q(scope="CAMPAIGN"), name="shared_cooldown_has_shared_scope"
            ),
            models.CheckConstraint(condition=Q(length__gt=timedelta(0)), name="cooldown_has_length"),
            models.CheckConstraint(
                condition=~Q(event="conversion") | Q(scope__in=("OFFER", "ALL")), name="conversions_are_of_offers"
            ),
        )

    def __str__(self) -> str:
        return f"after {self.event} per {self.scope}"


class Pressure(models.Model):
    """How much interruption one person bears; a single row, and none means that nobody counts."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    allowance = models.PositiveIntegerField(
        validators=[MinValueValidator(1)],
        help_text="The sum of interruption costs that a person is shown within the window. Each format has its cost.",
    )
    window = models.DurationField(default=timedelta(days=7), help_text="e.g. 7 days.")
    shrink = models.PositiveIntegerField(
        default=0, help_text="Taken off the allowance by each thing that the person closed within the window."
    )
    least = models.PositiveIntegerField(default=0, help_text="What is left of the allowance however much is closed.")

    class Meta:
        verbose_name_plural = "pressure"
        constraints = (
            models.CheckConstraint(condition=Q(id=1), name="one_pressure"),
            models.CheckConstraint(condition=Q(least__lte=models.F("allowance")), name="least_within_allowance"),
        )

    def __str__(self) -> str:
        return "pressure"

    def clean_fields(self, exclude: Any = None) -> None:
        """The one row; there is no other to choose."""
        self.id = 1
        super().clean_fields(exclude=exclude)
