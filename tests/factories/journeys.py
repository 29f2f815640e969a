"""Journeys as their authors write them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from audiences.models import EventDefinition
from campaigns import journeys
from campaigns.models import Journey, JourneyVersion, PlanGroup, Step
from tests.factories.audiences import EventDefinitionFactory
from tests.factories.campaigns import PlanGroupFactory
from tests.factories.people import UserFactory, grant

SKIP, SUBSCRIBED = "event|skip_limit|custom", "plan_group|music|conversion"


def drafted(key: str = "cohesive", steps: dict[str, dict[str, Any]] | None = None, **changes: Any) -> JourneyVersion:
    """Two skips in a local day; a hint, after 3 days a card, after 7 days a screen; over after 14."""
    if not EventDefinition.objects.filter(name="skip_limit").exists():
        EventDefinitionFactory(name="skip_limit")
    if not PlanGroup.objects.filter(key="music").exists():
        PlanGroupFactory(key="music")
    plain = {
        "anchor_cell": SKIP, "anchor_count": 2, "anchor_local_day": True, "length": timedelta(days=14),
        "rest": timedelta(days=30), "re_entry": timedelta(days=90), "exits": [SUBSCRIBED],
    }  # fmt: skip
    journey = Journey.objects.create(key=key, name=key.title())
    version = JourneyVersion.objects.create(journey=journey, number=1, **plain | changes)
    days = (("hint", 0), ("card", 3), ("screen", 7))
    chosen = {name: {"after": timedelta(days=day) or None} for name, day in days} if steps is None else steps
    for position, (name, said) in enumerate(chosen.items()):
        Step.objects.create(version=version, position=position, key=name, **said)
    return version


def published(version: JourneyVersion, now: datetime) -> JourneyVersion:
    """Submitted by one person and approved by another."""
    approver = UserFactory(username="journey-approver")
    grant(approver, "approve_journey", wanted=True)
    submitted = journeys.submit(version, by=UserFactory(username="journey-author"), now=now)
    return journeys.approve(submitted, by=approver, now=now)
