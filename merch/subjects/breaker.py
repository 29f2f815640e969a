"""May we ask the serving store at all, and who finds out when it is back?"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Lock, Thread
from time import monotonic

from merch import metrics

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.1  # seconds between two probes
LONGEST_PAUSE = 0.5
STEADY = 10.0  # seconds of health after which a new failure is a new story


class Breaker:
    """Opens at the first miss. While it is open a background thread probes; the first good probe closes it.

    ``probe`` raises OSError while the store is not well. Counters grow for the life of the process.
    """

    def __init__(self, probe: Callable[[], object]) -> None:
        self._state = metrics.CIRCUIT_STATE.labels("valkey")
        self._probe = probe
        self._lock = Lock()
        self._thread: Thread | None = None
        self._pause = FIRST_PAUSE
        self._closed_at = 0.0
        self._stopped = Event()
        self.open = False
        self.opened = 0

    def miss(self, why: object) -> None:
        """Something failed: ask no more until a probe succeeds."""
        with self._lock:
            if not self.open:
                self.open = True
                self.opened += 1
                self._state.set(1)
                # A store that fails again at once is probed less and less often.
                steady = monotonic() - self._closed_at > STEADY
                self._pause = FIRST_PAUSE if steady else min(self._pause * 2, LONGEST_PAUSE)
                log.warning("serving store: breaker opened (%s)", why or type(why).__name__)
            self._start()

    def ensure_probing(self) -> None:
        """While open, somebody must be probing: a thread may have failed to start."""
        if self._thread is None or not self._thread.is_alive():
            with self._lock:
                self._start()

    def stop(self) -> None:
        """End the probing thread; for tests and shutdown."""
        self._stopped.set()

    def _start(self) -> None:
        if self.open and (self._thread is None or not self._thread.is_alive()) and not self._stopped.is_set():
            thread = Thread(target=self._watch, name="serving-store-probe", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no thread to be had now; the next read tries again
                return
            self._thread = thread

    def _watch(self) -> None:
        while not self._stopped.wait(self._pause):
            try:
                self._probe()
            except Exception:  # whatever is wrong, the store is not well, and the watch goes on
                self._pause = min(self._pause * 1.5, LONGEST_PAUSE)
                continue
            with self._lock:
                self.open = False
                self._state.set(0)
                self._closed_at = monotonic()
                self._thread = None
            log.warning("serving store: breaker closed")
            return
