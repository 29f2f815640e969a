"""What did a save change, who did it, and has somebody else saved meanwhile?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db import models
from django.db.backends.postgresql.psycopg_any import Range

from audiences.admin.showing import NOTHING, moment, span
from audiences.models import Revision

# Secrets never stand in the log; states are moved by verbs, which have lines of their own.
LEFT_OUT = frozenset({"id", "password", "digest", "last_login", "state", "created_at", "updated_at", "date_joined"})
_NATURAL = ("key", "slug", "code", "name", "username")

Identity = tuple[str, str]
Portrait = dict[str, Any]


def identity(row: models.Model) -> Identity:
    """(object type, object key) under which an object's changes stand: its natural key where it has one."""
    named = next((value for name in _NATURAL if (value := getattr(row, name, None))), row.pk)
    return str(row._meta.model_name), str(named)


def portrait(row: models.Model, children: tuple[str, ...] = (), parent: str = "") -> Portrait:
    """The row as plain JSON: its columns (of related rows their names), and the rows of the named relations.

    A child may have children of its own: "items.arms".
    """
    picture: Portrait = {
        field.name: _value(row, field)
        for field in row._meta.concrete_fields
        if field.name not in LEFT_OUT and field.name != parent
    }
    for many in row._meta.many_to_many:
        picture[many.name] = sorted(str(other) for other in getattr(row, many.name).all())
    for child in sorted({name.partition(".")[0] for name in children}):
        below = tuple(rest for first, _, rest in (name.partition(".") for name in children) if first == child and rest)
        relation: Any = row._meta.get_field(child)
        rows = getattr(row, relation.get_accessor_name()).all().order_by("pk")
        picture[child] = [portrait(one, below, relation.field.name) for one in rows]
    return picture


def _value(row: models.Model, field: Any) -> Any:
    if not field.is_relation:
        return _plain(getattr(row, field.attname))
    related = getattr(row, field.name)
    return None if related is None else identity(related)[1]


def _plain(value: Any) -> Any:
    if isinstance(value, Range):
        return [_plain(value.lower), _plain(value.upper)]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return span(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()[:64]
    return str(value) if isinstance(value, Decimal) else value


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each (field, before, after) that differs, with lists of rows compared by their key."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            inner = f"{path} › {name}" if path else str(name)
            yield from differences(before.get(name), after.get(name), inner)
    elif _keyed(before) and _keyed(after):
        yield from differences(_by_key(before), _by_key(after), path)
    elif before != after:
        yield path, before, after


def _keyed(rows: Any) -> bool:
    return isinstance(rows, list) and all(isinstance(row, dict) for row in rows)


def _by_key(rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("key", "locale", "number", "variant", "metric")
    return {
        str(next((row[name] for name in names if row.get(name) not in (None, "")), at)): row
        for at, row in enumerate(rows, 1)
    }


def told(value: Any) -> str:
    """A value as it stands in a difference."""
    if value in (None, "", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return ", ".join(str(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {told(one)}" for name, one in value.items() if one not in (None, "", [], {}))
    return str(value)


def in_words(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[tuple[str, str, str]]:
    """(field, before, after) of a change as texts; what only came into being or went is not listed."""
    if not before or not after:
        return []
    return [(path.replace("_", " "), told(was), told(now)) for path, was, now in differences(before, after)]


def history(of: Identity) -> models.QuerySet[Revision]:
    """Every change of one object, newest first."""
    return Revision.objects.filter(object_type=of[0], object_key=of[1]).order_by("-number")


def latest_number(of: Identity) -> int:
    """The newest revision of an object; 0 before its first."""
    return history(of).values_list("number", flat=True).first() or 0


def record(
    row: models.Model,
    before: Portrait | None,
    after: Portrait | None,
    *,
    by: User,
    now: datetime,
    why: str = "",
) -> None:
    """Write one change to the audit log, in the caller's transaction."""
    object_type, object_key = identity(row)
    Revision.objects.record(
        actor=by,
        verb=kind_of_change(before, after),
        object_type=object_type,
        object_key=object_key,
        before=before,
        after=after,
        now=now,
        why=why,
    )


def kind_of_change(before: Portrait | None, after: Portrait | None) -> str:
    """The word for it in the log."""
    return "created" if before is None else "removed" if after is None else "edited"


class FreshForm(forms.ModelForm[Any]):
    """A form that is refused when somebody else saved the same object after it was opened."""

    seen: int | None = None  # the revision this page was opened at; None: not a later save of an existing row
    identify: Callable[[models.Model], Identity] = staticmethod(identity)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        row = self.instance
        if self.seen is not None and row.pk is not None:
            # Two savers queue here; the second then sees the first one's revision.
            type(row)._default_manager.select_for_update(of=("self",)).filter(pk=row.pk).first()
            newer = history(self.identify(row)).filter(number__gt=self.seen)
            if newer:
                self.add_error(None, _stale(newer))
        return cleaned


def _stale(newer: Iterable[Revision]) -> forms.ValidationError:
    """Who saved what meanwhile, and the way out."""
    sentences = []
    for one in newer:
        changes = ", ".join(path for path, *_ in in_words(one.before, one.after)[:6])
        said = f" ({changes})" if changes else ""
        sentences.append(f"{one.actor_name} {one.verb} it at {moment(one.at)}{said}.")
    return forms.ValidationError(
        [
            "Nothing was saved: somebody else saved this page while you had it open.",
            *sentences,
            "Open the page in a new tab, bring your changes over, and save there.",
        ]
    )
