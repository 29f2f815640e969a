"""What holds for all candidates of one call?

Market, zone, law and the rule environment are worked out once; each candidate only looks them up.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import partial
from typing import Any

from audiences.history import session_hash
from audiences.rules import Env
from merch.engine import places
from merch.engine.caps import Limits
from merch.engine.clock import day_start
from merch.engine.compiled import Candidate, Content, ReadyRule, Release
from merch.engine.document import MarketDoc, Pulse, ZoneTable
from merch.engine.facts import GrantFact, HistoryCell, Hold, PinFact, Quote, Request, Subject, SubjectRecord
from merch.engine.index import Found
from merch.engine.law import Law, age_on
from merch.engine.windows import Moment

MARKET, TIME_ZONE, BIRTH_DATE = "market", "time_zone", "birth_date"
PERSONALISATION = "personalisation"
HOUR = "hour"
DEVICE = "d"  # a subject that nobody has logged into
SESSION_ID = "session_id"
NOWHERE = ""  # the code of no market
UTC_TABLE = ZoneTable(instants=(0,), offsets=(0,))
EMPTY_RECORD = SubjectRecord()
NO_PINS: Mapping[str, tuple[str, PinFact]] = {}
NO_GRANTS: Mapping[str, GrantFact] = {}
NOBODY: frozenset[str] = frozenset()


class HistoryView:
    """The record's history under the keys that rules use: (scope, key, happening)."""

    __slots__ = ("cells",)

    def __init__(self, cells: Mapping[str, HistoryCell]) -> None:
        self.cells = cells

    def get(self, key: tuple[str, str, str], default: None = None) -> HistoryCell | None:
        """The cell, or None where nothing was ever counted."""
        return self.cells.get("|".join(key), default)


class Call:
    """One decision in the making: the inputs, what follows from them, and what has been chosen so far."""

    __slots__ = (
        "_moment",
        "billing",
        "billing_market",
        "chosen_categories",
        "chosen_limits",
        "chosen_offers",
        "env",
        "errors",
        "exposures",
        "found",
        "grants",
        "holds",
        "law",
        "locale",
        "now",
        "pinned_groups",
        "pins",
        "places",
        "plain",
        "preferring",
        "pulse",
        "quotes",
        "readable",
        "record",
        "release",
        "request",
        "settled",
        "tests",
        "triggered",
        "zone",
    )

    def __init__(self, release: Release, pulse: Pulse, request: Request, subject: Subject | None, now: int) -> None:
        self.release = release
        self.pulse = pulse
        self.request = request
        self.now = now
        self.readable = subject is not None
        self.record = subject.record if subject else EMPTY_RECORD
        traits = _with_overrides(self.record.traits, request.traits, now)
        account, visited = _markets(release, traits, request.context)
        self.billing = account if account is not None else visited
        self.billing_market: MarketDoc | None = release.markets.get(self.billing or "")
        self.zone = _zone(release, traits, self.billing_market, request)
        today, began, hour = release.local_day(self.zone, now)
        self.law = self._law(account, visited, traits, today)
        self.locale = _locale(request.context, self.billing_market)
        self.env = Env(
            traits, _with_hour(request.context, hour), HistoryView(self.record.history),
            subject.bits if subject else 0, request.key, now, today, began, partial(day_start, self.zone),
        )  # fmt: skip
        self.pins = self._live_pins() if self.record.pins else NO_PINS
        self.pinned_groups = {pin.plan_group for _, pin in self.pins.values() if pin.plan_group}
        self.grants = self._live_grants() if self.record.grants else NO_GRANTS
        self.chosen_offers: set[str] = set()
        self.chosen_categories: set[str] = set()
        self.chosen_limits: list[Limits] = []  # of what would be counted when it is seen
        self.holds: list[Hold] = []
        self._moment: Moment | None = None
        self.settled: set[str] = set()  # experiments that an earlier slot of this call has drawn
        self.tests: set[str] = set()
        self.triggered: dict[str, list[str]] = {}  # placement -> tests that could have changed what it shows
        self.exposures: list[Any] = []
        self.errors: list[str] = []
        self.quotes: dict[int, Quote | None] = {}  # id of an offer's document -> what it costs
        self.found: dict[str, Found] = {}  # placement -> who may match
        self.places = self._places() if release.journeys.by_key else places.NOWHERE
        self.preferring = places.preferring(self.places) if self.places else NOBODY
        self.plain = not (self.pins or self.grants or self.preferring)  # nothing of the subject's own changes the order

    def _places(self) -> Mapping[str, places.Place]:
        return places.places(
            self.release.journeys, self.record.journeys, self.env.traits, self.zone, self.now, self._holds
        )

    def silenced(self, candidate: Candidate) -> str | None:
        """Which journey and step keep this candidate quiet now."""
        return places.silenced(candidate, self.places) if self.places else None

    def place_of(self, candidate: Candidate) -> places.Place | None:
        """Where the subject stands in the journey of this candidate's campaign."""
        return self.places.get(candidate.campaign.journey or "") if self.places else None

    def _holds(self, rule: ReadyRule) -> bool | None:
        """A rule of a journey that raises neither lets in nor keeps in."""
        try:
            return rule.holds(self.env)
        except Exception as error:
            self.errors.append(f"journey: {type(error).__name__}")
            return None

    def _law(self, account: str | None, visited: str | None, traits: Mapping[str, Any], today: int) -> Law:
        try:
            age = self._age(traits, today)
        except (TypeError, ValueError, OverflowError):
            # An age that cannot be read is worse than an unknown one.
            return Law(blocked=True)
        given = self.record.consent.get(PERSONALISATION)
        consent = given[0] if given else None
        return self.release.law_for(account, visited, age, consent)

    def _age(self, traits: Mapping[str, Any], today: int) -> int | None:
        """Whole years; None where it is not known, not any more, or only from tomorrow on."""
        if not _fresh(self.release, traits, BIRTH_DATE, self.now):
            return None
        born = traits[BIRTH_DATE][0]
        return age_on(born, today) if born <= today else None

    def _live_pins(self) -> dict[str, tuple[str, PinFact]]:
        """By offer: the pin's name and the pin. That of a killed campaign holds nobody to what cannot be shown."""
        return {
            pin.offer.partition("@")[0]: (name, pin)
            for name, pin in sorted(self.record.pins.items())
            if pin.start <= self.now < pin.end and pin.campaign not in self.pulse.kills
        }

    def _live_grants(self) -> dict[str, GrantFact]:
        """By offer; the one that ends last, where several hold."""
        live = [
            grant
            for grant in self.record.grants
            if grant.start <= self.now and (grant.end is None or self.now < grant.end)
        ]
        return {
            grant.offer: grant for grant in sorted(live, key=lambda each: (each.end is None, each.end or 0, each.key))
        }

    def preferred(self, candidate: Candidate) -> bool:
        """Does a step of a journey that the subject is at prefer its campaign?"""
        return candidate.campaign.key in self.preferring

    def pin_of(self, content: Content) -> PinFact | None:
        """The pin that holds this content's offer, if one does."""
        if not self.pins or content.offer is None:
            return None
        held = self.pins.get(content.offer.doc.key)
        return held[1] if held else None

    def pin_for(self, candidate: Candidate, content: Content) -> tuple[str | None, PinFact | None, int | None]:
        """Name and pin that hold what is shown; or the name, and until when a first impression will pin it."""
        if content.offer is None:
            return None, None, None
        held = self.pins.get(content.offer.doc.key)
        if held is not None:
            return held[0], held[1], None
        campaign, place = candidate.campaign, self.place_of(candidate)
        length = place.step.pin if campaign.pin is None and place and place.step else campaign.pin
        if length is None:
            return None, None, None
        name = f"journey|{campaign.journey}" if campaign.journey else f"campaign|{campaign.key}"
        return name, None, self.now + length

    def grant_of(self, content: Content) -> GrantFact | None:
        """The grant of this content's offer, if there is one."""
        if not self.grants or content.offer is None:
            return None
        return self.grants.get(content.offer.doc.key)

    def choose(self, content: Content) -> None:
        """One offer once per call, and one of an exclusive category."""
        self.chosen_limits.append(content.limits)
        if content.offer is None:
            return
        self.chosen_offers.add(content.offer.doc.key)
        if content.offer.doc.category:
            self.chosen_categories.add(content.offer.doc.category)

    @property
    def moment(self) -> Moment:
        """Now, as windows count it."""
        if self._moment is None:
            session = session_hash(str(self.request.context.get(SESSION_ID, "")))
            self._moment = Moment(self.now, self.zone, self.env.today, self.env.day_start, session)
        return self._moment

    def fork(self) -> Call:
        """As it stands, to try something out: what is chosen, exposed or found wrong in it stays in it."""
        other = copy(self)
        other.chosen_offers, other.chosen_categories = set(self.chosen_offers), set(self.chosen_categories)
        other.chosen_limits, other.holds = list(self.chosen_limits), list(self.holds)
        other.settled, other.tests = set(self.settled), set(self.tests)
        other.triggered = {slug: list(tests) for slug, tests in self.triggered.items()}
        other.exposures, other.errors = list(self.exposures), list(self.errors)
        return other

    def fresh(self, trait: str) -> bool:
        """Known, and not stale: what ``requires`` asks."""
        return _fresh(self.release, self.env.traits, trait, self.now)


def _fresh(release: Release, traits: Mapping[str, tuple[Any, int]], name: str, now: int) -> bool:
    known = traits.get(name)
    if known is None:
        return False
    definition = release.traits.get(name)
    if definition is None or definition.tolerated_age is None or definition.keep_stale:
        return True
    return now - known[1] <= definition.tolerated_age


def _with_overrides(
    stored: dict[str, tuple[Any, int]], overrides: Mapping[str, Any], now: int
) -> Mapping[str, tuple[Any, int]]:
    if not overrides:
        return stored
    return stored | {name: (value, now) for name, value in overrides.items()}


def _markets(
    release: Release, traits: Mapping[str, tuple[Any, int]], context: Mapping[str, Any]
) -> tuple[str | None, str | None]:
    """The account's market as it says (known to us or not), and the one that the request comes from.

    What is not even a text comes out as a market that nobody knows, so that the law blocks.
    """
    declared, country = traits.get(MARKET), context.get("country")
    visited = None if country is None else NOWHERE
    if isinstance(country, str):
        visited = release.market_of_country.get(country.upper())
    return (str(declared[0]) if declared else None), visited


def _zone(
    release: Release, traits: Mapping[str, tuple[Any, int]], market: MarketDoc | None, request: Request
) -> ZoneTable:
    """The declared zone, else the market's; UTC where neither is known. A device is where its request says.

    An account is not: it would meet a start once more on every journey.
    """
    declared = traits.get(TIME_ZONE)
    name = declared[0] if declared else request.context.get(TIME_ZONE) if request.kind == DEVICE else None
    if isinstance(name, str) and name in release.tables:
        return release.tables[name]
    return release.tables.get(market.time_zone, UTC_TABLE) if market else UTC_TABLE


def _with_hour(context: Mapping[str, Any], hour: int) -> Mapping[str, Any]:
    """``hour`` is the account's local hour unless the client says otherwise."""
    return context if HOUR in context else {**context, HOUR: hour}


def _locale(context: Mapping[str, Any], market: MarketDoc | None) -> str:
    wanted = context.get("locale")
    if wanted:
        return str(wanted)
    return market.default_locale if market else ""
