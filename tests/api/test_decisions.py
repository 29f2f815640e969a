"""Does a client get its decision, and a clear answer when it asks wrongly?"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import redis
from django.test import Client
from msgspec import UNSET, convert, to_builtins
from msgspec.structs import replace

from audiences.moments import SECOND, micros
from audiences.people import TraitChange, apply_changes
from merch import reexecution
from merch.api.rest import decisions
from merch.api.rest.shown import DecisionShown
from merch.api.rest.shown_why import ExplanationShown
from merch.keys import Scope
from merch.models import DecisionRecord, Release
from merch.recording import Recorder
from merch.releases import store as publications
from merch.subjects.publish import publish
from merch.subjects.rebuilding import rebuild
from merch.subjects.store import Store
from merch.tokens import TokenRefused, verify, verify_quote
from tests.api.conftest import MakeKey, Ring
from tests.merch.engine.documents import campaign, item, ready, with_offer
from tests.merch.engine.test_arbitration import TEST
from tests.merch.releases.conftest import live

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ASK: dict[str, Any] = {
    "account_id": "acc_1",
    "placements": ["home"],
    "context": {"country": "SE", "locale": "sv-SE", "platform": "ios", "app_version": "8.9.40"},
}
HOUSE = campaign("house", tier="HOUSE", fallback=True)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Takes what was decided; flushed by hand."""
    kept = Recorder(follow=False)
    monkeypatch.setattr(decisions, "recorder", kept)
    return kept


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, settings: Any, valkey: redis.Redis) -> Store:
    """The serving store of this test: empty, under a valid epoch."""
    valkey.set("epoch", 1)
    made = Store(settings.REDIS_URL)
    made.warm()
    monkeypatch.setattr(decisions, "store", made)
    return made


@pytest.fixture
def release(ring: Ring, recorder: Recorder, store: Store) -> Ring:
    ring.release = ready(with_offer("trial"), HOUSE)
    ring.hold()
    return ring


def ask(client: Client, key: str, body: Any = ASK, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(
        "/v1/decisions", raw, content_type="application/json", headers={"Authorization": f"Bearer {key}"} | headers
    )


def test_a_decision_says_what_to_show_and_for_how_much(
    caller: Client, release: Ring, client_key: str, no_sql: None
) -> None:
    answer = ask(caller, client_key)

    body = answer.json()
    home = body["placements"]["home"]
    (slot,) = home["slots"]
    assert answer.status_code == 200
    assert (home["reason"], slot["campaign"], slot["tier"]) == ("SELECTED", "trial", "COMMERCIAL")
    assert slot["offer"] == {"key": "trial", "version": 1, "mechanic": "TRIAL"}
    assert (slot["quote"]["amount"], slot["quote"]["then"], slot["quote"]["currency"]) == ("0.00", "119.00", "SEK")
    assert slot["creative"] == {"locale": "sv-SE", "format": "hero", "fields": {"title": "Hej"}}
    assert UUID(body["decision_id"]).version == 7
    assert body["decided_at"].endswith("Z")


@pytest.mark.parametrize("explain", ["0", "1"])
def test_the_answer_has_the_shape_that_the_document_tells(
    caller: Client, release: Ring, server_key: str, explain: str
) -> None:
    body = ask(caller, server_key, ASK | {"placements": ["home", "nowhere"]}, **{"X-Explain": explain}).json()

    told = convert(body, DecisionShown)

    assert to_builtins(told.placements["home"].slots[0].offer) == body["placements"]["home"]["slots"][0]["offer"]
    assert (told.trace is not UNSET) is (explain == "1")


def test_tokens_and_quotes_carry_what_attribution_needs(caller: Client, release: Ring, client_key: str) -> None:
    body = ask(caller, client_key).json()
    home = body["placements"]["home"]

    claims = verify(home["slots"][0]["token"])
    whole = verify(home["token"])

    assert (claims.decision_id, claims.subject_key, claims.campaign, claims.slot) == (
        body["decision_id"], "acc_1", "trial", 0,
    )  # fmt: skip
    assert (whole.slot, whole.campaign) == (-1, "")
    assert (claims.experiment, claims.variant) == (None, None)


def test_a_quote_is_kept_to_whom_it_was_made_for_until_it_expires(
    caller: Client, release: Ring, client_key: str
) -> None:
    body = ask(caller, client_key).json()
    quote = body["placements"]["home"]["slots"][0]["quote"]
    expiry = micros(datetime.fromisoformat(quote["expires_at"]))
    mine, theirs = {("a", "acc_1")}, {("a", "acc_2"), ("d", "acc_1")}

    promise = verify_quote(quote["signature"], holders=mine, now=expiry - 1)

    assert expiry - micros(datetime.fromisoformat(body["decided_at"])) == 15 * 60 * SECOND
    assert (promise.decision_id, promise.offer, promise.amount, promise.then) == (
        body["decision_id"],
        "trial",
        0,
        11_900,
    )
    with pytest.raises(TokenRefused, match="another subject"):
        verify_quote(quote["signature"], holders=theirs, now=expiry - 1)
    with pytest.raises(TokenRefused, match="expired"):
        verify_quote(quote["signature"], holders=mine, now=expiry)


def test_the_token_of_a_slot_names_experiment_and_arm(
    caller: Client, release: Ring, client_key: str, server_key: str
) -> None:
    arms = replace(campaign("trial", tier="HOUSE"), items=(item(experiment="copy"),))
    release.release = ready(arms, experiments={"copy": TEST})
    release.hold()

    (slot,) = ask(caller, client_key).json()["placements"]["home"]["slots"]

    claims = verify(slot["token"])
    assert slot["experiment"] == {"key": claims.experiment, "variant": claims.variant}
    assert 0 < claims.propensity < 1


def test_unknown_placements_and_fields_are_no_errors(caller: Client, release: Ring, client_key: str) -> None:
    body = ASK | {"placements": ["home", "nowhere"], "surprise": 1}
    body["context"] = ASK["context"] | {"mood": "calm"}

    placements = ask(caller, client_key, body).json()["placements"]

    assert placements["nowhere"] == {"reason": "UNKNOWN_PLACEMENT", "slots": []}
    assert placements["home"]["reason"] == "SELECTED"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({"placements": ["home"]}, "account_id", id="nobody"),
        pytest.param(ASK | {"account_id": 7}, "account_id", id="a-number-as-id"),
        pytest.param(ASK | {"account_id": "a" * 201}, "account_id", id="too-long-an-id"),
        pytest.param(ASK | {"account_id": "zero\u200bwidth"}, "account_id", id="an-invisible-character"),
        pytest.param(ASK | {"account_id": " "}, "account_id", id="a-space"),
        pytest.param(ASK | {"placements": []}, "placements", id="no-placements"),
        pytest.param(ASK | {"placements": ["home"] * 2}, "placements[1]", id="the-same-twice"),
        pytest.param(ASK | {"placements": [str(n) for n in range(21)]}, "placements", id="too-many"),
        pytest.param(ASK | {"placements": [{"placement": "home", "slots": 0}]}, "placements[...].slots", id="no-slots"),
        pytest.param(ASK | {"placements": "home"}, "placements", id="not-a-list"),
        pytest.param(ASK | {"context": {"app_version": "eight"}}, "context.app_version", id="not-a-version"),
        pytest.param(ASK | {"context": {"hour": "noon"}}, "context.hour", id="not-a-number"),
        pytest.param(ASK | {"context": {"locale": "xx-\N{UNICORN FACE}"}}, "context.locale", id="not-a-locale"),
        pytest.param(ASK | {"context": {"time_zone": "Mars/Olympus"}}, "context.time_zone", id="not-a-zone"),
        pytest.param(ASK | {"context": [1]}, "context", id="not-an-object"),
        pytest.param(ASK | {"context": {f"k{n}": 1 for n in range(101)}}, "context", id="too-many-attributes"),
        pytest.param(ASK | {"prefetch": "yes"}, "prefetch", id="not-a-boolean"),
        pytest.param([ASK], "body", id="a-list"),
        pytest.param(b"", "body", id="nothing"),
        pytest.param(b"{", "body", id="not-json"),
        pytest.param(b'{"account_id": NaN}', "body", id="nan"),
        pytest.param(b'{"account_id": "\xff"}', "body", id="not-utf-8"),
    ],
)
def test_a_wrong_call_is_told_which_field(
    caller: Client, release: Ring, client_key: str, no_sql: None, body: Any, field: str
) -> None:
    answer = ask(caller, client_key, body)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    named = [error["field"] for error in answer.json()["errors"]]
    assert any(field.split("[...]")[0] in each for each in named), named


def test_a_body_over_the_limit_is_refused_unread(caller: Client, release: Ring, client_key: str) -> None:
    assert ask(caller, client_key, ASK | {"surprise": "x" * 70_000}).status_code == 413


def test_overriding_traits_and_explaining_need_a_server_key(
    caller: Client, release: Ring, client_key: str, server_key: str
) -> None:
    overriding = ASK | {"traits": {"genre": "pop"}}

    assert ask(caller, client_key, overriding).status_code == 403
    assert ask(caller, server_key, overriding).status_code == 200
    assert ask(caller, client_key, **{"X-Explain": "1"}).status_code == 403
    assert ask(caller, server_key, ASK | {"traits": {"humour": "dry"}}).json()["errors"][0]["code"] == "unknown_trait"


def test_with_x_explain_every_candidate_has_its_reason(caller: Client, release: Ring, server_key: str) -> None:
    trace = ask(caller, server_key, **{"X-Explain": "1"}).json()["trace"]

    assert trace["home"] == [{"campaign": "house", "item": "hero", "reason": "OUTRANKED", "detail": ""}]


@pytest.mark.parametrize("scope", [Scope.MANAGE])
def test_other_keys_are_refused(caller: Client, release: Ring, make_key: MakeKey, scope: Scope) -> None:
    assert ask(caller, make_key(scope)).status_code == 403
    assert ask(caller, "mk_nothing").status_code == 401


def test_the_one_placement_form_asks_the_same(caller: Client, release: Ring, client_key: str, no_sql: None) -> None:
    headers = {"Authorization": f"Bearer {client_key}"}

    found = caller.get("/v1/placements/home/decision?account_id=acc_1&country=SE&locale=sv-SE&hour=9", headers=headers)
    wrong = caller.get("/v1/placements/home/decision?account_id=acc_1&hour=noon&slots=many", headers=headers)

    assert found.json()["placements"]["home"]["slots"][0]["campaign"] == "trial"
    assert [error["field"] for error in wrong.json()["errors"]] == ["hour", "slots"]


def test_a_decision_costs_one_round_trip_and_no_query(
    caller: Client, release: Ring, client_key: str, valkey: redis.Redis, no_sql: None
) -> None:
    ask(caller, client_key)
    before = valkey.info("commandstats")

    for _ in range(10):
        ask(caller, client_key)

    after = valkey.info("commandstats")
    assert after["cmdstat_mget"]["calls"] - before["cmdstat_mget"]["calls"] == 10
    assert {name for name in after if after[name] != before.get(name)} <= {"cmdstat_mget", "cmdstat_info"}


def test_without_the_store_the_answer_is_degraded_quick_and_says_so(
    caller: Client, release: Ring, client_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "store", Store("redis://127.0.0.1:1/0"))

    began = time.perf_counter()
    home = ask(caller, client_key).json()["placements"]["home"]

    assert (home["reason"], home["degraded"]) == ("FALLBACK", ["DEGRADED_NO_SUBJECT"])
    assert time.perf_counter() - began < 0.5


@pytest.mark.usefixtures("transactional_db")
def test_the_next_decision_sees_what_was_written(
    caller: Client, ring: Ring, recorder: Recorder, client_key: str, store: Store
) -> None:
    rule = {"v": 1, "rule": {"trait": "genre", "op": "eq", "value": "pop"}}
    ring.release = ready(campaign("pop", rule=rule), HOUSE)
    ring.hold()
    rebuild(now=NOW, store=store)

    def shown() -> str:
        return str(ask(caller, client_key).json()["placements"]["home"]["slots"][0]["campaign"])

    assert shown() == "house"
    written = apply_changes([TraitChange(kind="a", key="acc_1", observed_at=0, traits={"genre": "pop"})], now=NOW)
    assert publish(written, now=NOW, store=store)
    assert shown() == "pop"


@pytest.mark.usefixtures("transactional_db")
def test_recorded_decisions_come_out_the_same_and_are_explained(
    caller: Client, django_user_model: Any, make_key: MakeKey, recorder: Recorder, store: Store, ring: Ring
) -> None:
    editor = django_user_model.objects.create_superuser("ann")
    live(editor, django_user_model.objects.create_superuser("bob"))
    publications.publish(by=editor, now=NOW)
    row = Release.objects.get()
    ring.release = reexecution.release_named(row.digest)
    key = make_key(Scope.SERVER)
    body = ask(caller, key, ASK | {"placements": ["home-hero"]}).json()

    early = caller.get(f"/v1/decisions/{body['decision_id']}", headers={"Authorization": f"Bearer {key}"})
    assert recorder.flush() == 1
    found = caller.get(f"/v1/decisions/{body['decision_id']}", headers={"Authorization": f"Bearer {key}"})
    bearer = {"Authorization": f"Bearer {key}"}
    why = caller.get(f"/v1/decisions/{body['decision_id']}/explain", headers=bearer)

    assert (early.status_code, early["Retry-After"]) == (404, "1")
    assert found.json() == body
    told = convert(why.json(), ExplanationShown)
    assert told.placements[0].placement == "home-hero"
    assert caller.get(f"{why.request['PATH_INFO']}?campain=x", headers=bearer).status_code == 400
    assert list(reexecution.differences(DecisionRecord.objects.iterator())) == [None]


@pytest.mark.usefixtures("transactional_db")
def test_verification_notices_a_decision_that_differs(
    caller: Client, release: Ring, recorder: Recorder, client_key: str
) -> None:
    ask(caller, client_key)
    entry = recorder._waiting[0]
    other = replace(entry.decision, release="sha256:other")
    reexecution.release_named.cache_clear()
    recorder._waiting[0] = entry._replace(decision=other)
    recorder.flush()
    row = DecisionRecord.objects.get()

    assert reexecution.unpack(row).decision == other
    with pytest.raises(reexecution.ReleaseGone):
        list(reexecution.differences(iter([row])))
