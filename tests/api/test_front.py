"""Is a call answered in front of Django exactly as Django answers it?"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable
from io import BytesIO
from itertools import count
from typing import Any, NamedTuple

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from merch.api.rest.front import Front
from merch.keys import Scope
from tests.api.conftest import MakeKey, Ring
from tests.api.test_decisions import ASK, recorder, release, store
from tests.factories import EventDefinitionFactory

__all__ = ["recorder", "release", "store"]

pytestmark = pytest.mark.django_db  # Django looks after its connections at every request

DECISIONS, EVENTS = "/v1/decisions", "/v1/events"
SHOP = "https://shop.example"
EACH_ITS_OWN = ("decision_id", "decided_at", "valid_until", "expires_at", "token", "signature")
Environ = dict[str, Any]


class Answer(NamedTuple):
    status: str
    headers: list[tuple[str, str]]
    body: Any


class Behind:
    """Django, and whether it was asked."""

    def __init__(self) -> None:
        self.handler = WSGIHandler()
        self.asked = 0

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        self.asked += 1
        return self.handler(environ, start_response)


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def keys(release: Ring, make_key: MakeKey) -> dict[str, str]:
    return {
        "client": make_key(Scope.CLIENT),
        "server": make_key(Scope.SERVER),
        "manage": make_key(Scope.MANAGE),
        "page": make_key(Scope.CLIENT, origins=(SHOP,)),
    }


@pytest.fixture
def listening(transactional_db: None) -> None:
    EventDefinitionFactory(name="listen", from_clients=True)


def environ_of(body: bytes, path: str = DECISIONS, key: str | None = None, **more: Any) -> Environ:
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": "", "SERVER_NAME": "merch",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "HTTP_HOST": "merch.example",
        "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body),
    }  # fmt: skip
    if key is not None:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return {name: value for name, value in (environ | more).items() if value is not None}


def call(application: Any, environ: Environ) -> Answer:
    told: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        told.extend((status, headers))
        return bytes

    chunks = application(environ, start_response)
    body = b"".join(chunks)
    if hasattr(chunks, "close"):
        chunks.close()
    headers = [(name, value) for name, value in told[1] if name != "Content-Length"]
    assert dict(told[1])["Content-Length"] == str(len(body))
    return Answer(told[0], sorted(headers), masked(json.loads(body)))


def masked(value: Any) -> Any:
    """Without what every decision has of its own."""
    if isinstance(value, dict):
        return {name: "..." if name in EACH_ITS_OWN else masked(each) for name, each in value.items()}
    return [masked(each) for each in value] if isinstance(value, list) else value


def asking(**changes: Any) -> bytes:
    return json.dumps(ASK | changes).encode()


NUMBERS = count()


def event(**changes: Any) -> bytes:
    """A new one at each call, so that both skins may be sent one."""
    named = {"type": "custom", "name": "listen", "account_id": "acc_1", "event_id": str(next(NUMBERS))}
    return json.dumps({"events": [named | {"occurred_at": timezone.now().isoformat()} | changes]}).encode()


GOOD = asking()
CASES: list[Any] = [
    pytest.param(GOOD, {}, 200, id="good"),
    pytest.param(asking(placements=["home", "nowhere"]), {}, 200, id="an-unknown-placement"),
    pytest.param(asking(placements=[{"placement": "home", "slots": 2}]), {}, 200, id="slots"),
    pytest.param(asking(prefetch=True), {}, 200, id="prefetch"),
    pytest.param(asking(account_id=None, device_id="dev_9"), {}, 200, id="a-device"),
    pytest.param(asking(traits={"genre": "pop"}), {"key": "server"}, 200, id="overrides"),
    pytest.param(asking(traits={"genre": "pop"}), {}, 403, id="overrides-of-an-app"),
    pytest.param(asking(traits={"nonsense": 1}), {"key": "server"}, 400, id="an-unknown-trait"),
    pytest.param(GOOD, {"key": "server", "HTTP_X_EXPLAIN": "1"}, 200, id="explained"),
    pytest.param(GOOD, {"HTTP_X_EXPLAIN": "1"}, 403, id="explained-to-an-app"),
    pytest.param(b"{", {}, 400, id="no-json"),
    pytest.param(b"[]", {}, 400, id="a-list"),
    pytest.param(b"\xff", {}, 400, id="no-utf-8"),
    pytest.param(b'{"placements": ["home"], "placements": []}', {}, 400, id="a-key-twice"),
    pytest.param(b"[" * 40 + b"]" * 40, {}, 400, id="too-deep"),
    pytest.param(asking(account_id=7), {}, 400, id="a-wrong-type"),
    pytest.param(asking(account_id=None), {}, 400, id="nobody"),
    pytest.param(asking(placements=["home", "home"]), {}, 400, id="a-placement-twice"),
    pytest.param(asking(context={"locale": "??", "app_version": "x"}), {}, 400, id="two-mistakes"),
    pytest.param(b"", {}, 400, id="empty"),
    pytest.param(b"", {"CONTENT_LENGTH": None, "CONTENT_TYPE": None}, 400, id="no-body-at-all"),
    pytest.param(GOOD, {"key": None}, 401, id="no-key"),
    pytest.param(GOOD, {"HTTP_AUTHORIZATION": "Bearer mk_wrong"}, 401, id="a-wrong-key"),
    pytest.param(GOOD, {"HTTP_AUTHORIZATION": "Basic eDp5"}, 401, id="another-scheme"),
    pytest.param(GOOD, {"key": "manage"}, 403, id="a-wrong-scope"),
    pytest.param(GOOD, {"key": "page", "HTTP_ORIGIN": SHOP}, 200, id="from-a-web-page"),
    pytest.param(b"{}", {"key": "page", "HTTP_ORIGIN": SHOP}, 400, id="a-mistake-of-a-web-page"),
    pytest.param(GOOD, {"key": "page", "HTTP_ORIGIN": "https://evil.example"}, 403, id="from-another-web-page"),
    pytest.param(gzip.compress(GOOD), {"HTTP_CONTENT_ENCODING": "gzip"}, 200, id="packed"),
    pytest.param(GOOD, {"HTTP_CONTENT_ENCODING": "gzip"}, 400, id="packed-badly"),
    pytest.param(gzip.compress(b" " * 99_999), {"HTTP_CONTENT_ENCODING": "gzip"}, 413, id="a-bomb"),
    pytest.param(GOOD, {"HTTP_CONTENT_ENCODING": "br"}, 415, id="packed-otherwise"),
    pytest.param(GOOD, {"CONTENT_TYPE": "text/plain"}, 415, id="a-wrong-content-type"),
    pytest.param(GOOD, {"CONTENT_TYPE": "application/json; charset=utf-7"}, 415, id="a-wrong-charset"),
    pytest.param(GOOD, {"CONTENT_LENGTH": "x"}, 400, id="a-wrong-length"),
    pytest.param(GOOD, {"CONTENT_LENGTH": "9999"}, 400, id="cut-short"),
    pytest.param(b" " * 70_000, {}, 413, id="too-large"),
    pytest.param(GOOD, {"QUERY_STRING": "a=1"}, 200, id="a-query"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "changes", "status"), CASES)
def test_a_decision_is_the_same_through_both(
    behind: Behind, keys: dict[str, str], body: bytes, changes: dict[str, Any], status: int
) -> None:
    key = keys.get(changes.get("key", "client") or "")
    environment = {name: value for name, value in changes.items() if name != "key"}

    through = call(behind.handler, environ_of(body, key=key, **environment))
    before = call(Front(behind), environ_of(body, key=key, **environment))

    assert before == through
    assert int(before.status.split()[0]) == status
    assert behind.asked == 0


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param({}, 200, id="good"),
        pytest.param({"type": "impression", "token": "x"}, 200, id="a-bad-token"),
        pytest.param({"name": "nonsense"}, 200, id="one-that-is-rejected"),
    ],
)
def test_events_are_taken_the_same_through_both(
    behind: Behind, keys: dict[str, str], changes: dict[str, Any], status: int
) -> None:
    through = call(behind.handler, environ_of(event(**changes), EVENTS, keys["client"]))
    before = call(Front(behind), environ_of(event(**changes), EVENTS, keys["client"]))

    assert before == through
    assert int(before.status.split()[0]) == status
    assert behind.asked == 0


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        pytest.param(DECISIONS, {"REQUEST_METHOD": "PUT"}, id="another-method"),
        pytest.param(DECISIONS, {"REQUEST_METHOD": "DELETE"}, id="delete"),
        pytest.param("/v1/decisions/", {}, id="another-spelling"),
        pytest.param("/v1/nonsense", {}, id="another-address"),
        pytest.param(DECISIONS, {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": None}, id="in-chunks"),
        pytest.param(DECISIONS, {"HTTP_EXPECT": "100-continue"}, id="expecting"),
        pytest.param(DECISIONS, {"HTTP_UPGRADE": "h2c"}, id="upgrading"),
    ],
)
def test_what_is_unusual_is_django_s(behind: Behind, keys: dict[str, str], path: str, changes: dict[str, Any]) -> None:
    through = call(behind.handler, environ_of(GOOD, path, keys["client"], **changes))
    before = call(Front(behind), environ_of(GOOD, path, keys["client"], **changes))

    assert before == through
    assert behind.asked == 1


def test_a_preflight_is_django_s(behind: Behind, keys: dict[str, str]) -> None:
    asked = {"REQUEST_METHOD": "OPTIONS", "HTTP_ORIGIN": SHOP, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        return bytes

    list(Front(behind)(environ_of(b"", **asked), start_response))

    assert behind.asked == 1


@pytest.mark.parametrize(
    ("changes", "falls_through"),
    [
        pytest.param({"HTTP_HOST": "evil.example"}, True, id="a-forged-host"),
        pytest.param({"HTTP_X_FORWARDED_PROTO": "http"}, True, id="in-plain-text"),
        pytest.param({"HTTP_X_FORWARDED_PROTO": "https"}, False, id="behind-a-balancer"),
        pytest.param({"wsgi.url_scheme": "https"}, False, id="over-tls"),
        pytest.param({"wsgi.url_scheme": "https", "HTTP_X_FORWARDED_PROTO": "http"}, True, id="said-to-be-plain"),
    ],
)
def test_production_s_rules_of_transport_hold(
    behind: Behind, keys: dict[str, str], settings: Settings, changes: dict[str, Any], falls_through: bool
) -> None:
    settings.ALLOWED_HOSTS = ["listen.example"]
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3_600
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    asked = {"HTTP_HOST": "listen.example"} | changes
    behind.handler = WSGIHandler()
    told: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        told.append((status, sorted(headers)))
        return bytes

    for application in (behind.handler, Front(behind)):
        b"".join(application(environ_of(GOOD, key=keys["client"], **asked), start_response))

    through, before = ([(name, re.sub(r"^\d+$", "0", value)) for name, value in headers] for _, headers in told)
    assert before == through
    assert told[0][0] == told[1][0]
    assert behind.asked == falls_through
    assert falls_through or ("Strict-Transport-Security" in dict(before))


@pytest.mark.usefixtures("listening")
def test_a_connection_to_postgresql_grows_no_older_than_through_django(behind: Behind, keys: dict[str, str]) -> None:
    front = Front(behind)
    call(front, environ_of(event(), EVENTS, keys["client"]))
    first = connection.connection
    assert first is not None

    call(front, environ_of(event(), EVENTS, keys["client"]))
    kept = connection.connection
    connection.close_at = 0  # long ago
    call(front, environ_of(event(), EVENTS, keys["client"]))

    assert kept is first
    assert first.closed
