"""Where do the embedded servers keep their data, and what is remembered about them?"""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from config.embedded import ports
from config.embedded.trouble import EmbeddedError

MARK = ".merch-home"


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

    def prepare(self) -> None:
        """Make the directories. The mark tells `make reset` that it may empty this directory, and no other."""
        existed = self.root.exists()
        self.servers.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not existed:
            self.root.chmod(0o700)
        (self.root / MARK).touch()

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
