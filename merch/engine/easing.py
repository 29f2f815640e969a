"""Which counts, or which time, would make row 11 let it be shown again?"""

from __future__ import annotations

from collections.abc import Iterator

from merch.engine import edits
from merch.engine.call import Call
from merch.engine.caps import NEVER
from merch.engine.compiled import Candidate
from merch.engine.edits import Edit
from merch.engine.facts import HistoryCell
from merch.engine.limiting import eases_at, resting, spent
from merch.engine.windows import LIFETIME


def uncapped(candidate: Candidate, call: Call) -> Iterator[Edit]:
    """One below the limit of the first cap without room; or when it lets go by itself."""
    found = spent(candidate.content.limits, call)
    if found is None:
        return
    cap, _ = found
    cell = call.record.history.get(cap.cell, NEVER)
    if cap.window.kind == LIFETIME:
        yield Edit(edits.HISTORY, cap.cell, edits.fewer(cell, cap.limit - 1, None))
        return
    counted = cap.window.counted(cell, call.moment)
    yield Edit(edits.HISTORY, cap.cell, _without(cell, counted[cap.limit - 1 :]))
    resets = cap.window.resets(cell, cap.limit, call.moment)
    if resets is not None:
        yield Edit(edits.TIME, value=resets)


def rested(candidate: Candidate, call: Call) -> Iterator[Edit]:
    """Without what it rests from; or when it has rested."""
    found = resting(candidate.content.limits, call)
    if found is None:
        return
    cooldown, until = found
    cell = call.record.history.get(cooldown.cell)
    if cell is not None:
        yield Edit(edits.HISTORY, cooldown.cell, edits.fewer(cell, 0, call.now - cooldown.length))
    yield Edit(edits.TIME, value=until)


def relieved(candidate: Candidate, call: Call) -> Iterator[Edit]:
    """With one interruption less of each format, then with none of it; undismissed; or later."""
    limits = candidate.content.limits
    pressure = limits.pressed
    if pressure is None:
        return
    since = call.now - pressure.window
    names = [f"format|{key}|impression" for key, cost in sorted(call.release.doc.costs.items()) if cost]
    for name in (*names, "all||dismissal"):
        cell = call.record.history.get(name, NEVER)
        within = tuple(at for at in cell.instants if at > since)
        if within:
            yield Edit(edits.HISTORY, name, _without(cell, within[-1:]))
            yield Edit(edits.HISTORY, name, _without(cell, within))
    eases = eases_at(limits, pressure, call)
    if eases is not None:
        yield Edit(edits.TIME, value=eases)


def _without(cell: HistoryCell, gone: tuple[int, ...]) -> HistoryCell | None:
    """The cell as if these had never happened."""
    sessions = (*cell.sessions, *(0 for _ in cell.instants[len(cell.sessions) :]))
    left = [(at, session) for at, session in zip(cell.instants, sessions, strict=True) if at not in gone]
    count = cell.count - len(cell.instants) + len(left)
    if count <= 0:
        return None
    instants = tuple(at for at, _ in left)
    return HistoryCell(
        count, cell.first, instants[-1] if instants else cell.first, instants, tuple(session for _, session in left)
    )
