"""Where can something be shown, and in which shape?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from audiences.admin.fields import JsonField
from audiences.admin.revising import FreshForm
from campaigns import creatives
from campaigns.admin.base import VoidsApprovals
from campaigns.models import Placement, PlacementFormat

SCHEMA = (
    'A list of fields: [{"name": "title", "type": "text", "required": true, "max_length": 60}, '
    '{"name": "cta", "type": "cta"}]. Types: text, url, image, cta (a label and a link), bool.'
)


class FormatForm(FreshForm):
    """A format with its field schema."""

    # A form field of that name, which the metaclass takes away.
    fields = JsonField(required=False, label="Fields that a creative fills", help_text=SCHEMA)  # type: ignore[assignment]
    min_app_versions = JsonField(
        required=False,
        label="First app versions that can show it",
        help_text='Per platform, e.g. {"ios": "8.9.0", "android": "8.9.0"}. Empty: every version can.',
    )

    def clean_fields(self) -> Any:
        found = self.cleaned_data["fields"] or []
        problems = creatives.schema_problems(found)
        if problems:
            raise ValidationError([f"{problem.sentence} {problem.hint}" for problem in problems])
        return found

    def clean_min_app_versions(self) -> Any:
        found = self.cleaned_data["min_app_versions"] or {}
        problems = creatives.version_problems(found)
        if problems:
            raise ValidationError([f"{problem.sentence} {problem.hint}" for problem in problems])
        return found


@admin.register(PlacementFormat)
class FormatAdmin(VoidsApprovals):
    form = FormatForm
    fixed = ("key",)
    list_display = ("heading", "shown_fields", "interruption_cost", "placements_of_it", "creatives_of_it")
    search_fields = ("key", "name")
    intro = "Shapes that a client can render. Each says which fields a creative must fill, and how long they may be."
    empty_hint = "Add a format, e.g. hero with a title (60 characters), a text and a call to action."
    fieldsets = (
        ("What it is", {"fields": ("name", "key", "interruption_cost")}),
        ("Its fields", {"fields": ("fields",)}),
        ("Which clients can show it", {"fields": ("min_app_versions",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlacementFormat]:
        rows: QuerySet[PlacementFormat] = super().get_queryset(request)
        return rows.annotate(
            placement_count=Count("placements", distinct=True), creative_count=Count("creatives", distinct=True)
        )

    @display(description="Format", header=True, ordering="name")
    def heading(self, obj: PlacementFormat) -> list[str]:
        return [obj.name, obj.key]

    @display(description="Fields")
    def shown_fields(self, obj: PlacementFormat) -> str:
        return ", ".join(str(field.get("name")) for field in obj.fields) or "none"

    @display(description="Placements", ordering="placement_count")
    def placements_of_it(self, obj: Any) -> int:
        return int(obj.placement_count)

    @display(description="Creatives", ordering="creative_count")
    def creatives_of_it(self, obj: Any) -> int:
        return int(obj.creative_count)


@admin.register(Placement)
class PlacementAdmin(VoidsApprovals):
    fixed = ("slug",)
    list_display = ("heading", "format", "rank", "slots", "shown_age", "when_degraded", "item_count_shown")
    list_select_related = ("format",)
    list_filter = ("format", "when_degraded")
    search_fields = ("slug", "name")
    autocomplete_fields = ("format",)
    ordering = ("rank", "slug")
    intro = "Named slots in your clients, in the order in which they choose: a lower rank chooses first."
    empty_hint = "Add a format first, then the placement that a client asks for, e.g. home-hero."
    fieldsets = (
        ("What it is", {"fields": ("name", "slug", "format")}),
        ("How it is filled", {"fields": ("rank", "slots", "strategy")}),
        ("How long an answer holds, and what if we know nothing", {"fields": ("max_age", "when_degraded")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Placement]:
        rows: QuerySet[Placement] = super().get_queryset(request)
        return rows.annotate(item_count=Count("items"))

    @display(description="Placement", header=True, ordering="rank")
    def heading(self, obj: Placement) -> list[str]:
        return [obj.name, obj.slug]

    @display(description="An answer holds", ordering="max_age")
    def shown_age(self, obj: Placement) -> str:
        return f"{obj.max_age} seconds"

    @display(description="Campaign items", ordering="item_count")
    def item_count_shown(self, obj: Any) -> int:
        return int(obj.item_count)
