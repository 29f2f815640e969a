"""How are calls sent to a web process, and how long do their answers take?

One thread and a selector over keep-alive connections, so that the sender takes little of the machine from the sent to.
"""

from __future__ import annotations

import selectors
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import NamedTuple

CHUNK = 65_536


class Outcome(NamedTuple):
    """Calls answered, the seconds that they took together, and each one's own."""

    calls: int
    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        return self.calls / self.seconds

    def quantile(self, share: float) -> float:
        """Seconds."""
        return sorted(self.latencies)[int(share * (len(self.latencies) - 1))]


def message(address: str, body: bytes, key: str) -> bytes:
    head = f"POST {address} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Line:
    """One connection, and the call that is under way on it."""

    def __init__(self, port: int) -> None:
        self.wire = socket.create_connection(("127.0.0.1", port))
        self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = 0.0
        self._received = b""

    def send(self, data: bytes, began: float) -> None:
        self.began, self._received = began, b""
        self.wire.sendall(data)

    def answered(self) -> bool:
        """Take what has come; True when the answer is whole. Raises RuntimeError for anything but 200."""
        piece = self.wire.recv(CHUNK)
        if not piece:
            raise RuntimeError("the server closed a connection")
        self._received += piece
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(self._received[:400])
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        return len(body) >= length

    def ask(self, data: bytes) -> bytes:
        """One call alone; its body."""
        self.send(data, 0.0)
        while not self.answered():
            pass
        return self._received.partition(b"\r\n\r\n")[2]


def closed(port: int, messages: Sequence[bytes], calls: int, lines: int) -> Outcome:
    """As many at once as there are lines, the next as soon as one is answered."""
    return _run([Line(port) for _ in range(lines)], messages, iter([0.0] * calls), calls)


def opened(port: int, messages: Sequence[bytes], calls: int, lines: int, rate: float) -> Outcome:
    """At a steady rate, whatever is still under way; latency counts from when a call was due."""
    return _run([Line(port) for _ in range(lines)], messages, (number / rate for number in range(calls)), calls)


def _run(lines: list[Line], messages: Sequence[bytes], due: Iterator[float], calls: int) -> Outcome:
    free = deque(lines)
    latencies: list[float] = []
    began = perf_counter()
    following = next(due, None)
    sent = 0
    with selectors.DefaultSelector() as selector:
        for line in lines:
            selector.register(line.wire, selectors.EVENT_READ, line)
        while len(latencies) < calls:
            while following is not None and free and following <= perf_counter() - began:
                line = free.popleft()
                line.send(messages[sent % len(messages)], began + following if following else perf_counter())
                sent, following = sent + 1, next(due, None)
            wait = 1.0 if following is None or not free else max(began + following - perf_counter(), 0.0)
            for ready, _ in selector.select(wait):
                if ready.data.answered():
                    latencies.append(perf_counter() - ready.data.began)
                    free.append(ready.data)
    seconds = perf_counter() - began
    for line in lines:
        line.wire.close()
    return Outcome(calls, seconds, latencies)
