"""Does what a campaign asks of events get a bit, and a run that fills it?"""

from datetime import timedelta

import pytest
from django.utils import timezone

from audiences.membership import due, filled_positions, positions, start_run
from audiences.membership.execution import execute
from audiences.models import EventDefinition
from campaigns import behaviours
from campaigns.lifecycle import State
from campaigns.models import Campaign
from tests.factories.campaigns import CampaignFactory

PODCASTS = {"v": 1, "rule": {"event": "podcast", "agg": "days", "window": 28, "op": "gte", "value": 3}}


@pytest.fixture
def campaign(db: None) -> Campaign:
    EventDefinition.objects.create(name="podcast", label="podcast")
    return CampaignFactory(rule=PODCASTS)


def test_a_campaigns_condition_makes_a_run_due_that_fills_it(campaign: Campaign) -> None:
    now = timezone.now()
    execute(start_run(now), "test")
    assert due(now) is None

    behaviours.ensure()
    asked = positions()

    assert due(now) == now
    assert len(asked) == 1
    assert filled_positions() == {}
    execute(start_run(now + timedelta(seconds=1)), "test")
    assert filled_positions() == asked
    assert due(now) is None


@pytest.mark.parametrize("rule", [{}, {"v": 1, "rule": {"trait": "no_such", "op": "eq", "value": 1}}])
def test_a_rule_that_asks_nothing_or_does_not_parse_needs_no_bit(campaign: Campaign, rule: dict[str, object]) -> None:
    Campaign.objects.update(rule=rule)

    behaviours.ensure()

    assert positions() == {}


def test_an_ended_campaign_asks_nothing(campaign: Campaign) -> None:
    Campaign.objects.update(state=State.ENDED.value)

    behaviours.ensure()

    assert positions() == {}
