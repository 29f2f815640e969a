"""Where do we sell, and what does the law allow there?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from unfold.decorators import display

from audiences.admin.base import Cards
from audiences.admin.fields import WordsField, ZoneField
from audiences.admin.revising import FreshForm
from campaigns import money
from campaigns.admin.base import VoidsApprovals
from campaigns.models import LegalProfile, Market


class MarketForm(FreshForm):
    """A market with checked currency, zone and locale."""

    time_zone = ZoneField(help_text="Used where an account declares none, e.g. Europe/Stockholm.")
    countries = WordsField(upper=True, help_text="Two-letter codes of request countries, e.g. SE, AX.")

    def clean_currency(self) -> str:
        code = str(self.cleaned_data["currency"]).upper()
        if not money.known_currency(code):
            raise ValidationError(f"{code} is no ISO 4217 currency. Use a code such as SEK.")
        return code

    def clean_default_locale(self) -> str:
        tag = str(self.cleaned_data["default_locale"])
        if not money.known_locale(tag):
            raise ValidationError(f"{tag} is no known locale. Use a tag such as sv-SE.")
        return tag

    def clean_countries(self) -> list[str]:
        codes: list[str] = self.cleaned_data["countries"]
        wrong = [code for code in codes if len(code) != 2 or not code.isascii() or not code.isalpha()]
        if wrong:
            raise ValidationError(f"{', '.join(wrong)}: use two-letter ISO 3166 codes such as SE.")
        return codes


class LegalCards(Cards):
    model = LegalProfile
    verbose_name = "legal profile"
    verbose_name_plural = "What the law allows, per age band (where two apply, the stricter wins)"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("min_age", "max_age"),
                    ("profiling", "urgency"),
                    ("trial_allowed",),
                    ("unknown_age", "unknown_consent"),
                )
            },
        ),
    )


@admin.register(Market)
class MarketAdmin(VoidsApprovals):
    form = MarketForm
    fixed = ("code", "currency")
    portrait_children = ("legal_profiles",)
    list_display = ("heading", "currency", "time_zone", "in_countries", "default_locale", "embargoed")
    list_filter = ("embargoed",)
    search_fields = ("code", "name")
    inlines = (LegalCards,)
    intro = "Territories with one currency each. An account's billing market decides its prices."
    empty_hint = "Add the first market, e.g. SE, Sweden, SEK, Europe/Stockholm. Prices and campaigns name it."
    fieldsets = (
        ("What it is", {"fields": ("name", "code", "currency")}),
        ("Where and when", {"fields": ("countries", "time_zone", "default_locale")}),
        ("Embargo", {"fields": ("embargoed",)}),
    )

    @display(description="Market", header=True, ordering="code")
    def heading(self, obj: Market) -> list[Any]:
        return [obj.name, obj.code]

    @display(description="Countries")
    def in_countries(self, obj: Market) -> str:
        return ", ".join(obj.countries)
