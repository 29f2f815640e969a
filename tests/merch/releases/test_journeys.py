"""Does a release carry journeys as they were signed, so that an event moves the very next decision?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User

from audiences.models import TraitDefinition
from audiences.moments import micros
from campaigns import journeys, operations
from campaigns.models import Campaign, Journey, Market
from merch.engine.compiling import compile_release
from merch.engine.decide import decide
from merch.engine.document import Pulse
from merch.engine.facts import Asked, Request
from merch.intake import receive
from merch.releases import build
from merch.subjects.store import store
from tests.factories import LegalProfileFactory, TraitDefinitionFactory, UserFactory
from tests.factories.journeys import drafted, published

LIVE_SINCE = datetime(2026, 11, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


BOUGHT = {"type": "conversion", "properties": {"plan_group": "music"}}


def event(event_id: str, at: datetime) -> dict[str, Any]:
    said = {"type": "custom", "name": "skip_limit", "account_id": "acc_1"}
    return said | {"event_id": event_id, "occurred_at": at.isoformat()}


@pytest.fixture
def card(campaign: Campaign, editor: User, valkey: redis.Redis) -> Campaign:
    """The ready campaign, shown at the card of the cohesive journey."""
    published(drafted(), LIVE_SINCE)
    campaign.journey, campaign.steps = Journey.objects.get(), ["card"]
    campaign.save()
    approval = operations.submit(campaign, by=UserFactory(username="writer"), now=NOW)
    operations.approve(approval, by=UserFactory(username="signer", approver=True), now=NOW)
    LegalProfileFactory(market=Market.objects.get(), unknown_age="ALLOW", unknown_consent="ALLOW")
    valkey.set("epoch", 0)
    assert store.warm()
    return campaign


def test_an_event_moves_the_very_next_decision(card: Campaign) -> None:
    release = compile_release(build.build(NOW).document)

    def reason(at: datetime) -> str:
        request = Request(
            decision_id="0", kind="a", key="acc_1", placements=(Asked("home-hero"),), context={"country": "SE"}
        )
        subject = store.read("a", "acc_1", release.doc.layout)
        (answer,) = decide(release, Pulse(), request, subject, micros(at), explain=True).answers
        return next((each.reason for each in answer.losses if each.campaign == card.key), answer.reason)

    def skips(at: datetime) -> None:
        batch = [event(f"skip-{n}", at) for n in range(2)]
        receive(batch, key_scope="server", source="app", sent_at=None, now=at)

    assert reason(NOW) == "JOURNEY_NOT_ENTERED"
    skips(NOW)
    assert reason(NOW) == "JOURNEY_WAITING"
    assert reason(NOW + 3 * DAY) == "SELECTED"
    assert reason(NOW + 14 * DAY) == "JOURNEY_WAITING"
    receive(
        [event("bought", NOW + 3 * DAY) | BOUGHT], key_scope="server", source="app", sent_at=None, now=NOW + 3 * DAY
    )
    assert reason(NOW + 3 * DAY) == "JOURNEY_EXITED"


def test_only_published_versions_go_in(card: Campaign) -> None:
    journeys.new_version(Journey.objects.get(), by=UserFactory(), now=NOW)

    (journey,) = build.build(NOW).document.journeys.values()

    assert [version.number for version in journey.versions] == [1]


def test_a_journey_that_no_longer_fits_is_left_out_alone(campaign: Campaign) -> None:
    TraitDefinitionFactory(name="passing", type="string")
    published(drafted(gate={"v": 1, "rule": {"trait": "passing", "op": "eq", "value": "x"}}), LIVE_SINCE)
    published(drafted("other"), LIVE_SINCE)
    TraitDefinition.objects.filter(name="passing").delete()

    built = build.build(NOW)

    assert list(built.document.journeys) == ["other"]
    assert list(built.left_out) == ["journey cohesive"]
