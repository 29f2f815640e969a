"""What may this person see? (The rest is not there: lists leave it out, its address is a 404.)"""

from typing import Any, TypeVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model, QuerySet
from guardian.shortcuts import get_objects_for_user

M = TypeVar("M", bound=Model)


def visible_to(person: AbstractBaseUser | AnonymousUser, rows: QuerySet[M]) -> QuerySet[M]:
    """``rows`` with a view permission of this person: on the model, on the object, or by a group."""
    meta = rows.model._meta
    found: QuerySet[Any] = get_objects_for_user(person, f"{meta.app_label}.view_{meta.model_name}", rows)
    return found
