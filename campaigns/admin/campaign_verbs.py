"""Which buttons does a campaign have, when, and what does each say it will do?"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from audiences.admin.permissions import holds
from audiences.admin.showing import moment
from audiences.admin.verbs import KeyForm, NotDone, Press, Verb
from campaigns import foureyes, operations, proposal, readiness
from campaigns.admin.content import changes, readable
from campaigns.lifecycle import State
from campaigns.models import Approval, Campaign
from campaigns.problems import Problem

WHY = "Why (for the history)"


class DecideForm(forms.Form):
    """A comment, and which request was looked at: another one made meanwhile is not decided by it."""

    approval = forms.IntegerField(widget=forms.HiddenInput)
    comment = forms.CharField(widget=UnfoldAdminTextareaWidget({"rows": 3}), max_length=2000, required=False)


def may_edit(request: HttpRequest, campaign: Any) -> bool:
    return holds(request, Campaign, "change", campaign)


def may(request: HttpRequest, verb: str, campaign: Any) -> bool:
    """approve or launch, on every campaign or on this one."""
    return holds(request, Campaign, verb, campaign)


def pending(campaign: Campaign) -> Approval | None:
    """The request that waits for an answer."""
    return (
        campaign.approvals.filter(decision=Approval.Decision.PENDING).select_related("requested_by", "campaign").first()
    )


def unapproved_edits(campaign: Campaign) -> bool:
    """Whether what stands in the form differs from what is approved; also true before any approval."""
    approved = operations.standing_approval(campaign)
    return approved is None or approved.content_hash != proposal.content_hash(proposal.content(campaign))


def _may_submit(request: HttpRequest, campaign: Any) -> bool:
    if not may_edit(request, campaign) or pending(campaign):
        return False
    if campaign.state == State.DRAFT:
        return True
    return campaign.state in (State.LIVE, State.PAUSED) and unapproved_edits(campaign)


def _may_withdraw(request: HttpRequest, campaign: Any) -> bool:
    waits = campaign.state == State.APPROVED or pending(campaign) is not None
    return waits and may_edit(request, campaign)


def _may_decide(request: HttpRequest, campaign: Any) -> bool:
    if not may(request, "approve", campaign) or not isinstance(request.user, User):
        return False
    asked = pending(campaign)
    return asked is not None and not foureyes.objections(asked, request.user)


def _may_refuse(request: HttpRequest, campaign: Any) -> bool:
    asked = pending(campaign) if may(request, "approve", campaign) else None
    return asked is not None and asked.requested_by_id != request.user.pk


def _in(*states: State) -> Any:
    return lambda request, campaign: campaign.state in states and may(request, "launch", campaign)


def _decided(campaign: Campaign, press: Press) -> Approval:
    """The request that the person looked at."""
    asked = pending(campaign)
    if asked is None or asked.pk != press.data["approval"]:
        problem = Problem("approval.gone", "That request is not open any more.", "Go back and look at the newest one.")
        raise NotDone([problem])
    return asked


def _submit(campaign: Campaign, press: Press) -> str:
    operations.submit(campaign, by=press.by, now=press.now, why=press.comment)
    return f"{campaign} waits for approval by another person."


def _withdraw(campaign: Campaign, press: Press) -> str:
    operations.withdraw(campaign, by=press.by, now=press.now, why=press.comment)
    return "The request was taken back."


def _approve(campaign: Campaign, press: Press) -> str:
    operations.approve(_decided(campaign, press), press.comment, by=press.by, now=press.now)
    return f"{campaign} is approved. It is shown once somebody launches it."


def _refuse(campaign: Campaign, press: Press) -> str:
    operations.refuse(_decided(campaign, press), press.comment, by=press.by, now=press.now)
    return f"{campaign} was sent back with your comment."


def _launch(campaign: Campaign, press: Press) -> str:
    operations.launch(campaign, by=press.by, now=press.now, why=press.comment)
    return f"{campaign} is live: the next release carries it, usually within seconds. It is shown within its flight."


def _pause(campaign: Campaign, press: Press) -> str:
    operations.pause(campaign, by=press.by, now=press.now, why=press.comment)
    return f"{campaign} is paused: the next release, usually within seconds, goes without it."


def _resume(campaign: Campaign, press: Press) -> str:
    operations.resume(campaign, by=press.by, now=press.now, why=press.comment)
    return f"{campaign} is live again: the next release carries it, usually within seconds."


def _end(campaign: Campaign, press: Press) -> str:
    operations.end(campaign, by=press.by, now=press.now, why=press.comment)
    return f"{campaign} has ended."


def _clone(campaign: Campaign, press: Press) -> Model:
    return operations.clone(campaign, press.data["key"], by=press.by, now=press.now)


def review(request: HttpRequest, campaign: Any) -> dict[str, Any]:
    """What an approver sees: who asked, the exact content, and what changed since the last approval."""
    asked = pending(campaign)
    if asked is None:
        return {}
    before = operations.standing_approval(campaign)
    return {
        "asked": asked,
        "asked_at": moment(asked.requested_at),
        "before": before,
        "before_at": moment(before.decided_at) if before else "",
        "changes": changes(before.content, asked.content) if before else [],
        "content": readable(asked.content),
        "guarded": reverse("admin-guarded", args=[campaign.pk]),
        "notes": readiness.notes(campaign, now=request_now(request)),
        "initial": {"approval": asked.pk},
    }


def submitting(request: HttpRequest, campaign: Any) -> dict[str, Any]:
    """What is in the way, before the button is pressed."""
    return {"foreseen": readiness.problems(campaign, now=request_now(request), to_launch=False)}


def request_now(request: HttpRequest) -> Any:
    """The moment of this request, the same for all of its parts."""
    return request.merch_now  # type: ignore[attr-defined]


VERBS = (
    Verb(
        name="submit",
        label="Submit for approval",
        icon="send",
        variant=ActionVariant.PRIMARY,
        effect=lambda campaign: (
            f"{campaign.name} is frozen as it is now and waits for approval by another person. "
            "Editing it, or anything that it shows, takes the request back."
        ),
        open=_may_submit,
        perform=_submit,
        comment="What should the approver know?",
        template="campaigns/admin/submit.html",
        context=submitting,
    ),
    Verb(
        name="approve",
        label="Approve",
        icon="verified",
        variant=ActionVariant.SUCCESS,
        effect=lambda campaign: "You sign off exactly the content below. Any later edit needs a new approval.",
        open=_may_decide,
        perform=_approve,
        comment="Comment (optional)",
        form=DecideForm,
        template="campaigns/admin/review.html",
        context=review,
    ),
    Verb(
        name="refuse",
        label="Send back",
        icon="undo",
        variant=ActionVariant.WARNING,
        effect=lambda campaign: f"{campaign.name} goes back to its editor with your comment.",
        open=_may_refuse,
        perform=_refuse,
        comment="What should change?",
        comment_required=True,
        form=DecideForm,
        template="campaigns/admin/review.html",
        context=review,
    ),
    Verb(
        name="withdraw",
        label="Withdraw",
        icon="cancel_schedule_send",
        effect=lambda campaign: f"The request for {campaign.name} (or its unused approval) is taken back.",
        open=_may_withdraw,
        perform=_withdraw,
        comment=WHY,
    ),
    Verb(
        name="launch",
        label="Launch",
        icon="rocket_launch",
        variant=ActionVariant.SUCCESS,
        effect=lambda campaign: (
            f"{campaign.name} goes into the next release with its approved content. "
            "It is shown within its flight to whom its rule fits."
        ),
        open=_in(State.APPROVED),
        perform=_launch,
        comment=WHY,
    ),
    Verb(
        name="pause",
        label="Pause",
        icon="pause_circle",
        effect=lambda campaign: (
            f"{campaign.name} leaves the next release; clients stop showing it within seconds of its publication. "
            "Its approval stays. To stop it at once, ahead of any release, use a kill."
        ),
        open=_in(State.LIVE),
        perform=_pause,
        comment=WHY,
    ),
    Verb(
        name="resume",
        label="Resume",
        icon="play_circle",
        variant=ActionVariant.SUCCESS,
        effect=lambda campaign: f"{campaign.name} is shown again, with the content that was last approved.",
        open=_in(State.PAUSED),
        perform=_resume,
        comment=WHY,
    ),
    Verb(
        name="end",
        label="End",
        icon="stop_circle",
        variant=ActionVariant.DANGER,
        effect=lambda campaign: f"{campaign.name} stops for good. It can be cloned, but never be started again.",
        open=_in(State.LIVE, State.PAUSED),
        perform=_end,
        comment=WHY,
    ),
    Verb(
        name="clone",
        label="Clone",
        icon="content_copy",
        effect=lambda campaign: (
            f"A draft with the same items, caps and markets as {campaign.name}. Approval and experiments stay behind."
        ),
        open=lambda request, campaign: holds(request, Campaign, "add"),
        perform=_clone,
        form=KeyForm,
        context=lambda request, campaign: {"initial": {"key": f"{campaign.key[:95]}-copy"}},
    ),
)
