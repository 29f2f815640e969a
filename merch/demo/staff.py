"""Who works at Tonika, and what may each of them do?"""

from __future__ import annotations

from typing import NamedTuple

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q, QuerySet

APPS = ("audiences", "campaigns", "experiments", "merch")
VERBS = Q(codename__in=("approve_campaign", "launch_campaign", "approve_journey", "launch_journey"))


class Role(NamedTuple):
    """A user name, how they are called, their group, and which permissions of our apps the group holds."""

    username: str
    name: str
    group: str
    may: Q


SEES = Q(codename__startswith="view_") & ~Q(codename="view_sensitive_traits")
EDITS = SEES | Q(codename__startswith="add_") | Q(codename__startswith="change_")

ADMIN = "demo-admin"
EDITOR = Role("demo-editor", "Edda Editor", "Merchandisers", EDITS)
APPROVER = Role("demo-approver", "Aino Approver", "Approvers", SEES | VERBS)
VIEWER = Role("demo-viewer", "Vera Viewer", "Viewers", SEES)
ROLES = (EDITOR, APPROVER, VIEWER)
EVERYBODY = (ADMIN, *(role.username for role in ROLES))


class Staff(NamedTuple):
    """Those who make the demo."""

    admin: User
    editor: User
    approver: User


def hire() -> Staff:
    """The demo's people, with their groups; without passwords, until somebody asks for them."""
    admin, _ = User.objects.get_or_create(
        username=ADMIN,
        defaults={"first_name": "Ada", "last_name": "Admin", "is_staff": True, "is_superuser": True},
    )
    made = {role.username: _hired(role) for role in ROLES}
    return Staff(admin, made[EDITOR.username], made[APPROVER.username])


def _hired(role: Role) -> User:
    group, _ = Group.objects.get_or_create(name=role.group)
    group.permissions.set(_permissions(role.may))
    first, _, last = role.name.partition(" ")
    user, _ = User.objects.get_or_create(
        username=role.username, defaults={"first_name": first, "last_name": last, "is_staff": True}
    )
    user.groups.add(group)
    return user


def _permissions(may: Q) -> QuerySet[Permission]:
    return Permission.objects.filter(may, content_type__app_label__in=APPS)
