"""How is a rule entered, checked and read back as a sentence?"""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget

from audiences.admin.showing import pretty
from audiences.catalogue import vocabulary
from audiences.models import Audience, ContextDefinition, EventDefinition, TraitDefinition
from audiences.rules import EVERYWHERE, IN_AUDIENCES, Problem, Rule, Vocabulary, parse
from audiences.rules.describe import Labels, describe

EXAMPLE = '{"v": 1, "rule": {"all": [{"trait": "market", "op": "in", "value": ["SE", "GB"]}]}}'
EVERYONE = "Everyone."

# What a person copies to begin with: in words, and the condition. Tests hold that each is a rule.
EXAMPLES = (
    ("Free listeners in two markets", (
        '{"v": 1, "rule": {"all": [\n  {"trait": "market", "op": "in", "value": ["SE", "GB"]},\n'
        '  {"trait": "subscription_state", "op": "eq", "value": "FREE"}]}}'
    )),
    ("Listened on 5 of the last 7 days", (
        '{"v": 1, "rule": {"event": "listen", "agg": "days", "window": 7, "op": "gte", "value": 5}}'
    )),
    ("Not in an audience", '{"v": 1, "rule": {"audience": "press-list", "op": "nin"}}'),
    ("One in ten, by chance", '{"v": 1, "rule": {"bucket": "spring", "op": "lt", "value": 1000}}'),
)  # fmt: skip
ELSEWHERE = (
    ("On phones", '{"v": 1, "rule": {"ctx": "platform", "op": "in", "value": ["ios", "android"]}}'),
    ("Closed this placement within 30 days", (
        '{"v": 1, "rule": {"history": "placement", "key": "home-hero", "agg": "count", "of": "dismissal",\n'
        '  "window": 30, "op": "gte", "value": 1}}'
    )),
)  # fmt: skip
NAMES = (
    ("traitdefinition", "Traits"),
    ("eventdefinition", "Events"),
    ("audience", "Audiences"),
    ("contextdefinition", "Context values"),
)


def labels() -> Labels:
    """What people call traits, context values, events and audiences; four queries."""
    return Labels(
        traits=dict(TraitDefinition.objects.values_list("name", "label")),
        contexts=dict(ContextDefinition.objects.values_list("name", "label")),
        events=dict(EventDefinition.objects.values_list("name", "label")),
        audiences=dict(Audience.objects.values_list("slug", "name")),
    )


def sentence(document: Any, words: Vocabulary | None = None, said: Labels | None = None) -> str:
    """The rule in words; a rule that no longer fits the definitions is said to be broken."""
    if not document:
        return EVERYONE
    rule = parse(document, words or vocabulary())
    if isinstance(rule, Rule):
        return describe(rule, said or labels())
    return "This rule no longer fits the definitions: " + " ".join(problem.sentence for problem in rule)


def findings(text: str, *, in_audience: bool, name: str | None = None) -> Rule | list[Problem] | None:
    """The rule in ``text``, or every problem of it; None for an empty text."""
    if not text.strip() or text.strip() in ("{}", "null"):
        return None
    return parse(text, vocabulary(), allow=IN_AUDIENCES if in_audience else EVERYWHERE, name=name)


class RuleWidget(UnfoldAdminTextareaWidget):
    """A text area that asks, while one types, what the rule says and what is wrong with it."""

    template_name = "audiences/admin/rule_widget.html"

    def __init__(self, *, in_audience: bool = False) -> None:
        super().__init__({"rows": 10, "class": "merch-json", "spellcheck": "false"})
        self.in_audience = in_audience

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        kind = "audience" if self.in_audience else "campaign"
        context["check_url"] = f"{reverse('admin:audiences_rule_check')}?field={name}&where={kind}"
        context["example"] = EXAMPLE
        context["examples"] = EXAMPLES if self.in_audience else EXAMPLES + ELSEWHERE
        context["names"] = [(reverse(f"admin:audiences_{model}_changelist"), label) for model, label in NAMES]
        return context


class RuleField(forms.JSONField):
    """A rule document. Empty means everyone. Every problem is told at once, with its place."""

    def __init__(self, *, in_audience: bool = False, **kwargs: Any) -> None:
        self.in_audience = in_audience
        kwargs.pop("encoder", None)
        kwargs.pop("decoder", None)
        kwargs["widget"] = RuleWidget(in_audience=in_audience)
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return value
        return pretty(value) if value else ""

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data

    def clean(self, value: Any) -> Any:
        text = value if isinstance(value, str) else json.dumps(value or {})
        found = findings(text, in_audience=self.in_audience)
        if found is None:
            return {}
        if not isinstance(found, Rule):
            raise ValidationError([f"{one.where}: {one.sentence} {one.hint}" for one in found])
        return json.loads(text)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or {}) != json.loads(data or "{}"))
        except ValueError:
            return True


def check_view(request: HttpRequest) -> HttpResponse:
    """The fragment beside a rule: its sentence, or every problem with its place."""
    text = request.POST.get(request.GET.get("field", ""), "")
    found = findings(text, in_audience=request.GET.get("where") == "audience")
    context: dict[str, Any] = {"problems": [], "sentence": EVERYONE}
    if isinstance(found, Rule):
        context["sentence"] = describe(found, labels())
    elif found is not None:
        context["problems"] = found
    return render(request, "audiences/admin/rule_check.html", context)


def reading(document: Any, words: Vocabulary | None = None, said: Labels | None = None) -> str:
    """A rule as it stands read-only on a page: the sentence, and the document behind a toggle."""
    return render_to_string(
        "audiences/admin/rule_reading.html",
        {"sentence": sentence(document, words, said), "document": pretty(document) if document else ""},
    )


__all__ = [
    "EVERYONE",
    "RuleField",
    "check_view",
    "findings",
    "labels",
    "reading",
    "sentence",
]
