"""Do edits of audiences reach the campaigns that lean on them, and does no text of anybody become markup?"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audiences.admin import rules
from audiences.models import Audience, AudienceRun
from audiences.rules import EventType, Rule, TraitType, Type, ValueType, Vocabulary, parse
from campaigns import operations
from campaigns.lifecycle import State
from tests.factories.audiences import AudienceFactory
from tests.factories.campaigns import CampaignFactory, CreativeContentFactory, CreativeFactory, OfferFactory
from tests.factories.posting import errors, posted
from tests.factories.whole import ready_campaign

pytestmark = pytest.mark.django_db

LISTS = ("audiences_audience", "audiences_revision", "campaigns_campaign", "campaigns_creative", "campaigns_offer")
RULE = {"v": 1, "rule": {"audience": "loyal", "op": "in"}}
OTHER = '{"v": 1, "rule": {"not": {"all": []}}}'
PAYLOADS = ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>')


def page_of(audience: Audience) -> str:
    return reverse("admin:audiences_audience_change", args=[audience.pk])


def test_an_edited_audience_voids_the_request_that_leans_on_it(annas: Client, anna: User) -> None:
    loyal = AudienceFactory(slug="loyal", rule={"v": 1, "rule": {"all": []}})
    campaign = ready_campaign(key="first-trial", rule=RULE, ends=None)
    operations.submit(campaign, by=anna, now=timezone.now())
    assert "first-trial" in annas.get(page_of(loyal)).content.decode(), "used by"

    answer = annas.post(page_of(loyal), posted(annas.get(page_of(loyal)), rule=OTHER), follow=True)

    assert "is void" in answer.content.decode()
    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT


def test_an_audience_by_rule_needs_one(annas: Client) -> None:
    loyal = AudienceFactory(slug="loyal")

    answer = annas.post(page_of(loyal), posted(annas.get(page_of(loyal)), rule=None))

    assert "Write a rule" in errors(answer)


def test_the_rule_is_checked_while_one_types(annas: Client) -> None:
    url = reverse("admin:audiences_rule_check") + "?field=rule&where=audience"

    good = annas.post(url, {"rule": '{"v": 1, "rule": {"all": []}}'}).content.decode()
    bad = annas.post(
        url, {"rule": '{"v": 1, "rule": {"ctx": "platform", "op": "in", "value": ["ios"]}}'}
    ).content.decode()

    assert "merch-sentence" in good
    assert "cannot be answered here" in bad


def test_an_audience_is_counted_by_a_button(annas: Client) -> None:
    loyal = AudienceFactory(slug="loyal", rule={"v": 1, "rule": {"all": []}})

    annas.post(reverse("admin:audiences_audience_do", args=[loyal.pk, "count"]))

    run = AudienceRun.objects.get()
    assert run.state == AudienceRun.State.QUEUED
    assert "loyal" in {audience["slug"] for audience in run.plan["audiences"]}


@pytest.mark.parametrize(("said", "rule"), rules.EXAMPLES + rules.ELSEWHERE)
def test_every_example_of_a_rule_is_one(said: str, rule: str) -> None:
    words = Vocabulary(
        traits={"market": TraitType(Type.STRING), "subscription_state": TraitType(Type.STRING)},
        contexts={"platform": ValueType(Type.STRING)},
        events={"listen": EventType()},
        audiences={"press-list": None},
    )

    assert isinstance(parse(rule, words), Rule), said


def test_the_list_of_audiences_costs_the_same_for_many_as_for_one(annas: Client) -> None:
    AudienceFactory()
    url = reverse("admin:audiences_audience_changelist")
    annas.get(url)
    with CaptureQueriesContext(connection) as one:
        annas.get(url)
    for _ in range(15):
        AudienceFactory()

    with CaptureQueriesContext(connection) as many:
        annas.get(url)

    assert len(many) == len(one)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_people_write_is_never_markup(annas: Client, anna: User, payload: str) -> None:
    campaign = ready_campaign(key="first-trial", name=payload, goal=payload, ends=None)
    CreativeContentFactory(creative=CreativeFactory(key="other", name=payload), fields={"title": payload})
    AudienceFactory(slug="loyal", name=payload, description=payload)
    OfferFactory(key="other", name=payload)
    waiting = ready_campaign(key="waiting", name=payload, ends=None)
    operations.submit(waiting, by=anna, now=timezone.now(), why=payload)
    CampaignFactory(key="draft", name=payload)
    change = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    urls = [reverse(f"admin:{name}_changelist") for name in LISTS]
    urls += [reverse("admin:index"), change, change.replace("change", "history"), change.replace("change", "do/submit")]

    for url in urls:
        assert payload not in annas.get(url, follow=True).content.decode(), url
