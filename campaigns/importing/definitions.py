"""How are traits, context values, events and audiences declared from a file?"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from audiences.models import Audience, ContextDefinition, EventDefinition, TraitDefinition, ValueType
from audiences.rules import IN_AUDIENCES, Rule, parse
from campaigns.importing.desk import Desk, Skipped
from campaigns.importing.entries import AudienceEntry, ContextEntry, EventEntry, TraitEntry, given
from campaigns.importing.lines import plain
from campaigns.importing.shaping import Placed

_AGE = re.compile(r"([1-9][0-9]{0,4})([dhm])", re.ASCII)
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def trait(desk: Desk, at: Placed, entry: TraitEntry) -> None:
    row = TraitDefinition.objects.filter(name=entry.name).first() or TraitDefinition(name=entry.name)
    wanted = given(entry, but=frozenset({"name"}))
    if wanted.get("tolerated_age") is not None:
        wanted["tolerated_age"] = age(desk, at, wanted["tolerated_age"])
    fixed(desk, at, row, wanted, "type", "decimal_places")
    _define(desk, at, row, wanted)


def context(desk: Desk, at: Placed, entry: ContextEntry) -> None:
    row = ContextDefinition.objects.filter(name=entry.name).first() or ContextDefinition(name=entry.name)
    wanted = given(entry, but=frozenset({"name"}))
    fixed(desk, at, row, wanted, "type")
    _define(desk, at, row, wanted)


def event(desk: Desk, at: Placed, entry: EventEntry) -> None:
    row = EventDefinition.objects.filter(name=entry.name).first() or EventDefinition(name=entry.name)
    wanted = given(entry, but=frozenset({"name"}))
    unknown = [f"{name}: {of}" for name, of in wanted.get("fields", {}).items() if of not in ValueType.values]
    if unknown:
        desk.wrong("event.fields", f"{at.where}.fields", f"{', '.join(unknown)} is no type.", _types())
        raise Skipped
    fixed(desk, at, row, wanted, "money")
    _define(desk, at, row, wanted)


def audience(desk: Desk, at: Placed, entry: AudienceEntry) -> None:
    row = Audience.objects.filter(slug=entry.slug).first() or Audience(slug=entry.slug)
    wanted: dict[str, Any] = {"name": entry.slug} if row._state.adding else {}
    wanted |= given(entry, but=frozenset({"slug"}))
    fixed(desk, at, row, wanted, "kind")
    new = row.pk is None
    desk.line(at, new, desk.save(row, wanted, at))
    if row.kind == Audience.Kind.RULE:
        desk.later(at, lambda: _check_audience(desk, at, row))


def age(desk: Desk, at: Placed, text: str, field: str = "tolerated_age") -> timedelta:
    """30d, 72h or 90m. Raises Skipped."""
    found = _AGE.fullmatch(text)
    if found is None:
        desk.wrong(
            "trait.age", f"{at.where}.{field}", f'"{text}" is no length of time.', "Write such as 30d, 72h or 90m."
        )
        raise Skipped
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _check_audience(desk: Desk, at: Placed, row: Audience) -> None:
    found = parse(row.rule, desk.words, allow=IN_AUDIENCES, name=row.slug)
    for problem in [] if isinstance(found, Rule) else found:
        desk.wrong(problem.id, f"{at.where}.rule at {problem.where}", problem.sentence, problem.hint)


def _define(desk: Desk, at: Placed, row: Any, wanted: dict[str, Any]) -> None:
    new = row.pk is None
    if new:
        wanted = {"label": row.name.replace("_", " "), **wanted}
    desk.line(at, new, desk.save(row, wanted, at))


def fixed(desk: Desk, at: Placed, row: Any, wanted: dict[str, Any], *names: str) -> None:
    """What stored values rest on stays as it was first declared."""
    for name in names:
        if row.pk is not None and name in wanted and plain(getattr(row, name)) != plain(wanted[name]):
            sentence = f"{name} of {at.key} is {plain(getattr(row, name))} and stays so: values are stored by it."
            desk.wrong("entry.fixed", f"{at.where}.{name}", sentence, "Declare another name for the new meaning.")
            raise Skipped


def _types() -> str:
    return f"Use one of {', '.join(ValueType.values)}."
