"""Which rows accept what this call says of one attribute?

A table answers with two masks: the rows that may hold, and those among them that must be asked one by one; or with
None where the value is one that its type does not allow.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Protocol, TypeAlias

from audiences.rules import Predicate
from merch.engine.index.accepts import Choice, Members, Spans
from merch.engine.index.masks import Drawing, drawn, whole
from merch.engine.index.reading import Asker, Read

Masks: TypeAlias = tuple[int, int]

MOST_VALUES = 2_048  # texts that one table tells apart
MOST_STRETCHES = 512  # stretches of numbers that one table tells apart; the edges inside a stretch are asked


class Table(Protocol):
    """One question to the call, and the rows that fit the answer."""

    def answer(self, call: Asker) -> Masks | None:
        """(rows that may hold, rows among them to ask), or None."""
        ...


class Choices:
    """Texts, and truths."""

    def __init__(self, read: Read, kind: type, rows: int, accepts: Mapping[int, Choice]) -> None:
        self._read = read
        self._kind = kind
        everyone = whole(rows)
        taken: dict[object, list[int]] = defaultdict(list)
        refused: dict[object, list[int]] = defaultdict(list)
        for row, accept in accepts.items():
            named = refused if accept.others else taken
            for value in accept.values:
                named[value].append(row)
        self._missing = everyone & ~drawn((row for row, accept in accepts.items() if not accept.missing), rows), 0
        others = everyone & ~drawn((row for row, accept in accepts.items() if not accept.others), rows)
        self._others = others, 0
        self._values = {
            value: ((others | drawn(taken.get(value, ()), rows)) & ~drawn(refused.get(value, ()), rows), 0)
            for value in taken | refused
        }

    def answer(self, call: Asker) -> Masks | None:
        """The rows that accept the value."""
        value = self._read(call)
        if value is None:
            return self._missing
        if type(value) is not self._kind:
            return None
        return self._values.get(value, self._others)


class Stretches:
    """Numbers, by sorted edges."""

    def __init__(self, read: Read, rows: int, accepts: Mapping[int, Spans]) -> None:
        self._read = read
        everyone = whole(rows)
        free = everyone & ~drawn(accepts, rows)
        self._missing = everyone & ~drawn((row for row, accept in accepts.items() if not accept.missing), rows), 0
        changes: dict[float, list[int]] = {}
        for row, accept in accepts.items():
            for edge in accept.edges:
                changes.setdefault(edge, []).append(row)
        self._edges, self._masks = _stretches(free, rows, changes)

    def answer(self, call: Asker) -> Masks | None:
        """The rows of the stretch in which the number lies."""
        value = self._read(call)
        if value is None:
            return self._missing
        if type(value) is not int:
            return None
        return self._masks[bisect_right(self._edges, value)]


def _stretches(free: int, rows: int, changes: Mapping[float, list[int]]) -> tuple[list[float], list[Masks]]:
    """The edges that part stretches, and the masks of the stretches: one more. Rows without a demand are ``free``."""
    now = Drawing(rows)
    for row in changes.get(-inf, ()):
        now.toggle(row)
    masks: list[Masks] = [(now.mask() | free, 0)]
    edges = sorted(changes.keys() - {-inf})
    size = max(-(-len(edges) // MOST_STRETCHES), 1)
    for position in range(0, len(edges), size):
        first, *inside = edges[position : position + size]
        for row in changes[first]:
            now.toggle(row)
        may, ask = now.mask(), Drawing(rows)
        for edge in inside:
            for row in changes[edge]:
                now.toggle(row)
                ask.add(row)
        masks.append((may | ask.mask() | free, ask.mask()))
    return edges[::size], masks


class Collections:
    """Sets of texts, member by member."""

    def __init__(self, read: Read, rows: int, accepts: Mapping[int, Members]) -> None:
        self._read = read
        everyone = whole(rows)
        self._missing = everyone & ~drawn((row for row, accept in accepts.items() if not accept.missing), rows), 0
        self._any = everyone & ~drawn((row for row, accept in accepts.items() if accept.taken is not None), rows)
        self._taken = _by_member({row: accept.taken or () for row, accept in accepts.items()}, rows)
        self._refused = _by_member({row: accept.refused for row, accept in accepts.items()}, rows)

    def answer(self, call: Asker) -> Masks | None:
        """The rows that take a member and refuse none."""
        members = self._read(call)
        if members is None:
            return self._missing
        if type(members) is not list:
            return None
        may, against = self._any, 0
        for member in members:
            if type(member) is not str:
                return None
            may |= self._taken.get(member, 0)
            against |= self._refused.get(member, 0)
        return may & ~against, 0


class Bits:
    """Behaviours, byte by byte: which of its eight bits are set decides between at most 256 masks, each made once."""

    def __init__(self, rows: int, demands: Mapping[tuple[int, bool], Sequence[int]]) -> None:
        self._everyone = whole(rows)
        self._against: dict[tuple[int, bool], int] = {key: drawn(found, rows) for key, found in demands.items()}
        positions = {position for position, _ in demands}
        self._used = sum(1 << position for position in positions)
        self._length = self._used.bit_length() + 7 >> 3
        self._bytes: list[tuple[int, dict[int, int]]] = [(number, {}) for number in sorted({p >> 3 for p in positions})]

    def answer(self, call: Asker) -> Masks | None:
        """The rows whose bits are as they demand."""
        held = (call.env.bits & self._used).to_bytes(self._length, "little")
        may = self._everyone
        for number, known in self._bytes:
            value = held[number]
            mask = known.get(value)
            if mask is None:
                mask = known[value] = self._of_byte(number, value)
            may &= mask
        return may, 0

    def _of_byte(self, number: int, value: int) -> int:
        mask = self._everyone
        for bit in range(8):
            # Against it are the rows that demand the opposite.
            mask &= ~self._against.get((number * 8 + bit, not value >> bit & 1), 0)
        return mask


class Histories:
    """Conditions on what happened. Where the record has no such cell the answer is known; else the row is asked."""

    def __init__(self, rows: int, refused: Iterable[int], cells: Mapping[str, Sequence[int]]) -> None:
        self._untouched = whole(rows) & ~drawn(refused, rows)
        self._cells = {cell: drawn(found, rows) for cell, found in cells.items()}

    def answer(self, call: Asker) -> Masks | None:
        """The rows that hold for somebody to whom nothing happened, and those of whose cells there is one."""
        ask = 0
        for cell in call.record.history.keys() & self._cells.keys():
            ask |= self._cells[cell]
        return self._untouched | ask, ask


class Shared:
    """One condition of many rows, asked once."""

    def __init__(self, rows: int, holds: Predicate, having: Sequence[int]) -> None:
        self._holds = holds
        self._everyone = whole(rows)
        self._others = self._everyone & ~drawn(having, rows)

    def answer(self, call: Asker) -> Masks | None:
        """All rows, or those that do not have the condition."""
        try:
            return (self._everyone if self._holds(call.env) else self._others), 0
        except Exception:
            return None


class Typed:
    """An attribute that only conditions in one piece read: is its value one that they can be asked about?"""

    def __init__(self, read: Read, kind: type, rows: int) -> None:
        self._read = read
        self._kind = kind
        self._everyone = whole(rows), 0

    def answer(self, call: Asker) -> Masks | None:
        """All rows."""
        value = self._read(call)
        fits = value is None or type(value) is self._kind
        if isinstance(value, list):
            fits = fits and all(type(each) is str for each in value)
        return self._everyone if fits else None


def _by_member(found: Mapping[int, Iterable[str]], rows: int) -> dict[str, int]:
    having: dict[str, list[int]] = defaultdict(list)
    for row, members in found.items():
        for member in members:
            having[member].append(row)
    return {member: drawn(named, rows) for member, named in having.items()}
