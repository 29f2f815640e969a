"""Is a hot door quick, and still a proper door?"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from msgspec import Struct
from pytest_django import Settings

from merch.api.rest.auth import SERVER_DOORS
from merch.api.rest.body import decode
from merch.api.rest.hot import Call, HotView
from merch.api.rest.problems import Refused
from merch.keys import Scope

pytestmark = pytest.mark.usefixtures("no_sql")


class Greeting(Struct):
    name: str


class Greet(HotView):
    """Says hello."""

    limit = 100

    def answer(self, body: bytes, call: Call) -> tuple[int, bytes]:
        greeting = decode(body, Greeting)
        if greeting.name == "bug":
            raise ZeroDivisionError("a secret of ours")
        return 200, json.dumps({"hello": greeting.name, "from": call.caller.name}).encode()


class ServersOnly(Greet):
    scopes = SERVER_DOORS


urlpatterns = [path("v1/greet", Greet.as_view()), path("v1/servers", ServersOnly.as_view())]
GREETING = b'{"name": "Ann"}'


@pytest.fixture(autouse=True)
def these_doors(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__


def post(client: Client, key: str | None, body: bytes = GREETING, to: str = "/v1/greet", **headers: str) -> Any:
    auth = {"Authorization": f"Bearer {key}"} if key else {}
    return client.post(to, body, content_type="application/json", headers={**auth, **headers})


def test_a_caller_with_a_key_is_answered(caller: Client, client_key: str) -> None:
    answer = post(caller, client_key)

    assert (answer.status_code, answer.json()) == (200, {"hello": "Ann", "from": "app-1"})
    assert answer["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "missing_key"),
        ("Basic dXNlcjpwYXNz", "wrong_scheme"),
        ("mk_c123", "wrong_scheme"),
        ("Bearer", "invalid_key"),
        ("Bearer mk_c" + "1" * 43, "invalid_key"),
        ("Bearer sk_live_123", "invalid_key"),
        ("Bearer mk_" + "x" * 10_000, "invalid_key"),
        ("Bearer mk_\u00e4", "invalid_key"),
        ("Bearer {key},Bearer {key}", "invalid_key"),
        ("Bearer {key} ", None),
        ("bearer {key}", None),
    ],
)
def test_only_a_bearer_key_opens(caller: Client, client_key: str, header: str | None, code: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.format(key=client_key)}

    answer = caller.post("/v1/greet", GREETING, content_type="application/json", headers=headers)

    if code is None:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_key_in_a_query_or_a_cookie_is_no_key(caller: Client, client_key: str) -> None:
    caller.cookies["Authorization"] = f"Bearer {client_key}"
    caller.cookies["api_key"] = client_key

    answer = post(caller, None, to=f"/v1/greet?api_key={client_key}&Authorization=Bearer%20{client_key}")

    assert answer.status_code == 401


def test_an_expired_key_is_refused(caller: Client, make_key: Callable[..., str]) -> None:
    over = make_key(Scope.CLIENT, expires=1)
    good = make_key(Scope.CLIENT, expires=int(datetime(2200, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000)

    assert post(caller, over).status_code == 401
    assert post(caller, good).status_code == 200


@pytest.mark.parametrize(
    ("scope", "greet", "servers"), [(Scope.CLIENT, 200, 403), (Scope.SERVER, 200, 200), (Scope.MANAGE, 403, 403)]
)
def test_a_door_admits_its_scopes(
    caller: Client, make_key: Callable[..., str], scope: Scope, greet: int, servers: int
) -> None:
    key = make_key(scope)

    assert post(caller, key).status_code == greet
    assert post(caller, key, to="/v1/servers").status_code == servers


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"name": 1}', b'{"name": "\\ud800"}', b"\xff"])
def test_a_bad_body_is_a_problem_that_names_a_field(caller: Client, client_key: str, body: bytes) -> None:
    answer = post(caller, client_key, body)

    problem = answer.json()
    assert answer.status_code == problem["status"] == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert problem["type"] == f"urn:merch:problem:{problem['code']}"
    assert problem["errors"][0].keys() == {"field", "code", "message"}


def test_too_large_a_body_is_413(caller: Client, client_key: str) -> None:
    assert post(caller, client_key, b'{"name": "%s"}' % (b"x" * 100)).status_code == 413


def test_our_own_failure_is_a_problem_without_its_reason(
    caller: Client, client_key: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = post(caller, client_key, b'{"name": "bug"}')

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert b"secret" not in answer.content
    assert "a secret of ours" in caplog.text


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "TRACE"])
def test_other_methods_are_405_and_say_which_are_allowed(caller: Client, method: str) -> None:
    answer = caller.generic(method, "/v1/greet")

    assert answer.status_code == 405
    assert answer["Allow"] == "POST, OPTIONS"
    assert answer["Content-Type"] == "application/problem+json"


def test_options_need_no_key(caller: Client) -> None:
    answer = caller.options("/v1/greet")

    assert (answer.status_code, answer["Allow"]) == (200, "POST, OPTIONS")


def test_a_post_makes_no_framework_request(
    client_key: str, monkeypatch: pytest.MonkeyPatch, rf: RequestFactory
) -> None:
    monkeypatch.setattr("rest_framework.views.APIView.initialize_request", None)
    request = rf.post("/", GREETING, content_type="application/json", headers={"Authorization": f"Bearer {client_key}"})

    answer = Greet.as_view()(request)

    assert isinstance(answer, HttpResponse)
    assert answer.status_code == 200


SHOP = "https://shop.example"


@pytest.mark.parametrize(
    ("origin", "status", "allowed"),
    [(None, 200, None), (SHOP, 200, SHOP), ("https://evil.example", 403, None), ("null", 403, None)],
)
def test_a_web_page_may_call_from_the_origins_of_its_key(
    caller: Client, make_key: Callable[..., str], origin: str | None, status: int, allowed: str | None
) -> None:
    key = make_key(Scope.CLIENT, origins=(SHOP,))

    answer = post(caller, key, GREETING, "/v1/greet", **({"Origin": origin} if origin else {}))

    assert answer.status_code == status
    assert answer.get("Access-Control-Allow-Origin") == allowed
    assert answer.get("Access-Control-Allow-Credentials") is None


def test_a_refusal_too_can_be_read_by_the_web_page(caller: Client, make_key: Callable[..., str]) -> None:
    key = make_key(Scope.CLIENT, origins=(SHOP,))

    answer = post(caller, key, b"{}", Origin=SHOP)

    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (400, SHOP)


@pytest.mark.parametrize(("origin", "allowed"), [(SHOP, SHOP), ("https://evil.example", None)])
def test_a_preflight_is_answered_for_origins_of_any_key(
    caller: Client, make_key: Callable[..., str], origin: str, allowed: str | None
) -> None:
    make_key(Scope.CLIENT, origins=(SHOP,))

    answer = caller.options("/v1/greet", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})

    assert answer.status_code == 204
    assert answer.get("Access-Control-Allow-Origin") == allowed


def test_a_refusal_carries_its_headers() -> None:
    answer = Refused(503, "unavailable", "Come again.", headers={"Retry-After": "1"}).response()

    assert answer["Retry-After"] == "1"
