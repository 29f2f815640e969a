"""How is a conversation with PostgreSQL ended that nobody answers?

A frozen server fires no timeout of its own, and the kernel acknowledges for it. So one thread per process shuts the
socket of whoever waited too long, which wakes the waiting thread with an error.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic


class Watch:
    """One hold with its deadline; ``cut`` once the watchdog has ended it."""

    def __init__(self, fd: int, due: float) -> None:
        self.due = due
        self.cut = False
        # A duplicate: the number of a closed descriptor may already belong to somebody else.
        self._socket = socket.socket(fileno=os.dup(fd))

    def end(self) -> None:
        """Wake whoever waits for the server. Called by the watchdog only."""
        self.cut = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()


class Watchdog:
    """One thread per process that ends every hold past its deadline."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._changed = threading.Condition()
        self._pid = 0

    def add(self, watch: Watch) -> None:
        with self._changed:
            self._watches.add(watch)
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._run, name="merch-sql-watchdog", daemon=True).start()
            self._changed.notify()

    def remove(self, watch: Watch) -> None:
        """After this the watch is never ended, so its socket may be closed."""
        with self._changed:
            self._watches.discard(watch)

    def _run(self) -> None:
        with self._changed:
            while True:
                now = monotonic()
                for watch in [each for each in self._watches if each.due <= now]:
                    watch.end()
                    self._watches.discard(watch)
                next_due = min((each.due for each in self._watches), default=None)
                self._changed.wait(None if next_due is None else max(next_due - now, 0.0))


_watchdog = Watchdog()


@contextmanager
def watching(fd: int, seconds: float) -> Iterator[Watch]:
    """Shut the socket ``fd`` if the block takes longer than ``seconds``."""
    watch = Watch(fd, monotonic() + seconds)
    _watchdog.add(watch)
    try:
        yield watch
    finally:
        _watchdog.remove(watch)
        watch.close()
