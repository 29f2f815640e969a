"""Who is withheld from what, and since when?"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
from django.db import models
from django.db.models import Q

from audiences.models import SLUG
from audiences.tiers import Tier
from experiments.models.experiments import BUCKETS


def measured_tiers() -> list[str]:
    """The tiers that a holdout withholds unless told otherwise."""
    return [Tier.LIFECYCLE.value, Tier.COMMERCIAL.value]


class Holdout(models.Model):
    """Subjects withheld from a scope, so that its total effect can be measured."""

    class Scope(models.TextChoices):
        GLOBAL = "GLOBAL", "Everything in its tiers"
        DOMAIN = "DOMAIN", "One domain"
        CAMPAIGN = "CAMPAIGN", "One campaign"

    key = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=8, choices=Scope)
    scope_key = models.CharField(
        max_length=100, blank=True, help_text="The domain's or campaign's key; empty for global."
    )
    tiers = ArrayField(
        models.CharField(max_length=12, choices=[(tier.value, tier.value) for tier in Tier]),
        default=measured_tiers,
    )

    class Meta:
        ordering = ("key",)
        constraints = (
            models.CheckConstraint(
                condition=Q(scope="GLOBAL", scope_key="") | (~Q(scope="GLOBAL") & ~Q(scope_key="")),
                name="holdout_scope_named",
            ),
        )

    def __str__(self) -> str:
        return self.name


class HoldoutPeriod(models.Model):
    """A draw: who is withheld during [from, to) follows from salt, size and id alone.

    Draws may overlap: last quarter's group stays dark for some weeks while this quarter's begins.
    """

    holdout = models.ForeignKey(Holdout, on_delete=models.CASCADE, related_name="periods")
    number = models.PositiveIntegerField(default=1, help_text="The draw's number; exposures name it.")
    salt = models.CharField(max_length=100)
    size = models.PositiveIntegerField(help_text="Of 10,000: 200 is 2 %. Growing it adds subjects and removes none.")
    period = DateTimeRangeField()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("holdout", "number"), name="one_draw_per_number"),
            models.CheckConstraint(condition=Q(size__lte=BUCKETS), name="holdout_size_in_buckets"),
        )

    def __str__(self) -> str:
        return f"{self.size / 100:g} % of {self.holdout_id}"
