"""Does a campaign go from draft to live only as it was approved, by somebody else?"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from audiences.models import Revision
from campaigns import operations, proposal, records
from campaigns.lifecycle import MOVES, State
from campaigns.models import Approval, Campaign, CampaignItem
from campaigns.problems import Refused
from tests.factories import (
    CampaignFactory,
    ExperimentFactory,
    FrequencyCapFactory,
    ItemArmFactory,
    UserFactory,
    ready_campaign,
)

Verb = Callable[..., Any]


def ids(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [problem.id for problem in refused.value.problems]


def verbs_of(campaign: Campaign) -> list[str]:
    rows = Revision.objects.filter(object_type="campaign", object_key=campaign.key)
    return list(rows.order_by("number").values_list("verb", flat=True))


def approved(campaign: Campaign, author: User, approver: User, now: datetime) -> Approval:
    return operations.approve(operations.submit(campaign, by=author, now=now), by=approver, now=now)


def test_an_ordinary_life(author: User, approver: User, launcher: User, now: datetime) -> None:
    campaign = ready_campaign()

    approval = approved(campaign, author, approver, now)
    states = [
        operations.launch(campaign, by=launcher, now=now).state,
        operations.pause(campaign, by=launcher, now=now).state,
        operations.resume(campaign, by=launcher, now=now).state,
        operations.end(campaign, by=launcher, now=now).state,
    ]

    assert states == [State.LIVE, State.PAUSED, State.LIVE, State.ENDED]
    assert verbs_of(campaign) == ["submitted", "approved", "launched", "paused", "resumed", "ended"]
    assert operations.standing_approval(campaign) == approval


def test_what_was_submitted_is_frozen_with_its_hash(author: User, now: datetime) -> None:
    campaign = ready_campaign()

    approval = operations.submit(campaign, by=author, now=now)

    approval.refresh_from_db()
    assert approval.content["key"] == campaign.key
    assert proposal.content_hash(approval.content) == approval.content_hash


def test_a_campaign_with_problems_is_not_submitted(author: User, now: datetime) -> None:
    campaign = CampaignFactory()

    with pytest.raises(Refused) as refused:
        operations.submit(campaign, by=author, now=now)

    assert ids(refused) == ["campaign.empty", "campaign.no_market"]
    assert not Approval.objects.exists()
    assert not Revision.objects.exists()


def test_a_second_submission_waits_for_the_first(author: User, now: datetime) -> None:
    campaign = ready_campaign()
    operations.submit(campaign, by=author, now=now)

    with pytest.raises(Refused) as refused:
        operations.submit(campaign, by=author, now=now)

    assert ids(refused) == ["campaign.in_review"]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(
    ("verb", "to"),
    [
        pytest.param(operations.launch, State.LIVE, id="launch"),
        pytest.param(operations.pause, State.PAUSED, id="pause"),
        pytest.param(operations.resume, State.LIVE, id="resume"),
        pytest.param(operations.end, State.ENDED, id="end"),
    ],
)
def test_verbs_make_no_move_that_the_table_lacks(
    state: State, verb: Verb, to: State, launcher: User, now: datetime
) -> None:
    if to in MOVES[state]:
        return
    campaign = CampaignFactory(state=state)

    with pytest.raises(Refused) as refused:
        verb(campaign, by=launcher, now=now)

    campaign.refresh_from_db()
    assert ids(refused) == ["campaign.move"]
    assert campaign.state == state


def test_a_paused_campaign_is_resumed_not_launched(launcher: User, now: datetime) -> None:
    with pytest.raises(Refused) as refused:
        operations.launch(CampaignFactory(paused=True), by=launcher, now=now)

    assert ids(refused) == ["campaign.move"]


@pytest.mark.parametrize("verb", [operations.launch, operations.pause, operations.resume, operations.end])
def test_launching_needs_the_right_to(verb: Verb, author: User, now: datetime) -> None:
    with pytest.raises(Refused) as refused:
        verb(CampaignFactory(), by=author, now=now)

    assert ids(refused) == ["campaign.permission"]


def test_a_refusal_goes_back_to_draft_with_its_reason(author: User, approver: User, now: datetime) -> None:
    campaign = ready_campaign()
    approval = operations.submit(campaign, by=author, now=now)

    operations.refuse(approval, "Too loud.", by=approver, now=now)

    campaign.refresh_from_db()
    approval.refresh_from_db()
    assert (campaign.state, approval.decision, approval.comment) == (State.DRAFT, "REFUSED", "Too loud.")


def test_a_refusal_needs_a_reason(author: User, approver: User, now: datetime) -> None:
    approval = operations.submit(ready_campaign(), by=author, now=now)

    with pytest.raises(Refused) as refused:
        operations.refuse(approval, "  ", by=approver, now=now)

    assert ids(refused) == ["approval.comment"]


def test_who_refused_may_approve_what_came_back(author: User, approver: User, now: datetime) -> None:
    campaign = ready_campaign()
    operations.refuse(operations.submit(campaign, by=author, now=now), "Too loud.", by=approver, now=now)

    approval = approved(campaign, author, approver, now)

    assert approval.decision == Approval.Decision.APPROVED


@pytest.mark.parametrize("is_approved", [False, True])
def test_what_waits_or_is_not_launched_can_be_withdrawn(
    is_approved: bool, author: User, approver: User, launcher: User, now: datetime
) -> None:
    campaign = ready_campaign()
    approval = operations.submit(campaign, by=author, now=now)
    if is_approved:
        operations.approve(approval, by=approver, now=now)

    row = operations.withdraw(campaign, by=author, now=now)

    approval.refresh_from_db()
    assert (row.state, approval.decision) == (State.DRAFT, Approval.Decision.VOID)
    with pytest.raises(Refused):
        operations.launch(campaign, by=launcher, now=now)


def test_nothing_to_withdraw(author: User, now: datetime) -> None:
    with pytest.raises(Refused) as refused:
        operations.withdraw(CampaignFactory(), by=author, now=now)

    assert ids(refused) == ["campaign.not_submitted"]


def test_a_live_campaign_serves_what_was_approved_until_its_edit_is(
    author: User, approver: User, launcher: User, now: datetime
) -> None:
    campaign = ready_campaign()
    first = approved(campaign, author, approver, now)
    operations.launch(campaign, by=launcher, now=now)
    before = records.values(campaign)
    campaign.priority = 90
    campaign.save()

    operations.edited(campaign, before, by=author, now=now)
    standing = operations.standing_approval(campaign)
    second = approved(campaign, author, approver, now)

    campaign.refresh_from_db()
    assert campaign.state == State.LIVE
    assert standing == first
    assert operations.standing_approval(campaign) == second
    assert second.content["priority"] == 90


def test_a_live_campaign_without_edits_has_nothing_to_submit(
    author: User, approver: User, launcher: User, now: datetime
) -> None:
    campaign = ready_campaign()
    approved(campaign, author, approver, now)
    operations.launch(campaign, by=launcher, now=now)

    with pytest.raises(Refused) as refused:
        operations.submit(campaign, by=author, now=now)

    assert ids(refused) == ["campaign.unchanged"]


def test_ending_voids_an_open_request(author: User, approver: User, launcher: User, now: datetime) -> None:
    campaign = ready_campaign()
    approved(campaign, author, approver, now)
    operations.launch(campaign, by=launcher, now=now)
    Campaign.objects.filter(pk=campaign.pk).update(priority=7)
    request = operations.submit(campaign, by=author, now=now)

    operations.end(campaign, by=launcher, now=now)

    with pytest.raises(Refused) as refused:
        operations.approve(request, by=approver, now=now)
    assert ids(refused) == ["approval.closed"]


def test_a_flight_that_is_over_does_not_launch(author: User, approver: User, launcher: User, now: datetime) -> None:
    campaign = ready_campaign()
    approved(campaign, author, approver, now)

    with pytest.raises(Refused) as refused:
        operations.launch(campaign, by=launcher, now=now + timedelta(days=365))

    assert ids(refused) == ["flight.over"]


def test_a_clone_is_a_draft_of_its_own_without_tests_and_approvals(author: User, now: datetime) -> None:
    campaign = ready_campaign(live=True)
    FrequencyCapFactory(campaign=campaign)
    experiment = ExperimentFactory(two_arms=True)
    item = campaign.items.get()
    ItemArmFactory(item=item, variant=experiment.variants.get(key="b"), empty=True)
    CampaignItem.objects.update(experiment=experiment)

    copy = operations.clone(campaign, "second", by=author, now=now)

    theirs = proposal.content(copy)
    ours = proposal.content(campaign)
    assert copy.state == State.DRAFT
    assert not copy.approvals.exists()
    assert theirs["items"][0]["experiment"] is None
    assert theirs["items"][0]["arms"] == {}
    same = set(ours) - {"key", "items"}
    assert {name: theirs[name] for name in same} == {name: ours[name] for name in same}


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        pytest.param("Capitals", "campaign.key", id="case"),
        pytest.param("ünïcode", "campaign.key", id="unicode"),
        pytest.param("", "campaign.key", id="empty"),
        pytest.param("first\n", "campaign.key", id="line-end"),
        pytest.param("first", "campaign.key_taken", id="taken"),
    ],
)
def test_a_clone_needs_a_key_of_its_own(key: str, problem: str, author: User, now: datetime) -> None:
    campaign = ready_campaign(key="first")

    with pytest.raises(Refused) as refused:
        operations.clone(campaign, key, by=author, now=now)

    assert ids(refused) == [problem]


def test_a_form_opened_earlier_brings_no_old_state_back(author: User, now: datetime) -> None:
    campaign = ready_campaign()
    opened_earlier = Campaign.objects.get(pk=campaign.pk)
    operations.submit(campaign, by=author, now=now)

    opened_earlier.name = "Another name"
    opened_earlier.save()

    campaign.refresh_from_db()
    assert (campaign.name, campaign.state) == ("Another name", State.IN_REVIEW)


def test_a_person_without_the_right_approves_nothing(author: User, now: datetime) -> None:
    approval = operations.submit(ready_campaign(), by=author, now=now)

    with pytest.raises(Refused) as refused:
        operations.approve(approval, by=UserFactory(), now=now)

    assert ids(refused) == ["campaign.permission"]
