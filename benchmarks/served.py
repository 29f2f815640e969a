"""What does the measured web process serve? (granian runs ``application``; see benchmarks/doors.py.)

Five rungs at five addresses of one process: a raw WSGI echo, the front, the same call through Django, a bare Django
view, and a default Django REST framework view with serializers. The full product is on in the front and the view.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import redis
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from msgspec.json import decode, encode

from config import env

env.set_default("DJANGO_SETTINGS_MODULE", "config.settings.local")
DJANGO = get_wsgi_application()

KEY = "mk_c" + "0" * 43
CANDIDATES, PEOPLE = 200, 100
RAW, FRONT, HOT, CPU = "/raw", "/v1/decisions", "/hot/v1/decisions", "/cpu"

Environ = dict[str, Any]


def raw(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The least a WSGI callable can do: decode, encode."""
    body = decode(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    answer = encode({"decision_id": "0", "placements": {name: {} for name in body["placements"]}})
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]


def cpu(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Nanoseconds of processor that this process has used, all threads together, with nothing left to write."""
    import_module("merch.recording").recorder.flush()
    answer = str(time.process_time_ns()).encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]


def _serve() -> None:
    """This process serves the benchmark's release and knows one key; a hundred subjects are in Valkey."""
    keys, serving = import_module("merch.keys"), import_module("merch.releases.serving")
    packing, releases = import_module("merch.subjects.packing"), import_module("benchmarks.releases")
    entry = keys.KeyEntry(keys.digest_of(KEY, keys.server_secret()), 1, "bench", keys.Scope.CLIENT)
    pulse = import_module("merch.engine.document").Pulse(number=1)
    state = serving.State(
        releases.release(CANDIDATES), 1, pulse, keys.Keyring({entry.digest: entry}), "live", time.monotonic() + 86_400
    )
    serving.serving.hold(state)
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.set(packing.EPOCH_KEY, 1)
    for number, subject in enumerate(releases.subjects(PEOPLE)):
        client.set(packing.record_key("a", f"acc_{number}"), packing.pack_record(subject.record, 1))
    client.close()
    import_module("merch.subjects.store").store.warm()


_serve()
settings.ROOT_URLCONF = "benchmarks.rungs"
RUNGS: dict[str, Callable[..., Iterable[bytes]]] = {
    RAW: raw,
    FRONT: import_module("merch.api.rest.front").Front(DJANGO),
    CPU: cpu,
}


def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    return RUNGS.get(environ["PATH_INFO"], DJANGO)(environ, start_response)
