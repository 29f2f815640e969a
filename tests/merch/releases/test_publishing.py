"""Is what was approved what is served, and does it go back and stop as told?"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import InternalError, ProgrammingError, connection
from django.test.utils import CaptureQueriesContext

from audiences.models import Revision, TraitDefinition
from campaigns import operations
from campaigns.models import Campaign, CreativeContent, Pressure
from merch.engine.clock import DAY
from merch.engine.document import CapDoc, CooldownDoc, PressureDoc
from merch.models import Kill, Publication, PublicationHold, Release
from merch.releases import build, pulse, store
from merch.releases.serving import Serving
from tests.factories import CooldownFactory, FrequencyCapFactory, PlacementFormatFactory
from tests.merch.releases.conftest import NOW, live


def titles(serving: Serving) -> list[str]:
    document = serving.refresh().release.doc
    return [
        fields["title"]
        for campaign in document.campaigns
        for creative in campaign.creatives.values()
        for fields in creative.locales.values()
    ]


def test_a_release_carries_what_is_live_and_nothing_else(campaign: Campaign, editor: User, process: Serving) -> None:
    store.publish(by=editor, now=NOW)

    assert [each.key for each in process.refresh().release.doc.campaigns] == [campaign.key]

    operations.pause(campaign, by=editor, now=NOW)
    store.publish(by=editor, now=NOW)

    assert process.refresh().release.doc.campaigns == ()


def test_shared_limits_and_what_interrupting_costs_are_in_it(campaign: Campaign) -> None:
    PlacementFormatFactory(key="full-screen", interruption_cost=80)
    FrequencyCapFactory(campaign=None, scope="FORMAT", scope_key="full-screen", daily=True, strict=True)
    CooldownFactory(shared=True)
    Pressure.objects.create(allowance=100, shrink=20, least=40)

    document = build.build(NOW).document

    assert document.shared_caps == (
        CapDoc(
            scope="FORMAT", scope_key="full-screen", event="impression", limit=3, kind="CALENDAR_LOCAL", unit="DAY",
            strict=True,
        ),
    )  # fmt: skip
    assert document.shared_cooldowns == (CooldownDoc(scope="FORMAT", event="dismissal", length=30 * DAY),)
    assert document.pressure == PressureDoc(allowance=100, window=7 * DAY, shrink=20, least=40)
    assert document.costs == {"full-screen": 80}


def test_an_unapproved_edit_of_a_live_campaign_is_not_served(
    campaign: Campaign, editor: User, approver: User, process: Serving
) -> None:
    store.publish(by=editor, now=NOW)
    before = titles(process)
    content = CreativeContent.objects.get()
    content.fields = content.fields | {"title": "Sneaked in"}
    content.save()
    operations.edited(content, None, by=editor, now=NOW)

    store.publish(by=editor, now=NOW)
    assert titles(process) == before

    operations.approve(operations.submit(campaign, by=editor, now=NOW), by=approver, now=NOW)
    store.publish(by=editor, now=NOW)
    assert titles(process) == ["Sneaked in"]


def test_equal_content_has_an_equal_name(campaign: Campaign, editor: User) -> None:
    first = store.publish(by=editor, now=NOW)
    second = store.publish(by=editor, now=NOW)

    assert (first.changed, second.changed) == (True, False)
    assert second.release == first.release
    assert second.publication.number > first.publication.number


def test_building_asks_a_fixed_number_of_questions(campaign: Campaign, editor: User, approver: User) -> None:
    with CaptureQueriesContext(
        connection,
    ) as one:
        build.build(NOW)
    for number in range(3):
        live(editor, approver, key=f"more-{number}")
    with CaptureQueriesContext(connection) as four:
        built = build.build(NOW)

    assert len(built.document.campaigns) == 4
    assert len(four) == len(one)


def test_a_campaign_that_no_longer_fits_is_left_out_by_name(editor: User, approver: User) -> None:
    TraitDefinition.objects.create(name="mood", label="mood", type="string")
    leaf = {"trait": "mood", "op": "eq", "value": "calm"}
    live(editor, approver, key="moody", rule={"v": 1, "rule": leaf})
    live(editor, approver, key="sound")
    TraitDefinition.objects.filter(name="mood").delete()

    published = store.publish(by=editor, now=NOW)

    assert [*published.left_out] == ["moody"]
    assert "mood" in published.left_out["moody"]
    assert published.release.campaigns == 1


def test_rolling_back_serves_the_old_release_under_a_new_number_and_holds(
    campaign: Campaign, editor: User, process: Serving
) -> None:
    first = store.publish(by=editor, now=NOW)
    operations.pause(campaign, by=editor, now=NOW)
    store.publish(by=editor, now=NOW)

    back = store.rollback(first.release.digest[:20], by=editor, now=NOW, why="wrong price")

    state = process.refresh()
    assert (state.release.digest, state.publication) == (first.release.digest, back.number)
    with pytest.raises(store.Held, match="wrong price"):
        store.publish(by=editor, now=NOW)
    assert store.lift_hold(by=editor, now=NOW)
    assert store.publish(by=editor, now=NOW).changed
    assert not store.lift_hold(by=editor, now=NOW)


def test_rolling_back_to_nothing_is_refused(editor: User) -> None:
    with pytest.raises(store.UnknownRelease, match="0 releases"):
        store.rollback("sha256:none", by=editor, now=NOW, why="")

    assert not PublicationHold.objects.exists()


def test_kill_and_lift_reach_the_process_without_a_release(campaign: Campaign, editor: User, process: Serving) -> None:
    store.publish(by=editor, now=NOW)
    number = process.refresh().publication

    pulse.kill(campaign.key, by=editor, now=NOW, why="wrong price")
    pulse.kill(campaign.key, by=editor, now=NOW, why="again")

    state = process.refresh()
    assert (state.pulse.kills, state.publication) == (frozenset({campaign.key}), number)
    assert Kill.objects.count() == 1

    assert pulse.lift(campaign.key, by=editor, now=NOW)
    assert process.refresh().pulse.kills == frozenset()


def test_killing_what_does_not_exist_is_refused(editor: User) -> None:
    with pytest.raises(pulse.UnknownCampaign, match="Check the key"):
        pulse.kill("nobody", by=editor, now=NOW)


def test_publications_fall_behind_with_every_change_and_catch_up(campaign: Campaign, editor: User) -> None:
    assert store.behind()
    store.publish(by=editor, now=NOW)
    assert not store.behind()
    operations.pause(campaign, by=editor, now=NOW)
    assert store.behind()


def test_what_was_published_cannot_be_rewritten(campaign: Campaign, editor: User) -> None:
    store.publish(by=editor, now=NOW)

    for change in (
        lambda: Release.objects.update(size=1),
        lambda: Publication.objects.update(why="x"),
        lambda: Revision.objects.all().delete(),
    ):
        with pytest.raises((InternalError, ProgrammingError)):
            change()


def test_a_process_starts_from_disk_when_nobody_answers(campaign: Campaign, editor: User, process: Serving) -> None:
    served = store.publish(by=editor, now=NOW)
    pulse.kill(campaign.key, by=editor, now=NOW)
    process.refresh()

    reborn = Serving(follow=False).current()

    assert (reborn.release.digest, reborn.source) == (served.release.digest, "disk")
    assert reborn.pulse.kills == frozenset({campaign.key})


def test_without_any_release_it_is_empty_and_says_so() -> None:
    state = Serving(follow=False).current()

    assert (state.source, state.publication, state.release.doc.campaigns) == ("builtin", 0, ())
