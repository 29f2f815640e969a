"""How do several programs run as one, and end as one?"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from config import env

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.1
TAIL_LINES = 20


class Ended(Exception):
    """A program ended that should have stayed, or failed where it should have succeeded."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program: its words, its own variables, and the signals it obeys.

    ``log`` None lets it speak to the terminal. ``hurried`` is the signal that makes it give up work in hand; it is
    also what the kernel sends when the supervisor itself was killed (on Linux). ``patience`` is in seconds.
    """

    name: str
    words: tuple[str, ...]
    log: Path | None
    variables: dict[str, str] = field(default_factory=dict)
    hurried: signal.Signals = signal.SIGTERM
    patience: float = 10.0


class Crew:
    """Programs in sessions of their own: a Ctrl-C in the terminal reaches only the supervisor, which ends them."""

    def __init__(self) -> None:
        self.members: list[tuple[Program, subprocess.Popen[bytes]]] = []

    def start(self, program: Program) -> subprocess.Popen[bytes]:
        def in_child() -> None:
            die_with_parent(program.hurried)

        output = None if program.log is None else program.log.open("ab")
        try:
            process = subprocess.Popen(
                program.words,
                cwd=env.PROJECT,
                env=env.for_child(**program.variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=in_child,
            )
        finally:
            if output is not None:
                output.close()
        self.members.append((program, process))
        return process

    def finish(self, program: Program) -> None:
        """Run ``program`` to its end; raises Ended with the end of its log when it fails."""
        process = self.start(program)
        code = process.wait()
        self.members.remove((program, process))
        if code:
            raise Ended(f"{program.name} failed (exit code {code}).{tail(program.log)}")

    def check(self) -> None:
        """Raises Ended if any program that should still run does not."""
        for program, process in self.members:
            if (code := process.poll()) is not None:
                raise Ended(f"{program.name} ended by itself (exit code {code}).{tail(program.log)}")

    def stop(self) -> None:
        """End every program and all it started: ask, insist, then kill. Later ones first."""
        remaining = self.members[::-1]
        for _, process in remaining:
            tell(process, signal.SIGTERM)
        for kind in ("hurried", "kill"):
            patience = max((program.patience for program, _ in remaining), default=0.0)
            wait_for([process for _, process in remaining], patience)
            for program, process in remaining:
                if process.poll() is None:
                    tell(process, program.hurried if kind == "hurried" else signal.SIGKILL)
        for _, process in remaining:
            process.wait()
            # Whatever it left behind in its own session goes as well.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        self.members.clear()


def tell(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(number)


def wait_for(processes: list[subprocess.Popen[bytes]], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(process.poll() is None for process in processes):
        time.sleep(POLL_SECONDS)


def tail(log: Path | None) -> str:
    """The end of a log as lines to show below a sentence."""
    if log is None or not log.exists():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    return "\n".join([f" The end of {log}:", *(f"  {line}" for line in lines)])


def die_with_parent(number: signal.Signals) -> None:
    """Have the kernel send ``number`` to this process when its parent ends, where Linux offers it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number))
