"""What becomes of one entry of the file, field by field?"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.db import models
from msgspec import Struct


class Verdict(StrEnum):
    """What an import does with an entry."""

    CREATED = "created"
    CHANGED = "changed"
    REMOVED = "removed"
    UNCHANGED = "unchanged"


class Difference(Struct, frozen=True):
    """One field; ``before`` is None where the row is new."""

    field: str
    before: Any
    after: Any


class Line(Struct, frozen=True):
    """One row of the plan: ``section`` and ``key`` as in the file."""

    section: str
    key: str
    verdict: Verdict
    differences: tuple[Difference, ...] = ()


def differences(row: models.Model, wanted: dict[str, Any]) -> tuple[Difference, ...]:
    """The fields of ``wanted`` that the row has otherwise, in the order given."""
    new = row.pk is None
    return tuple(
        Difference(name, None if new else plain(getattr(row, name)), plain(value))
        for name, value in wanted.items()
        if new or plain(getattr(row, name)) != plain(value)
    )


def plain(value: Any) -> Any:
    """A value as it stands in the plan; of a related row its key."""
    if isinstance(value, models.Model):
        return next(getattr(value, name) for name in ("key", "slug", "code", "name") if hasattr(value, name))
    return list(value) if isinstance(value, tuple) else value
