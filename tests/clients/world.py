"""What happens to devices: people pick them up, networks and batteries fail, clocks are set wrong, prices change?

The server is the real one beneath HTTP, which is told the time; the rest is made up, the same every time from a number.
What truly happened is written down here, to be compared with what the server learned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from audiences.hashing import unit
from audiences.moments import DAY, SECOND, micros, moment
from merch.api.rest.decisions import DecisionsView
from merch.api.rest.events import EventsView
from merch.api.rest.hot import Call
from merch.engine.bundle import bundle
from merch.engine.compiled import Release
from merch.engine.document import CapDoc, CreativeDoc, PlacementDoc, PriceDoc, TermsDoc
from merch.keys import Caller, Scope
from merch.releases.serving import serving
from merch.tokens import verify
from tests.clients.device import NOTHING, Device, Reply, Shown, Unreachable
from tests.clients.memory import Memory, Reading, instant
from tests.merch.engine.documents import KRONOR, campaign, item, offer, ready, with_offer

BEGIN = micros(datetime(2026, 11, 1, tzinfo=UTC))
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
CAP, WINDOW = 3, 7 * DAY
OFFLINE, LOST, KILLED, BOOTED, SET, SWITCHED = 0.40, 0.05, 0.04, 0.03, 0.05, 0.02
SWEDE = {"country": "SE", "locale": "sv-SE"}
CALLER = Caller(Scope.CLIENT, 1, "app")


class Killed(Exception):
    """The app is gone, with all that was not on disk."""


class Draws:
    """Pseudo-chance: the same numbers from the same name."""

    def __init__(self, name: str) -> None:
        self._name, self._count = f"clients:{name}", 0

    def unit(self) -> float:
        self._count += 1
        return unit(self._name, str(self._count))

    def happens(self, probability: float) -> bool:
        return self.unit() < probability

    def between(self, low: int, high: int) -> int:
        return low + int(self.unit() * (high - low))


def release_of(days: int) -> Release:
    """News without a price, three times in seven days; a plan whose price changes half way; house content."""
    change = change_of(days)
    prices = (
        PriceDoc(id=1, amount=11_900, period="P1M", start=0, end=change),
        PriceDoc(id=2, amount=12_900, period="P1M", start=change),
    )
    sold = offer("plus", mechanic="UPGRADE", terms=TermsDoc())
    priced = CreativeDoc(key="hero", format="hero", locales={"sv-SE": {"title": "{price}"}})
    bar = (item("bar", placement="bar", offer="plus@1"),)
    return ready(
        campaign("news", priority=90, caps=(CapDoc(scope="CAMPAIGN", event="impression", limit=CAP, window=WINDOW),)),
        with_offer("plus", sold, items=bar, creatives={"hero": priced}),
        campaign("house", tier="HOUSE", fallback=True, items=(item(), item("bar", placement="bar"))),
        placements={
            "home": PlacementDoc(rank=1, format="hero", slots=1, max_age=DAY // SECOND),
            "bar": PlacementDoc(rank=2, format="hero", slots=1, max_age=DAY // SECOND),
        },
        prices={"premium": {"SE": prices}},
        money={"sv-SE": {"SEK": KRONOR}},
    )  # fmt: skip


def change_of(days: int) -> int:
    """When the price changes: a midnight of Stockholm."""
    return BEGIN + days // 2 * DAY - HOUR


class Sighting(NamedTuple):
    """An impression as it truly was."""

    at: int
    phone: int
    subject: str
    campaign: str


class Truth(Struct):
    """What happened, whoever learned of it."""

    seen: dict[str, Sighting] = {}  # by the id that the server should know it by
    opened: set[str] = set()
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    wrong: list[str] = []


class Phone:
    """The hardware of one device, with what becomes of it."""

    def __init__(self, number: int, world: World) -> None:
        self.number, self.world = number, world
        self.draws = Draws(f"phone-{number}")
        self.raw = number % 4 == 3  # another maker's client, which sends its wall clock as it is
        self.skew = self.draws.between(-DAY, DAY + 1) if number % 5 else (DAY, -DAY)[number % 2]
        self.boot, self.booted = 0, BEGIN - self.draws.between(0, DAY)
        self.account: str | None = None if number % 10 == 9 else f"acc-{number - number % 2}"
        self.kept = msgspec.msgpack.encode(Memory(f"dev-{number}", self.account))
        self.online, self.unlucky = True, False
        self.app = self.start()

    def start(self) -> Device:
        return Device(self, self, self.clocks, SWEDE)

    def clocks(self) -> Reading:
        now = self.world.now
        return Reading(now + self.skew, now - self.booted, str(self.boot))

    # --- as a disk ----------------------------------------------------------------------------------------------------

    def read(self) -> bytes:
        return self.kept

    def write(self, data: bytes) -> None:
        if self.unlucky and self.draws.happens(KILLED):
            raise Killed
        self.kept = data

    # --- as a network -------------------------------------------------------------------------------------------------

    def post(self, path: str, body: bytes) -> Reply:
        self._under_way()
        reply = self.world.post(path, self._as_sent(body))
        self.world.truth.counts[f"{path} answered"] += 1
        self._under_way()
        return reply

    def get(self, path: str, headers: Mapping[str, str]) -> Reply:
        self._under_way()
        return self.world.bundled()

    def _under_way(self) -> None:
        """Up to ten seconds in either direction, if it arrives, and if the app lives to see it."""
        self.world.now += self.draws.between(SECOND // 20, 10 * SECOND)
        if not self.online or (self.unlucky and self.draws.happens(LOST)):
            raise Unreachable
        if self.unlucky and self.draws.happens(KILLED):
            raise Killed

    def _as_sent(self, body: bytes) -> bytes:
        """What a client without our correction of clocks sends: everything by its wall clock."""
        sent = msgspec.json.decode(body)
        if self.raw and "events" in sent:
            sent["sent_at"] = moment(self.world.now + self.skew).isoformat()
            for event in sent["events"]:
                event["occurred_at"] = moment(instant(event["occurred_at"]) + self.skew).isoformat()
        return msgspec.json.encode(sent)


class World:
    """Devices, their people and the server, in order of time."""

    def __init__(self, phones: int, days: int) -> None:
        self.days, self.now = days, BEGIN
        self.release, self.change = release_of(days), change_of(days)
        self.truth = Truth()
        self.phones = [Phone(number, self) for number in range(phones)]

    def post(self, path: str, body: bytes) -> Reply:
        door = {"/v1/decisions": DecisionsView, "/v1/events": EventsView}[path]()
        status, answer = door.answer(body, Call(CALLER, moment(self.now), {}))
        if path == "/v1/events":
            receipt = msgspec.json.decode(answer)
            self.truth.counts["duplicates"] += receipt["duplicates"]
            self.truth.wrong += [f"rejected: {each['code']}" for each in receipt["rejected"]]
        return Reply(status, answer, {})

    def bundled(self) -> Reply:
        found = bundle(self.release, serving.current().pulse.kills, self.now)
        return Reply(200, msgspec.json.encode(found._asdict()), {"ETag": '"1"'})

    # --- the days -----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        for phone in self.phones:
            self.alive(phone, phone.app.renew_bundle)
            phone.unlucky = True
        for at, phone in self.sittings():
            self.now = at
            self.befall(phone)
            self.sitting(phone)
        self.now = BEGIN + self.days * DAY
        for phone in self.phones:
            phone.unlucky, phone.online = False, True
            self.now += MINUTE
            phone.app.refresh(("home", "bar"))

    def sittings(self) -> list[tuple[int, Phone]]:
        """Four a day, at any hour, and one that lasts over the change of the price."""
        found = [(self.change - 30 * SECOND + phone.number * SECOND // 10, phone) for phone in self.phones]
        for phone in self.phones:
            found += [(BEGIN + day * DAY + phone.draws.between(0, DAY), phone)
                      for day in range(self.days) for _ in range(4)]  # fmt: skip
        return sorted(found, key=lambda each: (each[0], each[1].number))

    def befall(self, phone: Phone) -> None:
        """Between two sittings anything may have happened."""
        phone.online = not phone.draws.happens(OFFLINE)
        self.truth.counts["sittings"] += 1
        self.truth.counts["offline"] += not phone.online
        if phone.draws.happens(BOOTED):
            phone.boot, phone.booted = phone.boot + 1, self.now - MINUTE
            phone.app = phone.start()
        if phone.draws.happens(SET) and not phone.raw:
            phone.skew = phone.draws.between(-DAY, DAY + 1)
            self.truth.counts["clocks set"] += 1
        if phone.draws.happens(SWITCHED):
            phone.account = f"guest-{phone.draws.between(0, 10**6)}"
            self.alive(phone, lambda: phone.app.log_in(phone.account))
            self.truth.counts["accounts switched"] += 1

    def sitting(self, phone: Phone) -> None:
        """Opened, looked at now and again over a few minutes, put away."""
        self.alive(phone, lambda: phone.app.refresh(("home", "bar"), prefetch=phone.number % 3 == 0))
        opened = self.alive(phone, lambda: phone.app.record("open", {}))
        if opened is not None:
            self.truth.opened.add(opened)
        for pause in (0, 20 * SECOND, 50 * SECOND, 5 * MINUTE):
            self.now += pause
            for placement in ("home", "bar"):
                shown = self.alive(phone, lambda placement=placement: phone.app.show(placement))
                self.look(phone, placement, shown or NOTHING)
        if phone.draws.happens(0.5):
            self.alive(phone, phone.app.flush)

    def alive(self, phone: Phone, does: Any) -> Any:
        """What it does; nothing, where there is no network or the app is killed, which is then started again."""
        try:
            return does()
        except Unreachable:
            return None
        except Killed:
            self.truth.counts["killed"] += 1
            phone.app = phone.start()
            if phone.account != msgspec.msgpack.decode(phone.kept, type=Memory).account_id:
                phone.unlucky, was = False, phone.unlucky
                phone.app.log_in(phone.account)
                phone.unlucky = was
            return None

    # --- what a person sees -------------------------------------------------------------------------------------------

    def look(self, phone: Phone, placement: str, shown: Shown) -> None:
        truth, subject = self.truth, f"a:{phone.account}" if phone.account else f"d:dev-{phone.number}"
        truth.counts["bundled" if shown.bundled else "answers" if shown.slots else "nothing"] += 1
        for slot in () if shown.bundled else shown.slots:
            claims = verify(slot["token"])
            if f"{claims.kind}:{claims.subject_key}" != subject:
                truth.wrong.append(f"{subject} saw what was decided for {claims.kind}:{claims.subject_key}")
            name = f"{claims.decision_id}:{placement}:{claims.slot}:impression"
            truth.seen.setdefault(name, Sighting(self.now, phone.number, subject, slot["campaign"]))
            if "quote" in slot:
                self.look_at_price(phone, slot)

    def look_at_price(self, phone: Phone, slot: Mapping[str, Any]) -> None:
        self.truth.counts["prices"] += 1
        self.truth.counts["prices near the change"] += abs(self.now - self.change) < 10 * MINUTE
        right = "119,00 kr" if self.now < self.change else "129,00 kr"
        if slot["creative"]["fields"]["title"] != right:
            self.truth.wrong.append(f"phone {phone.number} showed an expired price at {moment(self.now)}")

    def overshoots(self) -> Iterator[tuple[str, int, int]]:
        """(subject, how many sightings of the capped campaign beyond the cap within its window, its devices)."""
        by_subject: dict[str, list[Sighting]] = {}
        for sighting in self.truth.seen.values():
            if sighting.campaign == "news":
                by_subject.setdefault(sighting.subject, []).append(sighting)
        for subject, sightings in by_subject.items():
            times = sorted(each.at for each in sightings)
            # A clock may be wrong by the stated bound even after it is corrected.
            most = max(sum(after - WINDOW + MINUTE < at <= after for at in times) for after in times)
            yield subject, max(most - CAP, 0), len({each.phone for each in sightings})
