"""Which laws of the house hold everywhere?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from audiences.admin.fields import TicksField, TraitNamesField
from audiences.admin.revising import FreshForm
from audiences.admin.rules import RuleField, labels, sentence
from audiences.catalogue import vocabulary
from campaigns import guardchecks
from campaigns.admin.base import VoidsApprovals
from campaigns.models import Budget, Domain, Guard, Mechanic
from campaigns.models.campaigns import TIERS


class GuardForm(FreshForm):
    """A law: to what it applies, what must be known, and what must hold."""

    tiers = TicksField(choices=TIERS, required=False, help_text="Empty: every tier.")
    mechanics = TicksField(choices=Mechanic.choices, required=False, help_text="Empty: every offer, and none.")
    requires = TraitNamesField(
        required=False,
        help_text="Traits that must be known and fresh. Without them the guard blocks before its rule is asked, "
        "so that “not under 18” never lets an unknown age through.",
    )
    rule = RuleField(required=False, label="What must hold")


@admin.register(Guard)
class GuardAdmin(VoidsApprovals):
    form = GuardForm
    fixed = ("key",)
    list_display = ("heading", "shown_scope", "said", "active")
    list_filter = ("active",)
    search_fields = ("key", "name")
    autocomplete_fields = ("markets",)
    intro = "Named laws that no candidate may break. They are asked in every decision, whatever a campaign says."
    empty_hint = (
        "Add a guard, e.g. “No trial that turns into pay for minors”: mechanic Free trial, requires birth_date."
    )
    fieldsets = (
        ("The law", {"fields": ("name", "key", "active")}),
        ("What it applies to", {"fields": ("tiers", "mechanics", "markets")}),
        ("What must be known and hold", {"fields": ("requires", "rule")}),
    )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        for problem in guardchecks.lets_unknown_through(form.instance, vocabulary(), now=timezone.now()):
            messages.warning(request, f"{problem.sentence} {problem.hint}")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        shown = super().get_changelist_instance(request)
        words, names = vocabulary(), labels()
        for row in shown.result_list:
            row.sentence = sentence(row.rule, words, names)
        return shown

    @display(description="Guard", header=True, ordering="name")
    def heading(self, obj: Guard) -> list[str]:
        return [obj.name, obj.key]

    @display(description="Applies to")
    def shown_scope(self, obj: Guard) -> str:
        mechanics = ", ".join(str(Mechanic(one).label) for one in obj.mechanics) or "every offer"
        return f"{mechanics}; {', '.join(obj.tiers) or 'every tier'}"

    @display(description="What must hold")
    def said(self, obj: Any) -> str:
        return str(obj.sentence)


@admin.register(Budget)
class BudgetAdmin(VoidsApprovals):
    fixed = ("key", "per_market")
    list_display = ("name", "key", "per_market")
    search_fields = ("key", "name")
    intro = "Of what there is only so much. A campaign that names a budget is not shown where it is used up."
    empty_hint = "Add a budget, e.g. “Holiday 2026”, for each market by itself. Then name it in a campaign."


@admin.register(Domain)
class DomainAdmin(VoidsApprovals):
    fixed = ("key",)
    list_display = ("name", "key")
    search_fields = ("key", "name")
    intro = "Groups of campaigns with one purpose, e.g. acquisition or win-back. A holdout can withhold a whole domain."
