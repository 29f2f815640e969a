"""Can a person find out why an account saw that, and only as much of it as they may see?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from guardian.shortcuts import assign_perm

from audiences.models import Sensitivity, TraitDefinition
from merch import reexecution
from merch.engine.document import CapDoc, ReleaseDoc
from merch.engine.facts import Asked, HistoryCell
from merch.models import Release
from tests.factories.people import UserFactory
from tests.factories.whole import ready_campaign
from tests.merch.engine.documents import HOUR, NOON, campaign, document, request, subject
from tests.merch.engine.test_arbitration import TEST
from tests.merch.recorded import recorded, stored

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = 24 * HOUR
STUDENTS = campaign("student", priority=70, rule={"v": 1, "rule": {"trait": "minutes", "op": "gte", "value": 100}})
RESTING = campaign(
    "resting", priority=60, caps=(CapDoc(scope="CAMPAIGN", event="impression", limit=2, window=7 * DAY),)
)
RELEASE = document(STUDENTS, RESTING, campaign("first-trial", priority=50))
WHO = subject(
    minutes=7_531,
    history={"campaign|resting|impression": HistoryCell(2, NOON - DAY, NOON - HOUR, (NOON - DAY, NOON - HOUR), (0, 0))},
)


def person(*permissions: str) -> Client:
    user: User = UserFactory(username=f"user-{uuid4().hex[:6]}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return signed_in(user)


def signed_in(user: User) -> Client:
    made = Client()
    made.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return made


def everything() -> Client:
    return signed_in(UserFactory(username="root", is_staff=True, is_superuser=True))


def made(release: ReleaseDoc = RELEASE, **asked: Any) -> UUID:
    stored(release, NOW)
    TraitDefinition.objects.get_or_create(name="minutes", defaults={"label": "Minutes", "type": "int"})
    return recorded(release, request(decision_id=str(uuid4()), **asked), WHO, NOW)


def page(client: Client, decision: UUID, query: str = "") -> str:
    answer = client.get(reverse("admin-decision", args=[decision]) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_candidate_stands_with_its_reason_counters_and_facts() -> None:
    stale = WHO.record.traits["minutes"]
    assert stale[0] == 7_531
    shown = page(everything(), made())

    for words in ("SELECTED", "student", "resting", "CAPPED", "OUTRANKED", "7531", "campaign · resting · impression"):
        assert words in shown, words
    assert "2 of 2, 7 days, below it at 2026-11-28T12:00:00Z" in shown


def test_one_campaign_is_asked_about() -> None:
    shown = page(everything(), made(), "?campaign=first-trial")

    assert "first-trial is blocked by rivals" in shown
    assert "raise its priority above student&#x27;s 70" in shown


def test_decisions_are_found_by_their_id_and_by_the_account() -> None:
    decision, client = made(), everything()
    index = reverse("admin-decisions")

    by_account = client.get(index, {"q": "acc_1", "kind": "a"}).content.decode()
    assert reverse("admin-decision", args=[decision]) in by_account
    assert client.get(index, {"q": str(decision)}).headers["Location"] == reverse("admin-decision", args=[decision])
    for nobody in ("acc_2", str(uuid4()), "\u0000", "x" * 300):
        assert "Nothing is recorded under this id" in client.get(index, {"q": nobody}).content.decode()
    assert client.get(reverse("admin-decision", args=[uuid4()])).status_code == 404


def test_a_decision_whose_release_is_gone_still_says_what_was_shown() -> None:
    decision = made()
    reexecution.release_named.cache_clear()
    Release.objects.all().delete()

    shown = page(everything(), decision)

    assert "It cannot be made again" in shown
    assert "home: SELECTED, student" in shown


def test_nothing_is_explained_too() -> None:
    kept = page(everything(), made(document(), placements=(Asked("home"), Asked("nowhere"))))

    assert "home: EMPTY" in kept
    assert "nowhere: UNKNOWN_PLACEMENT" in kept


def test_who_may_not_look_sees_nothing() -> None:
    decision = made()
    stranger = person("view_subject")

    assert stranger.get(reverse("admin-decision", args=[decision])).status_code == 403
    assert stranger.get(reverse("admin-decisions")).status_code == 403
    assert Client().get(reverse("admin-decisions")).status_code == 302


def test_subjects_sensitive_traits_and_other_teams_are_hidden() -> None:
    decision = made()
    TraitDefinition.objects.filter(name="minutes").update(sensitivity=Sensitivity.SENSITIVE)
    own = ready_campaign(key="student")
    looking, knowing = person("view_decisionrecord"), person("view_decisionrecord", "view_subject")
    assign_perm("campaigns.view_campaign", User.objects.order_by("-pk")[1], own)

    without_people = page(looking, decision, "?campaign=resting")
    with_people = page(knowing, decision)
    client = person("view_decisionrecord", "view_subject", "view_sensitive_traits", "view_campaign")

    assert "acc_1" not in without_people
    assert "7531" not in without_people + with_people
    assert "hidden: sensitive" in with_people
    assert "student" in without_people
    assert "resting" not in without_people.replace("?campaign=resting", "")
    assert "a campaign of another team" in without_people
    assert "7531" in page(client, decision)


def test_a_rival_of_another_team_goes_unnamed() -> None:
    looking = person("view_decisionrecord")
    assign_perm("campaigns.view_campaign", User.objects.latest("pk"), ready_campaign(key="first-trial"))

    shown = page(looking, made(), "?campaign=first-trial")

    assert "raise its priority above a campaign of another team" in shown
    assert "student" not in shown


def test_a_sensitive_value_is_not_told_by_what_would_have_changed() -> None:
    picky = campaign("student", rule={"v": 1, "rule": {"trait": "minutes", "op": "lt", "value": 100}})
    decision = made(document(picky))
    TraitDefinition.objects.filter(name="minutes").update(sensitivity=Sensitivity.SENSITIVE)

    shown = page(person("view_decisionrecord", "view_subject", "view_campaign"), decision, "?campaign=student")

    assert "trait minutes is otherwise" in shown
    assert "7531" not in shown
    assert "instead of 7531" in page(everything(), decision, "?campaign=student")


def test_the_command_tells_the_same_with_draws() -> None:
    tested = document(*RELEASE.campaigns, experiments={TEST.key: TEST})
    decision, said = made(tested), StringIO()
    call_command("explain_decision", str(decision), "--campaign", "resting", stdout=said)
    told = json.loads(said.getvalue())["placements"][0]

    assert [each["reason"] for each in told["candidates"]] == ["SELECTED", "CAPPED", "OUTRANKED"]
    assert told["smallest_change"]["blocked_by"] == "rivals"
    assert [each["sentence"] for each in told["smallest_change"]["changes"]] == [
        "impression of campaign resting happened 1 times instead of 2"
    ]
