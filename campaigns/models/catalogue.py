"""What can be subscribed to, at what price, and on which terms is it offered?"""

from __future__ import annotations

from datetime import datetime
from typing import Self

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q, Value

from audiences.models import SLUG
from campaigns.models.markets import Market
from experiments.models.experiments import Int8Range

PERIOD = RegexValidator(r"^P(\d{1,3}[DWMY])$", "Use an ISO 8601 period of one unit: P7D, P2W, P1M, P1Y.")


class PlanGroup(models.Model):
    """Plans of which an account holds at most one."""

    key = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ("key",)

    def __str__(self) -> str:
        return self.name


class Plan(models.Model):
    """What one can be subscribed to."""

    key = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    group = models.ForeignKey(PlanGroup, on_delete=models.PROTECT, related_name="plans")
    rank = models.PositiveSmallIntegerField(default=0, help_text="Higher is more: upgrades go up.")

    class Meta:
        ordering = ("group", "rank", "key")

    def __str__(self) -> str:
        return self.name


class PriceQuerySet(models.QuerySet["Price"]):
    def effective_at(self, moment: datetime) -> Self:
        """Prices in force at ``moment``; the end of a price is exclusive."""
        return self.filter(effective__contains=moment)


class Price(models.Model):
    """What a plan costs in a market during [from, to). A plan has one billing period; yearly is a plan of its own."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="prices")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="prices")
    amount = models.PositiveBigIntegerField(help_text="In minor units of the market's currency: 11900 is 119.00 SEK.")
    currency = models.CharField(max_length=3, editable=False)
    period = models.CharField(max_length=5, default="P1M", validators=[PERIOD])
    effective = DateTimeRangeField(help_text="Half-open; an empty end runs on.")

    objects = PriceQuerySet.as_manager()

    class Meta:
        ordering = ("plan", "market", "effective")
        constraints = (
            # Two prices at one moment would quote one and bill the other.
            ExclusionConstraint(
                name="one_price_at_a_time",
                expressions=(
                    (Int8Range(F("plan_id"), F("plan_id"), Value("[]")), RangeOperators.OVERLAPS),
                    (Int8Range(F("market_id"), F("market_id"), Value("[]")), RangeOperators.OVERLAPS),
                    ("effective", RangeOperators.OVERLAPS),
                ),
            ),
        )

    def __str__(self) -> str:
        return f"{self.plan} in {self.market}"


class Mechanic(models.TextChoices):
    TRIAL = "TRIAL", "Free trial"
    INTRO_PRICE = "INTRO_PRICE", "Introductory price"
    PREPAID = "PREPAID", "Prepaid"
    DISCOUNT_N_CYCLES = "DISCOUNT_N_CYCLES", "Discount for some cycles"
    UPGRADE = "UPGRADE", "Upgrade"
    ADD_ON = "ADD_ON", "Add-on"
    SAVE = "SAVE", "Save offer"
    WIN_BACK = "WIN_BACK", "Win-back"
    REWARD = "REWARD", "Reward"


class Offer(models.Model):
    """A commercial proposition on a plan; its terms live in versions."""

    key = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=150)
    mechanic = models.CharField(max_length=20, choices=Mechanic)
    plan = models.ForeignKey(
        Plan,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="offers",
        help_text="Optional for a reward.",
    )
    category = models.CharField(
        max_length=100,
        blank=True,
        validators=[SLUG],
        help_text="Exclusive: of all offers with this word one is shown per call, the cheapest over 12 months.",
    )
    archived = models.BooleanField(default=False)

    class Meta:
        ordering = ("key",)
        constraints = (
            models.CheckConstraint(condition=Q(mechanic="REWARD") | Q(plan__isnull=False), name="offer_has_plan"),
        )

    def __str__(self) -> str:
        return self.name


class OfferVersion(models.Model):
    """The terms of an offer; once published nothing of it changes, a new version is made instead."""

    class State(models.TextChoices):
        DRAFT = "DRAFT", "Draft"
        PUBLISHED = "PUBLISHED", "Published"

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    terms = models.JSONField(default=dict, help_text="See campaigns/terms.py: what each mechanic needs and allows.")
    rule = models.JSONField(
        default=dict, blank=True, help_text='Who may have it: {"v": 1, "rule": {...}}. Empty: everyone.'
    )
    requires = ArrayField(
        models.CharField(max_length=63),
        default=list,
        blank=True,
        help_text="Traits that must be known and fresh; otherwise the offer is refused.",
    )
    redeem_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Times an account may redeem it. Empty: no limit."
    )
    redeem_window_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="The limit counts redemptions of this many past days. Empty: for ever.",
    )
    redeem_window_months = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Instead of days: calendar months, to the same day of the month, or to its end.",
    )
    published_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("offer", "-number")
        constraints = (
            models.UniqueConstraint(fields=("offer", "number"), name="one_version_per_number"),
            # Two open drafts would let one editor publish what another is still writing.
            models.UniqueConstraint(fields=("offer",), condition=Q(state="DRAFT"), name="one_draft_per_offer"),
            models.CheckConstraint(
                condition=Q(redeem_window_days__isnull=True) | Q(redeem_window_months__isnull=True),
                name="one_redeem_window",
                violation_error_message="Count redemptions in days or in months, not both.",
            ),
        )
        triggers = (
            pgtrigger.Protect(
                name="published_terms_immutable",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__state="PUBLISHED"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.offer} v{self.number}"
