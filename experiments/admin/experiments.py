"""How is a test written, who is in it, and what did it do?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from audiences.admin.base import MerchAdmin, ReadOnlyRows, Rows
from audiences.admin.permissions import signed_in
from audiences.admin.revising import FreshForm
from audiences.admin.rules import RuleField, reading
from audiences.admin.showing import NOTHING, moment, panel
from audiences.admin.verbs import VerbPages
from experiments import operations
from experiments.admin.readouts import readout_panel
from experiments.admin.verbs import EXPERIMENT_VERBS
from experiments.lifecycle import State
from experiments.models import Allocation, Experiment, ExperimentMetric, Layer, Metric, Variant
from experiments.problems import Refused

STATES = {"Draft": "default", "Running": "success", "Paused": "warning", "Stopped": "info", "Concluded": "primary"}


class ExperimentForm(FreshForm):
    """A test; who may take part is a rule."""

    rule = RuleField(required=False, label="Who may take part", help_text="Empty: everyone whom the campaign reaches.")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if cleaned.get("assignment") == Experiment.AssignedBy.OWN and not cleaned.get("layer"):
            self.add_error("layer", "Choose a layer: experiments of one layer never share a subject.")
        return cleaned

    def validate_constraints(self) -> None:
        if not self.errors:
            super().validate_constraints()


class VariantFormSet(BaseInlineFormSet[Variant, Experiment, Any]):
    """At least two arms, one of them the control."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        controls = sum(bool(arm.get("is_control")) for arm in kept)
        if kept and (len(kept) < 2 or controls != 1):
            raise ValidationError("Write at least two arms, and tick “is control” on exactly one of them.")


class VariantRows(Rows):
    model = Variant
    formset = VariantFormSet
    verbose_name = "arm"
    verbose_name_plural = "Arms (what an arm does is chosen on the campaign's item, or in the placement)"
    fields = ("key", "name", "weight", "is_control", "propensity")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        frozen = obj is not None and not operations.may_redesign(obj)
        return ("key", "name", "weight", "is_control", "propensity") if frozen else ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or operations.may_redesign(obj)) and super().has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.state == State.DRAFT) and super().has_delete_permission(request, obj)


class MetricRows(Rows):
    model = ExperimentMetric
    verbose_name = "metric"
    verbose_name_plural = "Judged by"
    fields = ("metric",)
    autocomplete_fields = ("metric",)


class AllocationRows(ReadOnlyRows):
    model = Allocation
    verbose_name_plural = "Who is in it: buckets of the layer, by date"
    fields = ("share", "shown_buckets", "shown_from", "shown_to")
    readonly_fields = fields

    @display(description="Share of the layer")
    def share(self, obj: Allocation) -> str:
        return f"{(obj.buckets.upper - obj.buckets.lower) / 100:g} %"

    @display(description="Buckets")
    def shown_buckets(self, obj: Allocation) -> str:
        return f"{obj.buckets.lower} to {obj.buckets.upper - 1}"

    @display(description="From")
    def shown_from(self, obj: Allocation) -> str:
        return moment(obj.period.lower)

    @display(description="To")
    def shown_to(self, obj: Allocation) -> str:
        return moment(obj.period.upper) if obj.period.upper else "further notice"


@admin.register(Experiment)
class ExperimentAdmin(VerbPages, MerchAdmin):
    form = ExperimentForm
    verbs = EXPERIMENT_VERBS
    refusals = (Refused,)
    fixed = ("key", "assignment", "kind")
    portrait_children = ("variants", "judged_by")
    list_display = ("heading", "state_label", "arms", "shown_layer", "shown_started", "assignment")
    list_select_related = ("layer",)
    list_filter = ("state", "assignment", "layer")
    search_fields = ("key", "name", "hypothesis")
    autocomplete_fields = ("layer",)
    inlines = (VariantRows, MetricRows, AllocationRows)
    readonly_fields = ("state_label", "shown_started", "shown_ended", "version", "conclusion", "readout", "shown_rule")
    ordering = ("-created_at",)
    intro = "Tests of a creative, an offer or nothing on an item, of ways of ranking, and tests assigned elsewhere."
    empty_hint = "Add a layer first, then a test with its arms; then choose it on a campaign's item or in a placement."

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets: list[tuple[str, dict[str, Any]]] = [
            ("What it is", {"fields": (("name", "key"), "kind", "hypothesis")}),
            ("Who takes part", {"fields": (("assignment", "layer"), "shown_rule" if frozen(obj) else "rule")}),
            ("How many it needs", {"fields": ("planned_subjects",)}),
        ]
        if obj is not None:
            stand = ("state_label", ("shown_started", "shown_ended"), "version", "conclusion")
            sets.insert(0, ("What it did", {"fields": ("readout",)}))
            sets.append(("Where it stands", {"fields": stand}))
        return sets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if obj is not None and obj.state != State.DRAFT:
            fields = [*fields, *operations.PLAN_FIELDS, "layer"]
        return fields

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.salt = f"exp:{obj.key}"
        stored = Experiment.objects.get(pk=obj.pk) if change else None
        request._merch_design = operations.design(stored) if stored else None  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        before = getattr(request, "_merch_design", None)
        if before is not None:
            row = Experiment.objects.get(pk=form.instance.pk)
            operations.arms_edited(row, before, by=signed_in(request), now=timezone.now())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (obj is None or obj.state == State.DRAFT) and super().has_delete_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Experiment]:
        rows: QuerySet[Experiment] = super().get_queryset(request)
        return rows.annotate(arm_count=Count("variants"))

    @display(description="Experiment", header=True, ordering="name")
    def heading(self, obj: Experiment) -> list[str]:
        return [obj.name, obj.key]

    @display(description="State", label=STATES, ordering="state")
    def state_label(self, obj: Experiment) -> str:
        return obj.get_state_display()

    @display(description="Arms", ordering="arm_count")
    def arms(self, obj: Any) -> int:
        return int(obj.arm_count)

    @display(description="Layer", ordering="layer")
    def shown_layer(self, obj: Experiment) -> str:
        return obj.layer.name if obj.layer else NOTHING

    @display(description="Started", ordering="started_at")
    def shown_started(self, obj: Experiment) -> str:
        return moment(obj.started_at)

    @display(description="Ended")
    def shown_ended(self, obj: Experiment) -> str:
        return moment(obj.ended_at)

    @panel("Who may take part")
    def shown_rule(self, obj: Experiment) -> str:
        return reading(obj.rule)

    @panel("Read-out")
    def readout(self, obj: Experiment) -> str:
        return readout_panel(obj)


def frozen(obj: Experiment | None) -> bool:
    """Whether arms and rule may not be edited: they would no longer compare."""
    return obj is not None and not operations.may_redesign(obj)


@admin.register(Layer)
class LayerAdmin(MerchAdmin):
    fixed = ("key", "salt")
    list_display = ("name", "key", "tests")
    search_fields = ("key", "name")
    intro = "Exclusion groups: experiments in one layer never share a subject at the same time."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Layer]:
        rows: QuerySet[Layer] = super().get_queryset(request)
        return rows.annotate(test_count=Count("experiments"))

    @display(description="Experiments", ordering="test_count")
    def tests(self, obj: Any) -> int:
        return int(obj.test_count)


@admin.register(Metric)
class MetricAdmin(MerchAdmin):
    fixed = ("key",)
    list_display = ("heading", "kind", "event", "field", "window", "role")
    list_select_related = ("event",)
    list_filter = ("kind", "role")
    search_fields = ("key", "name")
    autocomplete_fields = ("event",)
    intro = "What is measured per subject in a window after exposure."
    empty_hint = "Add a metric, e.g. “Subscribed within 7 days”: the share of subjects with the event subscribe."
    fieldsets = (
        ("What it is", {"fields": (("name", "key"), ("kind", "role"))}),
        (
            "What is counted",
            {"fields": (("event", "field"), ("window_hours", "higher_is_better"), "tolerance_percent")},
        ),
    )

    @display(description="Metric", header=True, ordering="name")
    def heading(self, obj: Metric) -> list[str]:
        return [obj.name, obj.key]

    @display(description="Window", ordering="window_hours")
    def window(self, obj: Metric) -> str:
        days, hours = divmod(obj.window_hours, 24)
        return f"{days} days" if days and not hours else f"{obj.window_hours} hours"
