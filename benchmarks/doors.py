"""What does a decision cost at the door: beside a raw WSGI echo, a bare Django view, and a default DRF view?

granian as we run it (one process, eight threads) serves all of them; sixteen connections send to one after the other in
interleaved rounds. What counts is processor time of the web process, the recorder's thread included: the load of the
machine hardly moves it. The full product is on: key, subject record from Valkey, caps, holdout, token, decision record.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import NamedTuple

import redis
from django.conf import settings
from msgspec.json import encode

from benchmarks import load
from benchmarks.report import Row
from config import env
from config.embedded import ports

KEY = "mk_c" + "0" * 43
RUNGS = {"raw": "/raw", "front": "/v1/decisions", "bare": "/bare", "hot": "/hot/v1/decisions", "drf": "/drf"}
CALLS = {"raw": 3_000, "front": 3_000, "bare": 1_500, "hot": 1_500, "drf": 300}  # about as long each
ROUNDS, LINES, PEOPLE = 5, 16, 100
OPEN_CALLS, KNEE = 6_000, 0.7


class Cost(NamedTuple):
    """Of one call: microseconds of processor in the web process; and how many a second there were."""

    cpu: float
    rate: float


def measure() -> list[Row]:
    with _web() as port:
        costs = _costs(port)
        return [*_compared(costs), *_latencies(port, costs["front"].rate), *_round_trips(port)]


def _compared(costs: dict[str, Cost]) -> list[Row]:
    raw, front, bare, hot, drf = (costs[name] for name in RUNGS)
    return [
        Row("raw.echo", raw.cpu, "us CPU"),
        Row("decide.front_over_raw", front.cpu, "us CPU", "raw.echo", front.cpu / raw.cpu),
        Row("bare.view", bare.cpu, "us CPU"),
        Row("decide.hot_over_bare", hot.cpu, "us CPU", "bare.view", hot.cpu / bare.cpu),
        Row("decide.drf_over_front", drf.cpu, "us CPU", "decide.front_over_raw", drf.cpu / front.cpu),
        Row("drf.rate", drf.rate, "requests/s"),
        Row("decide.front_rate", front.rate, "requests/s", "drf.rate", front.rate / drf.rate),
    ]


def _costs(port: int) -> dict[str, Cost]:
    """Medians over interleaved rounds; the first, which warms up, does not count."""
    meter, found = load.Line(port), {name: list[Cost]() for name in RUNGS}
    for _ in range(ROUNDS + 1):
        for name in RUNGS:
            before = _cpu(meter)
            outcome = load.closed(port, _messages(name), CALLS[name], LINES)
            found[name].append(Cost((_cpu(meter) - before) / CALLS[name] / 1_000, outcome.rate))
    return {
        name: Cost(median(each.cpu for each in costs[1:]), median(each.rate for each in costs[1:]))
        for name, costs in found.items()
    }


def _cpu(meter: load.Line) -> int:
    return int(meter.ask(load.message("/cpu", b"{}", KEY)))


def _latencies(port: int, knee: float) -> list[Row]:
    """At seven tenths of what it can, in an open loop."""
    load.opened(port, _messages("front"), OPEN_CALLS // 4, 4 * LINES, KNEE * knee)
    outcome = load.opened(port, _messages("front"), OPEN_CALLS, 4 * LINES, KNEE * knee)
    half, most = outcome.quantile(0.5) * 1_000, outcome.quantile(0.99) * 1_000
    return [
        Row("decide.front_p50", half, "ms"),
        Row("decide.front_p99", most, "ms", "decide.front_p50", most / half),
    ]


def _round_trips(port: int) -> list[Row]:
    """Counted by the serving store itself, over a hundred decisions."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        before = client.info("commandstats")["cmdstat_mget"]["calls"]
        load.closed(port, _messages("front"), 100, 1)
        trips = (client.info("commandstats")["cmdstat_mget"]["calls"] - before) / 100
    if trips != 1:
        raise RuntimeError(f"a decision took {trips} round trips")
    return [Row("decide.round_trips", trips, "per decision")]


def _messages(rung: str) -> list[bytes]:
    context = {"country": "SE", "locale": "en", "platform": "ios"}
    bodies = ({"account_id": f"acc_{each}", "placements": ["home"], "context": context} for each in range(PEOPLE))
    return [load.message(RUNGS[rung], encode(body), KEY) for body in bodies]


@contextmanager
def _web() -> Iterator[int]:
    port = ports.choose()
    words = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", ports.LOOPBACK, "--port", str(port),
             "--workers", "1", "--blocking-threads", "8", "--no-log", "benchmarks.served:application"]  # fmt: skip
    with subprocess.Popen(words, cwd=env.PROJECT) as process:
        try:
            _until_there(port)
            yield port
        finally:
            process.terminate()


def _until_there(port: int) -> None:
    for _ in range(600):
        try:
            return load.Line(port).wire.close()
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the web process did not start within a minute")
