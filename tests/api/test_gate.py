"""Does a PostgreSQL that is slow, frozen or dead free the threads that decisions need?"""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import environ
import pytest
from django.db import connection, connections
from pytest_django import DjangoDbBlocker

from config.embedded import Home
from config.embedded.postgres import Postgres
from merch.api.rest.gate import Gate
from merch.api.rest.problems import Refused

REFUSED = "503, come again in 1 s"
DEADLINE = 1.0
SLACK = 1.5  # seconds that a busy machine may add


def until(true: Callable[[], object], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


class Server:
    """A PostgreSQL of this test, which it may freeze and kill."""

    def __init__(self, root: Path) -> None:
        home = Home(root)
        home.prepare()
        self.postgres = Postgres(home, test=True)
        self.start()
        self.postgres.finish_start()

    def start(self) -> None:
        self.postgres.prepare()
        self.process = self.postgres.start()
        until(self.postgres.ready)

    def pids(self) -> list[int]:
        """The postmaster and its children, the postmaster first."""
        postmaster = int((self.postgres.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return [postmaster, *map(int, children)]

    def signal(self, number: int) -> None:
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self) -> None:
        with suppress(FileNotFoundError):
            self.signal(signal.SIGCONT)
        self.postgres.stop()
        self.process.wait(timeout=30)


class Thread:
    """One thread of a web process, with its own connection to the server of the test."""

    def __init__(self, gate: Gate, server: Server) -> None:
        self.gate = gate
        self.settings = environ.Env.db_url_config(server.postgres.url())
        self.pool = ThreadPoolExecutor(1)
        self.pool.submit(self._connect_there).result()

    def _connect_there(self) -> None:
        default = connections["default"]
        changed = {name: self.settings[name] for name in ("HOST", "PORT", "NAME", "USER", "PASSWORD")}
        connections["default"] = type(default)(default.settings_dict | changed, "default")

    def asks(self, query: str = "SELECT 1", seconds: float = DEADLINE) -> "Future[tuple[str, float]]":
        return self.pool.submit(self._ask, query, seconds)

    def ask(self, query: str = "SELECT 1", seconds: float = DEADLINE) -> tuple[str, float]:
        """("answered" or REFUSED, seconds it took)."""
        return self.asks(query, seconds).result(timeout=20)

    def _ask(self, query: str, seconds: float) -> tuple[str, float]:
        began = time.monotonic()
        try:
            with self.gate.hold(seconds), connection.cursor() as cursor:
                cursor.execute(query)
                outcome = "answered"
        except Refused as refused:
            outcome = f"{refused.status}, come again in {refused.headers['Retry-After']} s"
        return outcome, time.monotonic() - began

    def close(self) -> None:
        self.pool.submit(connections.close_all).result()
        self.pool.shutdown()


@pytest.fixture(scope="module")
def server(django_db_blocker: DjangoDbBlocker) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="gate-") as root, django_db_blocker.unblock():
        made = Server(Path(root))
        yield made
        made.stop()


@pytest.fixture
def gate(server: Server) -> Iterator[Gate]:
    made = Gate()
    yield made
    until(lambda: not made.breaker.is_open)


@pytest.fixture
def thread(gate: Gate, server: Server) -> Iterator[Thread]:
    made = Thread(gate, server)
    yield made
    made.close()


def test_a_frozen_server_holds_a_thread_for_the_deadline_only(gate: Gate, server: Server, thread: Thread) -> None:
    assert thread.ask()[0] == "answered"
    server.signal(signal.SIGSTOP)
    try:
        first, waited = thread.ask()
        later = [thread.ask() for _ in range(20)]
    finally:
        server.signal(signal.SIGCONT)

    assert first == REFUSED
    assert DEADLINE * 0.9 < waited < DEADLINE + SLACK
    assert {outcome for outcome, _ in later} == {REFUSED}
    assert max(seconds for _, seconds in later) < 0.3, "the breaker answers, not the server"

    until(lambda: not gate.breaker.is_open)
    assert thread.ask()[0] == "answered"


def test_a_frozen_server_cannot_hold_a_thread_that_asks_whether_its_connection_works(
    gate: Gate, server: Server, thread: Thread
) -> None:
    """As at the first query of every call: a connection that fails must not be opened again in the calling thread."""
    assert thread.ask()[0] == "answered"
    thread.pool.submit(lambda: connection.close_if_unusable_or_obsolete()).result()
    server.signal(signal.SIGSTOP)
    try:
        outcome, waited = thread.ask()
    finally:
        server.signal(signal.SIGCONT)

    assert outcome == REFUSED
    assert waited < DEADLINE + 0.8, "connecting again would take two seconds more"

    until(lambda: not gate.breaker.is_open)
    until(lambda: thread.ask()[0] == "answered")


def test_a_connection_that_died_idle_is_replaced(gate: Gate, server: Server, thread: Thread) -> None:
    assert thread.ask()[0] == "answered"
    thread.pool.submit(lambda: connection.close_if_unusable_or_obsolete()).result()
    server.signal(signal.SIGKILL)
    server.process.wait(timeout=10)
    server.start()

    assert thread.ask()[0] == "answered"
    assert not gate.breaker.is_open


def test_a_frozen_server_cannot_hold_a_thread_that_connects(gate: Gate, server: Server, thread: Thread) -> None:
    server.signal(signal.SIGSTOP)
    try:
        outcome, waited = thread.ask()
    finally:
        server.signal(signal.SIGCONT)

    assert outcome == REFUSED
    assert waited < DEADLINE + SLACK, "libpq would wait two seconds or more"

    until(lambda: not gate.breaker.is_open)
    until(lambda: thread.ask()[0] == "answered")


def test_a_dead_server_is_refused_at_once_and_found_again(gate: Gate, server: Server, thread: Thread) -> None:
    assert thread.ask()[0] == "answered"
    server.signal(signal.SIGKILL)
    server.process.wait(timeout=10)

    answers = [thread.ask() for _ in range(10)]

    assert {outcome for outcome, _ in answers} == {REFUSED}
    assert max(seconds for _, seconds in answers) < DEADLINE
    assert gate.breaker.is_open

    server.start()
    until(lambda: not gate.breaker.is_open)
    assert thread.ask()[0] == "answered"


def test_a_slow_query_is_cut_off_and_the_server_is_not_given_up(gate: Gate, thread: Thread) -> None:
    outcome, waited = thread.ask("SELECT pg_sleep(10)", 0.3)

    assert outcome == REFUSED
    assert waited < 0.3 + SLACK
    until(lambda: not gate.breaker.is_open, 3)
    assert thread.ask()[0] == "answered"


def test_an_error_of_one_call_opens_no_breaker(gate: Gate, thread: Thread) -> None:
    cancelled = "SET LOCAL statement_timeout = '10ms'; SELECT pg_sleep(5)"

    assert thread.ask(cancelled)[0] == REFUSED
    assert not gate.breaker.is_open
    assert thread.ask()[0] == "answered"


def test_four_calls_at_most_hold_sql(gate: Gate, server: Server) -> None:
    threads = [Thread(gate, server) for _ in range(5)]
    for each in threads:
        assert each.ask()[0] == "answered"

    holding = [each.asks("SELECT pg_sleep(0.5)") for each in threads[:4]]
    until(lambda: gate._places._value == 0)
    fifth, waited = threads[4].ask()

    assert fifth == REFUSED
    assert waited < 0.3
    assert [each.result()[0] for each in holding] == ["answered"] * 4
    assert threads[4].ask()[0] == "answered", "a place is given back"
    for each in threads:
        each.close()


def test_holds_leave_nothing_open(thread: Thread) -> None:
    thread.ask()
    files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()

    for _ in range(50):
        thread.ask()

    assert len(os.listdir("/proc/self/fd")) == files
    assert threading.active_count() == threads
