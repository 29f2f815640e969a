"""How are traits, context values and events declared?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from audiences.admin.base import MerchAdmin
from audiences.admin.fields import JsonField, WordsField
from audiences.admin.revising import FreshForm
from audiences.admin.showing import span
from audiences.models import ContextDefinition, EventDefinition, TraitDefinition

SENSITIVITY = {"Contextual": "success", "Profiling": "info", "Sensitive": "danger"}


class ValuesForm(FreshForm):
    """A definition with a closed list of values."""

    values = WordsField(
        required=False,
        label="Allowed values",
        help_text="Separated by commas, e.g. free, paid, partner. Empty: any value of the type.",
    )


class EventForm(FreshForm):
    """An event with its typed properties."""

    fields = JsonField(  # type: ignore[assignment]  # a form field of that name, which the metaclass takes away
        required=False,
        label="Properties",
        help_text='Name and type of each, e.g. {"minutes": "int", "content": "string"}. '
        "Types: string, int, decimal, bool, date, timestamp, set, version.",
    )


class DefinitionAdmin(MerchAdmin):
    """Names that rules use: fixed once made; those that the platform itself reads cannot be removed."""

    fixed = ("name",)
    search_fields = ("name", "label", "description")
    ordering = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "type"] if obj is not None and hasattr(obj, "type") else fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not getattr(obj, "platform", False) and super().has_delete_permission(request, obj)


@admin.register(TraitDefinition)
class TraitAdmin(DefinitionAdmin):
    form = ValuesForm
    list_display = ("heading", "type", "how_sensitive", "freshness", "source", "platform")
    list_filter = ("type", "sensitivity", "platform")
    intro = "Facts that may be known about a subject. Rules test them; each keeps the time at which it was observed."
    empty_hint = (
        "Declare the first trait, e.g. market (text) or birth_date (date). Then send values with PATCH /v1/subjects."
    )
    fieldsets = (
        ("What it is", {"fields": ("name", "label", "type", "decimal_places", "values", "description")}),
        ("Where it comes from and how long it holds", {"fields": ("source", "tolerated_age", "when_stale")}),
        ("Who may use it", {"fields": ("sensitivity",)}),
    )
    conditional_fields = {"decimal_places": "type == 'decimal'"}

    @display(description="Trait", header=True, ordering="name")
    def heading(self, obj: TraitDefinition) -> list[str]:
        return [obj.label, obj.name]

    @display(description="Sensitivity", label=SENSITIVITY, ordering="sensitivity")
    def how_sensitive(self, obj: TraitDefinition) -> str:
        return obj.get_sensitivity_display().partition(":")[0]

    @display(description="Stale after")
    def freshness(self, obj: TraitDefinition) -> str:
        if obj.tolerated_age is None:
            return "never"
        return f"{span(obj.tolerated_age)}, then {'missing' if obj.when_stale == 'missing' else 'kept'}"


@admin.register(ContextDefinition)
class ContextAdmin(DefinitionAdmin):
    form = ValuesForm
    list_display = ("heading", "type", "allowed", "platform")
    list_filter = ("type", "platform")
    intro = "Facts that a client states in each request: country, platform, app version. They are never stored."
    fieldsets = ((None, {"fields": ("name", "label", "type", "values", "description")}),)

    @display(description="Context value", header=True, ordering="name")
    def heading(self, obj: ContextDefinition) -> list[str]:
        return [obj.label, obj.name]

    @display(description="Allowed values")
    def allowed(self, obj: ContextDefinition) -> str:
        return ", ".join(map(str, obj.values)) or "any"


@admin.register(EventDefinition)
class EventAdmin(DefinitionAdmin):
    form = EventForm
    list_display = ("heading", "properties", "in_history", "from_clients", "money")
    list_filter = ("in_history", "from_clients", "money")
    intro = "Kinds of event that your systems and apps may send to POST /v1/events."
    empty_hint = "Declare the first event, e.g. listen with the property minutes (int). Audiences can then count it."
    fieldsets = (
        ("What it is", {"fields": ("name", "label", "fields", "description")}),
        ("What it is for", {"fields": ("in_history", "from_clients", "money")}),
    )

    @display(description="Event", header=True, ordering="name")
    def heading(self, obj: EventDefinition) -> list[str]:
        return [obj.label, obj.name]

    @display(description="Properties")
    def properties(self, obj: EventDefinition) -> str:
        return ", ".join(f"{name} ({kind})" for name, kind in obj.fields.items()) or "none"
