"""What waits for approval, and who signed what?"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from audiences.admin.base import ReadOnlyAdmin
from audiences.admin.permissions import visible
from audiences.admin.showing import NOTHING, code, moment, panel
from campaigns.admin.content import readable
from campaigns.models import Approval, Campaign

LABELS = {"Waiting": "warning", "Approved": "success", "Refused": "danger", "Void: the content was edited": "default"}


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    """The queue and the record. Deciding happens on the campaign's review page."""

    list_display = ("heading", "decision_label", "requested_by", "shown_requested", "decided_by", "shown_decided", "go")
    list_select_related = ("campaign", "requested_by", "decided_by")
    list_filter = ("decision", "requested_by")
    search_fields = ("campaign__name", "campaign__key", "content_hash")
    ordering = ("-id",)
    intro = "Requests for sign-off. Each is bound to the exact content; an edit after it makes it void."
    empty_hint = "Nothing was submitted yet. Editors submit a campaign from its page."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "campaign",
                    "decision_label",
                    "requested_by",
                    "shown_requested",
                    "decided_by",
                    "shown_decided",
                )
            },
        ),
        ("What was signed", {"fields": ("comment", "content_hash", "shown_content")}),
    )
    readonly_fields = ("decision_label", "shown_requested", "shown_decided", "shown_content")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Approval]:
        rows: QuerySet[Approval] = super().get_queryset(request)
        # Whoever may not see the campaign sees no approval of it either.
        return rows.filter(campaign__in=visible(request, Campaign.objects.all()))

    @display(description="Campaign", header=True, ordering="campaign__name")
    def heading(self, obj: Approval) -> list[str]:
        return [obj.campaign.name, obj.content_hash[:19]]

    @display(description="Decision", label=LABELS, ordering="decision")
    def decision_label(self, obj: Approval) -> str:
        return obj.get_decision_display()

    @display(description="Asked", ordering="requested_at")
    def shown_requested(self, obj: Approval) -> str:
        return moment(obj.requested_at)

    @display(description="Decided", ordering="decided_at")
    def shown_decided(self, obj: Approval) -> str:
        return moment(obj.decided_at)

    @display(description="")
    def go(self, obj: Any) -> SafeString | str:
        if obj.decision != Approval.Decision.PENDING:
            return NOTHING
        where = reverse("admin:campaigns_campaign_do", args=[obj.campaign_id, "approve"])
        return format_html('<a class="merch-link" href="{}">Review</a>', where)

    @panel("Content")
    def shown_content(self, obj: Approval) -> SafeString:
        return code(readable(obj.content))
