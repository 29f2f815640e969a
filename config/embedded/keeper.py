"""Who stops the servers when the last process that used them is gone, even if it was killed?

The keeper: a small process that starts servers as its own children (so that a dead one is reaped and never taken
for a live one), then waits for the exclusive use lock. Getting it means that nobody uses the servers any more.
"""

import os
import signal
import sys
from types import FrameType

from config.embedded.home import Home
from config.embedded.locks import Lock
from config.embedded.servers import named, stop_all


def keep(home: Home, names: list[str], test: bool) -> None:
    """Start the servers ``names``, stay until nobody uses the home, then stop whatever runs in it."""
    alive, nobody = Lock(home.keeper_lock), Lock(home.use_lock)
    alive.wait_shared()
    signal.signal(signal.SIGCHLD, reap)
    signal.signal(signal.SIGTERM, leave)  # a machine that shuts down asks us too
    children = [server.start() for server in named(home, names, test).values()]
    try:
        nobody.wait_exclusive()
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        stop_all(home)
        for child in children:
            child.wait()


def reap(number: int, frame: FrameType | None) -> None:
    """Wait for every child that has ended, so that none stays behind as a zombie."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def leave(number: int, frame: FrameType | None) -> None:
    sys.exit(0)
