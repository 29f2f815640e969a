"""What happens when many publish, roll back and kill at once?"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from audiences.models import Revision
from campaigns import operations
from campaigns.models import Campaign
from merch.models import Kill, Publication, PublicationHold, PulseHead, Release
from merch.releases import pulse, store
from merch.releases.serving import Serving
from tests.factories import CampaignFactory
from tests.merch.releases.conftest import NOW, live

PUBLISHERS = 20


def at_once(*verbs: Callable[[], Any], most: int = 8) -> list[Any]:
    """What each gave back, all begun together, each on a connection of its own."""

    def run(verb: Callable[[], Any]) -> Any:
        try:
            return verb()
        finally:
            connection.close()

    with ThreadPoolExecutor(most) as pool:
        return [each.result() for each in [pool.submit(run, verb) for verb in verbs]]


def test_publishers_and_editors_at_once_leave_the_newest_content_served(
    campaign: Campaign, editor: User, approver: User, process: Serving
) -> None:
    others = [live(editor, approver, key=f"more-{number}") for number in range(4)]

    def publish() -> Publication:
        return store.publish(by=editor, now=NOW).publication

    def pause(other: Campaign) -> None:
        operations.pause(other, by=editor, now=NOW)

    published = at_once(*[publish] * PUBLISHERS, *[lambda other=other: pause(other) for other in others])[:PUBLISHERS]
    store.publish(by=editor, now=NOW)

    rows = list(Publication.objects.order_by("number"))
    assert len({each.number for each in published}) == PUBLISHERS
    # Whoever has the higher number looked later: revisions never go back.
    assert [row.revision for row in rows] == sorted(row.revision for row in rows)
    assert not store.behind()
    assert {each.key for each in process.refresh().release.doc.campaigns} == {campaign.key}
    assert process.current().publication == rows[-1].number
    assert Release.objects.count() <= len(others) + 1


def test_the_last_committed_publication_answers_to_what_its_builder_saw(campaign: Campaign, editor: User) -> None:
    """Each release holds exactly the campaigns that were live at its revision: one view, never a mixture."""

    def turn(number: int) -> Any:
        if number % 2:
            return store.publish(by=editor, now=NOW).publication
        row = Campaign.objects.get(pk=campaign.pk)
        return operations.pause(row, by=editor, now=NOW) if row.state == "live" else None

    at_once(*[lambda number=number: turn(number) for number in range(1, 7)])

    paused = Revision.objects.filter(verb="paused").order_by("number").values_list("number", flat=True).first()
    for row in Publication.objects.select_related("release"):
        before = paused is None or row.revision < paused
        assert row.release.campaigns == (1 if before else 0)


def test_a_roll_back_among_publishers_is_what_stays_served(campaign: Campaign, editor: User, process: Serving) -> None:
    first = store.publish(by=editor, now=NOW)
    operations.pause(campaign, by=editor, now=NOW)

    def publish() -> int:
        try:
            return store.publish(by=editor, now=NOW).publication.number
        except store.Held:
            return 0

    def roll_back() -> int:
        return store.rollback(first.release.digest, by=editor, now=NOW, why="wrong").number

    numbers = at_once(*[publish] * 6, roll_back, *[publish] * 6)

    assert max(numbers) == numbers[6]
    state = process.refresh()
    assert (state.release.digest, state.publication) == (first.release.digest, numbers[6])


def test_rolling_back_to_what_is_served_holds_it_there(campaign: Campaign, editor: User, process: Serving) -> None:
    first = store.publish(by=editor, now=NOW)

    back = store.rollback(first.release.digest, by=editor, now=NOW, why="stay")
    again = store.rollback(first.release.digest, by=editor, now=NOW, why="stay, I said")

    assert first.publication.number < back.number < again.number
    assert PublicationHold.objects.filter(lifted_at__isnull=True).count() == 1
    assert process.refresh().release.digest == first.release.digest


def test_after_a_hold_is_lifted_what_was_held_back_is_still_owed(campaign: Campaign, editor: User) -> None:
    first = store.publish(by=editor, now=NOW)
    operations.pause(campaign, by=editor, now=NOW)
    store.publish(by=editor, now=NOW)

    store.rollback(first.release.digest, by=editor, now=NOW, why="wrong")
    store.lift_hold(by=editor, now=NOW)

    assert store.behind()
    assert store.publish(by=editor, now=NOW).release.campaigns == 0


def test_publishing_when_nothing_is_live_serves_nothing(editor: User, process: Serving) -> None:
    published = store.publish(by=editor, now=NOW)

    assert (published.release.campaigns, published.release.candidates) == (0, 0)
    assert process.refresh().release.doc.campaigns == ()


def test_two_who_kill_one_campaign_at_once_both_succeed(editor: User) -> None:
    CampaignFactory(key="wrong")

    kills = at_once(*[lambda: pulse.kill("wrong", by=editor, now=NOW)] * 8)

    assert len({each.pk for each in kills}) == 1
    assert Kill.objects.count() == 1


def test_kills_of_many_at_once_are_all_in_the_pulse(editor: User, process: Serving) -> None:
    keys = [CampaignFactory(key=f"wrong-{number}").key for number in range(12)]

    at_once(*[lambda key=key: pulse.kill(key, by=editor, now=NOW) for key in keys])

    assert process.refresh().pulse.kills == frozenset(keys)
    assert PulseHead.objects.count() == len(keys)


def test_kills_committed_while_a_pulse_waits_its_turn_are_in_it(editor: User, process: Serving) -> None:
    """Parts are read after the queue, not before it."""
    for key in ("one", "two"):
        CampaignFactory(key=key)
    Kill.objects.create(campaign="one", at=NOW)

    def republish_after_the_other() -> None:
        with transaction.atomic():
            pulse.republish(NOW)

    at_once(republish_after_the_other, lambda: pulse.kill("two", by=editor, now=NOW), republish_after_the_other)

    assert process.refresh().pulse.kills == {"one", "two"}


@pytest.mark.parametrize("digest", ["", "sha256:", "sha256:zz", "sha256:%"])
def test_a_roll_back_names_its_release(campaign: Campaign, editor: User, digest: str) -> None:
    store.publish(by=editor, now=NOW)

    with pytest.raises(store.UnknownRelease):
        store.rollback(digest, by=editor, now=NOW, why="")
