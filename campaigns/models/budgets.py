"""Of what is there only so much? (What is left is counted elsewhere; decisions read it from the pulse.)"""

from __future__ import annotations

from django.db import models

from audiences.models import SLUG


class Budget(models.Model):
    """A limit that one or more campaigns share, over all markets or for each by itself."""

    key = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=150)
    per_market = models.BooleanField(default=False, help_text="Each market has a limit of its own.")

    class Meta:
        ordering = ("key",)

    def __str__(self) -> str:
        return self.name
