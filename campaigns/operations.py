"""What can be done with a campaign, by whom, and what is written down about it?

The only writers of state. Each verb is one transaction: lock the row, check the move, write the history. A verb that
is not carried out raises Refused with every reason. ``by`` is the person who does it, ``now`` an aware UTC moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from campaigns import behaviours, foureyes, proposal, readiness
from campaigns.cloning import clone as clone
from campaigns.editing import Change as Change
from campaigns.editing import edited as edited
from campaigns.editing import edited_all as edited_all
from campaigns.editing import lock, record, void
from campaigns.editing import remove as remove
from campaigns.lifecycle import MoveRefused, State, check_move
from campaigns.models import Approval, Campaign
from campaigns.offers import new_version as new_version
from campaigns.offers import publish_version as publish_version
from campaigns.problems import Problem, Refused

APPROVE = "campaigns.approve_campaign"
LAUNCH = "campaigns.launch_campaign"

# States from which a new content may be sent to review; the last two keep serving what was approved before.
_REVIEWABLE = (State.DRAFT, State.LIVE, State.PAUSED)


@transaction.atomic
def submit(campaign: Campaign, *, by: User, now: datetime, why: str = "") -> Approval:
    """Freeze the content as it is now and ask another person to approve it."""
    row = _locked(campaign)
    content = proposal.content(row)
    digest = proposal.content_hash(content)
    _refuse_if([*_not_reviewable(row, digest), *readiness.problems(row, now=now, to_launch=False)])
    approval = Approval.objects.create(
        campaign=row, content=content, content_hash=digest, requested_by=by, requested_at=now
    )
    behaviours.ensure()
    if row.state == State.DRAFT:
        _move(row, State.IN_REVIEW)
    _note(row, "submitted", by=by, now=now, why=why, content_hash=digest)
    return approval


def approve(approval: Approval, comment: str = "", *, by: User, now: datetime) -> Approval:
    """Sign off exactly the content that was asked for. Content that was edited since voids the request instead."""
    with transaction.atomic():
        row, pending = _decidable(approval, by)
        outdated = proposal.content_hash(proposal.content(row)) != pending.content_hash
        if outdated:
            void(pending, row, by=by, now=now)
        else:
            _refuse_if(readiness.problems(row, now=now, to_launch=False))
            _decide(pending, Approval.Decision.APPROVED, comment, by=by, now=now)
            if row.state == State.IN_REVIEW:
                _move(row, State.APPROVED)
            _note(row, "approved", by=by, now=now, why=comment, content_hash=pending.content_hash)
    if outdated:
        # Outside, so that the voiding stays.
        raise Refused([_OUTDATED])
    return pending


@transaction.atomic
def refuse(approval: Approval, comment: str, *, by: User, now: datetime) -> Approval:
    """Send it back with a reason."""
    if not comment.strip():
        raise Refused([Problem("approval.comment", "A refusal needs a reason.", "Say what should change.")])
    row = _locked(approval.campaign)
    pending = _pending(approval)
    _refuse_if([*_may(by, APPROVE, row), *_own_request(pending, by)])
    _decide(pending, Approval.Decision.REFUSED, comment, by=by, now=now)
    if row.state == State.IN_REVIEW:
        _move(row, State.DRAFT)
    _note(row, "refused", by=by, now=now, why=comment)
    return pending


@transaction.atomic
def withdraw(campaign: Campaign, *, by: User, now: datetime, why: str = "") -> Campaign:
    """Take back a request, or an approval that was not launched yet."""
    row = _locked(campaign)
    decisions = [Approval.Decision.PENDING]
    if row.state == State.APPROVED:
        decisions.append(Approval.Decision.APPROVED)
    taken = row.approvals.filter(decision__in=decisions).update(decision=Approval.Decision.VOID)
    if not taken:
        raise Refused([Problem("campaign.not_submitted", "Nothing waits for approval.", "Submit the campaign first.")])
    if row.state in (State.IN_REVIEW, State.APPROVED):
        _move(row, State.DRAFT)
    _note(row, "withdrawn", by=by, now=now, why=why)
    return row


@transaction.atomic
def launch(campaign: Campaign, *, by: User, now: datetime, why: str = "") -> Campaign:
    """Let the next release carry the approved content; whether it shows depends on its flight."""
    row = _locked(campaign)
    _refuse_if(_may(by, LAUNCH, row))
    _checked(row, State.LIVE, only_from=State.APPROVED)
    approval = standing_approval(row)
    current = proposal.content_hash(proposal.content(row))
    if approval is None or approval.content_hash != current:
        raise Refused([_OUTDATED])
    _refuse_if(readiness.problems(row, now=now))
    _move(row, State.LIVE)
    _note(row, "launched", by=by, now=now, why=why, content_hash=current)
    return row


@transaction.atomic
def pause(campaign: Campaign, *, by: User, now: datetime, why: str = "") -> Campaign:
    """Leave it out of the next release until somebody resumes it."""
    return _plain_move(campaign, State.PAUSED, "paused", by=by, now=now, why=why)


@transaction.atomic
def resume(campaign: Campaign, *, by: User, now: datetime, why: str = "") -> Campaign:
    """Carry it again, with the content that was last approved."""
    return _plain_move(campaign, State.LIVE, "resumed", by=by, now=now, why=why, only_from=State.PAUSED)


@transaction.atomic
def end(campaign: Campaign, *, by: User, now: datetime, why: str = "") -> Campaign:
    """Stop it for good; a request that is still open is void."""
    row = _plain_move(campaign, State.ENDED, "ended", by=by, now=now, why=why)
    row.approvals.filter(decision=Approval.Decision.PENDING).update(decision=Approval.Decision.VOID)
    return row


def standing_approval(campaign: Campaign) -> Approval | None:
    """The newest approval that holds: what a release carries, or what a launch would carry."""
    return campaign.approvals.filter(decision=Approval.Decision.APPROVED).order_by("-pk").first()


_OUTDATED = Problem(
    "approval.outdated",
    "The campaign, or something that it shows, was edited after it was submitted.",
    "Look at what changed and submit it again.",
)


def _locked(campaign: Campaign) -> Campaign:
    # Lock first: two people pressing a button must not both succeed.
    return lock(Campaign.objects.filter(pk=campaign.pk))[0]


def _not_reviewable(row: Campaign, digest: str) -> list[Problem]:
    if row.approvals.filter(decision=Approval.Decision.PENDING).exists():
        return [Problem("campaign.in_review", "It waits for approval already.", "Withdraw that request first.")]
    if row.state not in _REVIEWABLE:
        return [
            Problem("campaign.move", f"A campaign that is {row.state} is not sent to review.", "Withdraw or clone it.")
        ]
    approval = standing_approval(row)
    if row.state != State.DRAFT and approval is not None and approval.content_hash == digest:
        return [Problem("campaign.unchanged", "Exactly this content is approved already.", "Edit it first.")]
    return []


def _decidable(approval: Approval, by: User) -> tuple[Campaign, Approval]:
    row = _locked(approval.campaign)
    pending = _pending(approval)
    _refuse_if([*_may(by, APPROVE, row), *foureyes.objections(pending, by)])
    return row, pending


def _pending(approval: Approval) -> Approval:
    row = Approval.objects.get(pk=approval.pk)
    if row.decision != Approval.Decision.PENDING:
        raise Refused(
            [
                Problem(
                    "approval.closed",
                    f"This request is closed: {row.get_decision_display().lower()}.",
                    "Open the newest request of the campaign.",
                )
            ]
        )
    return row


def _own_request(approval: Approval, by: User) -> list[Problem]:
    if approval.requested_by_id != by.pk:
        return []
    return [Problem("approval.requester", "You asked for this approval yourself.", "Withdraw the request instead.")]


def _may(by: User, permission: str, row: Campaign) -> list[Problem]:
    if by.has_perm(permission) or by.has_perm(permission, row):
        return []
    return [
        Problem("campaign.permission", f"You lack the permission {permission}.", "Ask an administrator for it."),
    ]


def _refuse_if(problems: Iterable[Problem]) -> None:
    found = list(problems)
    if found:
        raise Refused(found)


def _plain_move(
    campaign: Campaign,
    to: State,
    verb: str,
    *,
    by: User,
    now: datetime,
    why: str,
    only_from: State | None = None,
) -> Campaign:
    row = _locked(campaign)
    _refuse_if(_may(by, LAUNCH, row))
    _checked(row, to, only_from=only_from)
    _move(row, to)
    _note(row, verb, by=by, now=now, why=why)
    return row


def _checked(row: Campaign, to: State, *, only_from: State | None = None) -> None:
    """Approved and paused campaigns both go live, by different verbs: a paused one is not launched again."""
    before = State(row.state)
    try:
        check_move(before, to)
    except MoveRefused as refused:
        sentence, _, hint = str(refused).partition(". ")
        raise Refused([Problem("campaign.move", f"{sentence}.", hint)]) from refused
    if only_from not in (None, before):
        raise Refused([Problem("campaign.move", f"It is {before}, not {only_from}.", "Use launch once, then resume.")])


def _move(row: Campaign, to: State) -> None:
    _checked(row, to)
    row.state = to
    row.save(update_fields=["state", "updated_at"])


def _decide(pending: Approval, decision: Approval.Decision, comment: str, *, by: User, now: datetime) -> None:
    pending.decision = decision
    pending.decided_by = by
    pending.decided_at = now
    pending.comment = comment
    pending.save(update_fields=["decision", "decided_by", "decided_at", "comment"])


def _note(row: Campaign, verb: str, *, by: User, now: datetime, why: str, content_hash: str | None = None) -> None:
    after = {"state": row.state} if content_hash is None else {"state": row.state, "content_hash": content_hash}
    record(row, verb, by=by, now=now, why=why, after=after)
