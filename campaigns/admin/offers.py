"""Which offers exist, and on which terms? (Published terms never change; a new version is made instead.)"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, F, Max, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from audiences.admin.base import Cards
from audiences.admin.fields import TraitNamesField, WordsField
from audiences.admin.permissions import signed_in
from audiences.admin.rules import RuleField, reading
from audiences.admin.showing import NOTHING, lines, moment, panel
from audiences.admin.verbs import Press, Verb, VerbPages
from campaigns import operations, terms
from campaigns.admin.base import VoidsApprovals
from campaigns.admin.words import major, minor_units, terms_in_words
from campaigns.models import Market, Mechanic, Offer, OfferVersion

State = OfferVersion.State


class AmountsField(forms.CharField):
    """Amounts per market, a line each: SE 119.00. Stored in minor units of the market's currency."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=UnfoldAdminTextareaWidget({"rows": 4, "placeholder": "SE 99.00\nGB 7.99"}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        money = currencies()
        return "\n".join(
            f"{market} {major(minor, money[market]) if market in money else minor}" for market, minor in value.items()
        )

    def clean(self, value: Any) -> dict[str, int] | None:
        money, found, wrong = currencies(), {}, []
        for line in filter(None, (line.strip() for line in str(value or "").splitlines())):
            market, _, number = line.partition(" ")
            try:
                if market not in money:
                    raise ValueError(f"“{market}” is no market; use one of {', '.join(sorted(money))}.")
                found[market] = minor_units(Decimal(number.split()[0].replace(",", ".")), money[market])
            except (ValueError, IndexError) as error:
                wrong.append(
                    f"“{line}”: {error}" if str(error) else f"“{line}”: write a market and a number, SE 99.00."
                )
            except InvalidOperation:
                wrong.append(f"“{line}”: “{number}” is no number. Write SE 99.00.")
        if wrong:
            raise ValidationError(wrong)
        return found or None


def currencies() -> dict[str, str]:
    """The currency of each market."""
    return dict(Market.objects.values_list("code", "currency"))


def _number(label: str, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        required=False, min_value=0, label=label, help_text=help_text, widget=UnfoldAdminIntegerFieldWidget()
    )


def term_fields() -> dict[str, forms.Field]:
    """A form field for each term that some mechanic may have."""
    return {
        "free_period": forms.CharField(
            required=False,
            label="Free for",
            widget=UnfoldAdminTextInputWidget({"placeholder": "P30D"}),
            help_text="A period of one unit: P7D is a week, P1M a month.",
        ),
        "percent_off": _number("Percent off", "1 to 100, of each billing period that the offer covers."),
        "amounts": AmountsField(required=False, label="Amounts", help_text="Per market, a line each: SE 99.00."),
        "cycles": _number("Billing periods", "How many the discount or the amount covers, e.g. 3."),
        "reward": _number("Reward", "What is given, in the reward's own unit."),
        "difficulty": _number("To be reached", "What must be done for it, in the same unit."),
        "duration_hours": _number("Hours to do it", "e.g. 168 for a week."),
        "instead_of": forms.CharField(
            required=False,
            label="Compared with the plan",
            widget=UnfoldAdminTextInputWidget({"placeholder": "individual"}),
            help_text="What that plan costs over the same time, today, is what {saving} is counted from.",
        ),
        "least_saving": _number("Saves at least, percent", "Where it saves less than that today, it is not shown."),
        "channels": WordsField(required=False, label="Channels", help_text="Separated by commas: web, mobile, email."),
    }


class VersionForm(forms.ModelForm[OfferVersion]):
    """The terms of one version, with a field for each term that the offer's mechanic allows."""

    mechanic: ClassVar[str] = ""
    requires = TraitNamesField(
        required=False, help_text="Traits that must be known and fresh; otherwise the offer is refused."
    )
    rule = RuleField(required=False, label="Who may have it", help_text="Empty: everyone whom the campaign reaches.")

    class Meta:
        model = OfferVersion
        fields = ("rule", "requires", "redeem_limit", "redeem_window_days", "redeem_window_months")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in term_names(self.mechanic):
            self.initial[name] = (self.instance.terms or {}).get(name)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        given = {name: cleaned.get(name) for name in term_names(self.mechanic)}
        self.instance.terms = {name: value for name, value in given.items() if value not in (None, "", [])}
        if not self.errors:
            for problem in terms.problems(self.mechanic, self.instance.terms):
                self.add_error(None, f"{problem.sentence} {problem.hint}")
        return cleaned


def term_names(mechanic: str) -> list[str]:
    """The terms that a mechanic allows, in the order of the form."""
    shape = terms.SHAPES.get(mechanic)
    return [name for name in term_fields() if shape is not None and name in shape.allowed]


class DraftVersion(Cards):
    """The one draft that an offer may have."""

    model = OfferVersion
    form = VersionForm
    verbose_name = "draft of the terms"
    verbose_name_plural = "Terms being written"
    max_num = 0
    can_delete = False
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[OfferVersion]:
        rows: QuerySet[OfferVersion] = super().get_queryset(request)
        return rows.filter(state=State.DRAFT)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        mechanic = obj.mechanic if obj is not None else ""
        chosen = term_fields()
        fields = {name: chosen[name] for name in term_names(mechanic)}
        kwargs["form"] = type("TermsForm", (VersionForm,), {"mechanic": mechanic, **fields})
        return super().get_formset(request, obj, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        names = term_names(obj.mechanic) if obj is not None else []
        limits = ("redeem_limit", "redeem_window_days", "redeem_window_months")
        return ((None, {"fields": (*names, "rule", "requires", limits)}),)


class PublishedVersions(Cards):
    """Published terms, read-only for ever."""

    model = OfferVersion
    verbose_name_plural = "Published terms (they never change)"
    max_num = 0
    can_delete = False
    fields = ("shown_terms", "shown_rule", "requires", "shown_limit", "shown_published")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[OfferVersion]:
        rows: QuerySet[OfferVersion] = super().get_queryset(request)
        return rows.filter(state=State.PUBLISHED).select_related("offer")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @panel("Terms")
    def shown_terms(self, obj: OfferVersion) -> SafeString | str:
        return lines(terms_in_words(obj.offer.mechanic, obj.terms, currencies()))

    @panel("Who may have it")
    def shown_rule(self, obj: OfferVersion) -> str:
        return reading(obj.rule)

    @display(description="Redemptions")
    def shown_limit(self, obj: OfferVersion) -> str:
        if obj.redeem_limit is None:
            return "As often as they like."
        windows = ((obj.redeem_window_days, "days"), (obj.redeem_window_months, "months"))
        within = "".join(f" in {size} {unit}" for size, unit in windows if size)
        return f"At most {obj.redeem_limit} per account{within}."

    @display(description="Published")
    def shown_published(self, obj: OfferVersion) -> str:
        return moment(obj.published_at)


def _draft(offer: Offer) -> OfferVersion | None:
    return offer.versions.filter(state=State.DRAFT).first()


def _publish(offer: Offer, press: Press) -> str:
    draft = _draft(offer)
    if draft is None:
        return "There is nothing to publish."
    version = operations.publish_version(draft, by=press.by, now=press.now, why=press.comment)
    return f"Version {version.number} is published. Campaigns show it once their new content is approved."


def _begin(offer: Offer, press: Press) -> str:
    version = operations.new_version(offer, by=press.by, now=press.now, why=press.comment)
    return f"Version {version.number} begins as a copy of the newest terms. Edit it, then publish it."


def may_change(request: HttpRequest, row: Any) -> bool:
    """Whether this person may edit this object."""
    model_admin = admin.site.get_model_admin(type(row))
    return bool(model_admin.has_change_permission(request, row))


VERBS = (
    Verb(
        name="publish",
        label="Publish terms",
        icon="publish",
        variant=ActionVariant.PRIMARY,
        effect=lambda offer: (
            f"The draft of {offer.name} becomes its newest terms and can never be changed after that. "
            "What is live keeps its approved terms until its campaigns are approved again."
        ),
        open=lambda request, offer: may_change(request, offer) and _draft(offer) is not None,
        perform=_publish,
        comment="Why (for the history)",
    ),
    Verb(
        name="new-version",
        label="New version",
        icon="add_circle",
        effect=lambda offer: f"A draft of new terms for {offer.name} begins as a copy of the newest ones.",
        open=lambda request, offer: may_change(request, offer) and _draft(offer) is None,
        perform=_begin,
    ),
)


class HasOffer(admin.SimpleListFilter):
    """Offers with or without terms that campaigns can show."""

    title = "terms"
    parameter_name = "terms"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("published", "Published"), ("draft", "Being written")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "published":
            return queryset.filter(newest__isnull=False)
        return queryset.filter(drafts__gt=0) if self.value() == "draft" else queryset


@admin.register(Offer)
class OfferAdmin(VerbPages, VoidsApprovals):
    fixed = ("key", "mechanic", "plan")
    verbs = VERBS
    portrait_children = ("versions",)
    list_display = ("heading", "mechanic_label", "plan", "shown_newest", "shown_draft", "used", "archived")
    list_select_related = ("plan",)
    list_filter = ("mechanic", "plan", HasOffer, "archived")
    search_fields = ("key", "name")
    autocomplete_fields = ("plan",)
    inlines = (DraftVersion, PublishedVersions)
    intro = "Commercial propositions on a plan. Their terms stand in versions that never change once published."
    empty_hint = "Add an offer, e.g. “30 days free”, a free trial of Premium. Then write its terms and publish them."
    fieldsets = (("What it is", {"fields": ("name", "key", "mechanic", "plan", "category", "archived")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Offer]:
        rows: QuerySet[Offer] = super().get_queryset(request)
        return rows.annotate(
            newest=Max("versions__number", filter=Q(versions__state=State.PUBLISHED)),
            drafts=Count("versions", filter=Q(versions__state=State.DRAFT), distinct=True),
            item_count=Count("items", distinct=True),
        )

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj is not None else ()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not change:
            # So that the next page is the terms, not an empty shell.
            operations.new_version(form.instance, by=signed_in(request), now=timezone.now())

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> Any:
        self.message_user(request, f"{obj} was added. Now write its terms below, save, and publish them.")
        return self.back_to(obj)

    @display(description="Offer", header=True, ordering="name")
    def heading(self, obj: Offer) -> list[str]:
        return [obj.name, obj.key]

    @display(description="Mechanic", label=True, ordering="mechanic")
    def mechanic_label(self, obj: Offer) -> str:
        return str(Mechanic(obj.mechanic).label)

    @display(description="Newest terms", ordering=F("newest").asc(nulls_first=True))
    def shown_newest(self, obj: Any) -> str:
        return f"version {obj.newest}" if obj.newest else "none published"

    @display(description="Being written")
    def shown_draft(self, obj: Any) -> SafeString | str:
        return format_html('<span class="merch-hint">{}</span>', "a draft") if obj.drafts else NOTHING

    @display(description="Campaign items", ordering="item_count")
    def used(self, obj: Any) -> int:
        return int(obj.item_count)
