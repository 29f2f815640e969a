"""What does chance say of this listener? (The platform's one hash, so that the demo is the same on every machine.)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from audiences.hashing import unit

Choice = TypeVar("Choice")


class Chance:
    """The draws of one listener under one seed; a draw is named, so that a new one never moves the others."""

    __slots__ = ("_key", "_seed")

    def __init__(self, seed: str, key: str) -> None:
        self._seed = seed
        self._key = key

    def of(self, what: str) -> float:
        """In [0, 1)."""
        return unit(f"demo:{self._seed}:{what}", self._key)

    def within(self, what: str, low: int, high: int) -> int:
        """A whole number in [low, high)."""
        return low + int(self.of(what) * (high - low))

    def one(self, what: str, weighted: Sequence[tuple[Choice, float]]) -> Choice:
        """One of the choices, by weight; the weights add up to 1 at most, and the last takes what is left."""
        point = self.of(what)
        for choice, weight in weighted:
            point -= weight
            if point < 0:
                return choice
        return weighted[-1][0]


def split(draw: float, parts: int) -> tuple[int, float]:
    """A whole number in [0, parts) and a fresh draw in [0, 1), out of one."""
    scaled = draw * parts
    return int(scaled), scaled % 1.0
