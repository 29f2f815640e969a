"""How is it kept that a slow, frozen or dead PostgreSQL never takes the threads decisions need?

A process answers with eight threads. Calls that use SQL hold at most four; each under a deadline kept on this side,
because a frozen server fires no timeout of its own: a watchdog shuts the connection's socket, which wakes the thread
that waits on it. The first such cut opens a breaker; a background thread, not a call, tries until PostgreSQL answers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from merch import metrics
from merch.api.rest.problems import Refused, unavailable
from merch.watchdog import Watch, watching

HOLDERS = 4  # of the eight threads
PROBE_EVERY = 0.5  # seconds

# What a server says that is going away, starting or full; a state of None means it said nothing at all.
GONE = (None, "57P01", "57P02", "57P03", "53300")

FAILURES = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)

log = logging.getLogger(__name__)


class Breaker:
    """Open while PostgreSQL is given up; it closes when a probe in the background is answered."""

    def __init__(self) -> None:
        self.is_open = False
        self._lock = threading.Lock()
        self._state = metrics.CIRCUIT_STATE.labels("postgresql")

    def open(self, why: str) -> None:
        """Give PostgreSQL up and begin to probe; does nothing while open."""
        with self._lock:
            if self.is_open:
                return
            self.is_open = True
        self._state.set(1)
        log.warning("calls that need PostgreSQL are refused until it answers: %s", why)
        parameters = connection.get_connection_params()
        threading.Thread(target=self._probe, args=(parameters,), name="merch-sql-probe", daemon=True).start()

    def _probe(self, parameters: dict[str, Any]) -> None:
        while not _answers(parameters):
            threading.Event().wait(PROBE_EVERY)
        self.is_open = False
        self._state.set(0)
        log.warning("PostgreSQL answers again")


def _answers(parameters: dict[str, Any]) -> bool:
    """Does a new connection answer? Takes as long as its connect_timeout at most."""
    try:
        with psycopg.connect(**parameters | {"autocommit": True}) as probe, watching(probe.fileno(), 1.0):
            probe.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


class Gate:
    """The one door to SQL for calls; ``hold`` is entered by every view that queries."""

    def __init__(self, holders: int = HOLDERS) -> None:
        self.breaker = Breaker()
        self._places = threading.BoundedSemaphore(holders)
        self._opening = threading.local()

    @contextmanager
    def hold(self, seconds: float | None = None) -> Iterator[None]:
        """Use SQL for at most ``seconds`` (None: settings.MERCH_SQL_DEADLINE). Raises Refused 503 with Retry-After.

        Database errors that pass by themselves leave the block as Refused too; others as they are.
        """
        due = monotonic() + (settings.MERCH_SQL_DEADLINE if seconds is None else seconds)
        if self.breaker.is_open:
            raise _refuse("open", "PostgreSQL does not answer at the moment.")
        if not self._places.acquire(blocking=False):
            raise _refuse("busy", "Too many calls use PostgreSQL at the moment.")
        try:
            yield from self._watched(due)
        finally:
            self._places.release()

    def _watched(self, due: float) -> Iterator[None]:
        wrapper = connections[DEFAULT_DB_ALIAS]
        self._connect(wrapper, due)
        self._check(wrapper, due)
        with watching(wrapper.connection.fileno(), max(due - monotonic(), 0.0)) as watch:
            try:
                yield
            except FAILURES as error:
                raise self._translated(error, watch) from error
            finally:
                if watch.cut or wrapper.errors_occurred:
                    # Django would ask the server whether the connection still works, after the hold.
                    _drop(wrapper)

    def _check(self, wrapper: BaseDatabaseWrapper, due: float) -> None:
        """Does a connection that lay idle still work? Django asks at the first query, and then connects unwatched."""
        with watching(wrapper.connection.fileno(), max(due - monotonic(), 0.0)) as watch:
            wrapper.close_if_health_check_failed()
        if watch.cut:
            _drop(wrapper)
            self.breaker.open("an idle connection does not answer")
            raise _refuse("deadline", "PostgreSQL did not answer in time.")
        self._connect(wrapper, due)

    def _connect(self, wrapper: BaseDatabaseWrapper, due: float) -> None:
        """Connect in another thread: libpq waits two seconds at least, and nobody can cut what is not yet there."""
        opening: Opening | None = getattr(self._opening, "now", None)
        if opening is not None and not opening.done.is_set():
            raise _refuse("connecting", "PostgreSQL does not answer at the moment.")
        if wrapper.connection is not None:
            return
        self._opening.now = opening = Opening(wrapper)
        if not opening.done.wait(max(due - monotonic(), 0.0)):
            self.breaker.open("no connection within the deadline")
            raise _refuse("connecting", "PostgreSQL does not answer at the moment.")
        if opening.error is not None and not isinstance(opening.error, FAILURES):
            raise opening.error
        if opening.error is not None:
            self.breaker.open(str(opening.error).strip().splitlines()[0])
            raise _refuse("connecting", "PostgreSQL does not answer at the moment.") from opening.error

    def _translated(self, error: Exception, watch: Watch) -> Refused:
        if watch.cut:
            self.breaker.open("a call was cut off at its deadline")
            return _refuse("deadline", "PostgreSQL did not answer in time.")
        state = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None)
        if state in GONE:
            self.breaker.open(str(error).strip().splitlines()[0])
        return _refuse("error", "PostgreSQL could not do this now.")


class Opening:
    """A connection being opened by a thread of its own."""

    def __init__(self, wrapper: BaseDatabaseWrapper) -> None:
        self.error: Exception | None = None
        self.done = threading.Event()
        self._wrapper = wrapper
        threading.Thread(target=self._run, name="merch-sql-connect", daemon=True).start()

    def _run(self) -> None:
        self._wrapper.inc_thread_sharing()  # the thread it belongs to waits for us, or gives up and leaves it alone
        try:
            self._wrapper.ensure_connection()
        except Exception as error:  # whatever it is, the waiting call must hear of it
            self.error = error
        finally:
            self._wrapper.dec_thread_sharing()
            self.done.set()


def _drop(wrapper: BaseDatabaseWrapper) -> None:
    if not wrapper.in_atomic_block:
        with suppress(*FAILURES):
            wrapper.close()


def _refuse(reason: str, detail: str) -> Refused:
    metrics.SQL_REFUSED.labels(reason).inc()
    return unavailable(detail, "database_unavailable")


sql = Gate()
