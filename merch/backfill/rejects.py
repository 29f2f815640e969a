"""Where do rows go that are not taken? (One JSON object per line: row, code, reason, and the cells that were read.)"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from merch.backfill.tally import Refused


class NoRoom(ValueError):
    """The reject file cannot be written; the sentence says the way out."""


class Rejects:
    """A file that grows by whole chunks. ``path`` None keeps nothing.

    ``size`` is what the committed chunks have written: a run that goes on cuts off what a killed one left behind it.
    """

    def __init__(self, path: Path | None, size: int = 0) -> None:
        self.path = path
        self.size = size
        if path is not None:
            self._cut()

    def add(self, refused: Sequence[tuple[Refused, Mapping[str, Any]]]) -> int:
        """Write them through to the disk; gives back the size that belongs to the chunk's commit."""
        if self.path is None or not refused:
            return self.size
        lines = [
            _encoder.encode({"row": each.row, "code": each.code, "reason": _printable(each.reason), "values": values})
            + b"\n"
            for each, cells in refused
            for values in [{column: _printable(cell) for column, cell in cells.items()}]
        ]
        try:
            with self.path.open("ab") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._no_room(error) from error
        self.size += sum(map(len, lines))
        return self.size

    def _cut(self) -> None:
        if self.path is None or not self.path.exists():
            self.size = 0
            return
        try:
            if self.path.stat().st_size < self.size:
                self.size = 0  # another file stands there now
            with self.path.open("rb+") as file:
                file.truncate(self.size)
        except OSError as error:
            raise self._no_room(error) from error

    def _no_room(self, error: OSError) -> NoRoom:
        return NoRoom(f"Rejects cannot be written to {self.path}: {error.strerror}. Name another file with --rejects.")


def _printable(value: Any) -> Any:
    """A text that holds bytes which are no UTF-8 shows them as escapes."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _plain(value: object) -> str:
    return str(value)


_encoder = msgspec.json.Encoder(enc_hook=_plain)
