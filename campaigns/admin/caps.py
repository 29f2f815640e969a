"""How are caps, cooldowns and pressure entered, and what is told when their parts do not fit?"""

from __future__ import annotations

from typing import Any

from audiences.admin.fields import SpanField
from audiences.admin.revising import FreshForm
from campaigns.models import Cooldown, FrequencyCap, PlacementFormat, Pressure, Scope

MOST_COUNTED = 20  # moments that a counter keeps
Cleaned = dict[str, Any]


class CapForm(FreshForm):
    """A cap; which parts belong together is said before the database would refuse them."""

    length = SpanField(required=False, help_text="Of a rolling window: 24 hours, 7 days. Empty for every other.")

    class Meta:
        model = FrequencyCap
        fields: tuple[str, ...] = ("limit", "event", "window", "length", "unit", "scope", "scope_key", "strict")

    def clean(self) -> Cleaned | None:
        cleaned = super().clean() or {}
        window = cleaned.get("window")
        self._fits(cleaned, "length", window == FrequencyCap.Window.ROLLING, "A rolling window needs a length: 7 days.")
        self._fits(
            cleaned, "unit", window == FrequencyCap.Window.CALENDAR_LOCAL, "Choose the calendar's day, week or month."
        )
        if window != FrequencyCap.Window.LIFETIME and (cleaned.get("limit") or 0) > MOST_COUNTED:
            self.add_error("limit", f"A window counts to {MOST_COUNTED} at most: that many moments are kept.")
        if cleaned.get("strict") and cleaned.get("event") != FrequencyCap.Event.IMPRESSION:
            self.add_error("strict", "Only times shown can be counted strictly: a hold stands for one under way.")
        return cleaned

    def _fits(self, cleaned: Cleaned, name: str, wanted: bool, missing: str) -> None:
        if name in cleaned and bool(cleaned[name]) != wanted:
            self.add_error(name, missing if wanted else f"This window has no {name}. Leave it empty.")


class OwnCapForm(CapForm):
    """A cap of one campaign: it counts this campaign's own impressions unless said otherwise."""

    class Meta(CapForm.Meta):
        fields = ("limit", "event", "window", "length", "unit", "scope", "strict")


class SharedCapForm(CapForm):
    """A cap that campaigns share."""

    def clean(self) -> Cleaned | None:
        cleaned = super().clean() or {}
        if cleaned.get("scope") == Scope.CAMPAIGN:
            self.add_error("scope", "A shared cap counts more than one campaign. Put a campaign's own cap on its page.")
        return cleaned


class CooldownForm(FreshForm):
    """A rest after an event."""

    length = SpanField(help_text="How long it rests: 24 hours, 30 days.")

    class Meta:
        model = Cooldown
        fields: tuple[str, ...] = ("event", "length", "scope", "scope_key")

    def clean(self) -> Cleaned | None:
        cleaned = super().clean() or {}
        bought = cleaned.get("event") == Cooldown.Event.CONVERSION
        if bought and cleaned.get("scope") not in (None, Scope.OFFER, Scope.ALL):
            self.add_error("scope", "What is bought is an offer: choose this offer, or everything.")
        return cleaned


class OwnCooldownForm(CooldownForm):
    """A rest of one campaign."""

    class Meta(CooldownForm.Meta):
        fields = ("event", "length", "scope")


class SharedCooldownForm(CooldownForm):
    """A rest that campaigns share."""

    def clean(self) -> Cleaned | None:
        cleaned = super().clean() or {}
        if cleaned.get("scope") == Scope.CAMPAIGN:
            self.add_error("scope", "A shared cooldown is of more than one campaign. Put a campaign's own on its page.")
        return cleaned


class PressureForm(FreshForm):
    """How much interruption a person bears."""

    window = SpanField(help_text="The days that count, e.g. 7 days.")

    class Meta:
        model = Pressure
        fields: tuple[str, ...] = ("allowance", "window", "shrink", "least")

    def clean(self) -> Cleaned | None:
        cleaned = super().clean() or {}
        allowance, least = cleaned.get("allowance"), cleaned.get("least")
        if allowance is None:
            return cleaned
        if least is not None and least > allowance:
            self.add_error("least", f"No more can be left than the allowance of {allowance}.")
        costs = PlacementFormat.objects.filter(interruption_cost__gt=0).values_list("interruption_cost", flat=True)
        most = MOST_COUNTED * min(costs, default=allowance)
        if allowance > most:
            hint = f"{MOST_COUNTED} impressions of each format are remembered: {most} at most, or raise its cost."
            self.add_error("allowance", hint)
        return cleaned
