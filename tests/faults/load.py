"""What does a client get, asking at a steady rate whatever happens to the answers before?

Open loop: each call has its due instant and its time counts from there, so that one that hangs is not hidden behind the
calls that it kept from being made.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from threading import Event, Thread
from time import monotonic
from typing import Any, NamedTuple

from config.embedded import ports

PATIENCE = 8.0  # seconds; a call that takes longer is a hung thread


class Call(NamedTuple):
    """What to send. ``about`` finds the answer again: the subject, the event's id."""

    path: str
    body: bytes
    about: str


class Answer(NamedTuple):
    """``status`` 0: none came. ``due``: when the call should have gone out; ``seconds`` count from there."""

    due: float
    seconds: float
    status: int
    retry_after: str | None
    body: dict[str, Any]
    call: Call


class Line:
    """One kept connection of a client."""

    def __init__(self, port: int, key: str) -> None:
        self._wire = HTTPConnection(ports.LOOPBACK, port, timeout=PATIENCE)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(self, call: Call, due: float) -> Answer:
        status, retry_after, body = 0, None, b"{}"
        try:
            self._wire.request("POST", call.path, call.body, self._headers)
            answer = self._wire.getresponse()
            status, retry_after, body = answer.status, answer.headers["Retry-After"], answer.read()
        except (OSError, HTTPException):
            self._wire.close()
        return Answer(due, monotonic() - due, status, retry_after, json.loads(body), call)

    def close(self) -> None:
        self._wire.close()


class Load:
    """Calls at ``rate`` a second from ``lines`` connections, from now until ``stop``."""

    def __init__(self, port: int, key: str, calls: Iterator[Call], *, rate: float, lines: int = 12) -> None:
        self.answers: list[Answer] = []
        self._calls = calls
        self._stopped = Event()
        began = monotonic() + 0.05
        self._threads = [
            Thread(target=self._run, args=(Line(port, key), began + number / rate, lines / rate), daemon=True)
            for number in range(lines)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, line: Line, due: float, step: float) -> None:
        while not self._stopped.wait(max(due - monotonic(), 0)):
            self.answers.append(line.ask(next(self._calls), due))
            due += step
        line.close()

    def stop(self) -> list[Answer]:
        """Every answer, by the instant it was due."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=2 * PATIENCE)
        return sorted(self.answers, key=lambda each: each.due)


class Counted(Iterator[Call]):
    """Calls made by number, for several threads."""

    def __init__(self, make: Callable[[int], Call]) -> None:
        self._numbers = itertools.count()  # next() of it is one step of the interpreter
        self._make = make

    def __next__(self) -> Call:
        return self._make(next(self._numbers))


def decisions(subjects: Sequence[str], placements: Sequence[str] = ("home-hero", "side")) -> Counted:
    """Each subject in turn, from Sweden."""
    context = {"country": "SE", "locale": "sv-SE"}
    calls = [
        Call(
            "/v1/decisions",
            json.dumps({"account_id": each, "placements": list(placements), "context": context}).encode(),
            each,
        )
        for each in subjects
    ]
    return Counted(lambda number: calls[number % len(calls)])


def event(id_: str, at: str) -> Call:
    """One listen of a handful of listeners; ``at`` as RFC 3339."""
    said = {"type": "custom", "name": "listen", "account_id": f"listener-{len(id_) % 5}", "event_id": id_}
    return Call("/v1/events", json.dumps({"events": [said | {"occurred_at": at}]}).encode(), id_)


def events(prefix: str, at: str) -> Counted:
    return Counted(lambda number: event(f"{prefix}-{number}", at))


@contextmanager
def asking(*loads: Load) -> Iterator[None]:
    """Stops the loads even when the drill fails."""
    try:
        yield
    finally:
        for load in loads:
            load.stop()


def due_in(answers: Sequence[Answer], begin: float, end: float) -> list[Answer]:
    return [each for each in answers if begin <= each.due < end]


def content(answer: Answer) -> str:
    """What a listener would see of a decision: everything but ids, instants and signatures."""
    placements = {
        slug: {
            "reason": placed["reason"],
            "degraded": placed.get("degraded", []),
            "slots": [
                {
                    "campaign": slot["campaign"],
                    "creative": slot["creative"],
                    "offer": slot.get("offer"),
                    "amount": slot.get("quote", {}).get("amount"),
                    "experiment": slot.get("experiment"),
                }
                for slot in placed["slots"]
            ],
        }
        for slug, placed in answer.body.get("placements", {}).items()
    }
    return json.dumps([answer.body.get("release"), placements], sort_keys=True)


def contents(answers: Sequence[Answer]) -> dict[str, set[str]]:
    """What each subject was shown."""
    found: dict[str, set[str]] = {}
    for answer in answers:
        found.setdefault(answer.call.about, set()).add(content(answer))
    return found


def differing(some: Sequence[Answer], others: Sequence[Answer]) -> list[str]:
    """Subjects that were shown one thing here and another there, or different things in one of them."""
    left, right = contents(some), contents(others)
    return sorted(each for each in left | right if len(left.get(each, set()) | right.get(each, set())) != 1)


def percentile(answers: Sequence[Answer], share: float) -> float:
    """Milliseconds."""
    times = sorted(each.seconds for each in answers)
    return 1000 * times[min(int(share * len(times)), len(times) - 1)] if times else float("nan")
