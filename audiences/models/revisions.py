"""Who changed what that decides, when and why?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, models

from audiences import locks


class RevisionManager(models.Manager["Revision"]):
    def record(
        self,
        *,
        actor: User | None,
        verb: str,
        object_type: str,
        object_key: str,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
        now: datetime,
        why: str = "",
    ) -> Revision:
        """Write one change inside the caller's transaction; ``actor`` None means the platform itself."""
        with connection.cursor() as cursor:
            # A release built from "everything up to N" must never miss a smaller number that commits later.
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [locks.REVISION])
        return self.create(
            actor=actor,
            actor_name=actor.get_username() if actor else "merch",
            verb=verb,
            object_type=object_type,
            object_key=object_key,
            before=before,
            after=after,
            at=now,
            why=why,
        )

    def head(self) -> int:
        """The newest committed number; 0 in an empty database."""
        return self.order_by("-number").values_list("number", flat=True).first() or 0


class Revision(models.Model):
    """One change to what decides, written in the transaction that makes it; never edited, never deleted."""

    number = models.BigAutoField(primary_key=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    actor_name = models.CharField(max_length=150)
    verb = models.CharField(max_length=40, help_text="What was done: created, edited, submitted, approved, paused ...")
    object_type = models.CharField(max_length=60)
    object_key = models.CharField(max_length=200)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    at = models.DateTimeField()
    why = models.TextField(blank=True)

    objects = RevisionManager()

    class Meta:
        ordering = ("-number",)
        # Serves "the history of this object, newest first".
        indexes = (models.Index(fields=("object_type", "object_key", "-number"), name="revision_of_object"),)
        triggers = (pgtrigger.Protect(name="revision_append_only", operation=pgtrigger.Update | pgtrigger.Delete),)

    def __str__(self) -> str:
        return f"{self.number}: {self.verb} {self.object_type} {self.object_key}"
