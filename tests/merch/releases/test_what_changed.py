"""Does whoever publishes see beforehand what would change, and afterwards what did, of what they may see?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from campaigns.models import Campaign
from merch.models import Publication
from merch.releases import store
from tests.merch.releases.conftest import NOW, live

pytestmark = pytest.mark.usefixtures("valkey")
BACKEND = "django.contrib.auth.backends.ModelBackend"


def page(user: User, url: str) -> str:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client.get(url).content.decode()


def test_before_and_after_a_publication(campaign: Campaign, editor: User, approver: User) -> None:
    first = store.publish(by=editor, now=NOW).publication
    live(editor, approver, key="second", priority=70)
    publish = reverse("admin:merch_publication_do_all", args=["publish"])

    assert "campaign second added" in page(editor, publish)
    second = store.publish(by=editor, now=NOW + timedelta(minutes=1)).publication
    assert "no difference" in page(editor, publish)

    changes = [page(editor, reverse("admin:merch_publication_change", args=[each.pk])) for each in (first, second)]
    assert f"campaign {campaign.key} added" in changes[0]
    assert "campaign second added" in changes[1]
    assert f"campaign {campaign.key} added" not in changes[1]


def test_campaigns_of_other_teams_are_only_counted(campaign: Campaign, editor: User) -> None:
    store.publish(by=editor, now=NOW)
    guest = User.objects.create_user("guest", is_staff=True)
    guest.user_permissions.add(Permission.objects.get(codename="view_publication"))

    shown = page(guest, reverse("admin:merch_publication_change", args=[Publication.objects.get().pk]))

    assert "1 more that you may not see" in shown
    assert campaign.key not in shown
