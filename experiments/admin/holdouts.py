"""Who is withheld from what, and since when?"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from audiences.admin.base import MerchAdmin, Rows
from audiences.admin.fields import TicksField, WallField, at_wall, instant
from audiences.admin.revising import FreshForm
from audiences.admin.showing import moment
from audiences.tiers import Tier
from experiments.models import Holdout, HoldoutPeriod


class HoldoutForm(FreshForm):
    """What is withheld."""

    tiers = TicksField(choices=[(tier.value, tier.value.title()) for tier in Tier])

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        everything = cleaned.get("scope", self.instance.scope) == Holdout.Scope.GLOBAL
        if everything and cleaned.get("scope_key"):
            self.add_error("scope_key", "A holdout from everything names no key. Leave it empty.")
        if not everything and "scope_key" in cleaned and not cleaned["scope_key"]:
            self.add_error("scope_key", "Write the key of the domain or campaign.")
        return cleaned

    def validate_constraints(self) -> None:
        if not self.errors:
            super().validate_constraints()


class PeriodForm(forms.ModelForm[HoldoutPeriod]):
    """A draw: how many, and from when to when (UTC)."""

    percent = forms.DecimalField(
        min_value=0,
        max_value=100,
        decimal_places=2,
        label="Percent withheld",
        widget=UnfoldAdminDecimalFieldWidget({"step": "any"}),
    )
    valid_from = WallField(label="From (UTC)")
    valid_to = WallField(label="To (UTC, exclusive)")

    class Meta:
        model = HoldoutPeriod
        fields = ("number", "salt")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["percent"] = self.instance.size / 100
            self.initial["valid_from"] = at_wall(self.instance.period.lower, "UTC")
            self.initial["valid_to"] = at_wall(self.instance.period.upper, "UTC")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        start, end = instant(cleaned.get("valid_from"), "UTC"), instant(cleaned.get("valid_to"), "UTC")
        if start and end and end <= start:
            raise ValidationError("The end must be later than the start.")
        if start and end and cleaned.get("percent") is not None:
            self.instance.size = int(cleaned["percent"] * 100)
            self.instance.period = DateTimeTZRange(start, end)
        return cleaned


class PeriodRows(Rows):
    model = HoldoutPeriod
    form = PeriodForm
    verbose_name = "draw"
    verbose_name_plural = "Draws (who is withheld follows from salt, size and id)"
    fields = ("number", "percent", "valid_from", "valid_to", "salt")


@admin.register(Holdout)
class HoldoutAdmin(MerchAdmin):
    form = HoldoutForm
    fixed = ("key",)
    portrait_children = ("periods",)
    list_display = ("heading", "scope", "scope_key", "shown_tiers", "draws")
    list_filter = ("scope",)
    search_fields = ("key", "name", "scope_key")
    inlines = (PeriodRows,)
    intro = "Subjects withheld from a scope for some time, so that its whole effect can be measured."
    empty_hint = (
        "Add a holdout, e.g. 2 % from everything for a quarter. It costs a little and tells what all of it is worth."
    )
    fieldsets = (
        ("What it is", {"fields": (("name", "key"),)}),
        ("What is withheld", {"fields": (("scope", "scope_key"), "tiers")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Holdout]:
        rows: QuerySet[Holdout] = super().get_queryset(request)
        return rows.prefetch_related("periods")

    @display(description="Holdout", header=True, ordering="name")
    def heading(self, obj: Holdout) -> list[str]:
        return [obj.name, obj.key]

    @display(description="Tiers")
    def shown_tiers(self, obj: Holdout) -> str:
        return ", ".join(obj.tiers)

    @display(description="Draws")
    def draws(self, obj: Holdout) -> str:
        return "; ".join(f"{one.size / 100:g} % from {moment(one.period.lower)}" for one in obj.periods.all())
