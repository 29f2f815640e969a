"""What does a plan cost where, and from when to when?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from audiences.admin.fields import WallField, at_wall, instant
from audiences.admin.revising import FreshForm
from audiences.admin.showing import moment
from campaigns.admin.base import VoidsApprovals
from campaigns.admin.words import amount, major, minor_units, per
from campaigns.models import Plan, PlanGroup, Price

LABELS = {"In force": "success", "To come": "info", "Over": "default"}


class PriceForm(FreshForm):
    """A price as people write it: a decimal amount in the market's currency, wall times in the market's zone."""

    amount = forms.DecimalField(
        min_value=0,
        max_digits=15,
        widget=UnfoldAdminDecimalFieldWidget({"step": "any"}),
        help_text="In the market's currency, as people write it: 119.00.",
    )
    valid_from = WallField(required=False, help_text="On the clocks of the market's time zone. Empty: since ever.")
    valid_to = WallField(required=False, help_text="Exclusive, on the same clocks. Empty: until further notice.")

    class Meta:
        model = Price
        fields = ("plan", "market", "period")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        price = self.instance
        if price.pk is None:
            return
        zone = price.market.time_zone
        self.initial["amount"] = major(price.amount, price.currency)
        self.initial["valid_from"] = at_wall(price.effective.lower, zone)
        self.initial["valid_to"] = at_wall(price.effective.upper, zone)
        self.fields["amount"].help_text = f"In {price.currency}."
        for name in ("valid_from", "valid_to"):
            self.fields[name].help_text += f" Here: {zone}."

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        market = cleaned.get("market") or (self.instance.market if self.instance.market_id else None)
        plan = cleaned.get("plan") or (self.instance.plan if self.instance.plan_id else None)
        if market is None or plan is None:
            return cleaned
        self.instance.plan, self.instance.market, self.instance.currency = plan, market, market.currency
        if cleaned.get("amount") is not None:
            try:
                # Into cleaned_data: the form copies it to the row after this.
                cleaned["amount"] = minor_units(cleaned["amount"], market.currency)
            except ValueError as error:
                self.add_error("amount", str(error))
        if not self.errors.keys() & {"valid_from", "valid_to"}:
            self._check_period(plan, market)
        return cleaned

    def _check_period(self, plan: Plan, market: Any) -> None:
        start = instant(self.cleaned_data.get("valid_from"), market.time_zone)
        end = instant(self.cleaned_data.get("valid_to"), market.time_zone)
        if start and end and end <= start:
            self.add_error("valid_to", "The end must be later than the start.")
            return
        self.instance.effective = DateTimeTZRange(start, end)
        others = Price.objects.filter(plan=plan, market=market, effective__overlap=self.instance.effective)
        for other in others.exclude(pk=self.instance.pk):
            self.add_error("valid_from", _overlap(other, market.time_zone))

    def validate_constraints(self) -> None:
        # The overlap is told in words above; the database stays the last word for two savers at one moment.
        if not self.errors:
            super().validate_constraints()


def _overlap(other: Price, zone: str) -> str:
    """Which price stands in the way, and what to do."""
    lower, upper = other.effective.lower, other.effective.upper
    since = f"from {moment(lower, zone)}" if lower else "since ever"
    until = f"until {moment(upper, zone)}" if upper else "until further notice"
    return (
        f"{other.plan} costs {amount(other.amount, other.currency)} in {other.market.code} {since} {until} already. "
        "Two prices at one moment would quote one and bill the other. "
        "End that price first, or begin this one at its end."
    )


@admin.register(Price)
class PriceAdmin(VoidsApprovals):
    form = PriceForm
    list_display = ("heading", "shown_amount", "shown_from", "shown_to", "status")
    list_select_related = ("plan", "market")
    list_filter = ("plan", "market")
    search_fields = ("plan__name", "plan__key", "market__code", "market__name")
    autocomplete_fields = ("plan", "market")
    fixed = ("plan", "market")
    ordering = ("plan", "market", "-effective")
    intro = "What each plan costs in each market. There is one price at a time; a new price is a new row from a date."
    empty_hint = "Add a price, e.g. Premium in Sweden, 119.00 (SEK) per month, from today."
    fieldsets = (
        ("What and where", {"fields": ("plan", "market")}),
        ("How much", {"fields": ("amount", "period")}),
        ("When", {"fields": ("valid_from", "valid_to")}),
    )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        shown = super().get_changelist_instance(request)
        now = timezone.now()
        for row in shown.result_list:
            row.status_now = _status(row, now)
        return shown

    @display(description="Plan", header=True, ordering="plan__name")
    def heading(self, obj: Price) -> list[str]:
        return [obj.plan.name, str(obj.market)]

    @display(description="Price", ordering="amount")
    def shown_amount(self, obj: Price) -> str:
        return f"{amount(obj.amount, obj.currency)} {per(obj.period)}"

    @display(description="From", ordering="effective")
    def shown_from(self, obj: Price) -> str:
        return moment(obj.effective.lower, obj.market.time_zone) if obj.effective.lower else "since ever"

    @display(description="To")
    def shown_to(self, obj: Price) -> str:
        return moment(obj.effective.upper, obj.market.time_zone) if obj.effective.upper else "further notice"

    @display(description="Status", label=LABELS)
    def status(self, obj: Any) -> str:
        return str(obj.status_now)


def _status(price: Price, now: datetime) -> str:
    lower, upper = price.effective.lower, price.effective.upper
    if lower is not None and now < lower:
        return "To come"
    return "Over" if upper is not None and now >= upper else "In force"


@admin.register(PlanGroup)
class PlanGroupAdmin(VoidsApprovals):
    fixed = ("key",)
    list_display = ("name", "key", "plans_in_it")
    search_fields = ("key", "name")
    intro = "Plans of which an account holds at most one at a time."

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlanGroup]:
        rows: QuerySet[PlanGroup] = super().get_queryset(request)
        return rows.annotate(plan_count=Count("plans"))

    @display(description="Plans", ordering="plan_count")
    def plans_in_it(self, obj: Any) -> int:
        return int(obj.plan_count)


@admin.register(Plan)
class PlanAdmin(VoidsApprovals):
    fixed = ("key",)
    list_display = ("heading", "group", "rank", "prices_of_it")
    list_select_related = ("group",)
    list_filter = ("group",)
    search_fields = ("key", "name")
    autocomplete_fields = ("group",)
    intro = "What one can be subscribed to. Prices per market stand under Prices."
    empty_hint = "Add a plan group first (e.g. Music), then its plans (Free, Premium, Family)."
    fieldsets = ((None, {"fields": ("name", "key", "group", "rank")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        rows: QuerySet[Plan] = super().get_queryset(request)
        return rows.annotate(price_count=Count("prices"))

    @display(description="Plan", header=True, ordering="name")
    def heading(self, obj: Plan) -> list[str]:
        return [obj.name, obj.key]

    @display(description="Prices", ordering="price_count")
    def prices_of_it(self, obj: Any) -> int:
        return int(obj.price_count)
