"""Who works in admin?"""

from __future__ import annotations

from typing import Any

import factory
from django.contrib.auth.models import Permission, User


class UserFactory(factory.django.DjangoModelFactory[User]):
    """Nobody in particular; ``approver`` and ``launcher`` may do what their names say."""

    class Meta:
        model = User
        django_get_or_create = ("username",)
        skip_postgeneration_save = True

    username = factory.Sequence(lambda number: f"person-{number}")

    @factory.post_generation
    def approver(self: User, create: bool, wanted: Any) -> None:
        grant(self, "approve_campaign", bool(wanted))

    @factory.post_generation
    def launcher(self: User, create: bool, wanted: Any) -> None:
        grant(self, "launch_campaign", bool(wanted))


def grant(user: User, codename: str, wanted: bool) -> None:
    """Give the model-wide permission where it is wanted."""
    if wanted:
        user.user_permissions.add(Permission.objects.get(content_type__app_label="campaigns", codename=codename))
