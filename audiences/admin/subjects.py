"""What do we know about a subject, how old is it, and what keeps us quiet?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Value
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from audiences.admin.base import ReadOnlyAdmin, ReadOnlyRows
from audiences.admin.showing import ago, moment, panel, table
from audiences.models import Grant, Sensitivity, Subject, Suppression, TraitDefinition

SEE_SENSITIVE = "audiences.view_sensitive_traits"
HIDDEN = "hidden: sensitive"


class SuppressionRows(ReadOnlyRows):
    model = Suppression
    fields = ("key", "reason", "shown_tiers", "shown_start", "shown_end", "source")
    readonly_fields = ("shown_tiers", "shown_start", "shown_end")
    verbose_name_plural = "Suppressions"

    @display(description="Tiers")
    def shown_tiers(self, obj: Suppression) -> str:
        return ", ".join(obj.tiers)

    @display(description="From")
    def shown_start(self, obj: Suppression) -> str:
        return moment(obj.starts_at)

    @display(description="Until")
    def shown_end(self, obj: Suppression) -> str:
        return moment(obj.expires_at) if obj.expires_at else "removed"


class GrantRows(ReadOnlyRows):
    model = Grant
    fields = ("key", "offer", "shown_amount", "reason", "granted_by", "shown_start", "shown_end")
    readonly_fields = ("shown_amount", "shown_start", "shown_end")
    verbose_name_plural = "Offers that a person allowed"

    @display(description="First price at most")
    def shown_amount(self, obj: Grant) -> str:
        return "as the offer says" if obj.amount is None else f"{obj.amount} minor units of {obj.currency}"

    @display(description="From")
    def shown_start(self, obj: Grant) -> str:
        return moment(obj.starts_at)

    @display(description="Until")
    def shown_end(self, obj: Grant) -> str:
        return moment(obj.expires_at) if obj.expires_at else "taken back"


@admin.register(Subject)
class SubjectAdmin(ReadOnlyAdmin):
    list_display = ("heading", "trait_count", "shown_updated")
    list_filter = ("kind",)
    search_fields = ("key__exact",)
    search_help_text = "The whole account or device id."
    ordering = ("-id",)
    inlines = (SuppressionRows, GrantRows)
    intro = "Accounts and devices, with what we know of each and how old it is. Look one up by its whole id."
    empty_hint = (
        "Nobody yet. Send traits with PATCH /v1/subjects/{id}, or load a file with “manage.py backfill_traits”."
    )
    fieldsets = (
        (None, {"fields": ("kind", "key", "version", "shown_created", "shown_updated")}),
        ("Traits", {"fields": ("trait_table",)}),
        ("Consent", {"fields": ("consent_table",)}),
        ("What happened", {"fields": ("history_table",)}),
        ("Experiment marks", {"fields": ("mark_table",)}),
        ("Pins", {"fields": ("pin_table",)}),
    )
    readonly_fields = ("shown_created", "shown_updated", "trait_table", "consent_table", "history_table", "mark_table")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subject]:
        rows: QuerySet[Subject] = super().get_queryset(request)
        return rows.annotate(sees_sensitive=Value(request.user.has_perm(SEE_SENSITIVE)))

    @display(description="Subject", header=True, ordering="key")
    def heading(self, obj: Subject) -> list[str]:
        return [obj.key, obj.get_kind_display()]

    @display(description="Traits known")
    def trait_count(self, obj: Subject) -> int:
        return len(obj.traits)

    @display(description="First seen")
    def shown_created(self, obj: Subject) -> str:
        return moment(obj.created_at)

    @display(description="Last changed", ordering="updated_at")
    def shown_updated(self, obj: Subject) -> str:
        return moment(obj.updated_at)

    @panel("Traits")
    def trait_table(self, obj: Any) -> SafeString:
        definitions = {one.name: one for one in TraitDefinition.objects.all()}
        now = timezone.now()
        rows = [self._trait(definitions.get(name), name, cell, obj, now) for name, cell in sorted(obj.traits.items())]
        return table(("Trait", "Value", "Observed", "Age"), rows, "No traits are known.")

    def _trait(
        self, definition: TraitDefinition | None, name: str, cell: list[Any], obj: Any, now: datetime
    ) -> list[str]:
        # A trait without a definition may be anything, so it is shown to those who may see everything.
        sensitive = definition is None or definition.sensitivity == Sensitivity.SENSITIVE
        value = HIDDEN if sensitive and not obj.sees_sensitive else str(cell[0])
        observed = at(cell[1])
        age = ago(observed, now)
        if (
            definition is not None
            and definition.tolerated_age is not None
            and now - observed > definition.tolerated_age
        ):
            age = f"{age}: stale, {'treated as missing' if definition.when_stale == 'missing' else 'kept'}"
        return [definition.label if definition else name, value, moment(observed), age]

    @panel("Consent")
    def consent_table(self, obj: Subject) -> SafeString:
        rows = (
            (purpose, "given" if cell[0] else "refused", moment(at(cell[1]))) for purpose, cell in obj.consent.items()
        )
        empty = "No consent is recorded; the legal profile of the market says what that means."
        return table(("Purpose", "Answer", "Since"), rows, empty)

    @panel("History")
    def history_table(self, obj: Subject) -> SafeString:
        rows = (
            (name.replace("|", " · "), cell[0], moment(at(cell[1])), moment(at(cell[2])))
            for name, cell in sorted(obj.history.items())
        )
        return table(("What", "Times", "First", "Last"), rows, "Nothing happened yet.")

    @panel("Marks")
    def mark_table(self, obj: Subject) -> SafeString:
        rows = (
            (name.partition("|")[2], f"version {mark[0]}", mark[1], moment(at(mark[2])))
            for name, mark in sorted(obj.marks.items())
        )
        return table(("Experiment", "Version", "Arm", "Since"), rows, "Not exposed to any experiment.")

    @panel("Pins")
    def pin_table(self, obj: Subject) -> SafeString:
        rows = (
            (name.replace("|", " · "), pin[2], moment(at(pin[3])), moment(at(pin[4])))
            for name, pin in sorted(obj.pins.items())
        )
        return table(("By", "Offer", "Since", "Until"), rows, "No offer is pinned.")


def at(micros: Any) -> datetime:
    """The moment of a stored instant."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(micros or 0))


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    list_display = ("subject", "key", "reason", "shown_tiers", "in_force", "source")
    list_select_related = ("subject",)
    search_fields = ("subject__key__exact", "key")
    list_filter = ("source",)
    ordering = ("-id",)
    intro = (
        "Positive reasons not to merchandise to somebody: a support case, dunning, an opt-out. "
        "Systems set them with PUT /v1/subjects/{id}/suppressions/{key}."
    )
    empty_hint = "Nobody is suppressed."

    @display(description="Tiers")
    def shown_tiers(self, obj: Suppression) -> str:
        return ", ".join(obj.tiers)

    @display(description="In force", ordering="starts_at")
    def in_force(self, obj: Suppression) -> str:
        return f"{moment(obj.starts_at)} to {moment(obj.expires_at) if obj.expires_at else 'removal'}"
