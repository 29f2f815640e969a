"""How is an audience written, how large is it, and who uses it?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from unfold.decorators import display

from audiences.admin.base import MerchAdmin
from audiences.admin.permissions import holds
from audiences.admin.revising import FreshForm
from audiences.admin.rules import RuleField, check_view, labels, reading, sentence
from audiences.admin.showing import NOTHING, moment, panel, table
from audiences.admin.verbs import Press, Verb, VerbPages
from audiences.catalogue import vocabulary
from audiences.membership import start_run
from audiences.models import Audience, AudienceCount, AudienceRun

LOOK_BACK = 12  # runs in the table of sizes


class AudienceForm(FreshForm):
    """An audience by a rule or by a list."""

    rule = RuleField(
        in_audience=True,
        required=False,
        label="Rule",
        help_text="Conditions on traits, events, other audiences and chance. Below it reads back as a sentence.",
    )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        by_list = cleaned.get("kind", self.instance.kind) == Audience.Kind.LIST
        if by_list and cleaned.get("rule"):
            self.add_error("rule", "An audience by a list has no rule. Remove the rule, or choose “By a rule”.")
        if not by_list and "rule" in cleaned and not cleaned["rule"]:
            self.add_error("rule", 'Write a rule, or choose “By a list”. Everyone is {"v": 1, "rule": {"all": []}}.')
        return cleaned


def published_counts() -> QuerySet[AudienceCount]:
    """Counts of published runs, newest first."""
    return AudienceCount.objects.filter(run__state=AudienceRun.State.PUBLISHED).order_by("-run_id")


def _may_count(request: HttpRequest, audience: Any) -> bool:
    return audience is not None and not audience.archived and holds(request, Audience, "change", audience)


def _count(audience: Audience, press: Press) -> str:
    run = start_run(press.now)
    return f"Run {run.pk} is queued. A worker takes it up within a minute; its progress stands under Audience runs."


COUNT = Verb(
    name="count",
    label="Count now",
    icon="sync",
    effect=lambda audience: (
        "A run counts every audience as of now and works out anew who did what. Decisions follow when it is published."
    ),
    open=_may_count,
    perform=_count,
)


@admin.register(Audience)
class AudienceAdmin(VerbPages, MerchAdmin):
    form = AudienceForm
    verbs = (COUNT,)
    fixed = ("slug", "kind")
    list_display = ("heading", "who", "size", "as_of", "archived")
    list_filter = ("kind", "archived")
    search_fields = ("slug", "name", "description")
    ordering = ("name",)
    readonly_fields = ("rule_said", "sizes", "used_by_audiences")
    prepopulated_fields = {"slug": ("name",)}
    intro = "Named sets of subjects. Campaigns, offers and guards name them, so that a rule is written once."
    empty_hint = (
        "Add an audience, e.g. “Heavy listeners”: event listen, at least 20 times in 30 days. Then run the counts."
    )

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj is not None else self.prepopulated_fields

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets: list[tuple[str, dict[str, Any]]] = [
            ("What it is", {"fields": ("name", "slug", "description", "archived")}),
            ("Who", {"fields": ("kind", "rule" if self.writes(request, obj) else "rule_said")}),
        ]
        if obj is not None:
            sets += [("How large", {"fields": ("sizes",)}), ("Used by", {"fields": ("used_by_audiences",)})]
        return sets

    def get_queryset(self, request: HttpRequest) -> QuerySet[Audience]:
        newest = published_counts().filter(audience=OuterRef("pk"))
        rows: QuerySet[Audience] = super().get_queryset(request)
        return rows.annotate(
            newest_size=Subquery(newest.values("size")[:1]), newest_as_of=Subquery(newest.values("run__as_of")[:1])
        )

    def get_urls(self) -> list[URLPattern]:
        check = self.admin_site.admin_view(check_view)
        return [path("rule-check/", check, name="audiences_rule_check"), *super().get_urls()]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The rows of the list with their sentences; the words are read once, not once per row."""
        shown = super().get_changelist_instance(request)
        words, said = vocabulary(), labels()
        for row in shown.result_list:
            row.said = sentence(row.rule, words, said)
        return shown

    @display(description="Audience", header=True, ordering="name")
    def heading(self, obj: Audience) -> list[str]:
        return [obj.name, obj.slug]

    @display(description="Who")
    def who(self, obj: Any) -> str:
        if obj.kind == Audience.Kind.LIST:
            return "An uploaded list"
        return obj.said if len(obj.said) <= 140 else f"{obj.said[:139]}…"

    @display(description="Size", ordering="newest_size")
    def size(self, obj: Any) -> str:
        return NOTHING if obj.newest_size is None else f"{obj.newest_size:,}"

    @display(description="Counted as of", ordering="newest_as_of")
    def as_of(self, obj: Any) -> str:
        return "not yet" if obj.newest_as_of is None else moment(obj.newest_as_of)

    def writes(self, request: HttpRequest, obj: Any) -> bool:
        """Whether this person writes the rule, or only reads what it says."""
        return bool(self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj))

    @panel("Rule")
    def rule_said(self, obj: Audience) -> str:
        return "An uploaded list" if obj.kind == Audience.Kind.LIST else reading(obj.rule)

    @panel("Size over time")
    def sizes(self, obj: Audience) -> SafeString:
        counts = published_counts().filter(audience=obj).select_related("run")[:LOOK_BACK]
        rows = (
            (moment(one.run.as_of), f"{one.size:,}", _signed(one.entered, "+"), _signed(one.left, "−"))
            for one in counts
        )
        return table(
            ("As of", "Subjects", "Entered", "Left"),
            rows,
            "Not counted yet. A new audience is counted by itself within minutes; “Count now” counts it too.",
        )

    @panel("Other audiences")
    def used_by_audiences(self, obj: Audience) -> SafeString | str:
        others = Audience.objects.filter(rule__icontains=f'"{obj.slug}"').exclude(pk=obj.pk)
        return ", ".join(other.name for other in others) or "None."


def _signed(number: int | None, sign: str) -> str:
    return NOTHING if number is None else f"{sign}{number:,}"
