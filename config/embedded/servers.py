"""Which servers does a home have?"""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from config.embedded import postgres, valkey
from config.embedded.home import Home
from config.embedded.postgres import Postgres
from config.embedded.valkey import Valkey

NAMES = (postgres.NAME, valkey.NAME)


class Server(Protocol):
    """What a starter needs to know of either server."""

    @property
    def log(self) -> Path: ...
    def url(self) -> str: ...
    def prepare(self) -> None: ...
    def start(self) -> subprocess.Popen[bytes]: ...
    def running(self) -> bool: ...
    def ready(self) -> bool: ...
    def finish_start(self) -> None: ...
    def stop(self) -> None: ...


def named(home: Home, names: Iterable[str] = NAMES, test: bool = False) -> dict[str, Server]:
    """The servers called ``names``, by name."""
    every: dict[str, Server] = {postgres.NAME: Postgres(home, test), valkey.NAME: Valkey(home)}
    return {name: every[name] for name in names}


def ever(home: Home) -> dict[str, Server]:
    """The servers that ``home`` has had, running or not."""
    return named(home, [name for name in NAMES if home.known(name)])


def stop_all(home: Home) -> None:
    """Stop every server of ``home``: under the exclusive use lock, or by force."""
    for server in ever(home).values():
        server.stop()
