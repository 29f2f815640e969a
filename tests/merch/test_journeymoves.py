"""Is it said, before a version is published, how many stay, move and leave?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audiences.moments import micros
from campaigns import journeys
from campaigns.models import Step
from merch.engine.facts import JourneyFact
from merch.journeymoves import moves
from tests.factories import SubjectFactory, UserFactory
from tests.factories.journeys import drafted, published

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def inside(days_ago: int, step: int, *, left: int = 0) -> None:
    entered = micros(NOW - days_ago * DAY)
    fact = JourneyFact(entered, 1, entered, step, entered, left, "", 1)
    SubjectFactory(journeys={"cohesive": [getattr(fact, name) for name in fact.__struct_fields__]})


@pytest.mark.parametrize(("policy", "said"), [("STAY", (3, 0, 0)), ("MOVE", (0, 2, 1)), ("LEAVE", (0, 0, 3))])
def test_everybody_inside_is_counted_once(policy: Any, said: tuple[int, int, int]) -> None:
    """At the hint, at the card by now, at the screen by now; one left, and one is over since."""
    first = published(drafted(), NOW - 30 * DAY)
    for days_ago, step in ((1, 0), (4, 0), (9, 0), (15, 0)):
        inside(days_ago, step)
    inside(2, 0, left=micros(NOW - DAY))
    SubjectFactory()
    second = journeys.new_version(first.journey, by=UserFactory(), now=NOW)
    second.policy = policy
    second.save()
    Step.objects.filter(version=second, key="card").delete()

    assert moves(second, NOW) == said
