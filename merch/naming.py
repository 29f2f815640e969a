"""What is a new decision called? (A UUID version 7: it sorts by time, and nobody can guess it.)"""

from __future__ import annotations

import os
import threading

TAIL = 10  # bytes of chance in a name
DRAWN = 400 * TAIL  # at once: asking the operating system costs as much as the rest of a small call


class _Chance(threading.local):
    """Bytes drawn ahead, for one thread; none is used twice."""

    def __init__(self) -> None:
        self._drawn = b""
        self._used = 0

    def tail(self) -> bytes:
        if self._used == len(self._drawn):
            self._drawn, self._used = os.urandom(DRAWN), 0
        self._used += TAIL
        return self._drawn[self._used - TAIL : self._used]


_chance = _Chance()


def _forget() -> None:
    """A forked child must not use what its parent has drawn."""
    global _chance
    _chance = _Chance()


os.register_at_fork(after_in_child=_forget)


def new_decision_id(now: int) -> str:
    """Milliseconds of ``now`` (UTC microseconds), then 74 bits of the operating system's chance."""
    value = (now // 1000 << 80) | int.from_bytes(_chance.tail(), "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
