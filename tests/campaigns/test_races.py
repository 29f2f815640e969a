"""Do two people who press buttons at the same time get the better of each other?"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from audiences.models import Revision
from campaigns import operations, proposal, records
from campaigns.lifecycle import State
from campaigns.models import Approval, Campaign, CreativeContent
from campaigns.problems import Refused
from tests.factories import UserFactory, ready_campaign

ROUNDS = 200

Step = Callable[[], object]


def at_once(*steps: Step) -> list[object]:
    """What each step gave, started together on a connection of its own; a refusal counts as its outcome."""
    start = Barrier(len(steps))

    def run(step: Step) -> object:
        try:
            start.wait()
            return step()
        except Refused as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(steps)) as pool:
        return list(pool.map(run, steps))


@pytest.fixture
def people(transactional_db: None) -> tuple[User, User, User]:
    return UserFactory(), UserFactory(approver=True), UserFactory(launcher=True)


@pytest.mark.timeout(300)
def test_what_is_launched_is_what_was_approved(people: tuple[User, User, User], now: datetime) -> None:
    author, approver, launcher = people
    campaign = ready_campaign()
    content = CreativeContent.objects.get()
    outcomes: Counter[State] = Counter()

    for number in range(ROUNDS):
        request = operations.submit(campaign, by=author, now=now)
        at_once(
            partial(edit, content.pk, f"Text {number}", author, now),
            partial(operations.approve, request, by=approver, now=now),
            partial(operations.launch, campaign, by=launcher, now=now),
        )
        outcomes[settled(campaign, launcher, now)] += 1
        Approval.objects.exclude(decision=Approval.Decision.VOID).update(decision=Approval.Decision.VOID)
        Campaign.objects.update(state=State.DRAFT)

    # Both must have happened, or the round proved nothing.
    assert set(outcomes) == {State.DRAFT, State.LIVE}


def edit(content_id: int, text: str, by: User, now: datetime) -> None:
    """As a form does it: read, save and tell in one transaction."""
    with transaction.atomic():
        content = CreativeContent.objects.select_related("creative").get(pk=content_id)
        before = records.values(content)
        content.fields = {"title": text}
        content.save()
        operations.edited(content, before, by=by, now=now)


def settled(campaign: Campaign, launcher: User, now: datetime) -> State:
    """Where the round ended; whatever is live or can be launched is exactly what was signed."""
    row = Campaign.objects.get(pk=campaign.pk)
    if row.state == State.APPROVED:
        row = operations.launch(row, by=launcher, now=now)
    if row.state == State.LIVE:
        launched = Revision.objects.filter(object_key=row.key, verb="launched").latest("number")
        signed = Revision.objects.filter(object_key=row.key, verb="approved").latest("number")
        standing = operations.standing_approval(row)
        assert standing is not None
        assert launched.after is not None
        assert signed.after is not None
        assert launched.after["content_hash"] == signed.after["content_hash"] == standing.content_hash
        assert proposal.content_hash(standing.content) == standing.content_hash
    else:
        assert row.state == State.DRAFT
        assert operations.standing_approval(row) is None
    return State(row.state)


def test_one_of_two_submissions_is_refused(people: tuple[User, User, User], now: datetime) -> None:
    campaign = ready_campaign()

    outcomes = at_once(*[lambda: operations.submit(campaign, by=people[0], now=now)] * 4)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Approval", "Refused", "Refused", "Refused"]
    assert Approval.objects.count() == 1


def test_an_approval_and_a_refusal_at_once_are_one_decision(people: tuple[User, User, User], now: datetime) -> None:
    author, approver, _ = people
    other = UserFactory(approver=True)
    request = operations.submit(ready_campaign(), by=author, now=now)

    outcomes = at_once(
        lambda: operations.approve(request, by=approver, now=now),
        lambda: operations.refuse(request, "No.", by=other, now=now),
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Approval", "Refused"]


def test_editors_of_one_campaign_wait_for_each_other(people: tuple[User, User, User], now: datetime) -> None:
    campaign = ready_campaign()
    operations.submit(campaign, by=people[0], now=now)
    item, content = campaign.items.get(), CreativeContent.objects.get()

    def weigh() -> None:
        with transaction.atomic():
            before = records.values(item)
            item.weight += 1
            item.save()
            operations.edited(item, before, by=people[1], now=now)

    outcomes = at_once(lambda: edit(content.pk, "Another", people[0], now), weigh)

    assert outcomes == [None, None]
    assert set(Approval.objects.values_list("decision", flat=True)) == {Approval.Decision.VOID}


def test_one_new_version_for_two_who_ask(people: tuple[User, User, User], now: datetime) -> None:
    offer = ready_campaign().items.get().offer
    assert offer is not None

    versions = at_once(*[lambda: operations.new_version(offer, by=people[0], now=now).number] * 4)

    assert versions == [2, 2, 2, 2]
