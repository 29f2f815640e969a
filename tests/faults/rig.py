"""Which servers does a drill kill and freeze, and how do they come back?

A PostgreSQL, a Valkey and web processes of this rig alone, all its own children, on their own ports, in their own home.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from config import env
from config.embedded import Home, ports
from config.embedded.postgres import Postgres
from config.embedded.valkey import Valkey

PAUSE = 0.01  # seconds between two looks


def until(happened: Any, seconds: float = 30.0, *, every: float = PAUSE) -> float:
    """Seconds until ``happened()`` is true; fails when it is not in time."""
    began = monotonic()
    while not happened():
        assert monotonic() - began < seconds, f"it did not happen within {seconds:.0f} s"
        sleep(every)
    return monotonic() - began


class Server:
    """One of the two stores. ``kill`` and ``freeze`` take all of its processes; it comes back on the same port."""

    def __init__(self, kind: Postgres | Valkey) -> None:
        self.kind = kind
        kind.prepare()
        self._process = kind.start()
        until(kind.ready)
        kind.finish_start()

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        self._signal(signal.SIGKILL)
        self._process.wait(timeout=30)

    def freeze(self) -> None:
        """SIGSTOP: connections stay, and the kernel goes on taking new ones."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def leave(self) -> None:
        """A polite end: sessions are told, later callers are refused."""
        self.kind.stop()
        self._process.wait(timeout=30)

    def come_back(self) -> None:
        """Start again, if it does not run; returns when it answers."""
        self.thaw()
        if self._process.poll() is not None:
            if isinstance(self.kind, Postgres):
                self.kind.prepare()  # lets it see that the killed postmaster's file is stale
            self._process = self.kind.start()
        until(self.kind.ready)

    def end(self) -> None:
        self.thaw()
        if self._process.poll() is None:
            self.kind.stop()
            self._process.wait(timeout=30)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is not None:
            return
        pid = self._process.pid
        # The parent first, or it would start others.
        for each in (pid, *_children(pid)):
            with suppress(ProcessLookupError):
                os.kill(each, number)


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


class Web:
    """granian as the demo runs it: one process of eight threads."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.port = ports.choose()
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and return at once."""
        words = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", ports.LOOPBACK]
        words += ["--port", str(self.port), "--workers", "1", "--blocking-threads", "8", "config.wsgi:application"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                words, cwd=env.PROJECT, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def ensure(self) -> None:
        """Start it unless it runs."""
        if self._process is None:
            self.start()

    def kill(self) -> None:
        """SIGKILL to granian and its worker: what was in memory is gone."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=30)
            self._process = None

    def kill_server(self) -> list[int]:
        """SIGKILL to granian alone; the process ids of the workers it leaves."""
        assert self._process is not None
        workers = _children(self._process.pid)
        self._process.kill()
        self._process.wait(timeout=30)
        return workers

    def stop(self) -> float:
        """A polite end; the seconds it took."""
        assert self._process is not None
        began = monotonic()
        self._process.terminate()
        self._process.wait(timeout=30)
        self._process = None
        return monotonic() - began

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        """Status and body; (0, b"") without an answer."""
        wire = HTTPConnection(ports.LOOPBACK, self.port, timeout=5)
        try:
            wire.request("GET", path, headers=headers)
            answer = wire.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b""
        finally:
            wire.close()

    def serves(self) -> dict[str, Any]:
        """What /readyz says: publication, pulse, source; empty without an answer."""
        status, body = self.get("/readyz")
        return json.loads(body) if status else {}

    def counted(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels, as /metrics tells it."""
        lines = self.get("/metrics")[1].decode().splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith((f"{name} ", f"{name}{{")) and all(part in line for part in wanted)
        )


class Hand:
    """The process that publishes and counts; see tests.faults.hand."""

    START = "import django; django.setup(); from tests.faults.hand import main; main()"

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-c", self.START], cwd=env.PROJECT, env=environment, stderr=file, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip

    def do(self, verb: str, *arguments: object) -> Any:
        """What the verb says; an error there fails the test here."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([verb, *arguments]) + "\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline() or '{"error": "it ended"}')
        assert "error" not in said, f"{verb}: {said['error']}"
        return said["said"]

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


class Rig:
    """Everything a drill needs. ``keys`` are by scope; ``web`` runs, ``other`` is a second process, not started."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self.home = root / "home"
        home = Home(root / "servers")
        home.prepare()
        self.postgres = Server(Postgres(home))  # as durable as in production: commits are counted
        stack.callback(self.postgres.end)
        self.valkey = Server(Valkey(home))
        stack.callback(self.valkey.end)
        environment = env.for_child(
            DJANGO_SETTINGS_MODULE="config.settings.local",
            DATABASE_URL=self.postgres.kind.url(),
            REDIS_URL=self.valkey.kind.url(),
            BROKER_URL=None,
            MERCH_HOME=str(self.home),
            MERCH_DEPLOYMENT="drill",
            MERCH_SECRET="of-the-drill-" * 4,
            PYTEST_XDIST_WORKER=None,
        )
        self.hand = Hand(environment, root / "hand.log")
        stack.callback(self.hand.end)
        self.hand.do("migrate")
        self.keys: dict[str, str] = self.hand.do("seed")
        self._make: Callable[[int], Web] = lambda number: Web(environment, root / f"web-{number}.log")
        self.web, self.other = self._make(1), self._make(2)
        for web in (self.web, self.other):
            stack.callback(web.kill)

    @contextmanager
    def processes(self, number: int) -> Iterator[list[Web]]:
        """As many web processes, all of them serving; those beyond the first end afterwards."""
        others = [self._make(each) for each in range(3, number + 2)]
        try:
            for web in others:
                web.start()
            for web in others:
                until(lambda web=web: web.serves().get("source") == "live", 60)
            yield [self.web, *others]
        finally:
            for web in others:
                web.kill()

    def well(self) -> None:
        """Everything runs and answers as if nothing had happened; the end of a drill."""
        self.valkey.come_back()
        self.postgres.come_back()
        self.hand.do("heal")


@contextmanager
def rigged(root: Path) -> Iterator[Rig]:
    """A rig, and none of its processes afterwards."""
    with ExitStack() as stack:
        yield Rig(root, stack)
