"""What would the recorded inputs be, had one fact been otherwise?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from merch.engine.facts import NEW_SUBJECT, HistoryCell, Request, Subject

TRAIT, FRESHNESS, CONTEXT, TIME = "trait", "freshness", "context", "time"
HISTORY, CONSENT, SUPPRESSION, BEHAVIOUR = "history", "consent", "suppression", "behaviour"


class Edit(msgspec.Struct, frozen=True):
    """One fact, and what it would be. ``value`` is in stored form; None: the fact is not there."""

    kind: str
    name: str = ""
    value: Any = None
    about: str = ""  # of a behaviour: what would then be so

    @property
    def fact(self) -> tuple[str, str]:
        """What is edited: a later edit of the same fact replaces an earlier one."""
        return (TRAIT if self.kind == FRESHNESS else self.kind), self.name


class Given(NamedTuple):
    """The inputs of a decision that edits change."""

    request: Request
    subject: Subject | None
    now: int


def edited(given: Given, edits: Iterable[Edit]) -> Given:
    """The inputs with every edit applied. Time comes first: whatever is observed afresh is observed then."""
    for edit in sorted(edits, key=lambda each: each.kind != TIME):
        given = _APPLY[edit.kind](given, edit)
    return given


def _time(given: Given, edit: Edit) -> Given:
    return given._replace(now=edit.value)


def _trait(given: Given, edit: Edit) -> Given:
    request, now = given.request, given.now
    overrides = {name: value for name, value in request.traits.items() if name != edit.name}
    traits = {name: cell for name, cell in _subject(given).record.traits.items() if name != edit.name}
    if edit.value is not None:
        traits[edit.name] = (edit.value, now)
    return _with_record(given._replace(request=replace(request, traits=overrides)), traits=traits)


def _freshness(given: Given, edit: Edit) -> Given:
    traits = _subject(given).record.traits
    return _with_record(given, traits=traits | {edit.name: (traits[edit.name][0], given.now)})


def _context(given: Given, edit: Edit) -> Given:
    context = {name: value for name, value in given.request.context.items() if name != edit.name}
    if edit.value is not None:
        context[edit.name] = edit.value
    return given._replace(request=replace(given.request, context=context))


def _history(given: Given, edit: Edit) -> Given:
    history = {name: cell for name, cell in _subject(given).record.history.items() if name != edit.name}
    if edit.value is not None:
        history[edit.name] = edit.value
    return _with_record(given, history=history)


def _consent(given: Given, edit: Edit) -> Given:
    return _with_record(given, consent=_subject(given).record.consent | {edit.name: (edit.value, given.now)})


def _suppression(given: Given, edit: Edit) -> Given:
    kept = tuple(fact for fact in _subject(given).record.suppressions if fact.key != edit.name)
    return _with_record(given, suppressions=kept)


def _behaviour(given: Given, edit: Edit) -> Given:
    who, bit = _subject(given), 1 << int(edit.name)
    return given._replace(subject=replace(who, bits=who.bits | bit if edit.value else who.bits & ~bit))


def _subject(given: Given) -> Subject:
    """Only a record that was read is ever edited: an unread one is no fact."""
    return given.subject or NEW_SUBJECT


def _with_record(given: Given, **changes: Any) -> Given:
    who = _subject(given)
    return given._replace(subject=replace(who, record=replace(who.record, **changes)))


_APPLY: Mapping[str, Callable[[Given, Edit], Given]] = {
    TIME: _time,
    TRAIT: _trait,
    FRESHNESS: _freshness,
    CONTEXT: _context,
    HISTORY: _history,
    CONSENT: _consent,
    SUPPRESSION: _suppression,
    BEHAVIOUR: _behaviour,
}


def fewer(cell: HistoryCell, left: int, since: int | None) -> HistoryCell | None:
    """The cell with only ``left`` happenings after ``since`` (None: ever); the newest of those go."""
    if since is None:
        return _cut(cell, left, cell.instants[:left])
    before = [at for at in cell.instants if at <= since]
    within = [at for at in cell.instants if at > since]
    return _cut(cell, cell.count - len(within) + left, (*before, *within[:left]))


def _cut(cell: HistoryCell, count: int, instants: tuple[int, ...]) -> HistoryCell | None:
    if count <= 0:
        return None
    last = instants[-1] if instants else cell.first
    return HistoryCell(count, cell.first, last, instants, cell.sessions[: len(instants)])


def more(cell: HistoryCell | None, by: int, now: int) -> HistoryCell:
    """The cell with ``by`` more happenings, all of them now."""
    cell = cell or HistoryCell(0, now, now)
    return HistoryCell(
        cell.count + by, cell.first, max(cell.last, now), (*cell.instants, *(now,) * by), (*cell.sessions, *(0,) * by)
    )


def moved(cell: HistoryCell | None, at: int) -> HistoryCell:
    """The cell as if its newest happening had been at ``at``."""
    if cell is None:
        return begun(at)
    older = tuple(instant for instant in cell.instants[:-1] if instant <= at)
    return HistoryCell(cell.count, min(cell.first, at), at, (*older, at), (*cell.sessions[: len(older)], 0))


def begun(at: int) -> HistoryCell:
    """A cell that begins and ends at ``at``."""
    return HistoryCell(1, at, at, (at,), (0,))
