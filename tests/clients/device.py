"""What must every client do, so that it shows nothing stale and loses nothing that was seen?

The rules of docs/howto/clients.md, as plainly as Python says them. Nothing here knows a clock, a disk or a network: all
three are handed in, and each may fail at any moment. ``Killed`` is one way of failing: the app is gone, and what comes
next is another Device on the same disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from audiences.hashing import unit
from audiences.moments import SECOND
from tests.clients.memory import Anchor, Held, Memory, Reading, Waiting, instant, text

MOST = 500  # events in a batch
FIRST_WAIT, LONGEST_WAIT = 2 * SECOND, 300 * SECOND
KEEP_FOR = frozenset({401, 403, 408, 429})  # not the events' fault


class Unreachable(Exception):
    """No answer came; nobody knows whether the call arrived."""


class Reply(NamedTuple):
    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Network(Protocol):
    """Raises Unreachable."""

    def post(self, path: str, body: bytes) -> Reply: ...

    def get(self, path: str, headers: Mapping[str, str]) -> Reply: ...


class Disk(Protocol):
    """``write`` replaces all or nothing: a file beside it, flushed, then renamed."""

    def read(self) -> bytes: ...

    def write(self, data: bytes) -> None: ...


class Shown(NamedTuple):
    """What stands on the screen: the slots of an answer, or bundled content (``bundled``), which has no token.

    ``until``: when it must be looked at again, by the running clock; None: whenever there is an answer.
    """

    slots: tuple[dict[str, Any], ...]
    bundled: bool = False
    until: int | None = None


NOTHING = Shown(())


class Device:
    """One installed app, from its start until it is killed."""

    def __init__(self, disk: Disk, network: Network, clocks: Callable[[], Reading], context: Mapping[str, Any]) -> None:
        self._disk = disk
        self._network = network
        self._clocks = clocks
        self._context = dict(context)
        self._memory = msgspec.msgpack.decode(disk.read(), type=Memory)
        self._wait, self._not_before = FIRST_WAIT, 0

    # --- who uses it --------------------------------------------------------------------------------------------------

    def log_in(self, account_id: str | None) -> None:
        """Another person holds the device: nothing that was decided for the last one is shown again. None: logged out.

        What waits stays: it names its subject itself.
        """
        if account_id != self._memory.account_id:
            self._memory.account_id = account_id
            self._memory.held, self._memory.said = {}, []
            self._save()

    # --- asking -------------------------------------------------------------------------------------------------------

    def refresh(self, placements: Sequence[str], *, prefetch: bool = False) -> bool:
        """Say what was seen, ask, and say the rest. In this order, so that the answer knows what was seen.

        Whether there is an answer. A device that reaches nobody does not ask; one whose events find no database does.
        """
        try:
            self.flush()
            self._ask(placements, prefetch=prefetch)
            self.flush()
        except Unreachable:
            return False
        return True

    def _ask(self, placements: Sequence[str], *, prefetch: bool) -> None:
        memory, asked = self._memory, self._clocks()
        who = {"device_id": memory.device_id} | ({"account_id": memory.account_id} if memory.account_id else {})
        body = who | {"placements": list(placements), "context": self._context, "prefetch": prefetch}
        reply = self._network.post("/v1/decisions", msgspec.json.encode(body))
        if reply.status != 200:
            raise Unreachable(f"decisions answered {reply.status}")
        told = reply.json()
        self._learn_time(instant(told["decided_at"]), asked)
        if memory.account_id != who.get("account_id"):
            return  # somebody logged in or out while it was under way
        for placement, answer in told["placements"].items():
            self._forget(placement)
            if "valid_until" in answer:
                memory.held[placement] = Held(asked, instant(told["decided_at"]), answer, prefetched=prefetch)
        self._save()

    def _learn_time(self, server: int, asked: Reading) -> None:
        """The middle of the round trip is the best guess. What waits for a date gets one, not after now."""
        now = self._clocks()
        middle = Reading((asked.wall + now.wall) // 2, (asked.running + now.running) // 2, now.boot)
        self._memory.anchor = Anchor(server, middle)
        for each in self._memory.queue:
            if each.at is not None:
                each.body["occurred_at"] = text(min(self._memory.anchor.now(each.at), server))
                each.at = None

    def _forget(self, placement: str) -> None:
        old = self._memory.held.pop(placement, None)
        if old is not None:
            gone = {old.answer["token"], *(slot["token"] for slot in old.answer["slots"])}
            self._memory.said = [name for name in self._memory.said if name.partition(" ")[2] not in gone]

    # --- showing ------------------------------------------------------------------------------------------------------

    def show(self, placement: str) -> Shown:
        """What to draw now. That it was seen is on disk before it is drawn: nothing that was seen is lost."""
        held = self._memory.held.get(placement)
        if held is None or not held.valid(self._clocks()) or held.answer["reason"] == "ERROR":
            return self._carried(placement)
        if held.prefetched:
            self._say_once("viewed", held.answer["token"])
        for slot in held.answer["slots"]:
            self._say_once("impression", slot["token"])
        self._save()
        return Shown(tuple(held.answer["slots"]), until=held.until())

    def act(self, kind: str, slot: Mapping[str, Any]) -> None:
        """A click or a dismissal of what was shown."""
        self._say_once(kind, slot["token"])
        self._save()

    def _carried(self, placement: str) -> Shown:
        """Of the bundle: exactly the locale, or else its language; nothing in a country that it is not for."""
        bundle = self._memory.bundle
        if self._context.get("country") not in bundle.get("countries", ()):
            return NOTHING
        locales = bundle["placements"].get(placement, {})
        wanted = str(self._context.get("locale", ""))
        found = locales.get(wanted) or locales.get(wanted.partition("-")[0])
        return Shown((found,), bundled=True) if found else NOTHING

    def renew_bundle(self) -> None:
        """Now and then, while there is a network; unchanged, it costs a line."""
        headers = {"If-None-Match": self._memory.etag} if self._memory.etag else {}
        try:
            reply = self._network.get("/v1/placements/fallbacks", headers)
        except Unreachable:
            return
        if reply.status == 200:
            self._memory.bundle, self._memory.etag = reply.json(), reply.headers["ETag"]
            self._save()

    # --- saying -------------------------------------------------------------------------------------------------------

    def record(self, name: str, properties: Mapping[str, Any]) -> str:
        """A custom event; its id, which is its number on this device, written down with it."""
        memory = self._memory
        memory.numbered += 1
        who = {"account_id": memory.account_id} if memory.account_id else {"device_id": memory.device_id}
        event_id = f"{memory.device_id}:{memory.numbered}"
        event = {"type": "custom", "name": name, "event_id": event_id, "properties": dict(properties)}
        self._enqueue(event | who)
        self._save()
        return event_id

    def _say_once(self, kind: str, token: str) -> None:
        name = f"{kind} {token}"
        if name not in self._memory.said:
            self._memory.said.append(name)
            self._enqueue({"type": kind, "token": token})

    def _enqueue(self, body: dict[str, Any]) -> None:
        reading, anchor = self._clocks(), self._memory.anchor
        known = anchor is not None and anchor.at.boot == reading.boot
        if anchor is not None and known:
            body = body | {"occurred_at": text(anchor.now(reading))}
        self._memory.queue.append(Waiting(body, None if known else reading))

    def flush(self) -> bool:
        """Send what waits, oldest first; whether none is left of what can be dated. Raises Unreachable.

        A batch that is refused whole is halved until the one event is found that nobody can read; that one is dropped.
        """
        size = MOST
        while ready := [each for each in self._memory.queue if each.at is None][:size]:
            if self._clocks().running < self._not_before:
                return False
            reply = self._send(ready)
            if reply.status in (200, 202):
                self._drop(ready)
                self._wait = FIRST_WAIT
            elif reply.status >= 500 or reply.status in KEEP_FOR:
                self._come_again(reply)
                return False
            elif len(ready) > 1:
                size = len(ready) // 2
            else:
                self._drop(ready)
        return True

    def _send(self, events: Sequence[Waiting]) -> Reply:
        """``sent_at`` is by the clock that dated the events, or it is left out: by another it would move them all."""
        reading, anchor = self._clocks(), self._memory.anchor
        body: dict[str, Any] = {"events": [each.body for each in events]}
        if anchor is not None and anchor.at.boot == reading.boot:
            body["sent_at"] = text(anchor.now(reading))
        return self._network.post("/v1/events", msgspec.json.encode(body))

    def _drop(self, events: Sequence[Waiting]) -> None:
        gone = {id(each) for each in events}
        self._memory.queue = [each for each in self._memory.queue if id(each) not in gone]
        self._save()

    def _come_again(self, reply: Reply) -> None:
        """After what the server asks for, or twice as long as last time; spread, so that not all come at once."""
        asked = int(reply.headers.get("Retry-After", "0")) * SECOND
        spread = 1 + unit("wait", f"{self._memory.device_id}:{self._clocks().running}")
        self._not_before = self._clocks().running + int(max(asked, self._wait) * spread)
        self._wait = min(2 * self._wait, LONGEST_WAIT)

    def _save(self) -> None:
        self._disk.write(msgspec.msgpack.encode(self._memory))
