"""What does this process serve right now?

One immutable state, swapped as a whole. It is filled from disk before anything else is asked, so a process starts and
answers with PostgreSQL and Valkey dead; then a push or the poll behind it brings what is newer. Never goes back: a
roll-back is a higher number too.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import zlib
from typing import Any, NamedTuple

import msgspec
import redis
from django.conf import settings
from django.db import DatabaseError, connection

from merch.engine.compiled import Release
from merch.engine.compiling import BadRelease, compile_release, name_of
from merch.engine.document import Pulse, ReleaseDoc, parse_release
from merch.keys import Keyring, keyring
from merch.models import Publication, PulseHead, PulsePart
from merch.releases import news, offline
from merch.releases.disk import Shelf
from merch.releases.parts import pulse_of
from merch.watchdog import watching

log = logging.getLogger(__name__)

POLL = 5.0  # seconds between looks at PostgreSQL when no push comes
LONGEST_LOOK = 2.0  # seconds; a frozen PostgreSQL must not take the ears off the push channel for longer
FIRST_LOOK = 2.0  # seconds that a process with nothing on disk waits for PostgreSQL, once
UNREADABLE = (BadRelease, msgspec.MsgspecError, zlib.error, KeyError, TypeError)
SPREAD = 0.2  # of the poll, so that processes started together do not ask together


class State(NamedTuple):
    """A release, a pulse and the keys in force; ``source`` says where the release came from: live, disk or builtin."""

    release: Release
    publication: int
    pulse: Pulse
    keys: Keyring
    source: str
    confirmed_at: float  # monotonic seconds at which PostgreSQL last said that this is the newest


class Serving:
    """The state of this process and the thread that keeps it fresh (none without ``follow``)."""

    def __init__(self, *, follow: bool = True) -> None:
        self._follows = follow
        self._stopped = threading.Event()
        self._looked = threading.Event()
        self._state: State | None = None
        self._base: State | None = None  # without what was stopped offline
        self._offline: frozenset[str] = frozenset()
        self._stamp: offline.Stamp = None
        self._swapping = threading.Lock()
        self._pid = 0
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._bodies: dict[str, Any] = {}  # of the parts of the pulse in force, by digest

    def current(self) -> State:
        """Never blocks after the first call, never raises: without any release it is an empty one."""
        state = self._state
        if state is None or self._pid != os.getpid():
            state = self._begin()
        return state

    def _begin(self) -> State:
        with self._lock:
            if self._state is None or self._pid != os.getpid():
                self._refreshing, self._swapping = threading.Lock(), threading.Lock()
                self._swap(self._from_disk())
                self.look_offline()
                self._pid = os.getpid()
                if self._follows:
                    self._looked.clear()
                    threading.Thread(target=self._follow, name="merch-serving", daemon=True).start()
                    threading.Thread(target=self._watch, name="merch-offline-kills", daemon=True).start()
            begun = self._state or self._from_disk()
        if self._follows and begun.source == "builtin":
            # The very first start on this machine: an answer without any release would only be wrong.
            self._looked.wait(FIRST_LOOK)
        return self._state or begun

    def _from_disk(self) -> State:
        state = State(_builtin(), 0, Pulse(), Keyring(), "builtin", time.monotonic())
        for kept in _shelf("release").generations():
            try:
                release = _compile(kept.body, kept.name)
            except UNREADABLE as error:
                log.error("passed over publication %s on disk: %s", kept.number, error)
                continue
            state = state._replace(release=release, publication=kept.number, source="disk")
            break
        for pulse in _shelf("pulse").generations():
            try:
                return _with_pulse(state, pulse.number, msgspec.json.decode(pulse.body, type=dict[str, Any]))
            except UNREADABLE as error:
                log.error("passed over pulse %s on disk: %s", pulse.number, error)
        return state

    def hold(self, state: State) -> None:
        """Serve exactly this and follow nothing: for benchmarks and tests, which bring their own release."""
        self._follows = False
        self._pid = os.getpid()
        self._swap(state)

    def refresh(self) -> State:
        """Ask PostgreSQL now and swap in what is newer; raises django.db.DatabaseError when it cannot be asked."""
        with self._refreshing:
            self.current()
            self.look_offline()
            state = self._base or self._from_disk()
            # First what stops: a release that this version cannot read must not keep a kill away.
            pulse = PulseHead.objects.order_by("-number").first()
            if pulse is not None and pulse.number > state.pulse.number:
                state = self._swap(self._adopt_pulse(state, pulse))
            head = Publication.objects.order_by("-number").values("number", "release_id").first()
            if head is not None and head["number"] > state.publication:
                state = self._adopt(state, head["number"], head["release_id"])
            state = self._swap(state._replace(source=_live(state), confirmed_at=time.monotonic()))
            self._drop_carried(state.pulse.kills)
            return self.current()

    def _swap(self, base: State) -> State:
        """What PostgreSQL or the disk says, with what was stopped offline added to it; gives back the former."""
        with self._swapping:
            self._base = base
            pulse = base.pulse
            if not self._offline <= pulse.kills:
                pulse = msgspec.structs.replace(pulse, kills=pulse.kills | self._offline)
            self._state = base._replace(pulse=pulse)
        return base

    def look_offline(self) -> None:
        """Take in the file of offline kills, if it changed. Never raises, asks nobody."""
        file = offline.here()
        stamp = file.stamp()
        if stamp != self._stamp and self._base is not None:
            self._stamp, self._offline = stamp, file.read_or(self._offline)
            self._swap(self._base)

    def _watch(self) -> None:
        """A thread of its own: the one that follows may be waiting for a frozen PostgreSQL."""
        while not self._stopped.wait(offline.LOOK):
            self.look_offline()

    def _drop_carried(self, kills: frozenset[str]) -> None:
        """What the pulse that is served carries needs no file any more."""
        if self._offline & kills:
            try:
                offline.here().drop(lambda kill: kill.campaign in kills)
            except OSError as error:
                log.error("an offline kill stays in its file: %s", error)

    def _adopt(self, state: State, number: int, digest: str) -> State:
        row = Publication.objects.select_related("release").get(number=number).release
        body = bytes(row.document)
        release = state.release if digest == state.release.digest else _compile(body, digest)
        _shelf("release").keep(number, digest, body)
        log.info("serving release %s as publication %s", digest[:19], number)
        return state._replace(release=release, publication=number)

    def _adopt_pulse(self, state: State, head: PulseHead) -> State:
        # A part of thousands of drawn scores is fetched when it changed, not with every kill.
        missing = [digest for digest in head.parts.values() if digest not in self._bodies]
        fetched = {part.digest: part.body for part in PulsePart.objects.filter(digest__in=missing)}
        bodies = {**self._bodies, **fetched}
        parts = {name: bodies[digest] for name, digest in head.parts.items() if digest in bodies}
        self._bodies = {digest: bodies[digest] for digest in head.parts.values() if digest in bodies}
        _shelf("pulse").keep(head.number, "pulse", msgspec.json.encode(parts, order="sorted"))
        return _with_pulse(state, head.number, parts)

    def stop(self) -> None:
        """End the following thread at its next turn; the state stays what it is."""
        self._stopped.set()

    def _follow(self) -> None:
        """For the life of the process: refresh on every push, and every POLL seconds without one."""
        # The process id spreads the polls of processes that start together; chance is not needed for that.
        wait = POLL * (1 - SPREAD + 2 * SPREAD * (os.getpid() % 97) / 96)
        while not self._stopped.is_set():
            self._refresh_quietly()
            self._listen(time.monotonic() + wait)

    def _refresh_quietly(self) -> None:
        try:
            connection.ensure_connection()
            with watching(connection.connection.fileno(), LONGEST_LOOK):
                self.refresh()
        except (DatabaseError, *UNREADABLE) as error:
            log.warning("cannot ask PostgreSQL for news, serving what is here: %s", str(error).splitlines()[0])
        finally:
            self._looked.set()
            connection.close()

    def _listen(self, until: float) -> None:
        """Return at the first push, or at ``until``; without Valkey just wait."""
        try:
            with news.connect(timeout=1.0) as client, client.pubsub(ignore_subscribe_messages=True) as bell:
                bell.subscribe(news.channel())
                offline.hear(offline.here(), client)
                # What was said between the last look and this subscription would be lost: look once more.
                self._refresh_quietly()
                while (left := until - time.monotonic()) > 0 and not self._stopped.is_set():
                    if rung := bell.get_message(timeout=min(left, 1.0)):
                        if rung["data"] == offline.ANNOUNCED:
                            offline.hear(offline.here(), client)
                            self.look_offline()
                        return
        except (redis.RedisError, OSError):
            self._stopped.wait(max(until - time.monotonic(), 0))


def _live(state: State) -> str:
    return "live" if state.publication else "builtin"


def _with_pulse(state: State, number: int, parts: dict[str, Any]) -> State:
    return state._replace(pulse=pulse_of(number, parts), keys=keyring(parts.get("keys", ())))


def _compile(body: bytes, digest: str) -> Release:
    """Raises BadRelease where the content is not what its name says."""
    data = zlib.decompress(body)
    if name_of(data) != digest:
        raise BadRelease(f"the content of {digest} does not have that digest")
    return compile_release(parse_release(data), digest)


def _builtin() -> Release:
    """Before the first publication: nothing is known, so nothing is shown."""
    return compile_release(ReleaseDoc(deployment=settings.MERCH_DEPLOYMENT, tzdata=""))


def _shelf(kind: str) -> Shelf:
    return Shelf(settings.MERCH_HOME / "serving", kind, settings.MERCH_DEPLOYMENT)


serving = Serving()


def current() -> State:
    """What this process serves right now."""
    return serving.current()
