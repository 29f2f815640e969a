"""How is a campaign stopped while PostgreSQL is away?

One signed file per machine, whose entries are added to the pulse's kills by every process until a row has taken their
place: docs/decisions/offline-kills.md.
"""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path

import msgspec
import redis
from django.conf import settings

from merch import metrics
from merch.releases import news

LOOK = 0.4  # seconds between looks at the file
LARGEST = 1_000_000  # bytes
ANNOUNCED = b"offline-kills"  # how the news of one begins
log = logging.getLogger(__name__)

Stamp = tuple[int, int, int] | None


class Tampered(ValueError):
    """The bytes were not signed by this deployment with this secret."""


class OfflineKill(msgspec.Struct, frozen=True, order=True):
    """``at`` in UTC microseconds; ``by`` a user's name, as typed."""

    campaign: str
    at: int
    by: str = ""
    why: str = ""


class _Signed(msgspec.Struct, frozen=True):
    deployment: str
    kills: tuple[OfflineKill, ...]
    code: str = ""


class OfflineKills:
    """The file of this machine. ``folder`` is that of the generations of release and pulse."""

    def __init__(self, folder: Path, deployment: str, secret: bytes) -> None:
        self.folder = folder
        self.deployment = deployment
        self.path = folder / "offline-kills"
        self._secret = secret

    def stamp(self) -> Stamp:
        """Changes whenever the file does; None where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def read(self) -> tuple[OfflineKill, ...]:
        """What stands in the file; nothing without one. Raises Tampered."""
        try:
            if self.path.is_symlink() or self.path.stat().st_size > LARGEST:
                raise Tampered("it is no plain file of a sensible size")
            data = self.path.read_bytes()
        except FileNotFoundError:
            return ()
        return self.opened(data)

    def read_or(self, known: frozenset[str]) -> frozenset[str]:
        """Campaigns that are stopped; ``known`` where the file cannot be trusted, which is logged and counted."""
        try:
            return frozenset(kill.campaign for kill in self.read())
        except (Tampered, OSError) as error:
            metrics.SNAPSHOT_LOAD_FAILURES.labels("offline-kills").inc()
            log.error("passed over %s: %s", self.path, error)
            return known

    def add(self, kills: Iterable[OfflineKill]) -> tuple[OfflineKill, ...]:
        """Write these beside what stands there; a file that cannot be trusted is replaced. What stands then."""
        new = set(kills)
        return self._change(lambda there: there | new)

    def drop(self, gone: Callable[[OfflineKill], bool]) -> tuple[OfflineKill, ...]:
        """Take out what a row has taken the place of. What is left."""
        return self._change(lambda there: {kill for kill in there if not gone(kill)})

    def signed(self, kills: Iterable[OfflineKill]) -> bytes:
        """As it stands in the file and in Valkey."""
        bare = _Signed(self.deployment, tuple(sorted(kills)))
        return msgspec.json.encode(msgspec.structs.replace(bare, code=self._code(bare)))

    def opened(self, data: bytes) -> tuple[OfflineKill, ...]:
        """Raises Tampered."""
        try:
            found = msgspec.json.decode(data, type=_Signed)
        except msgspec.MsgspecError as error:
            raise Tampered(str(error)) from error
        if not compare_digest(found.code.encode(), self._code(found).encode()):
            raise Tampered("its code is not that of this deployment and secret")
        return found.kills

    def _code(self, signed: _Signed) -> str:
        body = msgspec.json.encode((self.deployment, signed.deployment, signed.kills))
        return blake2b(body, key=self._secret[:64], digest_size=32, person=b"merch-offline").hexdigest()

    def _change(self, change: Callable[[set[OfflineKill]], set[OfflineKill]]) -> tuple[OfflineKill, ...]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._alone():
            there = self._trusted()
            wanted = change(set(there))
            if wanted != set(there) or (wanted and self.stamp() is None):
                self._write(wanted)
        return tuple(sorted(wanted))

    def _trusted(self) -> tuple[OfflineKill, ...]:
        try:
            return self.read()
        except Tampered as error:
            log.error("replaced %s: %s", self.path, error)
            return ()

    def _write(self, kills: set[OfflineKill]) -> None:
        if not kills:
            self.path.unlink(missing_ok=True)
            return
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".writing-")
        with os.fdopen(handle, "wb") as file:
            file.write(self.signed(kills))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two writers must not lose each other's entries."""
        lock = os.open(self.folder / ".offline-kills.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def here() -> OfflineKills:
    """The file of this machine, by the settings."""
    return OfflineKills(settings.MERCH_HOME / "serving", settings.MERCH_DEPLOYMENT, settings.MERCH_SECRET)


def shared_key() -> str:
    """Where Valkey keeps the same for other machines."""
    return f"merch:{settings.MERCH_DEPLOYMENT}:offline-kills"


def announce(file: OfflineKills, kills: Iterable[OfflineKill]) -> bool:
    """Tell other machines; False where Valkey is away too."""
    try:
        with news.connect() as client:
            for kill in kills:
                client.hset(shared_key(), _name(kill), file.signed((kill,)))
            client.publish(news.channel(), ANNOUNCED)
    except (redis.RedisError, OSError) as error:
        log.warning("other machines could not be told of an offline kill: %s", error)
        return False
    return True


def shared(file: OfflineKills, client: redis.Redis) -> tuple[OfflineKill, ...]:
    """What any machine told; nothing that cannot be trusted."""
    found: list[OfflineKill] = []
    for data in client.hvals(shared_key()):
        try:
            found += file.opened(data if isinstance(data, bytes) else data.encode())
        except Tampered as error:
            log.error("passed over an offline kill in Valkey: %s", error)
    return tuple(found)


def hear(file: OfflineKills, client: redis.Redis) -> None:
    """Bring what other machines told into this machine's file."""
    told = shared(file, client)
    if told:
        file.add(told)


def told_everywhere(file: OfflineKills) -> tuple[OfflineKill, ...]:
    """What stands in this machine's file, and what the others told where Valkey answers."""
    try:
        with news.connect() as client:
            hear(file, client)
    except (redis.RedisError, OSError) as error:
        log.warning("other machines' offline kills are not known: %s", error)
    try:
        return file.read()
    except Tampered as error:
        log.error("passed over %s: %s", file.path, error)
        return ()


def forget(kills: Iterable[OfflineKill]) -> None:
    """Take out of Valkey what a row has taken the place of."""
    names = [_name(kill) for kill in kills]
    try:
        with news.connect() as client:
            if names:
                client.hdel(shared_key(), *names)
    except (redis.RedisError, OSError) as error:
        log.warning("offline kills stay in Valkey until it answers: %s", error)


def _name(kill: OfflineKill) -> str:
    return f"{kill.at}|{kill.campaign}"
