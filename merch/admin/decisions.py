"""Why did this account see that, and not this? (Recorded decisions by id and by account, made again for the page.)"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from audiences.admin.permissions import sees_all, visible
from audiences.admin.showing import ago, moment
from audiences.admin.subjects import HIDDEN, SEE_SENSITIVE
from audiences.models import Sensitivity, Subject, TraitDefinition
from audiences.people import normalise_id
from campaigns.models import Campaign
from merch import explaining, reexecution
from merch.admin import decision_words
from merch.engine.facts import Decision
from merch.models import DecisionRecord

VIEW = "merch.view_decisionrecord"
KINDS = (("a", "Account"), ("d", "Device"))
MOST = 50  # recent decisions of one subject
OTHERS = "a campaign of another team"


def may_look(request: HttpRequest) -> bool:
    """Whether this person sees decisions at all."""
    return request.user.has_perm(VIEW)


class Eyes:
    """What this person may see: campaigns by object permission, subjects, sensitive traits."""

    def __init__(self, request: HttpRequest) -> None:
        if not may_look(request):
            raise PermissionDenied
        self.sees_people = sees_all(request, Subject)
        self.sees_sensitive = request.user.has_perm(SEE_SENSITIVE)
        rows = visible(request, Campaign.objects.all())
        self.campaigns = None if sees_all(request, Campaign) else frozenset(rows.values_list("key", flat=True))
        contextual = TraitDefinition.objects.exclude(sensitivity=Sensitivity.SENSITIVE)
        # A trait without a definition may be anything, so it is shown to those who may see everything.
        self.plain_traits = None if self.sees_sensitive else frozenset(contextual.values_list("name", flat=True))

    def campaign(self, key: str) -> bool:
        return self.campaigns is None or key in self.campaigns

    def named(self, key: str) -> str:
        return key if self.campaign(key) else OTHERS

    def trait(self, name: str) -> bool:
        return self.plain_traits is None or name in self.plain_traits


def index(request: HttpRequest) -> HttpResponse:
    """Look up by the whole id of a decision, or of an account or device."""
    eyes = Eyes(request)
    asked, kind = request.GET.get("q", "").strip(), request.GET.get("kind", "a")
    found = _by_id(asked)
    if found is not None:
        return HttpResponseRedirect(reverse("admin-decision", args=[found]))
    rows = _recent(kind, asked) if asked and eyes.sees_people else []
    context = {
        "title": "Decisions", "asked": asked, "kind": kind, "kinds": KINDS, "sees_people": eyes.sees_people,
        "rows": [_line(row, eyes) for row in rows],
    }  # fmt: skip
    return _page(request, "merch/admin/decisions.html", context)


def _by_id(asked: str) -> UUID | None:
    try:
        sought = UUID(asked)
    except ValueError:
        return None
    return sought if DecisionRecord.objects.filter(decision_id=sought).exists() else None


def _recent(kind: str, asked: str) -> list[DecisionRecord]:
    try:
        subject = f"{kind}:{normalise_id(asked)}"
    except ValueError:
        return []
    return list(DecisionRecord.objects.filter(subject=subject).order_by("-decided_at")[:MOST])


def _line(row: DecisionRecord, eyes: Eyes) -> dict[str, Any]:
    decision = reexecution.unpack(row).decision
    return {
        "url": reverse("admin-decision", args=[row.decision_id]),
        "at": moment(row.decided_at),
        "ago": ago(row.decided_at, timezone.now()),
        "placements": _shown(decision, eyes),
    }


def _shown(decision: Decision, eyes: Eyes) -> list[dict[str, str]]:
    return [
        {
            "placement": answer.placement,
            "reason": answer.reason,
            "shown": ", ".join(eyes.named(slot.campaign) for slot in answer.slots) or "nothing",
        }
        for answer in decision.answers
    ]


def one(request: HttpRequest, decision_id: UUID) -> HttpResponse:
    """The funnel of one decision; ``?campaign=`` adds what would have let that one win."""
    eyes = Eyes(request)
    recorded = reexecution.find(decision_id)
    if recorded is None:
        raise Http404
    campaign = request.GET.get("campaign") or None
    context: dict[str, Any] = {
        "title": "Decision", "subtitle": str(decision_id), "recorded": recorded.row,
        "at": moment(recorded.row.decided_at),
        "shown": _shown(recorded.decision, eyes), "asked": campaign, "gone": "", "sees_people": eyes.sees_people,
        "subject": str(recorded.row.subject) if eyes.sees_people else "hidden: subjects",
    }  # fmt: skip
    try:
        told = explaining.explain(recorded, campaign=campaign if campaign and eyes.campaign(campaign) else None)
    except reexecution.ReleaseGone as gone:
        context["gone"] = str(gone)
    else:
        context |= decision_words.of(told, eyes.trait, eyes.campaign, hidden=HIDDEN, others=OTHERS)
    return _page(request, "merch/admin/decision.html", context)


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context})


urlpatterns: list[URLPattern] = [
    path("", admin.site.admin_view(index), name="admin-decisions"),
    path("<uuid:decision_id>/", admin.site.admin_view(one), name="admin-decision"),
]
