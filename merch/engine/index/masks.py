"""How are many yes-or-no answers held in one number?

Bit i of a mask is the answer for row i. Masks are drawn on byte arrays, as a whole number is copied at every change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Drawing:
    """A mask in the making."""

    __slots__ = ("_bytes",)

    def __init__(self, rows: int) -> None:
        self._bytes = bytearray(rows + 7 >> 3)

    def add(self, row: int) -> None:
        self._bytes[row >> 3] |= 1 << (row & 7)

    def toggle(self, row: int) -> None:
        self._bytes[row >> 3] ^= 1 << (row & 7)

    def mask(self) -> int:
        return int.from_bytes(self._bytes, "little")


def drawn(found: Iterable[int], rows: int) -> int:
    """These rows, each named as often as one likes."""
    drawing = bytearray(rows + 7 >> 3)
    for row in found:
        drawing[row >> 3] |= 1 << (row & 7)
    return int.from_bytes(drawing, "little")


def whole(rows: int) -> int:
    """Every row."""
    return (1 << rows) - 1


def each(mask: int) -> Iterator[int]:
    """The rows of a mask, ascending."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
