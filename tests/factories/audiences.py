"""Rows of what we know about people."""

from __future__ import annotations

from datetime import UTC, datetime

import factory

from audiences.models import (
    Audience,
    ContextDefinition,
    EventDefinition,
    Sensitivity,
    Subject,
    SubjectKind,
    Suppression,
    TraitDefinition,
    ValueType,
)
from audiences.tiers import Tier

THEN = datetime(2026, 1, 1, tzinfo=UTC)
FREE = {"v": 1, "rule": {"trait": "subscription_state", "op": "eq", "value": "FREE"}}


class TraitDefinitionFactory(factory.django.DjangoModelFactory[TraitDefinition]):
    class Meta:
        model = TraitDefinition
        django_get_or_create = ("name",)

    class Params:
        contextual = factory.Trait(sensitivity=Sensitivity.CONTEXTUAL)
        sensitive = factory.Trait(sensitivity=Sensitivity.SENSITIVE)

    name = factory.Sequence(lambda number: f"trait_{number}")
    label = factory.LazyAttribute(lambda row: row.name.replace("_", " "))
    type = ValueType.STRING
    sensitivity = Sensitivity.PROFILING


class ContextDefinitionFactory(factory.django.DjangoModelFactory[ContextDefinition]):
    class Meta:
        model = ContextDefinition
        django_get_or_create = ("name",)

    name = factory.Sequence(lambda number: f"context_{number}")
    label = factory.LazyAttribute(lambda row: row.name.replace("_", " "))
    type = ValueType.STRING


class EventDefinitionFactory(factory.django.DjangoModelFactory[EventDefinition]):
    class Meta:
        model = EventDefinition
        django_get_or_create = ("name",)

    class Params:
        in_record = factory.Trait(in_history=True)
        counted_once = factory.Trait(money=True)

    name = factory.Sequence(lambda number: f"event_{number}")
    label = factory.LazyAttribute(lambda row: row.name.replace("_", " "))


class AudienceFactory(factory.django.DjangoModelFactory[Audience]):
    """Free accounts by rule; ``listed`` by a list."""

    class Meta:
        model = Audience

    class Params:
        listed = factory.Trait(kind=Audience.Kind.LIST, rule={})
        put_away = factory.Trait(archived=True)

    slug = factory.Sequence(lambda number: f"audience-{number}")
    name = factory.LazyAttribute(lambda row: row.slug.replace("-", " ").capitalize())
    rule = FREE


class SubjectFactory(factory.django.DjangoModelFactory[Subject]):
    class Meta:
        model = Subject

    class Params:
        device = factory.Trait(kind=SubjectKind.DEVICE)

    kind = SubjectKind.ACCOUNT
    key = factory.Sequence(lambda number: f"acc_{number}")
    created_at = THEN
    updated_at = THEN


class SuppressionFactory(factory.django.DjangoModelFactory[Suppression]):
    class Meta:
        model = Suppression

    subject = factory.SubFactory(SubjectFactory)
    key = "support-case"
    tiers = [Tier.COMMERCIAL.value]
    starts_at = THEN
