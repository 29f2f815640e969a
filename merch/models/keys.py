"""Which applications may call, and what for?"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class ApiKey(models.Model):
    """A key of an application. The secret is shown once; only its keyed digest is stored and sent in the pulse."""

    class Scope(models.TextChoices):
        CLIENT = "client", "Client: decisions and token events, safe inside an app"
        SERVER = "server", "Server: also traits, conversions, explain"
        MANAGE = "manage", "Manage: acts as the person it was issued to"

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True, help_text="The key's first characters, to recognise it by.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scope = models.CharField(max_length=6, choices=Scope)
    origins = ArrayField(
        models.CharField(max_length=200), default=list, blank=True, help_text="Allowed browser origins."
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="api_keys",
        help_text="For manage keys: whose rights it has.",
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.CheckConstraint(
                condition=~Q(scope="manage") | Q(person__isnull=False), name="manage_key_has_person"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}...)"
