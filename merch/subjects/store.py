"""What does the serving store say of this subject, now? (One round trip, one deadline, no second try.)"""

from __future__ import annotations

import logging
import os
from collections import deque
from time import monotonic
from typing import Any

from django.conf import settings

from merch.engine.facts import Subject
from merch.subjects.breaker import Breaker
from merch.subjects.packing import EPOCH_KEY, Unreadable, bits_key, record_key, unpack
from merch.subjects.wire import Address, Command, Connection, Missed, Stale, pack

log = logging.getLogger(__name__)

READ_DEADLINE = 0.020  # seconds, over connect and all bytes
WRITE_DEADLINE = 0.5
KEPT_CONNECTIONS = 16

_PROBE = pack("MGET", EPOCH_KEY)


class Store:
    """The serving store behind ``url``, shared by all threads of a process. Survives forks.

    Counters (``reads``, ``unread``, ``breaker.opened``) are for /metrics; races may lose a count.
    """

    def __init__(self, url: str) -> None:
        self.address = Address.parse(url)
        self._numeric = self.address.numeric
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        # In a forked child: the parent's sockets are the parent's, and its threads do not exist here.
        self._idle: deque[Connection] = deque(maxlen=KEPT_CONNECTIONS)
        self.breaker = Breaker(self._probe)
        self.reads = 0
        self.unread = 0
        # A name that needs a resolver is for the probing thread, which the first read starts.
        self.breaker.open = self._numeric is None

    def read(self, kind: str, key: str, layout: int) -> Subject | None:
        """The subject as one MGET finds it; None: it could not be read, and nothing may be guessed about it.

        Never raises for anything that the store does.
        """
        self.reads += 1
        if not self.breaker.open:
            question = pack("MGET", EPOCH_KEY, record_key(kind, key), bits_key(kind, key, layout))
            try:
                epoch, record, bits = self._ask(question, monotonic() + READ_DEADLINE)
                subject = unpack(epoch, record, bits)
            except Unreadable as wrong:
                log.error("serving store: a record cannot be read (%s)", wrong)
            except OSError as missed:
                self.breaker.miss(missed)
            else:
                if subject is not None:
                    return subject
        else:
            self.breaker.ensure_probing()
        self.unread += 1
        return None

    def run(self, commands: list[Command], seconds: float = WRITE_DEADLINE) -> list[Any]:
        """Send commands and give back their answers; an answer may be a hiredis.ReplyError.

        For writers. Raises OSError, at once while the breaker is open.
        """
        if self.breaker.open:
            self.breaker.ensure_probing()
            raise Missed("the breaker is open")
        packed = b"".join([pack(*command) for command in commands])
        try:
            return self._exchange(packed, len(commands), monotonic() + seconds)
        except OSError as missed:
            self.breaker.miss(missed)
            raise

    def warm(self, seconds: float = 1.0) -> bool:
        """At the start of a process: is the store well? Resolves its name and opens a connection."""
        try:
            self._probe(seconds)
        except OSError as missed:
            self.breaker.miss(missed)
            return False
        self.breaker.open = False
        return True

    def close(self) -> None:
        """Close idle connections and stop probing."""
        self.breaker.stop()
        while self._idle:
            self._idle.pop().close()

    def _ask(self, question: bytes, deadline: float) -> tuple[bytes | None, bytes | None, bytes | None]:
        reply = self._exchange(question, 1, deadline)[0]
        if not isinstance(reply, list) or len(reply) != 3:
            raise Missed(f"an answer that is not three values: {reply!r:.100}")
        return reply[0], reply[1], reply[2]

    def _exchange(self, packed: bytes, answers: int, deadline: float) -> list[Any]:
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._finish(self._connect(deadline), packed, answers, deadline)
        try:
            return self._finish(connection, packed, answers, deadline)
        except Stale:
            # Closed while it lay idle, as after a restart; those beside it are no better.
            self._forget_idle()
            return self._finish(self._connect(deadline), packed, answers, deadline)

    def _finish(self, connection: Connection, packed: bytes, answers: int, deadline: float) -> list[Any]:
        try:
            replies = connection.ask(packed, answers, deadline)
        except BaseException:
            # Whatever is still under way on it must never be read as another question's answer.
            connection.close()
            raise
        self._idle.append(connection)
        return replies

    def _connect(self, deadline: float) -> Connection:
        if self._numeric is None:
            raise Missed("its name is not resolved yet")
        return Connection(self.address, self._numeric, deadline)

    def _forget_idle(self) -> None:
        while True:
            try:
                self._idle.pop().close()
            except IndexError:
                return

    def _probe(self, seconds: float = READ_DEADLINE) -> None:
        """A new connection answers in a reader's own time. Raises OSError."""
        if self.address.path is None:
            self._numeric = self.address.numeric or self.address.resolve()
        self._forget_idle()
        deadline = monotonic() + seconds
        reply = self._finish(self._connect(deadline), _PROBE, 1, deadline)[0]
        if not isinstance(reply, list):
            raise Missed(f"not ready: {reply!r:.100}")


store = Store(settings.REDIS_URL)  # of this process; connects at the first read
