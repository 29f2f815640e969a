"""Which traits, context values and events exist, and of what type?"""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

NAME = RegexValidator(r"^[a-z][a-z0-9_]{0,62}$", "Use lower-case letters, digits and _, starting with a letter.")


class ValueType(models.TextChoices):
    """The closed set of types that rules can test; see docs/algorithms/rules.md for their stored form."""

    STRING = "string", "Text"
    INT = "int", "Whole number"
    DECIMAL = "decimal", "Decimal number"
    BOOL = "bool", "Yes or no"
    DATE = "date", "Date"
    TIMESTAMP = "timestamp", "Moment (UTC)"
    SET = "set", "Set of texts"
    VERSION = "version", "Version (8.9.12)"


class WhenStale(models.TextChoices):
    MISSING = "missing", "Treat as missing"
    KEEP = "keep", "Keep using the old value"


class Sensitivity(models.TextChoices):
    CONTEXTUAL = "contextual", "Contextual: usable without profiling consent"
    PROFILING = "profiling", "Profiling: needs consent and a legal profile that allows it"
    SENSITIVE = "sensitive", "Sensitive: as profiling, and hidden from people without the right to see it"


class TraitDefinition(models.Model):
    """A typed fact that may be known about a subject. Platform traits (market, plan ...) cannot be removed."""

    name = models.CharField(max_length=63, unique=True, validators=[NAME])
    label = models.CharField(max_length=100, help_text="As it reads in a sentence: 'birth date', 'favourite genres'.")
    type = models.CharField(max_length=12, choices=ValueType)
    decimal_places = models.PositiveSmallIntegerField(default=2, help_text="For decimal numbers: digits kept, 0 to 6.")
    values = models.JSONField(
        default=list, blank=True, help_text='Closed list of values, e.g. ["free", "paid"]; empty: open.'
    )
    source = models.CharField(max_length=60, blank=True, help_text="The system that sends it.")
    tolerated_age = models.DurationField(null=True, blank=True, help_text="Older values are stale. Empty: never stale.")
    when_stale = models.CharField(max_length=8, choices=WhenStale, default=WhenStale.MISSING)
    sensitivity = models.CharField(max_length=12, choices=Sensitivity, default=Sensitivity.PROFILING)
    platform = models.BooleanField(default=False, editable=False, help_text="The decision itself reads it.")
    description = models.TextField(blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.label or self.name


class ContextDefinition(models.Model):
    """A typed fact known only in a request: country, locale, platform ..."""

    name = models.CharField(max_length=63, unique=True, validators=[NAME])
    label = models.CharField(max_length=100)
    type = models.CharField(max_length=12, choices=ValueType)
    values = models.JSONField(default=list, blank=True)
    platform = models.BooleanField(default=False, editable=False)
    description = models.TextField(blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.label or self.name


class EventDefinition(models.Model):
    """A kind of event that a customer's systems or apps may send."""

    name = models.CharField(max_length=63, unique=True, validators=[NAME])
    label = models.CharField(max_length=100)
    fields = models.JSONField(
        default=dict, blank=True, help_text='Typed properties: {"minutes": "int", "content": "string"}.'
    )
    in_history = models.BooleanField(
        default=False,
        help_text="Fold it into the subject's record, so that rules see it at the very next decision.",
    )
    from_clients = models.BooleanField(default=False, help_text="Apps may send it with a client key (low trust).")
    money = models.BooleanField(default=False, help_text="Kept for ever and never counted twice, e.g. subscribe.")
    description = models.TextField(blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.label or self.name
