"""What does everybody see, asked over HTTP of a web server of our own?"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, NamedTuple

CALLERS = 8
MOST_ROUNDS = 10
PLACEMENTS = ("home-hero", "home-shelf", "rewards-page")
CONTEXT = {
    "country": "US",
    "locale": "en-US",
    "platform": "ios",
    "app_version": "8.9.40",
    "time_zone": "America/New_York",
}
READY_SECONDS = 30


@contextmanager
def web(environment: Mapping[str, str]) -> Iterator[int]:
    """A web server for as long as the block; gives its port. Its end writes what it still holds."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = ("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    server = subprocess.Popen(
        [sys.executable, "-m", "granian", *words, "--blocking-threads", "8", "config.wsgi:application"],
        env=dict(environment),
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(port)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


class Asked(NamedTuple):
    """By placement: how often each campaign came first, or which reason stood instead. ``calls``: how many were made;
    ``degraded``: how many of them were answered without the subject's record, and asked again."""

    seen: dict[str, Counter[str]]
    calls: int
    degraded: int


class Line(threading.local):
    """A thread's own connection."""

    def __init__(self, port: int) -> None:
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)


def ask_all(port: int, key: str, people: Sequence[str]) -> Asked:
    """Ask for everybody, a few at a time."""
    seen: dict[str, Counter[str]] = {placement: Counter() for placement in PLACEMENTS}
    line, left, calls = Line(port), list(people), 0
    with ThreadPoolExecutor(CALLERS) as callers:
        for _ in range(MOST_ROUNDS):
            calls += len(left)
            again = []
            for person, answer in zip(left, callers.map(lambda each: _ask(line, key, each), left), strict=True):
                if any(part.get("degraded") for part in answer.values()):
                    again.append(person)
                else:
                    for placement, part in answer.items():
                        seen[placement][part["slots"][0]["campaign"] if part["slots"] else part["reason"]] += 1
            if not again:
                return Asked(seen, calls, calls - len(people))
            left = again
            sleep(1)
    raise RuntimeError(f"{len(left)} were answered without their record {MOST_ROUNDS} times over.")


def _ask(own: Line, key: str, person: str) -> dict[str, Any]:
    body = json.dumps({"account_id": person, "placements": PLACEMENTS, "context": CONTEXT})
    own.line.request(
        "POST", "/v1/decisions", body, {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    )
    answer = own.line.getresponse()
    said = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {said.decode()}")
    found: dict[str, Any] = json.loads(said)["placements"]
    return found


def _wait_until_ready(port: int) -> None:
    until = monotonic() + READY_SECONDS
    while monotonic() < until:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            line.request("GET", "/readyz")
            if line.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            line.close()
        sleep(0.1)
    raise RuntimeError(f"The web server was not ready within {READY_SECONDS} s.")
