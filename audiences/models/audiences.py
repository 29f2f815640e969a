"""Which named sets of subjects exist, and by what rule or list?"""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

from audiences.models.subjects import Subject

SLUG = RegexValidator(r"^[a-z0-9][a-z0-9_-]{0,99}$", "Use lower-case letters, digits, - and _.")


class Audience(models.Model):
    """A named set of subjects, by a rule (live) or by an uploaded list."""

    class Kind(models.TextChoices):
        RULE = "RULE", "By a rule"
        LIST = "LIST", "By a list"

    slug = models.CharField(max_length=100, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=4, choices=Kind, default=Kind.RULE)
    rule = models.JSONField(default=dict, blank=True, help_text='{"v": 1, "rule": {...}}; empty for a list.')
    archived = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class ListMember(models.Model):
    """A subject that an uploaded list names."""

    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="members")
    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("audience", "subject"), name="listed_once"),)

    def __str__(self) -> str:
        return f"{self.subject_id} in {self.audience_id}"
