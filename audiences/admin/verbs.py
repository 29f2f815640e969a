"""How does a button on a page carry out one verb: what it will do, asked first, refused with every reason?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from audiences.admin.permissions import signed_in


class Reason(Protocol):
    """One reason against, as every app tells it."""

    @property
    def sentence(self) -> str: ...
    @property
    def hint(self) -> str: ...


class NotDone(Exception):
    """A verb was refused, for these reasons."""

    def __init__(self, problems: Sequence[Reason]) -> None:
        self.problems = problems
        super().__init__(" ".join(problem.sentence for problem in problems))


@dataclass(frozen=True)
class Press:
    """One press of a button: who, when, and what they wrote."""

    by: User
    now: datetime
    comment: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Verb:
    """A button. ``effect`` says in a sentence what will happen; ``perform`` does it and returns what to say.

    ``open`` tells whether the button is shown for this object and person (checked again when it is pressed).
    ``perform`` may return a response of its own, such as a page that shows a secret once.
    """

    name: str
    label: str
    icon: str
    effect: Callable[[Any], str]
    open: Callable[[HttpRequest, Any], bool]
    perform: Callable[[Any, Press], str | HttpResponse | models.Model]
    variant: ActionVariant = ActionVariant.DEFAULT
    comment: str = ""  # label of the comment field; empty: none is asked
    comment_required: bool = False
    form: type[forms.Form] | None = None
    template: str = "audiences/admin/verb.html"
    context: Callable[[HttpRequest, Any], dict[str, Any]] | None = None


class CommentForm(forms.Form):
    """Why, in the person's own words; kept in the audit log."""

    comment = forms.CharField(widget=UnfoldAdminTextareaWidget({"rows": 3}), max_length=2000, required=False)


class KeyForm(forms.Form):
    """The key of a copy."""

    key = forms.SlugField(
        max_length=100,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Small letters, digits and -. It names the copy for ever, e.g. summer-trial-2027.",
    )


class VerbPages(admin.ModelAdmin[Any]):
    """Adds a page per verb: GET asks, POST does. Buttons stand at the top of the object's form."""

    verbs: ClassVar[tuple[Verb, ...]] = ()
    list_verbs: ClassVar[tuple[Verb, ...]] = ()  # of the list as a whole; they get None for an object
    refusals: ClassVar[tuple[type[Exception], ...]]  # of MerchAdmin

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_do"
        views = self.admin_site.admin_view(self.list_verb_view), self.admin_site.admin_view(self.verb_view)
        return [
            path("do/<slug:verb>/", views[0], name=f"{name}_all"),
            path("<path:object_id>/do/<slug:verb>/", views[1], name=name),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = super().changelist_view(request, extra_context)
        if isinstance(shown, TemplateResponse) and shown.context_data is not None:
            buttons = [self._button(verb, None) for verb in self.list_verbs if verb.open(request, None)]
            shown.context_data["actions_list"] = [*(shown.context_data.get("actions_list") or []), *buttons]
        return shown

    def list_verb_view(self, request: HttpRequest, verb: str) -> HttpResponse:
        """A verb of the whole list."""
        chosen = next((one for one in self.list_verbs if one.name == verb), None)
        if chosen is None or not self.has_view_permission(request):
            raise Http404
        return self._asked(request, None, chosen)

    def open_verbs(self, request: HttpRequest, row: models.Model) -> list[Verb]:
        """The verbs whose buttons this person sees on this object now."""
        return [verb for verb in self.verbs if verb.open(request, row)]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None and not add:
            buttons = [self._button(verb, obj) for verb in self.open_verbs(request, obj)]
            context["actions_detail"] = [*(context.get("actions_detail") or []), *buttons]
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _button(self, verb: Verb, row: models.Model | None) -> dict[str, Any]:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_do"
        where = reverse(f"{name}_all", args=[verb.name]) if row is None else reverse(name, args=[row.pk, verb.name])
        return {"title": verb.label, "icon": verb.icon, "variant": verb.variant, "attrs": {}, "path": where}

    def verb_view(self, request: HttpRequest, object_id: str, verb: str) -> HttpResponse:
        """Ask, then do. An object the person may not see does not exist."""
        row = self.get_object(request, object_id)
        chosen = next((one for one in self.verbs if one.name == verb), None)
        if row is None or chosen is None or not self.has_view_permission(request, row):
            raise Http404
        return self._asked(request, row, chosen)

    def _asked(self, request: HttpRequest, row: models.Model | None, chosen: Verb) -> HttpResponse:
        if not chosen.open(request, row):
            return self._closed(request, row, chosen)
        extra = chosen.context(request, row) if chosen.context else {}
        form = self._form(chosen, request, extra.pop("initial", None))
        problems: Iterable[Reason] = ()
        if request.method == "POST" and form.is_valid():
            try:
                return self._perform(request, row, chosen, form)
            except self.refusals as refusal:
                problems = refusal.problems  # type: ignore[attr-defined]
        return self._page(request, row, chosen, form, {"problems": list(problems), **extra})

    def _closed(self, request: HttpRequest, row: models.Model | None, verb: Verb) -> HttpResponse:
        """The button has gone since the page was drawn, or was never theirs."""
        said = f"“{verb.label}” is not open to you now: the state has changed, or you lack the right."
        messages.warning(request, said)
        return HttpResponseRedirect(self._home(row))

    def _home(self, row: models.Model | None) -> str:
        if row is None:
            return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])

    def _form(self, verb: Verb, request: HttpRequest, initial: dict[str, Any] | None) -> forms.Form:
        form = (verb.form or CommentForm)(request.POST if request.method == "POST" else None, initial=initial)
        if "comment" in form.fields:
            form.fields["comment"].label = verb.comment
            form.fields["comment"].required = verb.comment_required
            if not verb.comment:
                del form.fields["comment"]
        return form

    def _perform(self, request: HttpRequest, row: models.Model | None, verb: Verb, form: forms.Form) -> HttpResponse:
        press = Press(signed_in(request), timezone.now(), form.cleaned_data.get("comment", ""), form.cleaned_data)
        outcome = verb.perform(row, press)
        if isinstance(outcome, HttpResponse):
            return outcome
        if isinstance(outcome, models.Model):
            messages.success(request, f"{outcome} was made.")
            return HttpResponseRedirect(self._home(outcome))
        messages.success(request, outcome)
        return HttpResponseRedirect(self._home(row))

    def _page(
        self, request: HttpRequest, row: models.Model | None, verb: Verb, form: forms.Form, extra: dict[str, Any]
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": verb.label,
            "subtitle": str(row) if row is not None else None,
            "opts": self.opts,
            "original": row,
            "verb": verb,
            "danger": verb.variant is ActionVariant.DANGER,
            "effect": verb.effect(row),
            "form": form,
            "back": self._home(row),
            **extra,
        }
        return TemplateResponse(request, verb.template, context)
