"""Which laws of the house may no candidate break?"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from audiences.models import SLUG
from campaigns.models.campaigns import TIERS
from campaigns.models.catalogue import Mechanic
from campaigns.models.markets import Market


class Guard(models.Model):
    """A named law: candidates it applies to pass only when its facts are known and its rule holds."""

    key = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(
        max_length=150, help_text="The law in one sentence: 'No trial that turns into pay for minors'."
    )
    tiers = ArrayField(
        models.CharField(max_length=12, choices=TIERS), default=list, blank=True, help_text="Empty: all."
    )
    mechanics = ArrayField(
        models.CharField(max_length=20, choices=Mechanic),
        default=list,
        blank=True,
        help_text="Empty: all, and none.",
    )
    markets = models.ManyToManyField(Market, blank=True, related_name="guards", help_text="Empty: every market.")
    requires = ArrayField(
        models.CharField(max_length=63), default=list, blank=True, help_text="Traits that must be known."
    )
    rule = models.JSONField(default=dict, help_text='What must hold: {"v": 1, "rule": {...}}.')
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ("key",)

    def __str__(self) -> str:
        return self.name
