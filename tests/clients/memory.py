"""What does a device keep when the app is killed, and in which form?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from audiences.moments import SECOND, micros, moment

DRAWING = SECOND // 2


class Reading(Struct, frozen=True):
    """Both clocks at one moment, UTC microseconds: the wall, which may say anything, and the one that counts since the
    device was switched on (``boot``), asleep or not.
    """

    wall: int
    running: int
    boot: str


class Anchor(Struct, frozen=True):
    """The server's time, tied to both clocks of the device at one moment."""

    server: int
    at: Reading

    def now(self, reading: Reading) -> int:
        """The server's time: exact while the device stays on, afterwards as good as the wall clock was left alone."""
        if reading.boot == self.at.boot:
            return self.server + reading.running - self.at.running
        return self.server + reading.wall - self.at.wall


class Waiting(Struct):
    """An event that is not known to have arrived. What stands in ``body`` never changes once it may have been sent.

    ``at``: when it happened by the device's clocks, as long as the server's time was not known in this boot.
    """

    body: dict[str, Any]
    at: Reading | None = None


class Held(Struct):
    """An answer for one placement, and from when on it counts. It is dropped when somebody logs in or out."""

    asked: Reading
    decided_at: int
    answer: dict[str, Any]
    prefetched: bool = False

    def until(self) -> int:
        """By the running clock of the boot in which it was asked. Never longer than the server means, as the server
        decided after we asked; a little less, as drawing takes time too.
        """
        return self.asked.running + instant(self.answer["valid_until"]) - self.decided_at - DRAWING

    def valid(self, reading: Reading) -> bool:
        """A clock that was off has counted nothing, so nothing outlives a boot."""
        return reading.boot == self.asked.boot and reading.running < self.until()


class Memory(Struct):
    """Everything that is on disk, written whole after each change."""

    device_id: str
    account_id: str | None = None
    held: dict[str, Held] = {}
    queue: list[Waiting] = []
    said: list[str] = []  # impressions and views of what is held, so that one is said once
    anchor: Anchor | None = None
    bundle: dict[str, Any] = {}
    etag: str = ""
    numbered: int = 0  # events of our own so far


def instant(text: str) -> int:
    """RFC 3339 as UTC microseconds."""
    return micros(datetime.fromisoformat(text))


def text(at: int) -> str:
    return moment(at).isoformat()
