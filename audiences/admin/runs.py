"""What did each audience run find, and how far is the one under way?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from audiences.admin.base import ReadOnlyAdmin
from audiences.admin.showing import NOTHING, moment, panel, span, table
from audiences.models import AudienceRun

STATES = {
    "Queued": "info",
    "Running": "primary",
    "Held for a person": "warning",
    "Published": "success",
    "Failed": "danger",
}


@admin.register(AudienceRun)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("heading", "state_label", "progress", "took", "engine")
    list_filter = ("state", "engine")
    intro = (
        "Each run counts every audience and works out who did what, as of one moment. "
        "Decisions use the newest published run."
    )
    empty_hint = "No run yet. The scheduler starts one every day; “Count now” on an audience starts one too."
    fieldsets = (
        (None, {"fields": ("shown_as_of", "state_label", "note", "engine")}),
        ("Progress", {"fields": ("progress", "shown_created", "shown_started", "shown_finished", "took")}),
        ("Audiences before and after", {"fields": ("audience_table",)}),
    )
    readonly_fields = (
        "shown_as_of",
        "state_label",
        "progress",
        "shown_created",
        "shown_started",
        "shown_finished",
        "took",
        "audience_table",
    )

    @display(description="Run", header=True, ordering="pk")
    def heading(self, obj: AudienceRun) -> list[str]:
        return [f"Run {obj.pk}", f"as of {moment(obj.as_of)}"]

    @display(description="As of")
    def shown_as_of(self, obj: AudienceRun) -> str:
        return moment(obj.as_of)

    @display(description="State", label=STATES, ordering="state")
    def state_label(self, obj: AudienceRun) -> str:
        return obj.get_state_display()

    @display(description="Progress")
    def progress(self, obj: AudienceRun) -> SafeString:
        share = round(100 * obj.shards_done / obj.shards) if obj.shards else 0
        return format_html(
            '<span class="merch-bar" role="progressbar" aria-label="Shards done" aria-valuenow="{}" aria-valuemin="0" '
            'aria-valuemax="100"><span style="width:{}%"></span></span> {} of {} shards',
            share,
            share,
            obj.shards_done,
            obj.shards,
        )

    @display(description="Queued at")
    def shown_created(self, obj: AudienceRun) -> str:
        return moment(obj.created_at)

    @display(description="Started at")
    def shown_started(self, obj: AudienceRun) -> str:
        return moment(obj.started_at)

    @display(description="Finished at")
    def shown_finished(self, obj: AudienceRun) -> str:
        return moment(obj.finished_at)

    @display(description="Took")
    def took(self, obj: AudienceRun) -> str:
        return span(obj.finished_at - obj.started_at) if obj.finished_at and obj.started_at else NOTHING

    @panel("Counts")
    def audience_table(self, obj: AudienceRun) -> SafeString:
        counts = obj.audience_counts.select_related("audience").order_by("audience__name")
        return table(
            ("Audience", "Before", "After", "Entered", "Left", ""),
            (
                (
                    one.audience.name,
                    _number(one.previous_size),
                    _number(one.size),
                    _number(one.entered),
                    _number(one.left),
                    "Held: it shrank by more than half" if one.held else "",
                )
                for one in counts
            ),
            "Nothing counted yet.",
        )


def _number(value: Any) -> str:
    return NOTHING if value is None else f"{value:,}"
