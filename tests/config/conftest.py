"""How does a test start, use and kill embedded servers of its own?"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config import env
from config.embedded import Home, processes
from config.embedded.postgres import Postgres
from config.embedded.servers import stop_all

EMBEDDED = (sys.executable, "-m", "config.embedded")


def until(true: Callable[[], object], seconds: float = 15.0) -> None:
    """Return once ``true`` is; fail when it is not in time."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


@dataclass
class House:
    """A home in a directory of its own, and the commands run on it."""

    root: Path
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def home(self) -> Home:
        return Home(self.root)

    def start(self, *command: str, test: bool = True) -> subprocess.Popen[str]:
        words = [*EMBEDDED, "exec", "--home", str(self.root), *(["--test"] if test else []), "--", *command]
        process = subprocess.Popen(
            words,
            cwd=env.PROJECT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.running.append(process)
        return process

    def run(self, *command: str, test: bool = True) -> str:
        """Run ``command`` on the servers to its end; what it printed."""
        output, errors = (process := self.start(*command, test=test)).communicate(timeout=90)
        assert process.returncode == 0, errors
        return output

    def hold(self) -> subprocess.Popen[str]:
        """A command that uses the servers until it is killed; it has them when this returns."""
        process = self.start("sh", "-c", "echo ready; exec sleep 300")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def sql(self, query: str, test: bool = True) -> str:
        program = "import os, psycopg\nwith psycopg.connect(os.environ['DATABASE_URL']) as c: print(c.execute({!r}){})"
        fetch = ".fetchone()[0]" if query.lower().startswith(("select", "show")) else ".rowcount"
        return self.run(sys.executable, "-c", program.format(query, fetch), test=test).strip()

    def environment(self) -> dict[str, str]:
        return env.for_child(DATABASE_URL=None, REDIS_URL=None, BROKER_URL=None, MERCH_HOME=str(self.root), PORT=None)

    def postmaster(self) -> int:
        return int((Postgres(self.home).data / "postmaster.pid").read_text().split()[0])

    def valkey(self) -> int:
        return int((self.root / "embedded" / "valkey" / "valkey.pid").read_text())

    def processes(self) -> list[int]:
        """Whatever on this machine was started for this home, zombies not counted."""
        word = str(self.root).encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if word in (entry / "cmdline").read_bytes() and processes.alive(int(entry.name)):
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found

    def empty(self) -> None:
        for process in self.running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=30)
        self.running.clear()
        stop_all(self.home)
        until(lambda: not self.processes())
        shutil.rmtree(self.root)


@pytest.fixture
def house() -> Iterator[House]:
    """A home under a path every account may pass, with nothing left of it afterwards."""
    place = Path(tempfile.mkdtemp(prefix="merch-house-"))
    place.chmod(0o755)
    house = House(place / "home")
    house.home.prepare()
    yield house
    house.empty()
    shutil.rmtree(place)
