"""Are events counted once, told apart one by one, and refused whole when PostgreSQL is gone?"""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from audiences.models import EventDefinition, Subject
from audiences.moments import micros
from merch.api.rest import gate
from merch.keys import Scope
from merch.tokens import Claims, sign
from tests.api.conftest import MakeKey
from tests.factories import EventDefinitionFactory

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture(autouse=True)
def declared(valkey: redis.Redis) -> EventDefinition:
    EventDefinitionFactory(name="subscribe", money=True)
    return EventDefinitionFactory(name="listen", fields={"minutes": "int"}, from_clients=True, in_history=True)


def send(client: Client, key: str, body: Any) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body)
    return client.generic("POST", "/v1/events", raw, "application/json", headers={"Authorization": f"Bearer {key}"})


def listened(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "type": "custom",
        "name": "listen",
        "account_id": "acc_1",
        "event_id": f"listen-{number}",
        "occurred_at": NOW.isoformat(),
        "properties": {"minutes": 12},
    } | changed


def token() -> str:
    at = micros(NOW - timedelta(minutes=1))
    return sign(Claims(decision_id=str(uuid4()), decided_at=at, kind="a", subject_key="acc_1", placement="home", slot=0,
                       campaign="first-trial", item="hero", tier="COMMERCIAL", format="hero"))  # fmt: skip


def stored() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM audiences_event) + (SELECT count(*) FROM audiences_moneyevent)")
        (number,) = cursor.fetchone()
    return int(number)


def test_a_token_event_counts_once(caller: Client, client_key: str) -> None:
    batch = {"events": [{"type": "impression", "token": token()}], "sent_at": NOW.isoformat()}

    first, again = send(caller, client_key, batch), send(caller, client_key, batch)

    assert (first.status_code, first.json()["accepted"], first.json()["duplicates"]) == (200, 1, 0)
    assert (again.json()["accepted"], again.json()["duplicates"]) == (0, 1)
    assert stored() == 1


def test_the_name_of_the_key_is_the_source(caller: Client, make_key: MakeKey) -> None:
    one, other = make_key(Scope.SERVER), make_key(Scope.SERVER)

    receipts = [send(caller, key, {"events": [listened(1)]}).json() for key in (one, other, one)]

    assert [receipt["accepted"] for receipt in receipts] == [1, 1, 0]


def test_bad_events_are_rejected_by_index_and_the_others_count(caller: Client, server_key: str) -> None:
    good = [listened(number) for number in range(493)]
    bad: list[Any] = [None, 7, [[]], {"type": "nonsense"}, listened(1, occurred_at="never"), {"type": "click"},
                      {"type": "click", "token": token()[:-2] + "AA"}]  # fmt: skip

    receipt = send(caller, server_key, {"events": [*bad, *good]}).json()

    assert (receipt["accepted"], [each["index"] for each in receipt["rejected"]]) == (493, list(range(7)))
    assert all(each["code"] and each["message"] for each in receipt["rejected"])
    assert send(caller, server_key, {"events": [*bad, *good]}).json()["accepted"] == 0


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (b'{"events": [{"type": "click", "token": "a", "token": "b"}]}', "token"),
        (b'{"events": [{"type": "click", "properties": {"minutes": 1, "minute\\u0073": 2}}]}', "minutes"),
        (b'{"events": [{}], "events": [{}]}', "events"),
        (b'{"events": [{}], "unknown": {"a": [{"b": 1, "c": 2, "b": 3}]}}', "b"),
        (b'{"events": [{"t:\\u003a": 1, "x": ":", "x": "\\u003a\\u003a"}]}', "x"),
        (b'{"events": [{%s}]}' % b",".join(b'"k%d": 1' % (number % 9_999) for number in range(10_000)), "k0"),
    ],
)  # fmt: skip
def test_a_key_that_stands_twice_refuses_the_whole_batch_by_its_name(
    caller: Client, client_key: str, raw: bytes, key: str
) -> None:
    answer = send(caller, client_key, raw)

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["code"]) == (400, "body", "duplicate_key")
    assert f"the key {key} twice" in error["message"]
    assert stored() == 0


HOSTILE = [
    pytest.param(listened(1, event_id=""), id="empty-id"),
    pytest.param(listened(1, event_id="x" * 2000), id="long-id"),
    pytest.param(listened(1, event_id=7), id="number-as-id"),
    pytest.param(listened(1, occurred_at="0000-01-01T00:00:00Z"), id="year-0"),
    pytest.param(listened(1, occurred_at="-0001-01-01T00:00:00Z"), id="year-minus-1"),
    pytest.param(listened(1, occurred_at="10000-01-01T00:00:00Z"), id="year-10000"),
    pytest.param(listened(1, occurred_at="2016-12-31T23:59:60Z"), id="leap-second"),
    pytest.param(listened(1, occurred_at="2026-11-22T12:00:00"), id="no-zone"),
    pytest.param(listened(1, occurred_at=(NOW - timedelta(days=3650)).isoformat()), id="ten-years-ago"),
    pytest.param(listened(1, name="nonsense"), id="undeclared"),
    pytest.param(listened(1, name="listen__exact"), id="look-up"),
    pytest.param(listened(1, properties={"minutes": "12"}), id="text-for-number"),
    pytest.param(listened(1, properties={"minutes": 1e-7}), id="fraction"),
    pytest.param(listened(1, properties={"minutes": "1,00"}), id="comma"),
    pytest.param(listened(1, properties={"minutes": 2**70}), id="too-many-bits"),
    pytest.param(listened(1, properties=[]), id="list-of-properties"),
    pytest.param(listened(1, properties={f"p{number}": 1 for number in range(101)}), id="too-many-properties"),
    pytest.param(listened(1, properties={"p" * 129: 1}), id="long-name"),
    pytest.param(listened(1, account_id="\u200b"), id="invisible-account"),
    pytest.param(listened(1, account_id=None), id="nobody"),
    pytest.param({"type": "impression", "token": ""}, id="empty-token"),
    pytest.param({"type": "impression", "token": "x" * 10_000}, id="long-token"),
    pytest.param({"type": "impression", "token": "../../etc"}, id="token-of-no-alphabet"),
]


@pytest.mark.parametrize("event", HOSTILE)
def test_a_hostile_event_harms_nothing(caller: Client, server_key: str, event: dict[str, Any]) -> None:
    answer = send(caller, server_key, {"events": [event]})

    assert answer.status_code == 200
    assert (answer.json()["accepted"], len(answer.json()["rejected"])) == (0, 1)
    assert stored() == 0


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"events": []}, 400, "events"),
        ({"events": [{}] * 501}, 400, "events"),
        ({"events": {}}, 400, "events"),
        ({}, 400, "events"),
        ([], 400, "body"),
        ({"events": [{}], "sent_at": 1}, 400, "sent_at"),
        (b"x" * (1024 * 1024 + 1), 413, "body"),
        (b'{"events": [' + b"[" * 100 + b"]" * 100 + b"]}", 400, "body"),
        (b'{"events": [{"type": "\\u0000"}]}', 400, "body"),
    ],
)
def test_a_batch_that_cannot_be_read_is_named(
    caller: Client, server_key: str, body: Any, status: int, field: str
) -> None:
    answer = send(caller, server_key, body)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)
    assert stored() == 0


def test_apps_may_send_what_is_declared_for_them(caller: Client, client_key: str) -> None:
    conversion = {"type": "conversion", "name": "subscribe", "account_id": "a", "event_id": "1",
                  "occurred_at": NOW.isoformat()}  # fmt: skip

    receipt = send(caller, client_key, {"events": [listened(1), conversion]}).json()

    assert receipt["accepted"] == 1
    assert [(each["index"], each["code"]) for each in receipt["rejected"]] == [(1, "wrong_scope")]


def test_a_manage_key_sends_nothing(caller: Client, make_key: MakeKey) -> None:
    assert send(caller, make_key(Scope.MANAGE, person=1), {"events": [listened(1)]}).status_code == 403


def test_what_decisions_may_not_see_yet_is_pending(
    caller: Client, client_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("merch.intake.receiving.publish", lambda written, *, now: False)

    answer = send(caller, client_key, {"events": [{"type": "impression", "token": token()}]})

    assert (answer.status_code, answer.json()["pending"], answer.json()["accepted"]) == (202, True, 1)


def test_without_postgresql_nothing_is_accepted(
    caller: Client, server_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate.sql.breaker, "is_open", True)

    answer = send(caller, server_key, {"events": [listened(1)]})

    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert not Subject.objects.exists()


def test_a_failure_half_way_keeps_nothing(caller: Client, server_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object, **more: object) -> None:
        raise OperationalError("deadlock detected")

    monkeypatch.setattr("merch.intake.receiving.write", fails)
    monkeypatch.setattr(gate.Breaker, "open", lambda self, why: None)

    answer = send(caller, server_key, {"events": [listened(1)]})

    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert stored() == 0
    assert not Subject.objects.exists()
