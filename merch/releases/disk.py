"""What was the last good release and pulse, when nobody can be asked?

One file per generation: a header line, then the body. Written as temporary file, fsync, rename, fsync of the folder, so
that a killed process leaves either the whole file or none. Three generations are kept; the highest valid number wins.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from merch import metrics

GENERATIONS = 3
LARGEST = 256 * 1024 * 1024
log = logging.getLogger(__name__)


class Header(msgspec.Struct, frozen=True):
    """What the body is. ``sha256`` is of the body's bytes as they stand in the file."""

    kind: str
    number: int
    name: str
    deployment: str
    sha256: str


class Kept(NamedTuple):
    number: int
    name: str
    body: bytes


class Shelf:
    """The generations of one kind (release or pulse) in one folder, of one deployment."""

    def __init__(self, folder: Path, kind: str, deployment: str) -> None:
        self.folder = folder
        self.kind = kind
        self.deployment = deployment

    def keep(self, number: int, name: str, body: bytes) -> None:
        """Write generation ``number`` unless it is there; a failure is logged, never raised: memory still serves."""
        try:
            self._write(number, name, body)
        except OSError as error:
            log.error("could not keep %s %s on disk: %s", self.kind, number, error)

    def newest(self, above: int = -1) -> Kept | None:
        """The highest valid generation with a number above ``above``; broken and foreign files are passed over."""
        kept = next(self.generations(), None)
        return kept if kept is not None and kept.number > above else None

    def generations(self) -> Iterator[Kept]:
        """All valid ones, newest first."""
        for path in self._files():
            kept = self.read(path)
            if kept is not None:
                yield kept

    def _write(self, number: int, name: str, body: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{self.kind}-{number:012d}"
        if path.exists() and self.read(path) is not None:
            return
        header = Header(self.kind, number, name, self.deployment, sha256(body).hexdigest())
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(header) + b"\n" + body)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        self._sync_folder()
        for old in self._files()[GENERATIONS:]:
            old.unlink(missing_ok=True)

    def _sync_folder(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _files(self) -> list[Path]:
        """Newest first by name; the name only orders, the header decides."""
        try:
            return sorted(self.folder.glob(f"{self.kind}-*"), reverse=True)
        except OSError:
            return []

    def read(self, path: Path) -> Kept | None:
        """One file, or None with a warning where it is broken, foreign or of another kind."""
        try:
            if path.is_symlink() or path.stat().st_size > LARGEST:
                raise ValueError("not a plain file of a sensible size")
            line, _, body = path.read_bytes().partition(b"\n")
            header = msgspec.json.decode(line, type=Header)
            if header.kind != self.kind or header.deployment != self.deployment:
                raise ValueError(f"it is a {header.kind} of deployment {header.deployment!r}")
            if sha256(body).hexdigest() != header.sha256:
                raise ValueError("its content does not match its digest")
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            metrics.SNAPSHOT_LOAD_FAILURES.labels(self.kind).inc()
            log.warning("passed over %s: %s", path.name, error)
            return None
        return Kept(header.number, header.name, body)
