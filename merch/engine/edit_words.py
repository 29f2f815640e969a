"""How is an edit told to whoever asks what would have changed the answer?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from audiences.rules import ValueType, decode_trait
from merch.engine import edits
from merch.engine.clock import instant_text
from merch.engine.compiled import Release
from merch.engine.edits import Edit, Given
from merch.engine.facts import NEW_SUBJECT, HistoryCell, Stored

Told = tuple[Any, Any, str]  # what was, what would be, and both in a sentence


def told(edit: Edit, given: Given, release: Release) -> dict[str, Any]:
    """The edit as plain JSON, beside what was recorded."""
    was, becomes, sentence = _TELL[edit.kind](edit, given, release)
    return {"kind": edit.kind, "name": edit.name, "from": was, "to": becomes, "sentence": sentence}


def shown(of: ValueType | None, stored: Stored) -> Any:
    """As it is spelled in JSON; a value of another type, which may be the very reason, as it is stored."""
    if of is None or stored is None:
        return stored
    try:
        return decode_trait(of, stored)
    except (TypeError, ValueError, OverflowError):
        return stored


def _trait(edit: Edit, given: Given, release: Release) -> Told:
    of = release.trait_types.get(edit.name)
    stored = given.request.traits.get(edit.name, _record(given).traits.get(edit.name, (None, 0))[0])
    was, becomes = shown(of, stored), shown(of, edit.value)
    if was == becomes:
        return was, becomes, f"trait {edit.name} was observed now as {_spoken(becomes)}"
    return was, becomes, f"trait {edit.name} is {_spoken(becomes)} instead of {_spoken(was)}"


def _freshness(edit: Edit, given: Given, release: Release) -> Told:
    was = instant_text(_record(given).traits[edit.name][1])
    return was, "now", f"trait {edit.name} was observed now, not at {was}"


def _context(edit: Edit, given: Given, release: Release) -> Told:
    of = release.context_types.get(edit.name)
    was, becomes = shown(of, given.request.context.get(edit.name)), shown(of, edit.value)
    return was, becomes, f"the request's {edit.name} is {_spoken(becomes)} instead of {_spoken(was)}"


def _time(edit: Edit, given: Given, release: Release) -> Told:
    was, becomes = instant_text(given.now), instant_text(edit.value)
    return was, becomes, f"it is {becomes}, not {was}"


def _history(edit: Edit, given: Given, release: Release) -> Told:
    was, becomes = _cell(_record(given).history.get(edit.name)), _cell(edit.value)
    scope, key, happening = edit.name.split("|", 2)
    what = f"{happening} of {scope}{f' {key}' if key else ''}"
    if was["count"] == becomes["count"]:
        return was, becomes, f"the last {what} was at {becomes['last']}, not at {was['last']}"
    return was, becomes, f"{what} happened {becomes['count']} times instead of {was['count']}"


def _consent(edit: Edit, given: Given, release: Release) -> Told:
    was = _record(given).consent.get(edit.name, (None, 0))[0]
    return was, edit.value, f"consent to {edit.name} is given"


def _suppression(edit: Edit, given: Given, release: Release) -> Told:
    return "in force", None, f"suppression {edit.name} is removed"


def _behaviour(edit: Edit, given: Given, release: Release) -> Told:
    return not edit.value, edit.value, edit.about


def _record(given: Given) -> Any:
    return (given.subject or NEW_SUBJECT).record


def _cell(cell: HistoryCell | None) -> dict[str, Any]:
    if cell is None:
        return {"count": 0}
    return {"count": cell.count, "first": instant_text(cell.first), "last": instant_text(cell.last)}


def _spoken(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)


_TELL: Mapping[str, Callable[[Edit, Given, Release], Told]] = {
    edits.TRAIT: _trait,
    edits.FRESHNESS: _freshness,
    edits.CONTEXT: _context,
    edits.TIME: _time,
    edits.HISTORY: _history,
    edits.CONSENT: _consent,
    edits.SUPPRESSION: _suppression,
    edits.BEHAVIOUR: _behaviour,
}
