"""Does everybody see and change exactly what they were given, on every surface of a page?"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse
from guardian.shortcuts import assign_perm

from audiences.models import Audience
from tests.factories.audiences import AudienceFactory, SubjectFactory, TraitDefinitionFactory
from tests.factories.people import UserFactory

pytestmark = pytest.mark.django_db

LIST = "admin:audiences_audience_changelist"
CANARY = "Canary of another team"


@pytest.fixture
def ours() -> Audience:
    return AudienceFactory(slug="ours", name="Our heavy listeners")


@pytest.fixture
def theirs() -> Audience:
    return AudienceFactory(slug="theirs", name=CANARY)


@pytest.fixture
def member(ours: Audience, theirs: Audience) -> User:
    """Somebody whose group may view and change one audience, and nothing else."""
    user: User = UserFactory(is_staff=True)
    team = Group.objects.create(name="team")
    user.groups.add(team)
    for verb in ("view", "change"):
        assign_perm(f"audiences.{verb}_audience", team, ours)
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize("query", ["", "?q=Canary", "?o=1", "?kind__exact=RULE"])
def test_lists_show_only_granted_objects(member: User, query: str) -> None:
    page = signed_in(member).get(reverse(LIST) + query)

    assert page.status_code == 200
    assert CANARY not in page.content.decode()


@pytest.mark.parametrize("surface", ["change", "delete", "history"])
def test_an_unseen_object_looks_like_one_that_does_not_exist(member: User, theirs: Audience, surface: str) -> None:
    client = signed_in(member)

    unseen = client.get(reverse(f"admin:audiences_audience_{surface}", args=[theirs.pk]))
    missing = client.get(reverse(f"admin:audiences_audience_{surface}", args=[10_000_000]))

    assert (unseen.status_code, unseen.headers.get("Location")) == (
        missing.status_code,
        missing.headers.get("Location"),
    )
    assert CANARY not in client.get(reverse("admin:index")).content.decode()


def test_a_granted_object_opens(member: User, ours: Audience) -> None:
    client = signed_in(member)

    assert client.get(reverse("admin:audiences_audience_change", args=[ours.pk])).status_code == 200
    assert client.get(reverse("admin:audiences_audience_history", args=[ours.pk])).status_code == 200


def test_an_object_permission_opens_no_door_to_adding(member: User) -> None:
    assert signed_in(member).get(reverse("admin:audiences_audience_add")).status_code == 403


def test_somebody_without_any_permission_sees_no_list(theirs: Audience) -> None:
    assert signed_in(UserFactory(is_staff=True)).get(reverse(LIST)).status_code == 403


def test_a_viewer_reads_but_cannot_save(theirs: Audience) -> None:
    viewer: User = UserFactory(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_audience"))
    client = signed_in(viewer)
    url = reverse("admin:audiences_audience_change", args=[theirs.pk])

    assert client.get(url).status_code == 200
    assert client.post(url, {"name": "changed"}).status_code == 403
    theirs.refresh_from_db()
    assert theirs.name == CANARY


def test_nobody_raises_their_own_rights() -> None:
    clerk: User = UserFactory(is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=("view_user", "change_user")))
    client = signed_in(clerk)
    url = reverse("admin:auth_user_change", args=[clerk.pk])

    client.post(url, {"username": clerk.username, "is_active": "on", "is_staff": "on", "is_superuser": "on"})

    clerk.refresh_from_db()
    assert not clerk.is_superuser


def test_sensitive_traits_are_hidden_without_the_right_to_see_them() -> None:
    TraitDefinitionFactory(name="health", sensitivity="sensitive")
    subject = SubjectFactory(traits={"health": ["asthma", 1]})
    viewer: User = UserFactory(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_subject"))
    url = reverse("admin:audiences_subject_change", args=[subject.pk])

    page = signed_in(viewer).get(url).content.decode()
    assert "asthma" not in page
    assert "hidden: sensitive" in page

    viewer.user_permissions.add(Permission.objects.get(codename="view_sensitive_traits"))
    assert "asthma" in signed_in(viewer).get(url).content.decode()
