"""What does a creative say, in each locale?"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from audiences.admin.base import Cards
from audiences.admin.showing import NOTHING
from campaigns import creatives, money
from campaigns.admin.base import VoidsApprovals
from campaigns.models import Creative, CreativeContent

Schema = list[dict[str, Any]]
PREFIX = "field_"
LONG = 120  # characters: longer texts get a text area
SCHEMES: frozenset[str] = frozenset(getattr(settings, "MERCH_LINK_SCHEMES", ("merch",)))


class ContentForm(forms.ModelForm[CreativeContent]):
    """One locale, with a form field for each field of the format."""

    schema: ClassVar[Schema] = []

    class Meta:
        model = CreativeContent
        fields = ("locale",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance.fields or {}
        for field in self.schema:
            value = stored.get(field["name"])
            if field.get("type") == "cta":
                value = value if isinstance(value, dict) else {}
                self.initial[f"{PREFIX}{field['name']}_label"] = value.get("label")
                self.initial[f"{PREFIX}{field['name']}_href"] = value.get("href")
            else:
                self.initial[PREFIX + field["name"]] = value

    def clean_locale(self) -> str:
        tag = str(self.cleaned_data["locale"]).strip()
        if not money.known_locale(tag):
            raise forms.ValidationError(f"{tag} is no known locale. Use a tag such as sv-SE, or sv for every Swedish.")
        return tag

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        values = {field["name"]: self._value(field, cleaned) for field in self.schema}
        self.instance.fields = {name: value for name, value in values.items() if value not in (None, "", {})}
        where = cleaned.get("locale") or "this locale"
        for field in self.schema:
            one = {field["name"]: self.instance.fields.get(field["name"])}
            for problem in creatives.content_problems([field], one, where, SCHEMES):
                self.add_error(form_names(field)[0], f"{problem.sentence} {problem.hint}")
        return cleaned

    def _value(self, field: dict[str, Any], cleaned: dict[str, Any]) -> Any:
        if field.get("type") != "cta":
            return cleaned.get(PREFIX + field["name"])
        label, href = (cleaned.get(name) for name in form_names(field))
        return {"label": label or "", "href": href or ""} if label or href else None


def form_names(field: dict[str, Any]) -> tuple[str, ...]:
    """The form fields of one field of the schema."""
    name = PREFIX + field["name"]
    return (f"{name}_label", f"{name}_href") if field.get("type") == "cta" else (name,)


def form_fields(schema: Schema) -> dict[str, forms.Field]:
    """A form field for each field of the schema; a call to action needs two."""
    made: dict[str, forms.Field] = {}
    for field in schema:
        label = str(field["name"]).replace("_", " ").capitalize()
        if field.get("type") == "cta":
            first, second = form_names(field)
            label = "Call to action" if field["name"] == "cta" else label
            made[first] = _text(f"{label}: what it says", field.get("max_length") or creatives.LONGEST_LABEL)
            made[second] = _link(f"{label}: where it leads")
        elif field.get("type") in ("url", "image"):
            made[form_names(field)[0]] = _link(label)
        elif field.get("type") == "bool":
            made[form_names(field)[0]] = forms.BooleanField(
                required=False, label=label, widget=UnfoldBooleanSwitchWidget()
            )
        else:
            made[form_names(field)[0]] = _text(label, field.get("max_length"))
        if field.get("required", True) and field.get("type") != "bool":
            for name in form_names(field):
                made[name].required = True
    return made


def _text(label: str, longest: int | None) -> forms.CharField:
    long = longest is None or longest > LONG
    widget = UnfoldAdminTextareaWidget({"rows": 3}) if long else UnfoldAdminTextInputWidget()
    bound = f"At most {longest} characters. " if longest else ""
    return forms.CharField(
        required=False,
        label=label,
        widget=widget,
        help_text=f"{bound}{{price}}, {{then}} and {{saving}} are filled in.",
    )


def _link(label: str) -> forms.CharField:
    return forms.CharField(
        required=False,
        label=label,
        widget=UnfoldAdminTextInputWidget(),
        help_text="https://… or a scheme of the app.",
    )


class ContentCards(Cards):
    """The words of a creative, a card per locale."""

    model = CreativeContent
    form = ContentForm
    verbose_name = "locale"
    verbose_name_plural = "What it says, per locale"

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        schema = obj.format.fields if obj is not None else []
        kwargs["form"] = type("TypedContentForm", (ContentForm,), {"schema": schema, **form_fields(schema)})
        return super().get_formset(request, obj, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        schema = obj.format.fields if obj is not None else []
        return ((None, {"fields": ("locale", *(name for field in schema for name in form_names(field)))}),)


@admin.register(Creative)
class CreativeAdmin(VoidsApprovals):
    fixed = ("key", "format")
    portrait_children = ("contents",)
    list_display = ("heading", "format", "shown_locales", "default_locale", "used", "urgency", "archived")
    list_select_related = ("format",)
    list_filter = ("format", "urgency", "archived")
    search_fields = ("key", "name")
    autocomplete_fields = ("format",)
    inlines = (ContentCards,)
    intro = (
        "Content in a format, with its fields per locale. Amounts never stand in the text: the quote fills {price} in."
    )
    empty_hint = "Add a creative: choose its format, save, then write what it says in each locale."
    fieldsets = (("What it is", {"fields": ("name", "key", "format", "default_locale", "urgency", "archived")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Creative]:
        rows: QuerySet[Creative] = super().get_queryset(request)
        return rows.annotate(
            locale_names=ArrayAgg(
                "contents__locale",
                filter=Q(contents__isnull=False),
                distinct=True,
                default=[],
                order_by="contents__locale",
            ),
            item_count=Count("items", distinct=True),
        )

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj is not None else ()

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> Any:
        if "_popup" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        self.message_user(request, f"{obj} was added. Now write what it says, one card per locale.")
        return self.back_to(obj)

    @display(description="Creative", header=True, ordering="name")
    def heading(self, obj: Creative) -> list[str]:
        return [obj.name, obj.key]

    @display(description="Locales")
    def shown_locales(self, obj: Any) -> str:
        return ", ".join(obj.locale_names) or NOTHING

    @display(description="Campaign items", ordering="item_count")
    def used(self, obj: Any) -> int:
        return int(obj.item_count)
