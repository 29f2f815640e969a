"""What does a decision cost through the door, beside a bare Django view and a default DRF view with serializers?

All three answer in this process through the same WSGI application and middleware, in interleaved rounds. What counts
is CPU time of the process, so the work of the recorder's thread is in ours. The full product is on: key, subject record
from Valkey, caps, holdout, token, decision record.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from time import process_time_ns
from typing import Any

import redis
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from msgspec.json import decode, encode
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.releases import NOW, release, request, subjects
from benchmarks.report import Row
from merch.engine.decide import decide
from merch.engine.document import Pulse
from merch.keys import KeyEntry, Keyring, Scope, digest_of, server_secret
from merch.recording import recorder
from merch.releases.serving import State, serving
from merch.subjects import packing
from merch.subjects.store import store

CANDIDATES = 200
CALLS, ROUNDS = 300, 5
KEY = "mk_c" + "0" * 43
RELEASE = release(CANDIDATES)
PEOPLE = subjects(100)


@csrf_exempt
def bare(request_: HttpRequest) -> HttpResponse:
    """The least a Django view can do: decode, encode."""
    body = decode(request_.body)
    return HttpResponse(encode({"decision_id": "0", "placements": {name: {} for name in body["placements"]}}))


class CallSerializer(serializers.Serializer[Any]):
    account_id = serializers.CharField(max_length=200)
    placements = serializers.ListField(child=serializers.CharField(max_length=128), max_length=20)
    prefetch = serializers.BooleanField(default=False)


class SlotSerializer(serializers.Serializer[Any]):
    campaign = serializers.CharField()
    tier = serializers.CharField()
    creative = serializers.CharField()
    locale = serializers.CharField()


class AnswerSerializer(serializers.Serializer[Any]):
    placement = serializers.CharField()
    reason = serializers.CharField()
    slots = SlotSerializer(many=True)


class DefaultView(APIView):
    """What Django REST framework's tutorial would write, on the same engine: no key, no store, no record."""

    authentication_classes = ()
    permission_classes = ()

    def post(self, request_: Request) -> Response:
        asked = CallSerializer(data=request_.data)
        asked.is_valid(raise_exception=True)
        decision = decide(RELEASE, Pulse(), request(0), PEOPLE[0], NOW)
        return Response({"answers": AnswerSerializer(decision.answers, many=True).data})


urlpatterns = [
    path("bare", bare),
    path("drf", DefaultView.as_view()),
    path("", include("merch.api.rest.urls")),
]


def measure() -> list[Row]:
    """CPU microseconds per call, medians of interleaved rounds; also round trips and queries per decision."""
    settings.ROOT_URLCONF = __name__
    settings.ALLOWED_HOSTS = ["*"]
    _serve()
    application = WSGIHandler()
    doors = {"bare": "/bare", "decide": "/v1/decisions", "drf": "/drf"}
    taken: dict[str, list[float]] = {name: [] for name in doors}
    for _ in range(ROUNDS + 1):
        for name, address in doors.items():
            taken[name].append(_round(application, address))
            recorder.flush()
    medians = {name: sorted(rounds[1:])[ROUNDS // 2] for name, rounds in taken.items()}
    return [
        Row("bare.view", medians["bare"], "us CPU"),
        Row("decide.hot_over_bare", medians["decide"], "us CPU", "bare.view", medians["decide"] / medians["bare"]),
        Row(
            "decide.drf_over_hot", medians["drf"], "us CPU", "decide.hot_over_bare", medians["drf"] / medians["decide"]
        ),
        *_round_trips(application),
    ]


def _serve() -> None:
    """This process serves the benchmark's release and knows one key; a hundred subjects are in Valkey."""
    entry = KeyEntry(digest_of(KEY, server_secret()), 1, "bench", Scope.CLIENT)
    state = State(RELEASE, 1, Pulse(number=1), Keyring({entry.digest: entry}), "live", time.monotonic() + 86_400)
    serving.hold(state)
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.set(packing.EPOCH_KEY, 1)
    for number, subject in enumerate(PEOPLE):
        client.set(packing.record_key("a", f"acc_{number}"), packing.pack_record(subject.record, 1))
    client.close()
    store.warm()


def call(application: WSGIHandler, address: str, number: int) -> bytes:
    """One call through the whole of Django; raises RuntimeError on anything but 200."""
    body = json.dumps(
        {
            "account_id": f"acc_{number % len(PEOPLE)}",
            "placements": ["home"],
            "context": {"country": "SE", "locale": "en", "platform": "ios"},
        }
    ).encode()
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": address, "SCRIPT_NAME": "", "QUERY_STRING": "", "SERVER_NAME": "bench",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/json", "HTTP_AUTHORIZATION": f"Bearer {KEY}",
    }  # fmt: skip
    answered: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None, /) -> Callable[[bytes], object]:
        answered.append(status)
        return body.__contains__

    chunks = application(environ, start_response)
    whole = b"".join(chunks)
    if not answered[0].startswith("200"):
        raise RuntimeError(f"{address} answered {answered[0]}: {whole[:300]!r}")
    return whole


def _round(application: WSGIHandler, address: str) -> float:
    began = process_time_ns()
    for number in range(CALLS):
        call(application, address, number)
    return (process_time_ns() - began) / CALLS / 1_000


def _round_trips(application: WSGIHandler) -> list[Row]:
    """Counted by the server itself, over a hundred decisions in which any query would raise."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    before = client.info("commandstats")["cmdstat_mget"]["calls"]
    with connection.execute_wrapper(_refuse_query):
        for number in range(100):
            call(application, "/v1/decisions", number)
    trips = (client.info("commandstats")["cmdstat_mget"]["calls"] - before) / 100
    client.close()
    if trips != 1:
        raise RuntimeError(f"a decision took {trips} round trips")
    return [Row("decide.round_trips", trips, "per decision"), Row("decide.queries", 0, "per decision")]


def _refuse_query(execute: Any, sql: str, *rest: Any) -> Any:
    raise RuntimeError(f"a decision asked PostgreSQL: {sql[:200]}")
