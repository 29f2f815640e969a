"""How does a person write a campaign, in the order in which they think?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from audiences.admin.base import Cards, Rows
from audiences.admin.fields import WallField, WordsField, ZoneField
from audiences.admin.revising import FreshForm
from audiences.admin.rules import RuleField
from audiences.admin.showing import wall
from audiences.admin.verbs import VerbPages
from campaigns import proposal
from campaigns.admin import panels
from campaigns.admin.base import VoidsApprovals
from campaigns.admin.campaign_verbs import VERBS
from campaigns.admin.cap_words import cap_sentence, cooldown_sentence
from campaigns.admin.caps import OwnCapForm, OwnCooldownForm
from campaigns.lifecycle import State
from campaigns.models import Approval, Campaign, CampaignItem, Cooldown, FrequencyCap, ItemArm

ANY_ZONE = "Each account's own time zone"


class CampaignForm(FreshForm):
    """A campaign; wall times stay the hands of the clock that was meant."""

    rule = RuleField(required=False, label="Who", help_text="Empty: everyone. Below it reads back as a sentence.")
    steps = WordsField(required=False, help_text="Of the journey, by key, separated by commas. Empty: at each of them.")
    starts = WallField(help_text="Wall time, inclusive: 09:00 is nine o'clock on the clocks of the zone below.")
    ends = WallField(required=False, help_text="Wall time, exclusive. Empty: until somebody ends it.")
    time_zone = ZoneField(
        empty=ANY_ZONE,
        required=False,
        label="On whose clocks",
        help_text="A fixed zone begins everywhere at one instant; each account's own zone begins with its own morning.",
    )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        starts, ends = cleaned.get("starts"), cleaned.get("ends")
        if starts and ends and ends <= starts:
            self.add_error("ends", "The end must be later than the start.")
        if cleaned.get("fallback") and cleaned.get("tier") not in (None, "HOUSE"):
            self.add_error("fallback", "Only HOUSE content can be a fallback. Choose the tier House, or untick this.")
        return cleaned

    def validate_constraints(self) -> None:
        # What they would say is said above in words, beside its field.
        if not self.errors:
            super().validate_constraints()


class ArmRows(Rows):
    """What the arms of an item's experiment show instead."""

    model = ItemArm
    page_model = Campaign
    fk_name = "item"
    verbose_name = "arm"
    verbose_name_plural = "What its arms show instead (none: the item as it is)"
    fields = ("variant", "nothing", "creative", "offer")
    autocomplete_fields = ("variant", "creative", "offer")

    def whole(self, obj: Any) -> Any:
        if not isinstance(obj, CampaignItem):
            return obj
        return obj.campaign if obj.campaign_id else None


class ItemForm(FreshForm):
    """An item. Where nobody chose a key it is made from placement and creative."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "key" in self.fields:
            self.fields["key"].required = False
            self.fields["key"].help_text = "Unique within the campaign; breaks ties. Empty: made for you."

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        placement, creative, nothing = (cleaned.get(name) for name in ("placement", "creative", "nothing"))
        if not cleaned.get("key") and placement and (creative or nothing):
            cleaned["key"] = f"{placement.slug}-{creative.key if creative else 'nothing'}"[:100].rstrip("-")
        if nothing and (creative or cleaned.get("offer") or cleaned.get("experiment")):
            self.add_error("nothing", "An item that shows nothing has no creative, offer or experiment. Empty them.")
        elif not nothing and not creative and "creative" not in self.errors:
            self.add_error("creative", "Choose a creative, or tick “Show nothing”.")
        return cleaned

    def validate_constraints(self) -> None:
        # What they would say is said above in words, beside its field.
        if not self.errors:
            super().validate_constraints()


class ItemCards(Cards):
    model = CampaignItem
    form = ItemForm
    verbose_name = "item"
    verbose_name_plural = "3. Where and what"
    autocomplete_fields = ("placement", "creative", "offer", "experiment")
    inlines = (ArmRows,)
    fieldsets = ((None, {"fields": ("placement", "creative", "offer", "experiment", ("key", "weight", "nothing"))}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[CampaignItem]:
        rows: QuerySet[CampaignItem] = super().get_queryset(request)
        return rows.select_related("placement", "creative", "offer", "experiment").order_by("placement__rank", "key")


class CapRows(Rows):
    model = FrequencyCap
    form = OwnCapForm
    verbose_name = "cap"
    verbose_name_plural = "5. How often"
    fields = ("limit", "event", "window", "length", "unit", "scope", "strict")


class CooldownRows(Rows):
    model = Cooldown
    form = OwnCooldownForm
    verbose_name = "cooldown"
    verbose_name_plural = "and how long it rests"
    fields = ("event", "length", "scope")
    template_after = "campaigns/admin/caps_said.html"


# The pieces of the page from top to bottom: fieldsets by name, inlines by model.
ORDER: tuple[str | type[Any], ...] = (
    "1. Goal and markets",
    "2. Who",
    CampaignItem,
    "4. When",
    FrequencyCap,
    Cooldown,
    "6. How much",
    "7. Measured how",
    "8. Check",
)


@admin.register(Campaign)
class CampaignAdmin(VerbPages, panels.Panels, VoidsApprovals):
    form = CampaignForm
    fixed = ("key",)
    verbs = VERBS
    portrait_children = ("items.arms", "caps", "cooldowns")
    change_form_template = "campaigns/admin/campaign_form.html"
    list_display = ("heading", "state_label", "flight", "tier_label", "in_markets", "item_count_shown", "shown_domain")
    list_filter = ("state", "tier", "domain", "markets", "fallback")
    search_fields = ("key", "name", "goal")
    autocomplete_fields = ("journey", "domain", "markets", "budgets")
    prepopulated_fields = {"key": ("name",)}
    inlines = (ItemCards, CapRows, CooldownRows)
    readonly_fields = ("standing", "rule_said", "instants", "measured", "checks")
    intro = "What you want to show: to whom, where, when and how often. Another person approves it before it goes live."
    empty_hint = (
        "Add the first campaign. You need a placement and a creative; the form asks in the order in which you think."
    )
    fieldsets = (
        (
            "1. Goal and markets",
            {
                "fields": (
                    "standing",
                    ("name", "key"),
                    "goal",
                    "markets",
                    ("tier", "priority"),
                    ("domain", "fallback"),
                )
            },
        ),
        ("2. Who", {"fields": ("rule", ("journey", "steps"), "pin_hours")}),
        ("4. When", {"fields": ("starts", "ends", "time_zone", "instants")}),
        ("6. How much", {"fields": ("budgets",)}),
        ("7. Measured how", {"fields": ("measured",)}),
        ("8. Check", {"fields": ("checks",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        rows: QuerySet[Campaign] = super().get_queryset(request)
        return rows.select_related("domain").prefetch_related("markets").annotate(item_count=Count("items"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may not write the rule reads what it says."""
        sets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return sets
        return [(name, {"fields": ("rule_said",)} if name == "2. Who" else options) for name, options in sets]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj is not None else self.prepopulated_fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        ended = obj is not None and obj.state == State.ENDED  # it is history
        return not ended and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        kept = obj is None or obj.state != State.DRAFT or obj.approvals.exists()  # what was ever signed stays
        return not kept and super().has_delete_permission(request, obj)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        shown = super().get_changelist_instance(request)
        edited = with_unapproved_edits([row.pk for row in shown.result_list if row.state in (State.LIVE, State.PAUSED)])
        now = timezone.now()
        for row in shown.result_list:
            row.edited = row.pk in edited
            row.phase = panels.phase(row, now)
        return shown

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        request.merch_now = timezone.now()  # type: ignore[attr-defined]
        return super().changeform_view(request, object_id, form_url, extra_context)

    def verb_view(self, request: HttpRequest, object_id: str, verb: str) -> HttpResponse:
        request.merch_now = timezone.now()  # type: ignore[attr-defined]
        return super().verb_view(request, object_id, verb)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        context["pieces"] = _pieces(context)
        if obj is not None:
            context["caps_said"] = [
                *(cap_sentence(cap) for cap in obj.caps.all()),
                *(cooldown_sentence(each) for each in obj.cooldowns.all()),
            ]
        return super().render_change_form(request, context, add, change, form_url, obj)

    @display(description="Campaign", header=True, ordering="name")
    def heading(self, obj: Campaign) -> list[str]:
        return [obj.name, obj.key]

    @display(description="State", label=panels.STATES, ordering="state")
    def state_label(self, obj: Any) -> str:
        said = str(obj.get_state_display())
        if obj.state == State.LIVE and obj.phase:
            said = f"{said}, {obj.phase}"
        return f"{said}, edited" if obj.edited else said

    @display(description="Flight", header=True, ordering="starts")
    def flight(self, obj: Campaign) -> list[str]:
        ends = wall(obj.ends) if obj.ends else "further notice"
        return [f"{wall(obj.starts)} to", f"{ends}, {obj.time_zone or 'own zone'}"]

    @display(description="Tier", header=True, ordering="tier")
    def tier_label(self, obj: Campaign) -> list[str]:
        return [obj.get_tier_display(), f"priority {obj.priority}"]

    @display(description="Markets")
    def in_markets(self, obj: Campaign) -> str:
        codes = [market.code for market in obj.markets.all()]
        return ", ".join(codes) or "all"

    @display(description="Items", ordering="item_count")
    def item_count_shown(self, obj: Any) -> int:
        return int(obj.item_count)

    @display(description="Domain", ordering="domain")
    def shown_domain(self, obj: Campaign) -> str | SafeString:
        return obj.domain.name if obj.domain else ""


def _pieces(context: dict[str, Any]) -> list[dict[str, Any]]:
    """The fieldsets and inlines of the page in the order of a person's thoughts."""
    fieldsets = {fieldset.name: fieldset for fieldset in context["adminform"]}
    inlines = {inline.opts.model: inline for inline in context["inline_admin_formsets"]}
    found: list[dict[str, Any]] = []
    for piece in ORDER:
        if isinstance(piece, str):
            found.append({"fieldset": fieldsets.get(piece)})
        elif piece in inlines:
            found.append({"inline": inlines[piece]})
    return found


def with_unapproved_edits(ids: list[int]) -> set[int]:
    """Those campaigns whose rows differ from what was approved last; a constant number of queries."""
    if not ids:
        return set()
    newest = Approval.objects.filter(decision=Approval.Decision.APPROVED).order_by("campaign_id", "-pk")
    approved = dict(
        newest.filter(campaign_id__in=ids).distinct("campaign_id").values_list("campaign_id", "content_hash")
    )
    current = proposal.contents(ids)
    return {pk for pk, content in current.items() if approved.get(pk) != proposal.content_hash(content)}
