"""Is what is learned served to every process, for the items of the release, and taken back when nothing learns?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from campaigns.models import Campaign, Placement
from merch.learning.refreshing import refresh
from merch.models import PulseHead, PulsePart
from merch.releases import pulse, store
from merch.releases.serving import Serving
from merch.retention import prune
from tests.merch.learning.test_trials import Log
from tests.merch.releases.conftest import NOW, approver, campaign, editor, process

__all__ = ["approver", "campaign", "editor", "process"]

SHOWN = {"placement": "home-hero", "item": "hero"}


@pytest.fixture
def learning(campaign: Campaign, editor: User) -> Campaign:
    Placement.objects.update(strategy="BANDIT")
    store.publish(by=editor, now=NOW)
    return campaign


def mean(serving: Serving) -> float:
    rows = serving.refresh().pulse.bandits["home-hero"].rows
    return sum(row[0] for row in rows) / len(rows) / 1_000_000


def test_a_new_item_is_tried_before_anything_is_known_of_it(learning: Campaign, process: Serving) -> None:
    refresh(NOW)

    served = process.refresh().pulse.bandits["home-hero"]
    assert served.items == (f"{learning.key}/hero",)
    assert len(served.rows) == 1_000
    assert mean(process) == pytest.approx(1 / 2, abs=0.03)


def test_what_was_tried_moves_the_scores_and_nothing_new_makes_no_new_pulse(
    learning: Campaign, process: Serving
) -> None:
    log = Log()
    for subject in range(18):
        log.shown(timedelta(hours=3), subject=subject, clicked=subject < 4, campaign=learning.key, **SHOWN)

    number = refresh(NOW)

    assert mean(process) == pytest.approx(5 / 20, abs=0.02)
    assert refresh(NOW) == number


def test_a_kill_between_two_refreshes_keeps_what_was_learned(
    learning: Campaign, editor: User, process: Serving
) -> None:
    refresh(NOW)
    pulse.kill(learning.key, by=editor, now=NOW)

    state = process.refresh()

    assert state.pulse.kills == {learning.key}
    assert "home-hero" in state.pulse.bandits


def test_where_nothing_learns_any_more_nothing_is_served(learning: Campaign, editor: User, process: Serving) -> None:
    refresh(NOW)
    Placement.objects.update(strategy="PRIORITY")
    store.publish(by=editor, now=NOW)

    refresh(NOW)

    assert process.refresh().pulse.bandits == {}
    assert refresh(NOW) is None


def test_before_the_first_publication_there_is_nothing_to_learn(transactional_db: None) -> None:
    assert refresh(NOW) is None


def test_drawn_scores_are_kept_as_long_as_a_decision_may_name_them(learning: Campaign) -> None:
    refresh(NOW)
    later = NOW + timedelta(days=1)
    pulse.republish(later, {"bandit:home-hero": {"items": [], "rows": []}})
    drawn = PulsePart.objects.filter(name="bandit:home-hero")

    prune(later + timedelta(days=401))
    assert drawn.count() == 2

    prune(later + timedelta(days=402))
    assert drawn.count() == 1
    assert PulseHead.objects.count() == 1
