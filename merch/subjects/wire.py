"""How do commands reach the serving store, and answers come back, before a deadline?

A thin client, because a decision's one round trip must cost microseconds and must end in time whatever the other side
does: refuse, freeze, or drip its bytes. Every wait gets what is left of one deadline. There are no retries.
"""

from __future__ import annotations

import socket
import ssl
from time import monotonic
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis

Command = tuple[bytes | str | int, ...]

CHUNK = 16_384
_UNFINISHED: Final = object()


def pack(*command: bytes | str | int) -> bytes:
    """A command as the store reads it."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub knows one word only
    return packed


class Missed(OSError):
    """The store did not answer in time, or not as a store does."""


class Stale(Missed):
    """The connection had been closed before the question; nothing of an answer came."""


class Address(NamedTuple):
    """Where the store is, as its URL says: redis://, rediss:// (TLS) or unix://."""

    host: str
    port: int
    path: str | None
    tls: bool
    hello: tuple[Command, ...]

    @classmethod
    def parse(cls, url: str) -> Address:
        parts = urlsplit(url)
        if parts.scheme not in ("redis", "rediss", "unix"):
            raise ValueError(f"REDIS_URL begins with {parts.scheme or 'nothing'}; use redis://, rediss:// or unix://.")
        local = parts.scheme == "unix"
        database = parse_qs(parts.query).get("db", ["0"])[0] if local else parts.path.strip("/") or "0"
        hello: list[Command] = []
        if parts.password:
            user = (unquote(parts.username),) if parts.username else ()
            hello.append(("AUTH", *user, unquote(parts.password)))
        if int(database):
            hello.append(("SELECT", int(database)))
        return cls(
            parts.hostname or "localhost",
            parts.port or 6379,
            unquote(parts.path) if local else None,
            parts.scheme == "rediss",
            tuple(hello),
        )

    def resolve(self) -> str:
        """A numeric address for the name. May block for as long as the resolver likes: never called by a request."""
        return str(socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][4][0])

    @property
    def numeric(self) -> str | None:
        """The address when no resolver is needed to know it, else None."""
        if self.path is not None or self.host == "localhost":
            return "127.0.0.1"
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                socket.inet_pton(family, self.host)
            except OSError:
                continue
            return self.host
        return None


class Connection:
    """One socket and one reader. After any exception it is of no use: an answer may still be under way."""

    __slots__ = ("_reader", "_socket")

    def __init__(self, address: Address, numeric: str, deadline: float) -> None:
        self._reader = hiredis.Reader(notEnoughData=_UNFINISHED)
        self._socket = _connect(address, numeric, deadline)
        try:
            if address.hello:
                for reply in self.exchange(address.hello, deadline):
                    if isinstance(reply, Exception):
                        raise Missed(str(reply))
        except BaseException:
            self.close()
            raise

    def exchange(self, commands: tuple[Command, ...] | list[Command], deadline: float) -> list[Any]:
        """Send all, then read as many answers; an answer may be a hiredis.ReplyError. Raises OSError.

        ``deadline`` is a moment of time.monotonic().
        """
        packed = b"".join([pack(*command) for command in commands])
        return self.ask(packed, len(commands), deadline)

    def ask(self, packed: bytes, answers: int, deadline: float) -> list[Any]:
        """As ``exchange``, for commands that are packed already."""
        self._socket.settimeout(max(deadline - monotonic(), 0.001))
        try:
            self._socket.sendall(packed)
        except (BrokenPipeError, ConnectionResetError) as gone:
            raise Stale(str(gone)) from gone
        replies: list[Any] = []
        gets, fed = self._reader.gets, False
        while len(replies) < answers:
            reply = gets()
            if reply is not _UNFINISHED:
                replies.append(reply)
                continue
            self._read_more(deadline, fed=fed)
            fed = True
        return replies

    def _read_more(self, deadline: float, *, fed: bool) -> None:
        # With nothing left a receive still takes what has already come, so that a thread which was itself
        # kept waiting for a processor does not blame the store.
        self._socket.settimeout(max(deadline - monotonic(), 0.0))
        try:
            data = self._socket.recv(CHUNK)
        except ConnectionResetError as gone:
            raise (Missed if fed else Stale)(str(gone)) from gone
        if not data:
            raise (Missed if fed else Stale)("closed by the store")
        self._reader.feed(data)

    def close(self) -> None:
        self._socket.close()


def _connect(address: Address, numeric: str, deadline: float) -> socket.socket:
    left = max(deadline - monotonic(), 0.001)
    if address.path is not None:
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        connected = socket.socket(socket.AF_INET6 if ":" in numeric else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connected.settimeout(left)
        connected.connect(address.path if address.path is not None else (numeric, address.port))
        if address.path is None:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.tls:
            connected.settimeout(max(deadline - monotonic(), 0.001))
            connected = ssl.create_default_context().wrap_socket(connected, server_hostname=address.host)
    except BaseException:
        connected.close()
        raise
    return connected
