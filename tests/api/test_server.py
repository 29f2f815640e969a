"""Does a real web server bring the doors to the wire unharmed? (granian, HTTP by hand where a client would tidy up.)"""

import gzip
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import redis
from django.utils import timezone

from config import env
from config.embedded import ports
from merch.issuing import issue
from merch.keys import Scope
from tests.factories import EventDefinitionFactory, TraitDefinitionFactory

pytestmark = pytest.mark.usefixtures("transactional_db")


class Web(NamedTuple):
    """A running web process, and the keys it knows."""

    port: int
    server_key: str
    client_key: str

    def raw(self, data: bytes, *, wait: float = 10.0) -> bytes:
        """Everything that is answered to ``data`` until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as wire:
            wire.sendall(data)
            received = b""
            while chunk := wire.recv(65536):
                received += chunk
        return received

    def ask(
        self, method: str, path: str, body: bytes = b"", *headers: str, key: str | None = None
    ) -> tuple[int, bytes]:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close",
                 f"Authorization: Bearer {key or self.server_key}", *headers]  # fmt: skip
        if body and not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
            lines.append(f"Content-Length: {len(body)}")
        if not any(line.lower().startswith("content-type") for line in headers):
            lines.append("Content-Type: application/json")
        return parsed(self.raw("\r\n".join([*lines, "", ""]).encode() + body))


def parsed(answer: bytes) -> tuple[int, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


@pytest.fixture
def web(child_environment: dict[str, str], valkey: redis.Redis, transactional_db: None) -> Iterator[Web]:
    now = timezone.now()
    EventDefinitionFactory(name="listen", from_clients=True)
    TraitDefinitionFactory(name="mood")
    server, client = (issue(scope.value, scope, by=None, now=now).key for scope in (Scope.SERVER, Scope.CLIENT))
    port = ports.choose()
    words = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
             "--workers", "1", "--blocking-threads", "8", "--no-log", "config.wsgi:application"]  # fmt: skip
    process = subprocess.Popen(words, cwd=env.PROJECT, env=child_environment)
    made = Web(port, server, client)
    try:
        until_known(made)
        yield made
    finally:
        process.terminate()
        process.wait(timeout=20)


def until_known(web: Web) -> None:
    """The process has started, and has the keys of the pulse."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if web.ask("GET", "/v1/subjects/nobody")[0] == 404:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("the web process did not start in time")


EVENT = {"type": "custom", "name": "listen", "account_id": "a", "event_id": "1", "occurred_at": "2026-01-01T00:00:00Z"}


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def test_the_wire_is_met_with_problems_never_with_a_failure(web: Web) -> None:
    event = json.dumps({"events": [EVENT | {"occurred_at": timezone.now().isoformat()}]}).encode()
    much = b" " * 1_048_577
    text, json_type = "Content-Type: text/html", "Content-Type: application/json"
    packed, chunks = "Content-Encoding: gzip", "Transfer-Encoding: chunked"
    cases: dict[str, tuple[tuple[int, bytes], int]] = {
        "an event": (web.ask("POST", "/v1/events", event), 200),
        "in chunks": (web.ask("POST", "/v1/events", chunk(event), chunks), 200),
        "packed": (web.ask("POST", "/v1/events", gzip.compress(event), packed), 200),
        "from an app": (web.ask("POST", "/v1/events", event, key=web.client_key), 200),
        "a trait": (web.ask("PATCH", "/v1/subjects/a", b'{"traits": {"mood": "calm"}}'), 200),
        "two types": (web.ask("POST", "/v1/events", event, text, json_type), 415),
        "utf-7": (web.ask("POST", "/v1/events", event, f"{json_type}; charset=utf-7"), 415),
        "a bomb": (web.ask("POST", "/v1/events", gzip.compress(b" " * 9_000_000), packed), 413),
        "too much": (web.ask("POST", "/v1/events", much), 413),
        "too much in chunks": (web.ask("POST", "/v1/events", chunk(much), chunks), 413),
        "nothing": (web.ask("POST", "/v1/events"), 400),
        "no key": (web.ask("POST", "/v1/events", event, key="mk_wrong"), 401),
        "another method": (web.ask("PUT", "/v1/events", event), 405),
        "another address": (web.ask("POST", "/v1/nonsense", event), 404),
    }

    assert {name: answer[0] for name, (answer, _) in cases.items()} == {name: want for name, (_, want) in cases.items()}
    for name, (answer, want) in cases.items():
        assert want < 400 or json.loads(answer[1])["status"] == want, name


def test_a_server_that_was_abused_goes_on(web: Web) -> None:
    flood = "".join(f"X-H{number}: {'x' * 50}\r\n" for number in range(400))
    abuse = [
        b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\nConnection: close\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
        b"POST /v1/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
        f"GET /v1/decisions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{flood}\r\n".encode(),
        b"GET /v1/\xff\xfe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"\x16\x03\x01 nonsense\r\n\r\n",
    ]

    statuses = [parsed(web.raw(data))[0] for data in abuse]

    assert [status for status in statuses if status >= 500] == []
    assert web.ask("GET", "/healthz")[0] == 200


def test_a_body_shorter_than_it_says_holds_nobody_else(web: Web) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as slow:
        slow.sendall(
            b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 500\r\n"
            b"Authorization: Bearer " + web.server_key.encode() + b"\r\n\r\n{"
        )
        statuses = {web.ask("GET", "/v1/subjects/nobody")[0] for _ in range(10)}

    assert statuses == {404}
    assert web.ask("GET", "/healthz")[0] == 200
