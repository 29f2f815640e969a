"""How does a changed row stand in the history: under which name, with which values?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import models
from django.db.backends.postgresql.psycopg_any import Range

from campaigns.models import (
    CampaignItem,
    Cooldown,
    CreativeContent,
    FrequencyCap,
    ItemArm,
    JourneyVersion,
    LegalProfile,
    PlacementArm,
    Step,
)

Values = dict[str, Any]

# A part stands in the history of its whole: that is where people look for it.
_WHOLES: dict[type[models.Model], tuple[Callable[[Any], models.Model | None], Callable[[Any], str]]] = {
    CampaignItem: (lambda item: item.campaign, lambda item: f"item {item.key}"),
    ItemArm: (lambda arm: arm.item.campaign, lambda arm: f"arm {arm.variant.key} of item {arm.item.key}"),
    FrequencyCap: (lambda cap: cap.campaign, lambda cap: f"cap {cap}"),
    Cooldown: (lambda cooldown: cooldown.campaign, lambda cooldown: f"cooldown {cooldown}"),
    CreativeContent: (lambda content: content.creative, lambda content: f"locale {content.locale}"),
    PlacementArm: (lambda arm: arm.placement, lambda arm: f"arm {arm.variant.key}"),
    JourneyVersion: (lambda version: version.journey, lambda version: f"version {version.number}"),
    Step: (lambda step: step.version.journey, lambda step: f"step {step.key} of version {step.version.number}"),
    LegalProfile: (lambda profile: profile.market, lambda profile: f"ages {profile.min_age} to {profile.max_age}"),
}
_NAMES = ("key", "slug", "code", "name")
# Moved by verbs, which say so in a verb of their own, or by the database.
_LEFT_OUT = frozenset({"id", "state", "created_at", "updated_at"})


def whole(instance: models.Model) -> models.Model:
    """The row in whose history a change of ``instance`` stands; mostly itself."""
    if type(instance) in _WHOLES:
        return _WHOLES[type(instance)][0](instance) or instance
    return instance


def identity(instance: models.Model) -> tuple[str, str]:
    """(object type, object key) in the history: ("campaign", "first-trial"); the id where no name is unique."""
    row = whole(instance)
    unique = {field.name for field in row._meta.concrete_fields if field.unique}
    named = next((getattr(row, name) for name in _NAMES if name in unique and getattr(row, name)), row.pk)
    return str(row._meta.model_name), str(named)


def values(instance: models.Model) -> Values:
    """What people can edit of the row, as plain JSON; of related rows their ids. Call it before and after an edit."""
    row: Values = {"part": _WHOLES[type(instance)][1](instance)} if whole(instance) is not instance else {}
    for field in instance._meta.concrete_fields:
        if field.name not in _LEFT_OUT:
            row[field.name] = _plain(field, instance)
    if instance.pk is not None:
        for related in instance._meta.many_to_many:
            row[related.name] = sorted(str(each) for each in getattr(instance, related.name).all())
    return row


def _plain(field: models.Field[Any, Any], instance: models.Model) -> Any:
    value = getattr(instance, field.attname)
    if isinstance(field, models.JSONField) or value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Range):
        return [None if bound is None else str(bound) for bound in (value.lower, value.upper)]
    return list(value) if isinstance(value, list | tuple) else str(value)
