"""What does a browser send back when a person changes a few fields of an admin form and presses Save?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.forms import BaseForm


def posted(page: Any, **changes: Any) -> dict[str, Any]:
    """Every field of the form as the page drew it, with ``changes`` (None leaves a field out)."""
    context = page.context
    data: dict[str, Any] = {"_continue": "1"}
    if context.get("seen") is not None:
        data["_seen"] = context["seen"]
    data.update(_values(context["adminform"].form))
    for inline in context["inline_admin_formsets"]:
        data.update(_formset(inline.formset))
    data.update(changes)
    return {name: value for name, value in data.items() if value is not None}


def _formset(formset: Any) -> Iterator[tuple[str, Any]]:
    yield from _values(formset.management_form)
    for form in formset.forms:
        yield from _values(form)
        for nested in getattr(form, "nested_formsets", ()):
            yield from _formset(nested.formset)


def _values(form: BaseForm) -> Iterator[tuple[str, Any]]:
    """Each input by its name, through the widget, as HTML would carry it."""
    for bound in form:
        widget: Any = getattr(bound.field.widget, "widget", bound.field.widget)  # out of admin's wrapper
        value = bound.field.prepare_value(bound.value())
        parts = getattr(widget, "widgets", None)
        if parts is None:
            ticked = value is True  # which a check box does not send as its value
            shown = ticked or (widget.format_value(value) if value is not None else None)
            if isinstance(shown, list) and not getattr(widget, "allow_multiple_selected", False):
                shown = next(iter(shown), None)
            yield from _input(bound.html_name, shown)
            continue
        whole = value if isinstance(value, list) else widget.decompress(value)  # a list: as it was posted before
        for number, (part, one) in enumerate(zip(parts, whole, strict=False)):
            yield from _input(f"{bound.html_name}_{number}", part.format_value(one))


def _input(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if value is True:
        yield name, "on"
    elif value not in (None, False, "", []):
        yield name, value


def errors(page: Any) -> str:
    """Every message of every form on the page, in one text."""
    context = page.context
    found = [str(context["adminform"].form.errors)]
    for inline in context["inline_admin_formsets"]:
        found += [str(inline.formset.non_form_errors()), *(str(one) for one in inline.formset.errors)]
    return " ".join(found)
