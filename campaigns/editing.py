"""Something that decides was edited: what does that mean for what was approved?

An edit is the caller's save; these verbs are called after it, in the same transaction. They write the history and void
every approval whose content is no longer what was signed. A live campaign keeps serving its approved content until the
new one is approved.

Locks are taken in one order, campaigns by id and then the history's, so that two editors wait for each other
instead of failing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import Q

from audiences.models import Revision
from campaigns import proposal, records
from campaigns.lifecycle import State
from campaigns.models import Approval, Campaign
from campaigns.problems import Problem, Refused


class Change(NamedTuple):
    """One edited row and its picture from before (None: it is new); ``after`` None: ``records.values`` of it now."""

    instance: models.Model
    before: records.Values | None
    after: records.Values | None = None


def edited(
    instance: models.Model,
    before: records.Values | None,
    *,
    by: User | None,
    now: datetime,
    why: str = "",
    after: records.Values | None = None,
) -> None:
    """Call after saving any row that decides.

    ``before`` is ``records.values(...)`` of the row as it was. Whoever draws pictures of their own, with the parts of
    the row in them, gives ``after`` too.
    """
    edited_all([Change(instance, before, after)], by=by, now=now, why=why)


@transaction.atomic
def edited_all(changes: Sequence[Change], *, by: User | None, now: datetime, why: str = "") -> None:
    """The same for all rows of one form: one pass over the approvals."""
    refuse_ended(change.instance for change in changes)
    void_outdated(by=by, now=now)
    for instance, before, given in changes:
        after = records.values(instance) if given is None else given
        if after != before:
            verb = "created" if before is None else "edited"
            record(instance, verb, by=by, now=now, why=why, before=before, after=after)


@transaction.atomic
def remove(instance: models.Model, *, by: User | None, now: datetime, why: str = "") -> None:
    """Delete the row, with all that ``edited`` does. Raises ProtectedError where something still needs it."""
    refuse_ended([instance])
    object_type, object_key = records.identity(instance)
    before = records.values(instance)
    instance.delete()
    void_outdated(by=by, now=now)
    Revision.objects.record(
        actor=by, verb="removed", object_type=object_type, object_key=object_key, before=before, after=None, now=now,
        why=why,
    )  # fmt: skip


def record(
    instance: models.Model,
    verb: str,
    *,
    by: User | None,
    now: datetime,
    why: str = "",
    before: records.Values | None = None,
    after: records.Values | None = None,
) -> Revision:
    """One line of history, inside the caller's transaction."""
    object_type, object_key = records.identity(instance)
    return Revision.objects.record(
        actor=by, verb=verb, object_type=object_type, object_key=object_key, before=before, after=after, now=now,
        why=why,
    )  # fmt: skip


def refuse_ended(instances: Iterable[models.Model]) -> None:
    """An ended campaign is history: nothing of it changes any more."""
    wholes = {records.whole(instance) for instance in instances}
    ended = [each for each in wholes if isinstance(each, Campaign) and each.state == State.ENDED]
    if ended:
        raise Refused(
            Problem("campaign.ended", f"{campaign} has ended.", "Clone it, and edit the clone.") for campaign in ended
        )


def void_outdated(*, by: User | None, now: datetime) -> list[Campaign]:
    """Void open requests and unlaunched approvals whose content changed; the campaigns that it hit.

    Every edit asks all of them, so that no way from a row to a campaign can be forgotten here.
    """
    suspects = _outdated(_open_approvals())
    if not suspects:
        return []
    ids = {approval.campaign_id for approval in suspects}
    locked = {each.pk: each for each in lock(Campaign.objects.filter(pk__in=ids))}
    # Asked again under the lock: somebody may have decided, launched or edited in between.
    outdated = _outdated(_open_approvals().filter(campaign_id__in=ids))
    for approval in outdated:
        void(approval, locked[approval.campaign_id], by=by, now=now)
    return [locked[pk] for pk in sorted({approval.campaign_id for approval in outdated})]


def void(approval: Approval, campaign: Campaign, *, by: User | None, now: datetime) -> None:
    """Withdraw what was signed or asked for; ``campaign`` is locked by the caller."""
    approval.decision = Approval.Decision.VOID
    approval.save(update_fields=["decision"])
    before = campaign.state
    if campaign.state in (State.IN_REVIEW, State.APPROVED):
        campaign.state = State.DRAFT
        campaign.save(update_fields=["state", "updated_at"])
    record(campaign, "voided", by=by, now=now, before={"state": before}, after={"state": campaign.state})


def lock(campaigns: models.QuerySet[Campaign]) -> list[Campaign]:
    """The rows, locked against other verbs until the transaction ends; parts may still be added beside."""
    return list(campaigns.order_by("pk").select_for_update(no_key=True))


def _open_approvals() -> models.QuerySet[Approval]:
    pending = Q(decision=Approval.Decision.PENDING)
    unlaunched = Q(decision=Approval.Decision.APPROVED, campaign__state=State.APPROVED)
    return Approval.objects.filter(pending | unlaunched).order_by("campaign_id", "pk").defer("content")


def _outdated(approvals: Iterable[Approval]) -> list[Approval]:
    rows = list(approvals)
    if not rows:
        return []
    current = proposal.contents({approval.campaign_id for approval in rows})
    hashes = {pk: proposal.content_hash(content) for pk, content in current.items()}
    return [approval for approval in rows if hashes.get(approval.campaign_id) != approval.content_hash]
