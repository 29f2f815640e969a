"""Does every page of the admin open, whoever asks, and does the home page stay cheap?"""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.settings.unfold import NAVIGATION
from merch.models import ApiKey, Kill
from tests.factories.people import UserFactory
from tests.factories.whole import ready_campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    user: User = UserFactory(username="anna", is_staff=True, is_superuser=True)
    made = Client()
    made.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return made


def pages() -> list[str]:
    return sorted(f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry)


def test_every_page_opens_empty_and_says_what_it_is_for(client: Client) -> None:
    for name in pages():
        answer = client.get(reverse(f"admin:{name}_changelist"))
        assert answer.status_code == 200, name
        assert answer.context["intro"], f"{name} says nothing of itself"


def test_every_form_opens(client: Client) -> None:
    for model, page in list(admin.site._registry.items()):
        answer = client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add"))
        assert answer.status_code in (200, 403), page


def test_every_page_stands_in_the_sidebar() -> None:
    shown = {str(item["link"]) for group in NAVIGATION for item in group["items"]}

    others = {reverse("admin:index"), reverse("admin-decisions")}
    assert {reverse(f"admin:{name}_changelist") for name in pages()} | others == shown


def test_home_costs_the_same_for_many_campaigns_as_for_few(client: Client) -> None:
    for number in range(2):
        ready_campaign(key=f"few-{number}", live=True, ends=None)
    client.get(reverse("admin:index"))
    with CaptureQueriesContext(connection) as few:
        client.get(reverse("admin:index"))
    for number in range(20):
        ready_campaign(key=f"more-{number}", live=True, ends=None)

    with CaptureQueriesContext(connection) as many:
        page = client.get(reverse("admin:index"))

    assert page.status_code == 200
    assert len(many) == len(few)


def test_a_key_is_shown_once_and_never_again(client: Client) -> None:
    answer = client.post(reverse("admin:merch_apikey_do_all", args=["issue"]), {"name": "ios-app", "scope": "client"})

    key = answer.context["issued"].key
    assert key in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    row = ApiKey.objects.get()
    assert key not in client.get(reverse("admin:merch_apikey_change", args=[row.pk])).content.decode()


def test_a_kill_says_its_effect_and_is_lifted_by_a_button(client: Client) -> None:
    campaign = ready_campaign(key="first-trial", live=True, ends=None)
    url = reverse("admin:campaigns_campaign_do", args=[campaign.pk, "kill"])

    assert "within a second" in client.get(url).content.decode()
    client.post(url, {"comment": "wrong price"})
    assert Kill.objects.filter(campaign="first-trial", lifted_at__isnull=True).exists()
    client.post(reverse("admin:campaigns_campaign_do", args=[campaign.pk, "lift-kill"]), {"comment": ""})
    assert not Kill.objects.filter(lifted_at__isnull=True).exists()


def test_a_stranger_is_asked_to_sign_in() -> None:
    answer = Client().get(reverse("admin:campaigns_campaign_changelist"))

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("admin:login"))
