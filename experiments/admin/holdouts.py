"""Who is withheld from what, and since when?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from audiences.admin.base import MerchAdmin, ReadOnlyRows
from audiences.admin.fields import TicksField
from audiences.admin.revising import FreshForm
from audiences.admin.showing import moment
from audiences.admin.verbs import VerbPages
from audiences.tiers import Tier
from experiments.admin.verbs import HOLDOUT_VERBS
from experiments.models import Holdout, HoldoutPeriod
from experiments.problems import Refused


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


class PeriodRows(ReadOnlyRows):
    model = HoldoutPeriod
    verbose_name_plural = "Draws (who is withheld follows from salt, size and id)"
    fields = ("number", "percent", "shown_from", "shown_to", "salt")
    readonly_fields = fields

    @display(description="Withheld")
    def percent(self, obj: HoldoutPeriod) -> str:
        return f"{obj.size / 100:g} %"

    @display(description="From")
    def shown_from(self, obj: HoldoutPeriod) -> str:
        return moment(obj.period.lower)

    @display(description="To")
    def shown_to(self, obj: HoldoutPeriod) -> str:
        return moment(obj.period.upper) if obj.period.upper else "further notice"


@admin.register(Holdout)
class HoldoutAdmin(VerbPages, MerchAdmin):
    form = HoldoutForm
    verbs = HOLDOUT_VERBS
    refusals = (Refused,)
    fixed = ("key",)
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
