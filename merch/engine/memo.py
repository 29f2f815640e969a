"""How are answers of pure functions kept, and never too many of them?"""

from __future__ import annotations

from typing import TypeVar

Key = TypeVar("Key")
Known = TypeVar("Known")

MOST = 4_096


class Memo(dict[Key, Known]):
    """Answers by what was asked. Full, it forgets them all: what is asked often is soon known again."""

    __slots__ = ("most",)

    def __init__(self, most: int = MOST) -> None:
        super().__init__()
        self.most = most

    def keep(self, key: Key, known: Known) -> Known:
        """The answer, which from now on is known."""
        if len(self) >= self.most:
            self.clear()
        self[key] = known
        return known
