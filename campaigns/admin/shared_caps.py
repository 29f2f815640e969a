"""Which caps, cooldowns and pressure hold for all campaigns together?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from campaigns.admin.base import VoidsApprovals
from campaigns.admin.cap_words import cap_sentence, cooldown_sentence, pressure_sentence
from campaigns.admin.caps import PressureForm, SharedCapForm, SharedCooldownForm
from campaigns.models import Cooldown, FrequencyCap, Pressure


@admin.register(FrequencyCap)
class SharedCapAdmin(VoidsApprovals):
    """Caps that all campaigns of a scope share; a campaign's own stand on its page."""

    form = SharedCapForm
    list_display = ("reads", "scope", "event", "strict")
    list_filter = ("scope", "event", "window", "strict")
    intro = "Caps that campaigns share. A campaign's own caps stand on its page. Legal and service are exempt."
    empty_hint = (
        "Add a shared cap, e.g. at most 3 impressions of the full-screen format in 7 days, whatever the campaign."
    )
    fieldsets = (
        ("At most how many of what", {"fields": ("limit", "event", "strict")}),
        ("In which window", {"fields": ("window", "length", "unit")}),
        ("Counting what", {"fields": ("scope", "scope_key")}),
    )
    conditional_fields = {"length": "window == 'ROLLING'", "unit": "window == 'CALENDAR_LOCAL'"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[FrequencyCap]:
        rows: QuerySet[FrequencyCap] = super().get_queryset(request)
        return rows.filter(campaign__isnull=True)

    @display(description="Cap", ordering="limit")
    def reads(self, obj: FrequencyCap) -> str:
        return cap_sentence(obj)


@admin.register(Cooldown)
class SharedCooldownAdmin(VoidsApprovals):
    """Rests that all campaigns of a scope share."""

    form = SharedCooldownForm
    list_display = ("reads", "scope", "event")
    list_filter = ("scope", "event")
    intro = "Rests that campaigns share: after an event, nothing of the scope. Legal and service are exempt."
    empty_hint = "Add a shared cooldown, e.g. a day of rest after any full-screen was closed."
    fieldsets = (
        ("After what", {"fields": ("event", "scope", "scope_key")}),
        ("How long", {"fields": ("length",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cooldown]:
        rows: QuerySet[Cooldown] = super().get_queryset(request)
        return rows.filter(campaign__isnull=True)

    @display(description="Cooldown", ordering="length")
    def reads(self, obj: Cooldown) -> str:
        return cooldown_sentence(obj)


@admin.register(Pressure)
class PressureAdmin(VoidsApprovals):
    """The one row of pressure."""

    form = PressureForm
    list_display = ("reads",)
    intro = (
        "How much interruption one listener bears, over all campaigns. What a format costs stands on its page; "
        "legal and service campaigns neither obey nor count."
    )
    empty_hint = "Nobody counts interruptions yet. Add an allowance, e.g. 100 in 7 days with a full-screen at 80."
    fieldsets = (
        ("How much in which window", {"fields": ("allowance", "window")}),
        ("What closing something says", {"fields": ("shrink", "least")}),
    )

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return super().has_add_permission(request, *args) and not Pressure.objects.exists()

    @display(description="Pressure")
    def reads(self, obj: Pressure) -> str:
        return pressure_sentence(obj)
