"""Does the reference client keep each rule of docs/howto/clients.md by itself?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from audiences.moments import DAY, SECOND
from tests.clients.device import NOTHING, Device, Reply, Shown, Unreachable
from tests.clients.memory import Memory, Reading, text

SERVER = 1_795_348_800_000_000  # the server's time when a test begins
HOUSE = {"format": "hero", "fields": {"title": "House"}}
BUNDLE = {"countries": ["SE"], "placements": {"home": {"sv-SE": HOUSE}, "bar": {"en": HOUSE}}}


class Bench:
    """A device on the bench: its clocks, its disk, and a network that answers as it is told."""

    def __init__(self) -> None:
        self.skew, self.now, self.boot, self.booted = -DAY, SERVER, "one", SERVER - 60 * SECOND
        self.kept = msgspec.msgpack.encode(Memory("dev", "ann", bundle=BUNDLE))
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[Callable[[dict[str, Any]], Reply]] = []
        self.device = self.start()

    def start(self, country: str = "SE") -> Device:
        self.device = Device(self, self, self.clocks, {"country": country, "locale": "sv-SE"})
        return self.device

    def clocks(self) -> Reading:
        return Reading(self.now + self.skew, self.now - self.booted, self.boot)

    def restart(self) -> None:
        """Off and on again: the running clock begins anew."""
        self.boot, self.booted = self.boot + "+", self.now
        self.start()

    def read(self) -> bytes:
        return self.kept

    def write(self, data: bytes) -> None:
        self.kept = data

    def get(self, path: str, headers: Mapping[str, str]) -> Reply:
        self.sent.append((path, dict(headers)))
        return Reply(304 if headers else 200, b"{}" if headers else msgspec.json.encode(BUNDLE), {"ETag": '"x"'})

    def post(self, path: str, body: bytes) -> Reply:
        said = msgspec.json.decode(body)
        self.sent.append((path, said))
        if path == "/v1/decisions":
            return self.decided(said)
        return self.answers.pop(0)(said) if self.answers else Reply(200, b"{}", {})

    def decided(self, said: dict[str, Any]) -> Reply:
        number = len(self.sent)
        slot = {"token": f"slot-{number}", "campaign": "news"}
        answer = {"reason": "SELECTED", "valid_until": text(self.now + 60 * SECOND), "token": f"whole-{number}"}
        placements = {name: answer | {"slots": [slot]} for name in said["placements"]}
        body = {"decided_at": text(self.now), "placements": placements}
        return Reply(200, msgspec.json.encode(body), {})

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for path, said in self.sent if path == "/v1/events" for event in said["events"]]

    @property
    def waiting(self) -> list[str]:
        return [each.body["type"] for each in msgspec.msgpack.decode(self.kept, type=Memory).queue]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_what_is_asked_is_shown_until_a_moment_before_it_ends(bench: Bench) -> None:
    assert bench.device.refresh(["home"])

    bench.now += 59 * SECOND
    assert bench.device.show("home").slots[0]["campaign"] == "news"
    bench.now += SECOND
    assert bench.device.show("home") == Shown((HOUSE,), bundled=True)


@pytest.mark.parametrize("skew", [-DAY, 0, DAY, 3650 * DAY])
def test_the_wall_clock_prolongs_nothing(bench: Bench, skew: int) -> None:
    bench.device.refresh(["home"])
    bench.skew = skew

    assert not bench.device.show("home").bundled
    bench.now += 61 * SECOND
    assert bench.device.show("home").bundled


def test_nothing_outlives_a_boot_but_an_app_that_is_killed_goes_on(bench: Bench) -> None:
    bench.device.refresh(["home"])

    assert not bench.start().show("home").bundled
    bench.restart()
    assert bench.device.show("home").bundled


def test_what_was_seen_is_on_disk_before_it_is_drawn_and_said_once(bench: Bench) -> None:
    bench.device.refresh(["home"])

    slot, *_ = [bench.device.show("home").slots[0] for _ in range(3)]
    assert bench.waiting == ["impression"]
    bench.device.act("click", slot)
    bench.start().refresh(["home"])
    assert [event["type"] for event in bench.events] == ["impression", "click"]
    assert bench.waiting == []


def test_a_prefetched_answer_says_viewed_when_it_comes_into_view(bench: Bench) -> None:
    bench.device.refresh(["home"], prefetch=True)
    assert bench.waiting == []

    bench.device.show("home")

    assert bench.waiting == ["viewed", "impression"]
    assert bench.sent[0][1]["prefetch"] is True


def test_after_somebody_else_logs_in_nothing_of_the_last_one_is_shown(bench: Bench) -> None:
    bench.device.refresh(["home"])
    bench.device.show("home")

    bench.device.log_in("bob")

    assert bench.device.show("home").bundled
    assert bench.start().show("home").bundled, "after a restart neither"
    assert bench.waiting == ["impression"], "what waits is not lost"
    bench.device.refresh(["home"])
    assert [said.get("account_id") for path, said in bench.sent if path == "/v1/decisions"] == ["ann", "bob"]
    assert not bench.device.show("home").bundled


def test_an_answer_that_comes_after_somebody_else_logged_in_is_thrown_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = bench.decided

    def slowly(said: dict[str, Any]) -> Reply:
        bench.device.log_in(None)
        return answer(said)

    monkeypatch.setattr(bench, "decided", slowly)
    bench.device.refresh(["home"])

    assert bench.device.show("home").bundled


def test_what_is_seen_is_said_before_the_next_question(bench: Bench) -> None:
    bench.device.refresh(["home"])
    bench.device.show("home")
    bench.device.refresh(["home"])

    assert [path for path, _ in bench.sent] == ["/v1/decisions", "/v1/events", "/v1/decisions"]


def test_a_retry_is_the_same_events(bench: Bench) -> None:
    def lost(said: dict[str, Any]) -> Reply:
        raise Unreachable

    bench.device.refresh(["home"])
    bench.device.show("home")
    bench.answers = [lost]
    assert bench.device.refresh(["home"]) is False
    bench.now, bench.skew = bench.now + 600 * SECOND, DAY
    bench.start().refresh(["home"])

    first, second = bench.events
    assert first == second
    assert bench.waiting == []


def test_a_server_in_trouble_is_left_alone_for_as_long_as_it_asks(bench: Bench) -> None:
    bench.device.refresh(["home"])
    bench.device.show("home")
    bench.answers = [lambda said: Reply(503, b"", {"Retry-After": "3"})]

    assert bench.device.refresh(["home"]), "decisions need no database, so it asks all the same"
    bench.now += 2 * SECOND
    assert bench.device.flush() is False
    assert len(bench.events) == 1
    bench.now += 4 * SECOND
    assert bench.device.flush() is True
    assert len(bench.events) == 2


def test_one_event_that_nobody_can_read_holds_up_no_other(bench: Bench) -> None:
    def picky(said: dict[str, Any]) -> Reply:
        bad = any(event.get("event_id") == "dev:3" for event in said["events"])
        bench.answers.append(picky)
        return Reply(400 if bad else 200, b"{}", {})

    bench.device.refresh(["home"])
    bench.answers = [picky]
    for _ in range(7):
        bench.device.record("open", {})
    assert bench.device.flush() is True

    arrived = [said for path, said in bench.sent if path == "/v1/events"]
    good = [e["event_id"] for said in arrived for e in said["events"] if e["event_id"] != "dev:3"]
    assert set(good) == {f"dev:{number}" for number in (1, 2, 4, 5, 6, 7)}
    assert bench.waiting == []


def test_what_happens_before_the_time_is_known_is_dated_when_it_is(bench: Bench) -> None:
    bench.device.record("open", {})
    bench.device.flush()
    assert bench.events == [], "nothing is sent by a clock that nobody checked"

    bench.now += 3600 * SECOND
    bench.device.refresh(["home"])

    (event,) = bench.events
    assert event["occurred_at"] == text(SERVER)


def test_in_a_new_boot_what_was_dated_goes_without_the_time_of_a_clock_that_nobody_checked(bench: Bench) -> None:
    bench.device.refresh(["home"])
    bench.device.show("home")
    bench.restart()
    bench.skew = DAY

    bench.device.flush()

    said = [said for path, said in bench.sent if path == "/v1/events"]
    assert [sorted(each) for each in said] == [["events"]]
    assert said[0]["events"][0]["occurred_at"] == text(SERVER)


@pytest.mark.parametrize(
    ("country", "placement", "shown"),
    [("SE", "home", Shown((HOUSE,), bundled=True)), ("SE", "bar", NOTHING), ("NO", "home", NOTHING)],
    ids=["its-locale", "another-language", "a-country-it-is-not-for"],
)
def test_what_is_carried_is_for_its_countries_and_locales(
    bench: Bench, country: str, placement: str, shown: Shown
) -> None:
    assert bench.start(country).show(placement) == shown


def test_an_unchanged_bundle_is_not_taken_again(bench: Bench) -> None:
    bench.device.renew_bundle()
    bench.device.renew_bundle()

    assert bench.sent == [("/v1/placements/fallbacks", {}), ("/v1/placements/fallbacks", {"If-None-Match": '"x"'})]
    assert bench.device.show("home") == Shown((HOUSE,), bundled=True)
