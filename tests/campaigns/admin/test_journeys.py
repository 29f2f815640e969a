"""Is a journey written, submitted, approved and paused on its pages, and are moves said before they happen?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from campaigns import journeys
from campaigns.models import Journey, JourneyVersion, Step
from tests.factories.journeys import drafted, published
from tests.factories.posting import errors, posted

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def page(name: str, *args: object) -> str:
    return reverse(f"admin:campaigns_{name}", args=args)


def test_a_journey_opens_with_a_draft(annas: Client) -> None:
    answer = annas.post(page("journey_add"), {"name": "Cohesive", "key": "cohesive", "goal": ""})

    assert answer.status_code == 302, errors(answer)
    assert [(each.number, each.state) for each in JourneyVersion.objects.all()] == [(1, "DRAFT")]


def test_steps_are_written_and_two_people_publish_them(annas: Client, bos: Client) -> None:
    version = drafted()
    where = page("journeyversion_change", version.pk)
    opened = annas.get(where)
    changes = {"steps-0-leaves": "all||click > screen, all||dismissal", "exits": "plan_group|music|conversion"}

    answer = annas.post(where, posted(opened, **changes))
    assert answer.status_code == 302, errors(answer)
    assert Step.objects.get(key="hint").leaves == ["all||click > screen", "all||dismissal"]
    assert annas.post(page("journeyversion_do", version.pk, "submit"), {"comment": ""}).status_code == 302
    assert annas.post(page("journeyversion_do", version.pk, "approve"), {"comment": ""}).status_code == 200, "her own"
    assert bos.post(page("journeyversion_do", version.pk, "approve"), {"comment": ""}).status_code == 302

    assert Journey.objects.get().state == "LIVE"
    assert annas.post(where, posted(opened, length="3 days")).status_code == 403


def test_a_new_version_says_who_stays_moves_and_leaves(annas: Client, bo: User) -> None:
    first = published(drafted(), NOW)
    second = journeys.new_version(first.journey, by=bo, now=NOW)

    for where in (page("journeyversion_change", second.pk), page("journeyversion_do", second.pk, "submit")):
        assert "0 stay in their version, 0 move, 0 leave" in annas.get(where).content.decode()
    assert "stay in their version" not in annas.get(page("journeyversion_change", first.pk)).content.decode()


@pytest.mark.parametrize(("verb", "state"), [("pause", "PAUSED"), ("end", "ENDED")])
def test_a_live_journey_is_stopped(annas: Client, verb: str, state: str) -> None:
    journey = published(drafted(), NOW).journey

    annas.post(page("journey_do", journey.pk, verb), {"comment": "enough"})

    assert Journey.objects.get().state == state


@pytest.mark.parametrize("name", ["journey", "journeyversion"])
def test_lists_and_pages_are_there(annas: Client, name: str) -> None:
    version = published(drafted(), NOW)
    row = version if name == "journeyversion" else version.journey

    assert annas.get(page(f"{name}_changelist")).status_code == 200
    assert "Cohesive" in annas.get(page(f"{name}_change", row.pk)).content.decode()
