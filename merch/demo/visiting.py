"""What did the demo's listeners see in the last weeks, and what did they do with it?

Nothing is invented here that the engine can say: every visit is a decision of the published release, at its moment
and with the record as it was then. So impressions, caps, exposures, holdouts and arms are exactly those that would have
been. Only whether somebody clicks or subscribes is chance; it differs by arm, so that the read-out has a tale to tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from django.db import transaction

from audiences.history import fold_into, session_hash
from audiences.ingest import TOKEN_SOURCE, NewEvent
from audiences.models import BehaviourBits
from audiences.moments import DAY, micros, moment
from audiences.records import Record, Ref, ids_of, locked
from experiments.exposures import ExposureRow, apply_marks, marks_of, record_exposures
from merch.demo.behaviour import active_days, evening
from merch.demo.chance import Chance
from merch.demo.listeners import HOUR, Listener, Subscription
from merch.demo.storing import Progress, chunks, copy_events, ensure_days, subscribe, write_records
from merch.engine.compiled import Release
from merch.engine.decide import decide
from merch.engine.document import Pulse
from merch.engine.facts import Asked, Decision, HistoryCell, Request, Slot, Subject, SubjectRecord
from merch.intake import cells
from merch.intake.book import Book
from merch.tokens import Claims

WEEKS = 20 * DAY
MOST_VISITS = 2
ON_HOME = ("home-hero", "home-shelf", "now-playing-card")
ELSEWHERE = ("home-hero", "account-page", "full-screen")
CLICKS = 0.07
# How many of those who could have been affected subscribe within the week, by what they saw.
TAKERS = {"control": 0.060, "b": 0.092, "nothing": 0.035, "held_out": 0.035}
OFFER_TAKERS = {
    "student-12": 0.05, "trial-7-days": 0.03, "winback-month": 0.05, "winback-3-for-1": 0.045, "winback-half": 0.035,
    "family-upgrade": 0.03, "yearly": 0.02, "stay-half-price": 0.08,
}  # fmt: skip
COUNTRIES = {"SE": "sv-SE", "GB": "en-GB", "US": "en-US", "BR": "pt-BR"}


class World(NamedTuple):
    """What all visits share."""

    release: Release
    pulse: Pulse
    book: Book
    seed: str
    now: int


class Written(NamedTuple):
    """What a listener's visits leave behind."""

    events: list[NewEvent]
    money: list[NewEvent]
    exposures: list[tuple[int, ExposureRow]]


def visit_all(
    people: Sequence[Listener], release: Release, pulse: Pulse, seed: str, *, now: datetime, progress: Progress
) -> None:
    """Every listener's visits, and the records that they leave. All or nothing."""
    world = World(release, pulse, Book(), seed, micros(now))
    with transaction.atomic():
        ensure_days(now)
        for done, chunk in enumerate(chunks(people), 1):
            _visit_chunk(chunk, world, now)
            progress(min(done * 1_000, len(people)))


def _visit_chunk(chunk: Sequence[Listener], world: World, now: datetime) -> None:
    ids = ids_of((Ref("a", person.key) for person in chunk), now=now)
    bits = {
        row.subject_id: int.from_bytes(bytes(row.bits), "little")
        for row in BehaviourBits.objects.filter(subject_id__in=ids.values())
    }
    written = Written([], [], [])
    records = locked(ids.values())
    changed: list[Record] = []
    for person in chunk:
        record = records[ids[Ref("a", person.key)]]
        if _Stay(person, record, bits.get(record.id, 0), world, written).run():
            changed.append(record)
    by_subject = marks_of(record_exposures(written.exposures))
    for id_, marks in by_subject.items():
        apply_marks(records[id_], marks)
    write_records(changed, now=now)
    copy_events(written.events, now=now)
    copy_events(written.money, now=now, money=True)


class _Stay:
    """One listener through the weeks."""

    def __init__(self, person: Listener, record: Record, bits: int, world: World, written: Written) -> None:
        self.person = person
        self.record = record
        self.bits = bits
        self.world = world
        self.written = written
        self.chance = Chance(world.seed, person.key)
        self.coming: tuple[int, Subscription] | None = None
        self.asked = False

    def run(self) -> bool:
        """Whether they came at all; whoever did not leaves nothing."""
        visits = list(self._visits())
        for number, at in enumerate(visits):
            self._subscribe_before(at)
            self._visit(number, at)
        self._subscribe_before(self.world.now)
        return bool(visits)

    def _visits(self) -> Iterator[int]:
        """The moments of their visits: some of the days on which they listened, and for some this very day."""
        since = (self.world.now - WEEKS) // DAY
        days = [day for day in active_days(self.person, self.world.seed, self.world.now) if day >= since]
        wanted = self.chance.within("visits", 1, MOST_VISITS + 1)
        chosen = sorted(sorted(days, key=lambda day: self.chance.of(f"visit {day}"))[:wanted])
        for day in chosen:
            at = evening(self.person, day, self.chance.of(f"visit hour {day}"))
            if at < self.world.now:
                yield at
            elif (self.world.now // DAY) == day:
                # Their evening is still to come: this morning then.
                yield day * DAY + int((self.world.now % DAY) * self.chance.of("this morning"))

    def _visit(self, number: int, at: int) -> None:
        decision = self._decide(number, at)
        subject_id = self.record.id
        for each in decision.exposures:
            row = ExposureRow(
                kind="a", key=self.person.key, test=each.test, version=each.version, arm=each.arm, ghost=each.ghost,
                propensity=each.propensity, at=at, decision_id=UUID(decision.decision_id),
            )  # fmt: skip
            self.written.exposures.append((subject_id, row))
            self._may_subscribe(each.arm, at)
        for answer in decision.answers:
            for slot, shown in enumerate(answer.slots):
                self._shown(decision, answer.placement, slot, shown, at)

    def _decide(self, number: int, at: int) -> Decision:
        record = self.record
        subject = Subject(
            SubjectRecord(
                version=record.version,
                traits={name: (value, said) for name, (value, said) in record.traits.items()},
                consent={name: (given, said) for name, (given, said) in record.consent.items()},
                history=msgspec.convert(record.history, dict[str, HistoryCell]),
                marks={name: (version, arm, said) for name, (version, arm, said) in record.marks.items()},
            ),
            self.bits,
        )
        market = self.person.market
        request = Request(
            decision_id=str(_decision_id(self.person, number, at)),
            kind="a",
            key=self.person.key,
            placements=tuple(
                Asked(slug) for slug in (ELSEWHERE if (number + self.person.number) % 3 == 0 else ON_HOME)
            ),
            context={"country": market, "locale": COUNTRIES[market], "platform": "web"},
        )
        return decide(self.world.release, self.world.pulse, request, subject, at)

    def _pages(self, number: int) -> tuple[str, ...]:
        """Mostly home; every third visit begins with a start of the app and a look at the account."""
        return ELSEWHERE if (number + self.person.number) % 3 == 0 else ON_HOME

    def _shown(self, decision: Decision, placement: str, slot: int, shown: Slot, at: int) -> None:
        claims = Claims(
            decision_id=decision.decision_id, decided_at=at, kind="a", subject_key=self.person.key,
            placement=placement, slot=slot, campaign=shown.campaign, item=shown.item, tier=shown.tier,
            format=shown.format, offer=shown.offer, offer_version=shown.offer_version,
            price_id=shown.quote.price_id if shown.quote else None, session=session_hash(decision.decision_id),
            mechanic=shown.mechanic or "",
        )  # fmt: skip
        self._token_event(claims, "impression", at + 1_000_000)
        if self.chance.of(f"click {decision.decision_id} {placement} {slot}") < CLICKS:
            self._token_event(claims, "click", at + 9_000_000)
        if shown.offer in OFFER_TAKERS and shown.experiment is None:
            self._may_subscribe(shown.offer or "", at)

    def _token_event(self, claims: Claims, kind: str, at: int) -> None:
        if at >= self.world.now:
            return
        fold_into(self.record.history, cells.of_slot(claims, kind), at, claims.session)
        self.written.events.append(
            NewEvent(
                source=TOKEN_SOURCE,
                event_id=f"{claims.decision_id}:{claims.placement}:{claims.slot}:{kind}",
                kind=kind, name=kind, subject_id=self.record.id, occurred_at=at, claimed_at=at,
                day=moment(claims.decided_at).date(),
                properties={
                    "slot": claims.slot, "decision": claims.decision_id, "placement": claims.placement,
                    "campaign": claims.campaign, "item": claims.item, "tier": claims.tier, "format": claims.format,
                    "propensity": claims.propensity,
                } | ({"offer": claims.offer, "offer_version": claims.offer_version} if claims.offer else {}),
            )
        )  # fmt: skip

    def _may_subscribe(self, by: str, at: int) -> None:
        """Chance decides once per listener, by the first thing that could have moved them."""
        rate = TAKERS.get(by, OFFER_TAKERS.get(by))
        if rate is None or self.asked or (by in TAKERS and not self._free()):
            return
        self.asked = True
        if self.chance.of("takes") >= rate:
            return
        when = at + HOUR // 6 + int(self.chance.of("takes when") ** 2 * 6.5 * DAY)
        self.coming = (when, self._subscription(by, when))

    def _free(self) -> bool:
        return bool(self.record.traits["subscription_state"][0] == "FREE")

    def _subscription(self, by: str, at: int) -> Subscription:
        offer = by if by in OFFER_TAKERS else "trial-1-month"
        plan = self.world.book.offers[offer].plan or "individual"
        return Subscription(at, plan, offer, 12 if plan.endswith("yearly") else 1)

    def _subscribe_before(self, at: int) -> None:
        """What was coming has happened: a conversion, and another standing."""
        if self.coming is None or self.coming[0] >= at:
            return
        when, said = self.coming
        self.coming = None
        number = len(self.person.subscriptions)
        self.written.money.append(subscribe(self.record, self.person.key, number, said, self.world.book))
        state = "TRIAL" if said.offer.startswith("trial") else "ACTIVE"
        self.record.traits |= {
            "subscription_state": [state, when], "plan": [said.plan, when], "subscribed_on": [when // DAY, when],
        }  # fmt: skip


def _decision_id(person: Listener, number: int, at: int) -> UUID:
    """A UUID of version 7 form, out of moment and listener, so that a second load makes the same."""
    return UUID(
        int=(at // 1_000) << 80 | 0x7 << 76 | (person.number & 0xFFF) << 64 | 0x2 << 62 | number << 40 | person.number
    )
