"""Who signed what off?"""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from campaigns.models.campaigns import Campaign


class Approval(models.Model):
    """One request for sign-off and its answer, bound to the exact content by its hash.

    ``content`` is the frozen closure of the campaign (items, offer versions, creatives, audiences, caps, flight): what
    a release carries is this document, never the rows, so nothing unapproved can be served.
    """

    class Decision(models.TextChoices):
        PENDING = "PENDING", "Waiting"
        APPROVED = "APPROVED", "Approved"
        REFUSED = "REFUSED", "Refused"
        VOID = "VOID", "Void: the content was edited"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="approvals")
    content = models.JSONField()
    content_hash = models.CharField(max_length=71)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    decision = models.CharField(max_length=8, choices=Decision, default=Decision.PENDING)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                name="approved_by_another_person",
            ),
            models.CheckConstraint(
                condition=~Q(decision="APPROVED") | Q(decided_by__isnull=False), name="approval_has_approver"
            ),
            # Two requests at once would let the older content be approved by mistake.
            models.UniqueConstraint(fields=("campaign",), condition=Q(decision="PENDING"), name="one_open_request"),
        )
        triggers = (
            pgtrigger.Protect(
                name="approved_content_immutable",
                operation=pgtrigger.UpdateOf("content", "content_hash", "campaign_id", "requested_by_id"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.decision}"
