"""How does a process begin and end its use of a home's servers?"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from config import env
from config.embedded import postgres, valkey
from config.embedded.home import Home
from config.embedded.locks import POLL_SECONDS, Lock, exclusively, taken
from config.embedded.servers import Server, named, stop_all
from config.embedded.trouble import EmbeddedError, last_words

READY_SECONDS = 60.0  # a crash recovery may need most of it
STARTER_SECONDS = 4 * READY_SECONDS
DEAD_SECONDS = 6.0  # a server that is not even running for so long will not come
KEEPER_SECONDS = 5.0
SILENT_SECONDS = 2.0
ATTEMPTS = 3  # another program may take a chosen port before we do


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which servers are needed: those for which no URL is given."""

    postgres: bool = True
    valkey: bool = True

    @classmethod
    def without(cls, environment: env.Environment) -> "Wanted":
        return cls(postgres=environment.database_url is None, valkey=environment.redis_url is None)

    def names(self) -> list[str]:
        chosen = {postgres.NAME: self.postgres, valkey.NAME: self.valkey}
        return [name for name, needed in chosen.items() if needed]


@dataclass(frozen=True, slots=True)
class Use:
    """The use of a home's servers: the variables a program needs, and the lock that says it is not over."""

    variables: dict[str, str]
    lock_fd: int | None


@contextmanager
def serving(home: Home, wanted: Wanted, *, test: bool = False) -> Iterator[Use]:
    """Adopt or start the wanted servers for the length of the block; the last one out stops them."""
    names = wanted.names()
    if not names:
        yield Use({}, None)
        return
    home.prepare()
    lock = Lock(home.use_lock)
    keepers: list[subprocess.Popen[bytes]] = []
    try:
        lock.wait_shared()  # waits only while somebody stops the servers
        with exclusively(
            home.start_lock, STARTER_SECONDS, f"Another process has been starting {home.root} for too long."
        ):
            bring_up(home, names, test, keepers)
        yield Use(variables(home, names), lock.fd)
    finally:
        lock.close()
        leave(home, keepers)


def variables(home: Home, names: list[str]) -> dict[str, str]:
    """DATABASE_URL and REDIS_URL of the named servers."""
    called = {postgres.NAME: "DATABASE_URL", valkey.NAME: "REDIS_URL"}
    return {called[name]: server.url() for name, server in named(home, names).items()}


def bring_up(home: Home, names: list[str], test: bool, keepers: list[subprocess.Popen[bytes]]) -> None:
    """Make the named servers ready, adding the keepers this took to ``keepers``. Under the start lock."""
    servers = named(home, names, test)
    for attempt in range(1, ATTEMPTS + 1):
        missing = {name: server for name, server in servers.items() if not server.running()}
        for server in missing.values():
            server.prepare()
        if missing or not taken(home.keeper_lock):
            keepers.append(start_keeper(home, list(missing), test))
        try:
            for name, server in servers.items():
                wait_until_ready(name, server)
        except EmbeddedError:
            if attempt == ATTEMPTS:
                raise
            continue
        for server in missing.values():
            server.finish_start()
        return


def start_keeper(home: Home, names: list[str], test: bool) -> subprocess.Popen[bytes]:
    """A keeper in a session of its own, holding none of our pipes or locks."""
    words = [sys.executable, "-m", "config.embedded", "keep", "--home", str(home.root), *(["--test"] if test else [])]
    with home.log("keeper").open("ab") as log:
        return subprocess.Popen(
            [*words, *names], cwd=env.PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def wait_until_ready(name: str, server: Server) -> None:
    """Return when ``server`` answers; raises EmbeddedError with the end of its log when it will not."""
    began = seen = time.monotonic()
    told = False
    while not server.ready():
        now = time.monotonic()
        seen = now if server.running() else seen
        if now - began > READY_SECONDS or now - seen > DEAD_SECONDS:
            raise EmbeddedError(f"{name} does not start.\n{last_words(server.log)}")
        if not told and now - began > SILENT_SECONDS:
            print(f"Waiting for {name} ...", file=sys.stderr, flush=True)
            told = True
        time.sleep(POLL_SECONDS)


def leave(home: Home, keepers: list[subprocess.Popen[bytes]]) -> None:
    """End a use: stop the servers if nobody else has one, and return when they are gone."""
    lock = Lock(home.use_lock)
    try:
        if lock.try_exclusive():
            stop_all(home)
        elif lock.try_shared():
            return  # others still use them
        else:
            lock.wait_exclusive()  # the keeper was quicker; it is done when it lets go
    finally:
        lock.close()
    for keeper in keepers:
        with suppress(subprocess.TimeoutExpired):
            keeper.wait(timeout=KEEPER_SECONDS)
    until = time.monotonic() + KEEPER_SECONDS
    while taken(home.keeper_lock) and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
