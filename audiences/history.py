"""What is remembered of the things that happened to a subject?

PURE. One cell per "scope|key|happening": [count, first, last, [instants], [session hashes]], in UTC microseconds.
Folding is commutative: events that arrive in any order leave the same cell. The bound, and the table of cells:
docs/algorithms/subject-records.md.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping, MutableMapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

MOST_INSTANTS = 20

Cell = list[Any]


class Cut(NamedTuple):
    """What a bound took away: instants of how many cells, and how many whole cells."""

    emptied: int = 0
    dropped: int = 0


@lru_cache(maxsize=4096)
def session_hash(session: str) -> int:
    """16 bits of a session's name, never 0; 0 for no session."""
    if not session:
        return 0
    return int.from_bytes(blake2b(session.encode(), digest_size=2).digest(), "big") or 1


def fold(cell: Cell | None, instant: int, session: int = 0) -> Cell:
    """The cell after one more happening; the given one is left as it is."""
    if cell is None:
        return [1, instant, instant, [instant], [session]]
    count, first, last, instants, sessions = cell
    newest = list(zip(instants, sessions, strict=True))
    # In pairs, so that which of two sessions at one instant is kept does not depend on who came first.
    insort(newest, (instant, session))
    newest = newest[-MOST_INSTANTS:]
    return [
        count + 1,
        min(first, instant),
        max(last, instant),
        [at for at, _ in newest],
        [of for _, of in newest],
    ]


def fold_into(history: MutableMapping[str, Cell], cells: tuple[str, ...], instant: int, session: int = 0) -> None:
    """Fold one event into every cell that it touches."""
    for name in cells:
        history[name] = fold(history.get(name), instant, session)


def bound(history: MutableMapping[str, Cell], excess: int, is_read: Callable[[str], bool]) -> Cut:
    """Free at least ``excess`` packed bytes, if cells that nothing reads hold as many.

    The least recently touched give way first: the instants of each, then the cells themselves.
    """
    idle = sorted((name for name in history if not is_read(name)), key=lambda name: (history[name][2], name))
    emptied = dropped = 0
    for name in idle:
        if excess <= 0:
            break
        if history[name][3]:
            lean = [*history[name][:3], [], []]
            excess -= _size(history[name]) - _size(lean)
            history[name] = lean
            emptied += 1
    for name in idle:
        if excess <= 0:
            break
        excess -= _size(history.pop(name)) + len(name.encode())
        dropped += 1
    return Cut(emptied, dropped)


def history_reads(document: Any) -> set[tuple[str, str, str]]:
    """Every (scope, key, happening) that a rule document names; a look at its shape, whether or not it is valid."""
    if isinstance(document, Mapping):
        found = set().union(*(history_reads(value) for value in document.values()))
        if isinstance(document.get("history"), str):
            found.add((document["history"], str(document.get("key", "")), str(document.get("of", ""))))
        return found
    if isinstance(document, list):
        return set().union(*(history_reads(value) for value in document))
    return set()


def _size(cell: Cell) -> int:
    return len(msgspec.msgpack.encode(cell))
