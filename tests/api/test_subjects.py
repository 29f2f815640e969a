"""Can a customer's systems tell us about accounts, whole or not at all?"""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
import redis
from django.test import Client
from django.utils import timezone

from audiences.models import Grant, Revision, Subject, Suppression, ValueType
from audiences.people import MOST_TRAITS
from merch.keys import Scope
from tests.api.conftest import MakeKey
from tests.factories import MarketFactory, OfferFactory, SubjectFactory, TraitDefinitionFactory
from tests.merch.intake.arriving import served

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def store(valkey: redis.Redis) -> redis.Redis:
    return valkey


@pytest.fixture(autouse=True)
def traits() -> None:
    TraitDefinitionFactory(name="score", type=ValueType.DECIMAL, decimal_places=2)
    TraitDefinitionFactory(name="genres", type=ValueType.SET)
    TraitDefinitionFactory(name="seen", type=ValueType.INT, tolerated_age=timedelta(days=1))


class Systems:
    """A customer's system with its server key."""

    def __init__(self, client: Client, key: str) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {key}"}

    def send(self, method: str, path: str, body: Any = None) -> Any:
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body)
        return self.client.generic(method, f"/v1/{path}", raw, "application/json", headers=self.headers)

    def patch(self, account: str, body: Any) -> Any:
        return self.send("PATCH", f"subjects/{quote(account, safe='')}", body)

    def get(self, account: str) -> Any:
        return self.send("GET", f"subjects/{quote(account, safe='')}")


@pytest.fixture
def systems(caller: Client, server_key: str) -> Systems:
    return Systems(caller, server_key)


def codes(answer: Any) -> list[tuple[str, str]]:
    assert answer["Content-Type"] == "application/problem+json"
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


def test_what_is_written_is_read_back_in_its_type(systems: Systems) -> None:
    body = {"traits": {"market": "SE", "score": "9.5", "genres": ["pop", "jazz"]}, "consent": {"personalisation": True}}

    written = systems.patch("acc_1", body)
    read = systems.get("acc_1").json()

    assert (written.status_code, written.json()["pending"]) == (200, False)
    assert written.json()["version"] == read["version"]
    assert {name: trait["value"] for name, trait in read["traits"].items()} == {
        "market": "SE",
        "score": "9.50",
        "genres": ["jazz", "pop"],
    }
    assert read["consent"]["personalisation"]["granted"] is True


def test_the_record_is_in_the_store_before_the_answer(systems: Systems, store: redis.Redis) -> None:
    systems.patch("acc_1", {"traits": {"market": "SE"}})

    assert store.exists("s:{a:acc_1}")


def test_null_removes_a_trait(systems: Systems) -> None:
    systems.patch("acc_1", {"traits": {"market": "SE"}})
    systems.patch("acc_1", {"traits": {"market": None}})

    assert systems.get("acc_1").json()["traits"] == {}


def test_traits_of_one_account_have_a_bound_and_nothing_over_it_is_written(systems: Systems) -> None:
    words = [f"{each:010d}" for each in range(MOST_TRAITS // 11 - 10)]
    systems.patch("acc_1", {"traits": {"genres": words}})

    more = systems.patch("acc_1", {"traits": {"market": "S" * 200}})
    batch = [{"account_id": "acc_2", "traits": {"market": "SE"}}, {"account_id": "acc_3", "traits": {"genres": words}}]
    batch += [{"account_id": "acc_3", "traits": {"market": "S" * 200}}]
    many = systems.send("POST", "subjects:batch", {"subjects": batch})

    assert (more.status_code, codes(more)) == (400, [("traits", "too_large")])
    assert (many.status_code, codes(many)) == (400, [("subjects[2].traits", "too_large")])
    assert systems.get("acc_2").status_code == 404
    assert systems.patch("acc_1", {"traits": {"genres": None}}).status_code == 200
    assert systems.patch("acc_1", {"traits": {"market": "S" * 200}}).status_code == 200


def test_an_older_observation_does_not_win(systems: Systems) -> None:
    systems.patch("acc_1", {"traits": {"market": "SE"}, "observed_at": "2026-01-02T00:00:00Z"})
    systems.patch("acc_1", {"traits": {"market": "GB"}, "observed_at": "2026-01-01T00:00:00+00:00"})

    assert systems.get("acc_1").json()["traits"]["market"]["value"] == "SE"


def test_a_stale_value_says_so(systems: Systems) -> None:
    old = (timezone.now() - timedelta(days=2)).isoformat()
    systems.patch("acc_1", {"traits": {"seen": 3}, "observed_at": old})

    assert systems.get("acc_1").json()["traits"]["seen"]["stale"] is True


def test_a_store_that_is_gone_leaves_it_pending(systems: Systems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("merch.api.rest.subjects.publish", lambda written, *, now: False)

    answer = systems.patch("acc_1", {"traits": {"market": "SE"}})

    assert (answer.status_code, answer.json()["pending"]) == (202, True)
    assert Subject.objects.get(key="acc_1").traits["market"][0] == "SE"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"traits": {"market": 7}}, [("traits.market", "invalid")]),
        (
            {"traits": {"nonsense": 1, "score": "x"}},
            [("traits.nonsense", "unknown_trait"), ("traits.score", "invalid")],
        ),
        ({"traits": {"market": {"a": 1}}}, [("traits.market", "invalid")]),
        ({"traits": []}, [("traits", "invalid")]),
        ({"traits": {"market": "x" * 5000}}, [("traits.market", "invalid")]),
        ({"traits": {"__class__": "x"}}, [("traits.__class__", "unknown_trait")]),
        ({"traits": {"market__startswith": "S"}}, [("traits.market__startswith", "unknown_trait")]),
        ({"traits": {"birth_date": "2026-02-30"}}, [("traits.birth_date", "invalid")]),
        ({"traits": {"birth_date": "0000-01-01"}}, [("traits.birth_date", "invalid")]),
        ({"traits": {"score": 1e-7}}, [("traits.score", "invalid")]),
        ({"consent": {"personalisation": "yes"}}, [("consent.personalisation", "invalid")]),
        ({"consent": {"No Purpose!": True}}, [("consent", "invalid")]),
        ({"observed_at": "yesterday"}, [("observed_at", "invalid")]),
        ({"observed_at": "2026-01-01T00:00:00"}, [("observed_at", "invalid")]),
        ({"observed_at": "10000-01-01T00:00:00Z"}, [("observed_at", "invalid")]),
        ({"observed_at": "2099-01-01T00:00:00Z"}, [("observed_at", "in_the_future")]),
        ({"version": 7}, [("version", "unknown_field")]),
        ({"kind": "d", "id": 1}, [("kind", "unknown_field")]),
        ([], [("body", "invalid")]),
        (b'{"traits": {"market": "\\ud800"}}', [("body", "lone_surrogate")]),
        (b'{"traits": {"market": "\\u0000"}}', [("body", "nul")]),
        (b'{"traits": {"market": "SE", "market": "GB"}}', [("body", "duplicate_key")]),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_written(
    systems: Systems, body: Any, found: list[tuple[str, str]]
) -> None:
    answer = systems.patch("acc_1", body)

    assert (answer.status_code, codes(answer)) == (400, found)
    assert not Subject.objects.exists()


BAD_IDS = {
    "space": " ",
    "nul": "a\x00b",
    "zero-width": "a\u200bb",
    "bidi": "a\u202eb",
    "long": "x" * 201,
    "private": "\ue000",
}


@pytest.mark.parametrize("account", BAD_IDS.values(), ids=BAD_IDS)
def test_an_id_that_cannot_be_used_is_named(systems: Systems, account: str) -> None:
    assert codes(systems.patch(account, {"traits": {}})) == [("account_id", "invalid_id")]
    assert codes(systems.get(account)) == [("account_id", "invalid_id")]


def test_two_spellings_of_one_id_are_one_account(systems: Systems) -> None:
    systems.patch("Ame\u0301lie", {"traits": {"market": "SE"}})

    assert systems.get("Am\u00e9lie").json()["account_id"] == "Am\u00e9lie"


@pytest.mark.parametrize(
    "account", ["__proto__", "x' OR 1=1 --", "{{7*7}}", "\U0001f469\u200d\U0001f4bb"[:1], "../../etc"]
)
def test_strange_ids_are_only_ids(systems: Systems, account: str) -> None:
    answer = systems.patch(account, {"traits": {"market": "SE"}})

    # A slash, even an encoded one, is a part of the address.
    assert answer.status_code == (404 if "/" in account else 200)


def test_an_unknown_account_is_a_404(systems: Systems) -> None:
    answer = systems.get("nobody")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


DOORS = [
    ("GET", "subjects/a"),
    ("PATCH", "subjects/a"),
    ("POST", "subjects:batch"),
    ("PUT", "subjects/a/suppressions/k"),
    ("DELETE", "subjects/a/suppressions/k"),
    ("POST", "subjects/a/grants"),
    ("DELETE", "subjects/a/grants/k"),
]


@pytest.mark.parametrize("scope", [Scope.CLIENT, Scope.MANAGE])
@pytest.mark.parametrize(("method", "path"), DOORS)
def test_only_server_keys_come_in(caller: Client, make_key: MakeKey, scope: Scope, method: str, path: str) -> None:
    assert Systems(caller, make_key(scope, person=1)).send(method, path, {}).status_code == 403


def test_a_batch_is_written_whole(systems: Systems, django_assert_max_num_queries: Any) -> None:
    many = [{"account_id": f"acc_{n}", "traits": {"market": "SE"}} for n in range(500)]

    with django_assert_max_num_queries(20):
        answer = systems.send("POST", "subjects:batch", {"subjects": many})

    assert (answer.status_code, answer.json()["written"]) == (200, 500)
    assert Subject.objects.count() == 500


def test_a_batch_with_one_mistake_is_not_written(systems: Systems) -> None:
    many = [{"account_id": "acc_1", "traits": {"market": "SE"}}, {"account_id": "\u200b", "traits": {}},
            {"account_id": "acc_3", "traits": {"market": 1, "nonsense": 2}}]  # fmt: skip

    answer = systems.send("POST", "subjects:batch", {"subjects": many})

    assert codes(answer) == [
        ("subjects[1].account_id", "invalid_id"),
        ("subjects[2].traits.market", "invalid"),
        ("subjects[2].traits.nonsense", "unknown_trait"),
    ]
    assert not Subject.objects.exists()


@pytest.mark.parametrize("number", [0, 501])
def test_a_batch_has_1_to_500_accounts(systems: Systems, number: int) -> None:
    answer = systems.send("POST", "subjects:batch", {"subjects": [{"account_id": "a"}] * number})

    assert codes(answer) == [("subjects", "invalid")]


def test_an_account_named_twice_in_a_batch_takes_the_later(systems: Systems) -> None:
    twice = [{"account_id": "a", "traits": {"market": market}} for market in ("SE", "GB")]

    answer = systems.send("POST", "subjects:batch", {"subjects": twice})

    assert answer.json()["written"] == 1
    assert systems.get("a").json()["traits"]["market"]["value"] == "GB"


def test_a_suppression_comes_changes_and_goes(systems: Systems) -> None:
    path = "subjects/acc_1/suppressions/support-case-7"
    first = systems.send("PUT", path, {"tiers": ["COMMERCIAL", "LIFECYCLE"], "reason": "case 7"})
    second = systems.send("PUT", path, {"tiers": ["COMMERCIAL"], "expires_at": "2098-12-31T04:21:00-19:39"})

    (row,) = systems.get("acc_1").json()["suppressions"]
    assert (first.status_code, second.status_code) == (200, 200)
    assert (row["key"], row["tiers"], row["source"]) == ("support-case-7", ["COMMERCIAL"], "app-1")
    assert row["expires_at"] == "2099-01-01T00:00:00Z"

    assert systems.send("DELETE", path).status_code == 204
    assert systems.send("DELETE", path).status_code == 204
    assert systems.get("acc_1").json()["suppressions"] == []


def test_removing_from_nobody_makes_nobody_known(systems: Systems) -> None:
    assert systems.send("DELETE", "subjects/nobody/suppressions/k").status_code == 204
    assert not Subject.objects.exists()


@pytest.mark.parametrize(
    ("key", "body", "field"),
    [
        ("k", {"tiers": []}, "tiers"),
        ("k", {"tiers": ["LOUD"]}, "tiers[0]"),
        ("k", {}, "tiers"),
        ("k", {"tiers": ["HOUSE"], "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ("k", {"tiers": ["HOUSE"], "expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ("k", {"tiers": ["HOUSE"], "starts_at": "0001-01-01T00:00:00+12:00"}, "starts_at"),
        ("k", {"tiers": ["HOUSE"], "reason": "x" * 201}, "reason"),
        ("k", {"tiers": ["HOUSE"], "source": "forged"}, "source"),
        ("K!", {"tiers": ["HOUSE"]}, "key"),
        ("%00", {"tiers": ["HOUSE"]}, "key"),
        ("k" * 101, {"tiers": ["HOUSE"]}, "key"),
    ],
)
def test_a_suppression_that_cannot_be_is_named(systems: Systems, key: str, body: Any, field: str) -> None:
    answer = systems.send("PUT", f"subjects/acc_1/suppressions/{key}", body)

    assert (answer.status_code, codes(answer)[0][0]) == (400, field)
    assert not Suppression.objects.exists()


GOODWILL = {"key": "goodwill-7", "offer": "trial-30", "reason": "waited long", "granted_by": "agent 12"}


@pytest.fixture
def trial() -> None:
    OfferFactory(key="trial-30")
    MarketFactory(code="GB", currency="GBP")


@pytest.mark.usefixtures("trial")
def test_a_grant_comes_changes_and_goes_and_the_log_says_who_gave_it(systems: Systems) -> None:
    first = systems.send("POST", "subjects/acc_1/grants", GOODWILL)
    second = systems.send("POST", "subjects/acc_1/grants", GOODWILL | {"amount": "4.9", "currency": "GBP"})

    (row,) = systems.get("acc_1").json()["grants"]
    assert (first.status_code, second.status_code) == (200, 200)
    assert (row["offer"], row["amount"], row["currency"], row["granted_by"]) == ("trial-30", 490, "GBP", "agent 12")
    (held,) = served().grants
    assert (held.key, held.offer, held.amount, held.currency, held.end) == ("goodwill-7", "trial-30", 490, "GBP", None)

    assert systems.send("DELETE", "subjects/acc_1/grants/goodwill-7").status_code == 204
    assert systems.send("DELETE", "subjects/acc_1/grants/goodwill-7").status_code == 204
    assert served().grants == ()
    verbs = Revision.objects.filter(object_key="a:acc_1").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["granted", "granted", "grant withdrawn"]


@pytest.mark.usefixtures("trial")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"offer": "no-such"}, "offer"),
        ({"reason": ""}, "reason"),
        ({"granted_by": None}, "granted_by"),
        ({"amount": "4.99"}, "currency"),
        ({"currency": "GBP"}, "amount"),
        ({"amount": "4,99", "currency": "GBP"}, "amount"),
        ({"amount": "4.999", "currency": "GBP"}, "amount"),
        ({"amount": "-1", "currency": "GBP"}, "amount"),
        ({"amount": 4.99, "currency": "GBP"}, "amount"),
        ({"amount": "5", "currency": "CHF"}, "currency"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"key": "K!"}, "key"),
    ],
)
def test_a_grant_that_cannot_be_is_named(systems: Systems, changes: dict[str, Any], field: str) -> None:
    answer = systems.send("POST", "subjects/acc_1/grants", GOODWILL | changes)

    assert (answer.status_code, codes(answer)[0][0]) == (400, field)
    assert not Grant.objects.exists()


def test_history_is_told_in_counts(systems: Systems) -> None:
    SubjectFactory(key="acc_1", history={"campaign|first-trial|impression": [2, 0, 1_000_000, [0, 1_000_000], [0, 0]]})

    assert systems.get("acc_1").json()["history"] == {
        "campaign|first-trial|impression": {
            "count": 2,
            "first_at": "1970-01-01T00:00:00Z",
            "last_at": "1970-01-01T00:00:01Z",
        }
    }
