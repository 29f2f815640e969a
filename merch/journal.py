"""How many decision records did a killed process never write?

Each process keeps two numbers in a memory-mapped file and holds a lock on it: the kernel keeps the numbers and lets go
of the lock however the process ends. A process id would not do: containers use the same ones again and again.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
import time
from pathlib import Path

NUMBER = struct.Struct("<Q")
TAKEN, WRITTEN = 0, NUMBER.size  # where each stands
PREFIX = "decisions-"


class Journal:
    """The number of records taken and written by this process, readable after it was killed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{PREFIX}{os.getpid()}-{time.time_ns()}"
        fresh = folder / f".{name}"
        self._file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, 2 * NUMBER.size)
        # Locked before it can be found, or another process would take it for one of the dead.
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self.path = fresh.rename(folder / name)
        self._map = mmap.mmap(self._file, 2 * NUMBER.size)
        self._lock = threading.Lock()
        self._taken = self._written = 0

    def took(self) -> None:
        """One more record waits. For any thread."""
        with self._lock:
            self._taken += 1
            NUMBER.pack_into(self._map, TAKEN, self._taken)

    def wrote(self, number: int) -> None:
        """So many wait no longer. For the one thread that writes."""
        self._written += number
        NUMBER.pack_into(self._map, WRITTEN, self._written)

    def close(self) -> None:
        """The process ends in peace; what it leaves unwritten is still counted by the next."""
        if self._written == self._taken:
            self.path.unlink(missing_ok=True)
        self._map.close()
        os.close(self._file)


def count_lost(folder: Path) -> int:
    """Records of processes that are gone and never wrote them; their journals are removed."""
    return sum(_lost(path) for path in folder.glob(f"{PREFIX}*"))


def _lost(path: Path) -> int:
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:  # another process was quicker
        return 0
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file).st_nlink == 0:
            return 0
        numbers = os.read(file, 2 * NUMBER.size)
        path.unlink()
    except BlockingIOError:  # its process lives
        return 0
    finally:
        os.close(file)
    if len(numbers) < 2 * NUMBER.size:
        return 0
    taken: int = NUMBER.unpack_from(numbers, TAKEN)[0]
    written: int = NUMBER.unpack_from(numbers, WRITTEN)[0]
    return max(taken - written, 0)
