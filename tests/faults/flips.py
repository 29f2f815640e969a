"""When did a flight begin in each process, as seen by who asks it twenty times a second?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from tests.faults.hand import FREE_ACCOUNTS
from tests.faults.load import Line, decisions
from tests.faults.rig import Web
from tests.faults.table import Table

EVERY = 0.05  # seconds between two questions to one process


class Look(NamedTuple):
    """One question across the wire: when it was begun and answered, and whether the flight was on."""

    begun: float
    answered: float
    status: int
    on: bool


def look(web: Web, key: str, end: float) -> list[Look]:
    """Questions to one process, until ``end`` of time.time()."""
    line, calls, found = Line(web.port, key), decisions(FREE_ACCOUNTS, ("door",)), []
    due = time.time()
    while due < end:
        time.sleep(max(due - time.time(), 0))
        begun = time.time()
        answer = line.ask(next(calls), time.monotonic())
        on = answer.body.get("placements", {}).get("door", {}).get("reason") == "SELECTED"
        found.append(Look(begun, time.time(), answer.status, on))
        due += EVERY
    line.close()
    return found


def tell(table: Table, looks: Sequence[list[Look]], instant: float) -> None:
    """Nobody heard of it before its instant, and everybody who asked from 100 ms after it on."""
    all_of_them = [each for mine in looks for each in mine]
    table.exactly("T-06", f"questions answered 200, of {len(all_of_them)}", _good(all_of_them), len(all_of_them))
    early = sum(each.on for each in all_of_them if each.answered < instant)
    table.exactly("T-06", "questions that were told of it before its instant", early, 0)
    for number, mine in enumerate(looks, 1):
        late = max((each.begun - instant for each in mine if not each.on), default=0.0)
        table.most("T-06", f"process {number}: last question told that it had not", 1000 * max(late, 0), 100, "ms")
        first = min(each.answered for each in mine if each.on)
        table.told("T-06", f"process {number}: first answer that it had begun", 1000 * (first - instant), "ms")


def _good(looks: Sequence[Look]) -> int:
    return sum(each.status == 200 for each in looks)
