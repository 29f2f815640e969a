"""How does a person enter a length of time, a zone, a list, a wall time?"""

from __future__ import annotations

import re
import zoneinfo
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from audiences.admin.showing import pretty, span
from audiences.models import TraitDefinition

_SPAN = re.compile(r"^(\d{1,6})\s*(second|minute|hour|day|week)s?$")
_UNITS = {unit: timedelta(**{f"{unit}s": 1}) for unit in ("second", "minute", "hour", "day", "week")}


class SpanField(forms.Field):
    """A length of time in words. (Django's own field reads a bare 7 as seconds.)"""

    widget = UnfoldAdminTextInputWidget({"placeholder": "7 days"})

    def prepare_value(self, value: Any) -> Any:
        return span(value) if isinstance(value, timedelta) else value

    def to_python(self, value: Any) -> timedelta | None:
        if value in self.empty_values or isinstance(value, timedelta):
            return value or None
        found = _SPAN.match(str(value).strip().lower())
        if not found or not int(found[1]):
            raise ValidationError("Write a number and a unit: 30 minutes, 24 hours, 7 days, 2 weeks.")
        return int(found[1]) * _UNITS[found[2]]

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except ValidationError:
            return True


class ZoneField(forms.ChoiceField):
    """A time zone of the tz database, in a list one can search."""

    def __init__(self, *, empty: str = "", **kwargs: Any) -> None:
        names = sorted(name for name in zoneinfo.available_timezones() if "/" in name or name == "UTC")
        first = [("", empty)] if empty else []
        super().__init__(choices=[*first, *((name, name) for name in names)], **kwargs)
        self.widget = UnfoldAdminSelect2Widget(choices=self.choices)


class WallField(forms.SplitDateTimeField):
    """What a clock on the wall shows: the hands as they were written, in no zone."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", UnfoldAdminSplitDateTimeWidget())
        super().__init__(**kwargs)
        self.widget.widgets[1].format = "%H:%M"  # seconds only invite mistakes

    def compress(self, data_list: Any) -> datetime | None:
        made = super().compress(data_list)
        return made.replace(tzinfo=None) if made else None


def at_wall(value: datetime | None, zone: str) -> datetime | None:
    """What the wall clock of ``zone`` shows at the instant ``value``."""
    return value.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if value else None


def instant(value: datetime | None, zone: str) -> datetime | None:
    """The instant at which the wall clock of ``zone`` shows ``value``; the earlier one where it shows it twice."""
    return value.replace(tzinfo=ZoneInfo(zone)) if value else None


class WordsField(forms.CharField):
    """A list of short texts, separated by commas or lines."""

    def __init__(self, *, upper: bool = False, **kwargs: Any) -> None:
        self.upper = upper
        kwargs.setdefault("widget", UnfoldAdminTextInputWidget())
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return list(value)
        words = [word.strip() for word in re.split(r"[,\n]", str(value or "")) if word.strip()]
        return [word.upper() for word in words] if self.upper else words

    def clean(self, value: Any) -> Any:
        words = self.to_python(value)
        if self.required and not words:
            raise ValidationError("Name at least one.")
        return words

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(initial or []) != self.to_python(data))


class TicksField(forms.MultipleChoiceField):
    """Some of a short closed list, as check boxes."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget


class TraitNamesField(forms.MultipleChoiceField):
    """Names of traits, chosen from the definitions."""

    widget = UnfoldAdminSelect2MultipleWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=trait_names, **kwargs)


def trait_names() -> list[tuple[str, str]]:
    """Every defined trait by name, with its label."""
    return [(row.name, f"{row.label} ({row.name})") for row in TraitDefinition.objects.only("name", "label")]


class JsonField(forms.JSONField):
    """JSON in fixed-width text, indented, with the place of a mistake."""

    widget = UnfoldAdminTextareaWidget({"rows": 8, "class": "merch-json", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return super().prepare_value(value) if isinstance(value, str) else pretty(value)
