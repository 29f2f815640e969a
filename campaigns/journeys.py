"""What can be done with a journey, by whom, and what is written down about it?

As with campaigns: one transaction each, the row locked first, the history written; whoever edited does not approve.
``by`` is the person who does it, ``now`` an aware UTC moment.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from audiences.moments import micros
from campaigns import behaviours, foureyes, journeychecks, journeydocs, proposal
from campaigns.editing import record
from campaigns.models import Journey, JourneyVersion, Step
from campaigns.problems import Problem, Refused
from campaigns.records import values

APPROVE = "campaigns.approve_journey"
LAUNCH = "campaigns.launch_journey"

State = JourneyVersion.State

_OUTDATED = Problem(
    "journey.outdated", "The version was edited after it was submitted.", "Look at it again and submit it anew."
)


@transaction.atomic
def new_version(journey: Journey, *, by: User | None, now: datetime, why: str = "") -> JourneyVersion:
    """A draft that begins as a copy of the newest version; the open one, where there is one."""
    row = _locked(journey)
    newest = row.versions.order_by("-number").first()
    if newest is not None and newest.state != State.PUBLISHED:
        return newest
    if row.state == Journey.State.ENDED:
        raise Refused([Problem("journey.ended", f"The journey {row} has ended.", "Make a new journey.")])
    draft = JourneyVersion.objects.create(journey=row, **_copied(newest))
    if newest is not None:
        Step.objects.bulk_create(_copy_of(step, draft) for step in newest.steps.all())
    record(draft, "created", by=by, now=now, why=why, after=values(draft))
    return draft


@transaction.atomic
def submit(version: JourneyVersion, *, by: User, now: datetime, why: str = "") -> JourneyVersion:
    """Freeze the content as it is now and ask another person to approve it."""
    _locked(version.journey)
    row = _open(version, State.DRAFT)
    _refuse_if(journeychecks.problems(row))
    row.content = journeydocs.content(row)
    row.content_hash = proposal.content_hash(row.content)
    row.requested_by, row.requested_at, row.state = by, now, State.IN_REVIEW
    row.save(update_fields=["content", "content_hash", "requested_by", "requested_at", "state"])
    behaviours.ensure()
    _note(row, "submitted", by=by, now=now, why=why)
    return row


def approve(version: JourneyVersion, comment: str = "", *, by: User, now: datetime) -> JourneyVersion:
    """Sign off what was submitted: entries take it from ``now`` on. One that was edited since becomes a draft again."""
    with transaction.atomic():
        journey = _locked(version.journey)
        row = _open(version, State.IN_REVIEW)
        _refuse_if([*_may(by, APPROVE, journey), *foureyes.journey_objections(row, by)])
        outdated = proposal.content_hash(journeydocs.content(row)) != row.content_hash
        if outdated:
            _back_to_draft(row)
            _note(row, "voided", by=by, now=now, why="")
        else:
            _refuse_if(journeychecks.problems(row))
            _publish(row, journey, comment, by=by, now=now)
    if outdated:
        # Outside, so that the voiding stays.
        raise Refused([_OUTDATED])
    return row


@transaction.atomic
def refuse(version: JourneyVersion, comment: str, *, by: User, now: datetime) -> JourneyVersion:
    """Send it back with a reason."""
    if not comment.strip():
        raise Refused([Problem("journey.comment", "A refusal needs a reason.", "Say what should change.")])
    journey = _locked(version.journey)
    row = _open(version, State.IN_REVIEW)
    _refuse_if(_may(by, APPROVE, journey))
    _back_to_draft(row)
    _note(row, "refused", by=by, now=now, why=comment)
    return row


@transaction.atomic
def withdraw(version: JourneyVersion, *, by: User, now: datetime, why: str = "") -> JourneyVersion:
    """Take back a request."""
    _locked(version.journey)
    row = _open(version, State.IN_REVIEW)
    _back_to_draft(row)
    _note(row, "withdrawn", by=by, now=now, why=why)
    return row


@transaction.atomic
def pause(journey: Journey, *, by: User, now: datetime, why: str = "") -> Journey:
    """Nobody enters and nothing of it is shown until somebody resumes it; time goes on for those inside."""
    row = _moved(journey, Journey.State.PAUSED, (Journey.State.LIVE,), by)
    row.closed = [*row.closed, [micros(now), None]]
    return _kept(row, "paused", by=by, now=now, why=why)


@transaction.atomic
def resume(journey: Journey, *, by: User, now: datetime, why: str = "") -> Journey:
    """Enter and show again."""
    row = _moved(journey, Journey.State.LIVE, (Journey.State.PAUSED,), by)
    row.closed = [*row.closed[:-1], [row.closed[-1][0], micros(now)]]
    return _kept(row, "resumed", by=by, now=now, why=why)


@transaction.atomic
def end(journey: Journey, *, by: User, now: datetime, why: str = "") -> Journey:
    """Nobody is in it any more; for good."""
    row = _moved(journey, Journey.State.ENDED, (Journey.State.LIVE, Journey.State.PAUSED), by)
    return _kept(row, "ended", by=by, now=now, why=why)


def _publish(row: JourneyVersion, journey: Journey, comment: str, *, by: User, now: datetime) -> None:
    row.state, row.decided_by, row.comment, row.start_at = State.PUBLISHED, by, comment, now
    row.save(update_fields=["state", "decided_by", "comment", "start_at"])
    if journey.state == Journey.State.DRAFT:
        journey.state = Journey.State.LIVE
        journey.save(update_fields=["state", "updated_at"])
    _note(row, "published", by=by, now=now, why=comment)


def _locked(journey: Journey) -> Journey:
    # Lock first: two people pressing a button must not both succeed.
    return Journey.objects.select_for_update(no_key=True).get(pk=journey.pk)


def _open(version: JourneyVersion, state: JourneyVersion.State) -> JourneyVersion:
    row = JourneyVersion.objects.select_related("journey").get(pk=version.pk)
    if row.state != state:
        sentence = f"{row} is {row.get_state_display().lower()}, not {state.label.lower()}."
        raise Refused([Problem("journey.version_state", sentence, "Open the journey's newest version.")])
    return row


def _back_to_draft(row: JourneyVersion) -> None:
    row.state, row.content, row.content_hash, row.requested_by = State.DRAFT, None, "", None
    row.save(update_fields=["state", "content", "content_hash", "requested_by"])


def _moved(journey: Journey, to: Journey.State, allowed: tuple[Journey.State, ...], by: User) -> Journey:
    row = _locked(journey)
    _refuse_if(_may(by, LAUNCH, row))
    if row.state not in allowed:
        sentence = f"A journey that is {row.get_state_display().lower()} cannot become {to.label.lower()}."
        raise Refused([Problem("journey.move", sentence, "Look at where it stands now.")])
    row.state = to
    return row


def _kept(row: Journey, verb: str, *, by: User, now: datetime, why: str) -> Journey:
    row.save(update_fields=["state", "closed", "updated_at"])
    record(row, verb, by=by, now=now, why=why, after={"state": row.state})
    return row


def _copied(newest: JourneyVersion | None) -> dict[str, Any]:
    if newest is None:
        return {"number": 1}
    own = ("id", "journey", "number", "state", "start_at", "comment")
    kept = [
        field.name for field in newest._meta.concrete_fields if field.name not in own and field.editable
    ]  # fmt: skip
    return {name: getattr(newest, name) for name in kept} | {
        "number": newest.number + 1,
        "policy": JourneyVersion.Policy.STAY,
    }


def _copy_of(step: Step, draft: JourneyVersion) -> Step:
    fields = [field.name for field in step._meta.concrete_fields if field.name not in ("id", "version")]
    return Step(version=draft, **{name: getattr(step, name) for name in fields})


def _may(by: User, permission: str, row: Journey) -> list[Problem]:
    if by.has_perm(permission) or by.has_perm(permission, row):
        return []
    return [Problem("journey.permission", f"You lack the permission {permission}.", "Ask an administrator for it.")]


def _refuse_if(found: list[Problem]) -> None:
    if found:
        raise Refused(found)


def _note(row: JourneyVersion, verb: str, *, by: User, now: datetime, why: str) -> None:
    after = {"version": row.number, "state": row.state, "content_hash": row.content_hash}
    record(row, verb, by=by, now=now, why=why, after=after)
