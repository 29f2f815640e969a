"""Who uses a home's servers, and who may start or stop them?"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.embedded.trouble import EmbeddedError

POLL_SECONDS = 0.05


class Lock:
    """An flock on one file. It ends with the last process that holds the descriptor, however that process ends."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_shared(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def wait_exclusive(self) -> None:
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def wait_shared(self) -> None:
        fcntl.flock(self.fd, fcntl.LOCK_SH)

    def close(self) -> None:
        """Let go. Never LOCK_UN: that would also end the hold of a child that inherited the descriptor."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self.fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def exclusively(path: Path, within: float, otherwise: str) -> Iterator[None]:
    """Hold ``path`` alone; raises EmbeddedError with ``otherwise`` when others hold it for ``within`` seconds."""
    lock = Lock(path)
    try:
        until = time.monotonic() + within
        while not lock.try_exclusive():
            if time.monotonic() > until:
                raise EmbeddedError(otherwise)
            time.sleep(POLL_SECONDS)
        yield
    finally:
        lock.close()


def taken(path: Path) -> bool:
    """Whether any process holds ``path`` now."""
    if not path.exists():
        return False
    lock = Lock(path)
    try:
        return not lock.try_exclusive()
    finally:
        lock.close()
