"""Where in the client can something be shown, and in which shape?"""

from __future__ import annotations

from datetime import timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from audiences.models import SLUG, EventDefinition
from experiments.models import Experiment, Variant

HOUR = timedelta(hours=1)


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


class RankingChoice(models.Model):
    """How candidates of one tier are ranked; see docs/algorithms/ranking.md."""

    class Strategy(models.TextChoices):
        PRIORITY = "PRIORITY", "By priority"
        WEIGHTED = "WEIGHTED", "By lottery: each item in proportion to its weight"
        FORMULA = "FORMULA", "By a formula"
        BANDIT = "BANDIT", "By what is learned: more often what works better"

    strategy = models.CharField(
        max_length=10,
        choices=Strategy,
        default=Strategy.PRIORITY,
        help_text="Among candidates of one tier. Under a lottery weights 3 and 1 mean 3 draws of 4, and 1 of 4.",
    )
    formula = models.TextField(
        blank=True,
        help_text="A number per candidate, the largest first: priority + 10 * weight, or coalesce(saving, 0) / 100. "
        "Names: priority, weight, price, saving, total_12m (minor units), days_left, trait.NAME, ctx.NAME. "
        "A candidate whose number is missing ranks last.",
    )
    draw_window = models.DurationField(
        default=HOUR,
        help_text="How long a lottery or a learned draw holds for one subject and slot, such as 1 hour.",
    )
    exploration = models.PositiveSmallIntegerField(
        default=500,
        validators=[MaxValueValidator(10_000)],
        help_text="Of 10,000 learned draws, those that try anything: 500 is 5 %. With 0 nothing else is ever learned.",
    )

    class Meta:
        abstract = True


class Placement(RankingChoice):
    """Named slot(s) in a client."""

    class WhenDegraded(models.TextChoices):
        UNPRICED = "UNPRICED", "Show what needs no record: unpriced, unprofiled, uncapped"
        EMPTY = "EMPTY", "Show nothing"

    slug = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    format = models.ForeignKey(PlacementFormat, on_delete=models.PROTECT, related_name="placements")
    rank = models.PositiveSmallIntegerField(default=100, help_text="In one call, lower ranks choose first.")
    slots = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1), MaxValueValidator(20)])
    objective = models.ForeignKey(
        EventDefinition,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="What counts as success for what is learned: an event within 7 days. Empty: a click.",
    )
    experiment = models.ForeignKey(
        Experiment,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="placements",
        help_text="Compares ways of ranking. An arm without a line below ranks as the placement does.",
    )
    max_age = models.PositiveIntegerField(default=300, help_text="Seconds a client may show an unpriced answer.")
    when_degraded = models.CharField(max_length=10, choices=WhenDegraded, default=WhenDegraded.UNPRICED)

    class Meta:
        ordering = ("rank", "slug")

    def __str__(self) -> str:
        return self.name


class PlacementArm(RankingChoice):
    """How one arm of a placement's experiment ranks."""

    placement = models.ForeignKey(Placement, on_delete=models.CASCADE, related_name="arms")
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("pk",)
        # Two lines for one arm would leave it open how it ranks.
        constraints = (models.UniqueConstraint(fields=("placement", "variant"), name="one_ranking_per_arm"),)

    def __str__(self) -> str:
        return f"{self.variant.key} of {self.placement.slug}"


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
