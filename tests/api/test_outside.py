"""What does anybody find who comes without a key?"""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from prometheus_client.parser import text_string_to_metric_families

from merch.releases import serving
from tests.api.conftest import Ring

PROBLEM = "application/problem+json"


@pytest.mark.usefixtures("no_sql")
def test_the_process_is_alive_without_its_servers(caller: Client) -> None:
    assert caller.get("/healthz").status_code == 200


@pytest.mark.usefixtures("no_sql")
def test_it_is_ready_once_it_serves_a_release(caller: Client, ring: Ring) -> None:
    ready = caller.get("/readyz")
    serving.serving._state = serving.current()._replace(publication=0, source="builtin")
    unready = caller.get("/readyz")

    assert (ready.status_code, ready.json()["source"]) == (200, "live")
    assert (unready.status_code, unready.json()["release"], unready["Retry-After"]) == (503, None, "1")


@pytest.mark.usefixtures("no_sql", "ring")
def test_what_is_counted_can_be_read(caller: Client) -> None:
    caller.post("/v1/events", b"{}", content_type="application/json")

    families = {each.name: each for each in text_string_to_metric_families(caller.get("/metrics").content.decode())}

    counted = {
        "decision_requests", "decision_duration_seconds", "decision_degraded", "events_received",
        "snapshot_age_seconds", "auth_failures", "circuit_state", "http_requests",
    }  # fmt: skip
    assert counted <= families.keys()
    assert any(
        sample.labels == {"reason": "missing_key"} and sample.value for sample in families["auth_failures"].samples
    )


@pytest.mark.usefixtures("no_sql")
@pytest.mark.parametrize(
    "path", ["", "nonsense", "decisions/", "events/", "manage/", "manage/users", "subjects/", "schema/"]
)
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_what_is_not_there_is_a_problem(caller: Client, path: str, method: str) -> None:
    answer = getattr(caller, method)(f"/v1/{path}")

    assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM)


@pytest.mark.usefixtures("no_sql", "ring")
@pytest.mark.parametrize("header", [None, "Bearer mk_nothing", "Basic dXNlcjpwYXNz"])
@pytest.mark.parametrize("path", ["placements/home/decision?account_id=a", "placements/fallbacks"])
def test_a_door_that_asks_no_database_still_wants_a_key(caller: Client, path: str, header: str | None) -> None:
    answer = caller.get(f"/v1/{path}", headers={"Authorization": header} if header else {})

    assert (answer.status_code, answer["Content-Type"]) == (401, PROBLEM)


@pytest.mark.usefixtures("no_sql")
@pytest.mark.parametrize("path", ["v1/%00", "v1/%ff%fe", "v1/\u202e", "v1/subjects/a/b/c", "v1/..%2f..%2fetc"])
def test_strange_addresses_are_problems_too(caller: Client, path: str) -> None:
    answer = caller.get(f"/{path}")

    assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM)


def test_a_forged_host_is_a_problem(caller: Client, settings: Any, ring: Ring) -> None:
    settings.ALLOWED_HOSTS = ["merch.example"]

    answer = caller.get("/v1/docs", headers={"Host": "evil.example"})

    assert answer.status_code == 400


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    answer = Client().get("/v1/schema", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert answer.status_code == 200
    loaded: dict[str, Any] = json.loads(answer.content)
    return loaded


def test_the_schema_tells_every_door(document: dict[str, Any]) -> None:
    routed = {route for route, _ in _routes(get_resolver().url_patterns) if route.startswith("v1/")}
    told = {path.strip("/").replace("{", "<").replace("}", ">") for path in document["paths"]}

    assert {route for route in routed if not route.startswith(("v1/schema", "v1/docs"))} == told


def test_each_operation_tells_its_key_and_its_refusals(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in {"get", "post", "put", "patch", "delete"}:
                assert operation["security"] == [{"key": []}], f"{method} {path}"
                assert PROBLEM in operation["responses"]["401"]["content"], f"{method} {path}"


def test_a_call_is_described_with_its_limits(document: dict[str, Any]) -> None:
    events = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"]["schema"]

    assert events["properties"]["events"]["maxItems"] == 500


def test_the_pages_for_people_load_nothing_from_elsewhere(caller: Client) -> None:
    page = caller.get("/v1/docs").content.decode()

    assert "swagger-ui" in page
    assert "cdn" not in page
    assert "https://" not in page


def _routes(patterns: list[Any], before: str = "") -> Any:
    """Every named route of the doors, as OpenAPI spells it."""
    for pattern in patterns:
        route = before + _plain(str(pattern.pattern))
        if hasattr(pattern, "url_patterns"):
            yield from _routes(pattern.url_patterns, route)
        elif pattern.name:
            yield route, pattern.name


def _plain(route: str) -> str:
    """A route of either kind with its parameters as "<key>"."""
    bare = route.removeprefix("^").removesuffix("$").removesuffix("\\Z")
    return re.sub(r"\(\?P<(\w+)>[^)]*\)|<\w+:(\w+)>", r"<\1\2>", bare)
