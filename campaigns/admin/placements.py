"""Where can something be shown, and in which shape?"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from audiences import catalogue
from audiences.admin.base import Cards
from audiences.admin.fields import JsonField
from audiences.admin.permissions import signed_in
from audiences.admin.revising import FreshForm
from campaigns import creatives, strategies
from campaigns.admin.base import VoidsApprovals
from campaigns.models import Placement, PlacementArm, PlacementFormat
from campaigns.problems import Refused
from experiments.models import Experiment, Variant

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


class RankingForm(FreshForm):
    """A way of ranking, of a placement or of one arm of its experiment."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if all(name in cleaned for name in strategies.FIELDS):
            choice = PlacementArm(**{name: cleaned[name] for name in strategies.FIELDS})
            for field, problem in strategies.choice_problems(choice, catalogue.vocabulary()):
                self.add_error(field, f"{problem.sentence} {problem.hint}")
        return cleaned


class VariantField(forms.ModelChoiceField[Variant]):
    """An arm of a test that varies a way of ranking."""

    def __init__(self, **kwargs: Any) -> None:
        rows = Variant.objects.filter(experiment__kind=Experiment.Kind.PLACEMENT).select_related("experiment")
        super().__init__(queryset=rows, widget=UnfoldAdminSelectWidget(), **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.experiment}: {obj}"


class RankingArmForm(RankingForm):
    variant = VariantField(label="Arm")


class RankingArmCards(Cards):
    """How the arms of the placement's experiment rank."""

    model = PlacementArm
    form = RankingArmForm
    verbose_name = "arm"
    verbose_name_plural = "How the arms of its experiment rank (none: as the placement does)"
    fieldsets = ((None, {"fields": (("variant", "strategy"), "formula", ("draw_window", "exploration"))}),)


@admin.register(Placement)
class PlacementAdmin(VoidsApprovals):
    form = RankingForm
    inlines = (RankingArmCards,)
    portrait_children = ("arms",)
    fixed = ("slug",)
    list_display = ("heading", "format", "rank", "slots", "strategy", "shown_age", "when_degraded", "item_count_shown")
    list_select_related = ("format",)
    list_filter = ("format", "strategy", "when_degraded")
    search_fields = ("slug", "name")
    autocomplete_fields = ("format", "objective", "experiment")
    ordering = ("rank", "slug")
    intro = "Named slots in your clients, in the order in which they choose: a lower rank chooses first."
    empty_hint = "Add a format first, then the placement that a client asks for, e.g. home-hero."
    fieldsets = (
        ("What it is", {"fields": ("name", "slug", "format")}),
        ("How it is filled", {"fields": (("rank", "slots"),)}),
        (
            "Who comes first",
            {"fields": ("strategy", "formula", ("draw_window", "exploration"), "objective", "experiment")},
        ),
        ("How long an answer holds, and what if we know nothing", {"fields": ("max_age", "when_degraded")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Placement]:
        rows: QuerySet[Placement] = super().get_queryset(request)
        return rows.annotate(item_count=Count("items"))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        stored = Placement.objects.get(pk=obj.pk) if change else None
        request._merch_ways = _compared(stored) if stored else None  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        row = Placement.objects.select_related("experiment").get(pk=form.instance.pk)
        before = getattr(request, "_merch_ways", None)
        if before == _compared(row):
            return
        problems = strategies.test_problems(row, row.arms.select_related("variant"))
        if problems:
            raise Refused(problems)
        if before is not None and before[0] == row.experiment_id:
            strategies.changed(row, before[1], by=signed_in(request), now=timezone.now())

    @display(description="Placement", header=True, ordering="rank")
    def heading(self, obj: Placement) -> list[str]:
        return [obj.name, obj.slug]

    @display(description="An answer holds", ordering="max_age")
    def shown_age(self, obj: Placement) -> str:
        return f"{obj.max_age} seconds"

    @display(description="Campaign items", ordering="item_count")
    def item_count_shown(self, obj: Any) -> int:
        return int(obj.item_count)


def _compared(placement: Placement) -> tuple[int | None, strategies.By]:
    """The experiment and the ways of ranking that it compares, as stored."""
    return placement.experiment_id, strategies.ways(placement)
