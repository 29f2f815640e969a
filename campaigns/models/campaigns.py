"""What do we intend to show, to whom, where, when and how often?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.base import ModelBase

from audiences.models import SLUG
from audiences.tiers import Tier
from campaigns.lifecycle import State
from campaigns.models.budgets import Budget
from campaigns.models.catalogue import Offer
from campaigns.models.journeys import Journey
from campaigns.models.markets import Market
from campaigns.models.placements import Creative, Placement
from campaigns.models.wall import WallTimeField
from experiments.models import Experiment, Variant

TIERS = [(tier.value, tier.value.title()) for tier in Tier]


class Domain(models.Model):
    """A named group of campaigns with one purpose: acquisition, retention, win-back ..."""

    key = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ("key",)

    def __str__(self) -> str:
        return self.name


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def intended(self) -> Self:
        """Those that a release carries: intended to run (their flight may lie ahead or behind)."""
        return self.filter(state=State.LIVE)


class Campaign(models.Model):
    """A time-bound intention. ``state`` is what people intend; scheduled, running and over follow from the flight."""

    key = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=150)
    goal = models.TextField(blank=True, help_text="What should change, by how much, by when?")
    domain = models.ForeignKey(Domain, null=True, blank=True, on_delete=models.PROTECT, related_name="campaigns")
    tier = models.CharField(max_length=12, choices=TIERS, default=Tier.COMMERCIAL.value)
    priority = models.IntegerField(default=50, help_text="Within its tier; higher goes first.")
    markets = models.ManyToManyField(Market, blank=True, related_name="campaigns", help_text="Empty: every market.")
    rule = models.JSONField(default=dict, blank=True, help_text='Who: {"v": 1, "rule": {...}}. Empty: everyone.')
    starts = WallTimeField(help_text="Wall time in the flight's zone, inclusive.")
    ends = WallTimeField(null=True, blank=True, help_text="Wall time, exclusive. Empty: until ended.")
    time_zone = models.CharField(
        max_length=60, blank=True, help_text="A fixed zone for the flight. Empty: each account's own zone."
    )
    budgets = models.ManyToManyField(
        Budget, blank=True, related_name="campaigns", help_text="Where one of them is used up, it is not shown."
    )
    fallback = models.BooleanField(
        default=False,
        help_text="House content shown when nothing else is left; skips targeting and caps, nothing else.",
    )
    journey = models.ForeignKey(
        Journey,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="campaigns",
        help_text="Shown only to those who are at a step of it.",
    )
    steps = ArrayField(
        models.CharField(max_length=100),
        default=list,
        blank=True,
        help_text="Of the journey, by key. Empty: at each of its steps.",
    )
    pin_hours = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How long the first impression keeps offer and price the same everywhere.",
    )
    state = models.CharField(max_length=10, choices=State.choices(), default=State.DRAFT.value)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ("-updated_at",)
        permissions = (
            ("approve_campaign", "Can approve campaigns of other people"),
            ("launch_campaign", "Can launch, pause and end campaigns"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(ends__isnull=True) | Q(ends__gt=F("starts")), name="flight_not_empty"),
            models.CheckConstraint(condition=Q(fallback=False) | Q(tier="HOUSE"), name="fallback_is_house"),
        )

    def __str__(self) -> str:
        return self.name

    def save(
        self,
        *,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Only a verb writes ``state``, by naming it: a form that was opened earlier must not bring an old one back."""
        if update_fields is None and not self._state.adding:
            update_fields = [field.name for field in self._meta.concrete_fields if field.name not in ("id", "state")]
        super().save(force_insert=force_insert, force_update=force_update, using=using, update_fields=update_fields)


class CampaignItem(models.Model):
    """One candidate: this creative (and offer) in this placement."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="items")
    key = models.CharField(max_length=100, validators=[SLUG], help_text="Unique within the campaign; breaks ties.")
    placement = models.ForeignKey(Placement, on_delete=models.PROTECT, related_name="items")
    offer = models.ForeignKey(Offer, null=True, blank=True, on_delete=models.PROTECT, related_name="items")
    creative = models.ForeignKey(
        Creative, null=True, blank=True, on_delete=models.PROTECT, related_name="items",
        help_text="Empty only where the item shows nothing.",
    )  # fmt: skip
    nothing = models.BooleanField(
        "show nothing",
        default=False,
        help_text="It competes like the others; where it wins, the slot stays empty, without house content. "
        "Commercial tier only.",
    )
    weight = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])
    experiment = models.ForeignKey(
        Experiment,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="items",
        help_text="Varies this item's creative, offer, or shows nothing.",
    )

    class Meta:
        ordering = ("placement", "key")
        constraints = (
            models.UniqueConstraint(fields=("campaign", "key"), name="one_item_per_key"),
            models.CheckConstraint(
                condition=Q(nothing=False, creative__isnull=False)
                | Q(nothing=True, creative__isnull=True, offer__isnull=True, experiment__isnull=True),
                name="item_shows_something_or_nothing",
            ),
        )

    def __str__(self) -> str:
        return self.key


class ItemArm(models.Model):
    """What a variant of the item's experiment shows instead; no row: the item as it is."""

    item = models.ForeignKey(CampaignItem, on_delete=models.CASCADE, related_name="arms")
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="+")
    nothing = models.BooleanField(default=False, help_text="Show nothing of this campaign: the slot goes to the next.")
    creative = models.ForeignKey(Creative, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    offer = models.ForeignKey(Offer, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("item", "variant"), name="one_arm_per_variant"),
            models.CheckConstraint(
                condition=Q(nothing=False) | Q(creative__isnull=True, offer__isnull=True),
                name="nothing_shows_nothing",
            ),
        )

    def __str__(self) -> str:
        return f"{self.variant_id} of {self.item_id}"
