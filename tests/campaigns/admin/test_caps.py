"""Do caps, cooldowns and pressure read back as what they do, and is what cannot work refused where it is entered?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from audiences.models import Revision
from campaigns.admin.cap_words import cap_sentence, cooldown_sentence, pressure_sentence
from campaigns.cloning import clone
from campaigns.models import Cooldown, FrequencyCap, Pressure
from tests.factories import (
    CooldownFactory,
    FrequencyCapFactory,
    PlacementFormatFactory,
    UserFactory,
    ready_campaign,
)
from tests.factories.campaigns import THEN
from tests.factories.posting import errors, posted

pytestmark = pytest.mark.django_db

DAILY = {"window": "CALENDAR_LOCAL", "unit": "DAY", "length": None}
SHARED = {"campaign": None}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "At most 3 impressions of this campaign in any 7 days."),
        (DAILY, "At most 3 impressions of this campaign per calendar day, where the listener lives."),
        (
            DAILY | {"unit": "WEEK", "limit": 1},
            "At most 1 impression of this campaign per calendar week, from Monday, where the listener lives.",
        ),
        (
            {"window": "SESSION", "length": None, "scope": "PLACEMENT"},
            "At most 3 impressions of anything in the same placement per session.",
        ),
        (
            {"window": "LIFETIME", "length": None, "event": "click", "scope": "OFFER"},
            "At most 3 clicks of the same offer in any campaign ever.",
        ),
        (
            SHARED | {"scope": "FORMAT", "scope_key": "full-screen", "limit": 1, "strict": True},
            (
                "At most 1 impression of the format full-screen in any 7 days. "
                "Strictly: also when several devices ask at once."
            ),
        ),
        (SHARED | {"scope": "TIER"}, "At most 3 impressions of any one tier in any 7 days."),
        (SHARED | {"scope": "ALL"}, "At most 3 impressions of everything in any 7 days."),
        (
            SHARED | {"scope": "INTERRUPT", "window": "SESSION", "length": None},
            "At most 3 impressions of everything that interrupts per session.",
        ),
    ],
)
def test_a_cap_reads_back_as_a_sentence(fields: dict[str, Any], said: str) -> None:
    assert cap_sentence(FrequencyCapFactory(**fields)) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "30 days of rest after this campaign was closed."),
        ({"event": "conversion", "scope": "OFFER"}, "30 days of rest after the same offer in any campaign was bought."),
        (
            SHARED | {"scope": "FORMAT", "scope_key": "full-screen", "length": timedelta(hours=24)},
            "1 day of rest after the format full-screen was closed.",
        ),
    ],
)
def test_a_cooldown_reads_back_as_a_sentence(fields: dict[str, Any], said: str) -> None:
    assert cooldown_sentence(CooldownFactory(**fields)) == said


def test_pressure_reads_back_as_a_sentence() -> None:
    assert pressure_sentence(Pressure(allowance=100, shrink=20, least=40)) == (
        "A listener bears interruptions of 100 in any 7 days, 20 less for each one closed, but 40 at least. "
        "What costs 0 is never held back."
    )


def add(client: Client, model: str, **fields: Any) -> Any:
    page = reverse(f"admin:campaigns_{model}_add")
    return client.post(page, posted(client.get(page), **fields))


CAP = {"limit": "3", "event": "impression", "window": "ROLLING", "length": "7 days", "scope": "ALL"}


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"length": None}, "A rolling window needs a length"),
        ({"window": "SESSION"}, "This window has no length"),
        ({"window": "CALENDAR_LOCAL", "length": None}, "day, week or month"),
        ({"unit": "DAY"}, "This window has no unit"),
        ({"window": "SESSION", "length": None, "limit": "21"}, "counts to 20 at most"),
        ({"event": "click", "strict": "on"}, "Only times shown"),
        ({"scope": "CAMPAIGN"}, "counts more than one campaign"),
        ({"limit": "0"}, "greater than or equal to 1"),
    ],
)
def test_a_shared_cap_that_cannot_work_is_refused_by_field(
    annas: Client, fields: dict[str, Any], complaint: str
) -> None:
    assert complaint in errors(add(annas, "frequencycap", **CAP | fields))
    assert not FrequencyCap.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"strict": "on"},
        {"window": "CALENDAR_LOCAL", "length": None, "unit": "MONTH"},
        {"window": "SESSION", "length": None},
        {"window": "LIFETIME", "length": None, "limit": "100"},
    ],
)
def test_a_shared_cap_is_added_and_leaves_history(annas: Client, fields: dict[str, Any]) -> None:
    answer = add(annas, "frequencycap", **CAP | fields)

    assert answer.status_code == 302, errors(answer)
    assert Revision.objects.get().object_type == "frequencycap"


REST = {"event": "dismissal", "length": "30 days", "scope": "FORMAT", "scope_key": "full-screen"}


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"length": None}, "required"),
        ({"event": "conversion"}, "What is bought is an offer"),
        ({"scope": "CAMPAIGN"}, "of more than one campaign"),
    ],
)
def test_a_shared_cooldown_that_cannot_work_is_refused_by_field(
    annas: Client, fields: dict[str, Any], complaint: str
) -> None:
    assert complaint in errors(add(annas, "cooldown", **REST | fields))
    assert not Cooldown.objects.exists()


def test_a_shared_cooldown_is_added(annas: Client) -> None:
    assert add(annas, "cooldown", **REST).status_code == 302
    assert Cooldown.objects.get().length == timedelta(days=30)


def test_there_is_one_pressure_and_its_allowance_can_be_counted(annas: Client) -> None:
    PlacementFormatFactory(interruption_cost=5)
    asked = {"allowance": "101", "window": "7 days", "shrink": "0", "least": "0"}

    assert "100 at most" in errors(add(annas, "pressure", **asked))
    assert "No more can be left" in errors(add(annas, "pressure", **asked | {"allowance": "100", "least": "101"}))
    assert add(annas, "pressure", **asked | {"allowance": "100"}).status_code == 302
    assert Pressure.objects.get().allowance == 100
    assert annas.get(reverse("admin:campaigns_pressure_add")).status_code == 403


def test_a_campaigns_own_page_takes_and_says_them(annas: Client) -> None:
    campaign = ready_campaign(ends=None)
    FrequencyCapFactory(campaign=campaign, daily=True)
    page = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    form = posted(annas.get(page)) | {
        "cooldowns-TOTAL_FORMS": "1",
        "cooldowns-0-event": "dismissal",
        "cooldowns-0-length": "30 days",
        "cooldowns-0-scope": "CAMPAIGN",
        "caps-0-strict": "on",
    }

    answer = annas.post(page, form)

    assert answer.status_code == 302, errors(answer)
    said = annas.get(page).content.decode()
    assert "30 days of rest after this campaign was closed." in said
    assert "per calendar day, where the listener lives. Strictly" in said


def test_a_clone_brings_them_along() -> None:
    campaign = ready_campaign()
    FrequencyCapFactory(campaign=campaign, daily=True, strict=True)
    CooldownFactory(campaign=campaign)

    copy = clone(campaign, "copy", by=UserFactory(), now=THEN)

    assert cap_sentence(copy.caps.get()) == cap_sentence(campaign.caps.get())
    assert cooldown_sentence(copy.cooldowns.get()) == cooldown_sentence(campaign.cooldowns.get())


@pytest.mark.parametrize(
    "fields",
    [
        {"window": "CALENDAR_LOCAL", "length": None},
        {"window": "SESSION"},
        {"unit": "DAY"},
        {"event": "click", "strict": True},
        {"window": "SESSION", "length": None, "limit": 21},
    ],
)
def test_the_database_holds_what_the_forms_say(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        FrequencyCapFactory(**fields)
