"""Where do the embedded servers keep their data, and what is remembered about them?"""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from config.embedded import ports
from config.embedded.trouble import EmbeddedError

MARK = ".merch-home"
# What a home may hold before its own servers were first needed: the secret, and the homes of tests and measurements.
UNMARKED = {"secret", "test", "bench"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one server listens on the loopback, and the password it wants."""

    port: int
    password: str


@dataclass(frozen=True, slots=True)
class Home:
    """A directory (0700) and the files in it. ``root`` is MERCH_HOME; servers stay below ``root/embedded``."""

    root: Path

    @property
    def servers(self) -> Path:
        return self.root / "embedded"

    @property
    def use_lock(self) -> Path:
        return self.servers / "use.lock"

    @property
    def start_lock(self) -> Path:
        return self.servers / "start.lock"

    @property
    def keeper_lock(self) -> Path:
        return self.servers / "keeper.lock"

    def log(self, name: str) -> Path:
        return self.servers / f"{name}.log"

    def ours(self) -> bool:
        """Whether everything here was made by us, so that `make reset` may delete it: never a person's directory."""
        if (self.root / MARK).exists():
            return True
        return not self.root.exists() or {path.name for path in self.root.iterdir()} <= UNMARKED

    def prepare(self) -> None:
        """Make the directories, and mark the home if it is new."""
        if self.ours():
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.root / MARK).touch()
        self.servers.mkdir(mode=0o700, parents=True, exist_ok=True)

    def endpoint(self, name: str) -> Endpoint:
        """The remembered endpoint of ``name``, made on first use (under the start lock)."""
        path = self.servers / f"{name}.json"
        if not path.exists():
            return self.remember(name, Endpoint(ports.choose(), secrets.token_hex(16)))
        try:
            return Endpoint(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise EmbeddedError(f"{path} cannot be read ({error}). `make reset` empties this home.") from error

    def known(self, name: str) -> Endpoint | None:
        """The remembered endpoint of ``name``, or None if there never was one."""
        return self.endpoint(name) if (self.servers / f"{name}.json").exists() else None

    def remember(self, name: str, endpoint: Endpoint) -> Endpoint:
        """Write ``endpoint`` so that a crash leaves the old file or the new one, never half of one."""
        path = self.servers / f"{name}.json"
        fresh = path.with_suffix(f".{os.getpid()}.new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(endpoint), file)
        fresh.replace(path)
        return endpoint
