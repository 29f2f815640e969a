"""Is a learned choice recorded as randomised, and made again from the scores of its day after newer ones are served?"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.contrib.auth.models import User

from audiences.moments import micros
from campaigns.models import Campaign, Market, Placement
from merch.engine.decide import decide
from merch.engine.facts import Asked, Decision, Request
from merch.inputs import Entry
from merch.learning.refreshing import refresh
from merch.models import DecisionRecord
from merch.recording import Recorder
from merch.reexecution import differences, find
from merch.releases import store
from merch.releases.serving import Serving
from tests.factories.campaigns import LegalProfileFactory
from tests.merch.engine.documents import subject
from tests.merch.learning.test_trials import Log
from tests.merch.releases.conftest import NOW, approver, campaign, editor, live, process

__all__ = ["approver", "campaign", "editor", "process"]

PEOPLE = 60


def decided(serving: Serving, recorder: Recorder) -> list[Decision]:
    state, found = serving.refresh(), []
    for number in range(PEOPLE):
        asked = Request(
            decision_id=str(UUID(int=number)), kind="a", key=f"acc_{number}", placements=(Asked("home-hero"),),
            context={"country": "SE", "locale": "sv-SE"},
        )  # fmt: skip
        known = subject(subscription_state="FREE")
        found.append(decide(state.release, state.pulse, asked, known, micros(NOW)))
        recorder.record(Entry(state.release, state.pulse, asked, known, found[-1]))
    recorder.flush()
    return found


def test_a_learned_choice_is_made_again_after_newer_scores_are_served(
    campaign: Campaign, editor: User, approver: User, process: Serving
) -> None:
    rival = live(editor, approver, key="rival")
    LegalProfileFactory(market=Market.objects.get(code="SE"))
    Placement.objects.update(strategy="BANDIT")
    store.publish(by=editor, now=NOW)
    refresh(NOW)

    made = decided(process, Recorder(follow=False))
    shown = {slot.campaign for decision in made for slot in decision.answers[0].slots}
    probable = {slot.propensity for decision in made for slot in decision.answers[0].slots}

    assert shown == {campaign.key, rival.key}
    assert len(probable) == 2
    assert abs(sum(probable) - 1) < 1e-12
    assert all(DecisionRecord.objects.values_list("randomised", flat=True))

    log = Log()
    for person in range(100):
        log.shown(timedelta(hours=3), subject=person, clicked=True, campaign="rival", placement="home-hero")
    refresh(NOW)
    newer = process.refresh().pulse.bandits["home-hero"].digest
    kept = find(UUID(made[0].decision_id))

    assert kept is not None
    assert kept.inputs.bandits["home-hero"] != newer
    assert list(differences(DecisionRecord.objects.all().iterator())) == [None] * PEOPLE
