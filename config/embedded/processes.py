"""Is the process with this id really the server we started?"""

import os
import time
from pathlib import Path

POLL_SECONDS = 0.02

PROC = Path("/proc")


def alive(pid: int) -> bool:
    """Whether ``pid`` runs. One that ended, but that its parent has not yet waited for, does not."""
    if not PROC.exists():
        return signalable(pid)
    try:
        # The state follows the command name, which stands in parentheses and may itself hold spaces.
        state = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in ("Z", "X")


def ended(pid: int, seconds: float) -> bool:
    """Whether ``pid`` ends within ``seconds``."""
    until = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > until:
            return False
        time.sleep(POLL_SECONDS)
    return True


def signalable(pid: int) -> bool:
    """Whether ``pid`` exists, on a system without /proc (a zombie counts as existing there)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def works_in(pid: int, directory: Path) -> bool:
    """Whether ``pid`` runs with ``directory`` as its working directory, as a postmaster does in its data."""
    if not alive(pid):
        return False
    if not PROC.exists():
        return True
    try:
        return (PROC / str(pid) / "cwd").samefile(directory)
    except OSError:
        return False


def mentions(pid: int, word: str) -> bool:
    """Whether ``pid`` runs and was started with ``word`` among its arguments."""
    if not alive(pid):
        return False
    if not PROC.exists():
        return True
    try:
        return word.encode() in (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
