"""What does this subject see, with every place under a strict cap taken before the answer leaves?

One read, then one decision, mostly. Where a strict cap is in play up to three more round trips: take the holds, read
again where the record moved on, take others where one was refused. Told in docs/algorithms/caps.md.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from merch import metrics
from merch.engine.compiled import Release
from merch.engine.decide import decide
from merch.engine.document import Pulse
from merch.engine.facts import Decision, Hold, Request, Subject
from merch.engine.reasons import Reason
from merch.subjects import holds
from merch.subjects.holds import Code, Taken
from merch.subjects.store import Store

MORE_TRIPS = 3


class Settled(NamedTuple):
    """A decision whose holds are taken, and what it was made of: the request says what the store refused."""

    request: Request
    subject: Subject | None
    decision: Decision


def settle(
    release: Release, pulse: Pulse, request: Request, now: int, *, store: Store, life: int = holds.LIFE
) -> Settled:
    """Read, decide, hold. A preview decides without this: it holds nothing."""
    subject = store.read(request.kind, request.key, release.doc.layout)
    decision = decide(release, pulse, request, subject, now)
    if not decision.holds:
        return Settled(request, subject, decision)
    return _Settling(release, pulse, now, store, life, Settled(request, subject, decision)).settled()


class _Settling:
    """One decision on its way to the holds that it needs."""

    def __init__(self, release: Release, pulse: Pulse, now: int, store: Store, life: int, first: Settled) -> None:
        self.release = release
        self.pulse = pulse
        self.now = now
        self.store = store
        self.life = life
        self.request, self.subject, self.decision = first
        self.trips = MORE_TRIPS
        self.mine: dict[str, Hold] = {}  # taken for this answer, by where they lie

    def settled(self) -> Settled:
        while self.trips and (wanted := self._wanted()):
            self.trips -= 1
            taken = self._take(wanted)
            if taken.code == Code.UNKNOWN:
                break
            if taken.code == Code.STALE:
                self._read_again()
            else:
                self._note(wanted, taken)
        if self._wanted():
            self._without_holds()
        return Settled(self.request, self.subject, self.decision)

    def _wanted(self) -> list[Hold]:
        return [hold for hold in self.decision.holds if holds.field(hold) not in self.mine]

    def _take(self, wanted: list[Hold]) -> Taken:
        needed = {holds.field(hold) for hold in self.decision.holds}
        dropped = [self.mine.pop(name) for name in [*self.mine] if name not in needed]
        version = self.subject.record.version if self.subject else 0
        subject = self.request.kind, self.request.key
        try:
            taken = holds.take(self.store, subject, version, wanted, dropped, self.life)
        except OSError:
            metrics.CAP_RESERVATIONS.labels("unreachable").inc()
            return Taken(Code.UNKNOWN)
        if taken.code != Code.TAKEN:
            self.mine |= {holds.field(hold): hold for hold in dropped}
            metrics.CAP_RESERVATIONS.labels(taken.code.name.lower()).inc()
        return taken

    def _note(self, wanted: list[Hold], taken: Taken) -> None:
        self.mine |= {holds.field(hold): hold for hold in wanted if hold.candidate in taken.granted}
        metrics.CAP_RESERVATIONS.labels("taken").inc(len(taken.granted))
        if taken.refused:
            metrics.CAP_RESERVATIONS.labels("refused").inc(len(taken.refused))
            self._refuse(taken.refused, Reason.CAPPED)

    def _read_again(self) -> None:
        """The record moved on: its counts are other ones now."""
        if not self.trips:
            return
        self.trips -= 1
        self.subject = self.store.read(self.request.kind, self.request.key, self.release.doc.layout)
        self._decide()

    def _without_holds(self) -> None:
        """Whatever needs a hold that it did not get is withheld, as its counter was not to be had."""
        held = {hold.candidate for hold in self.mine.values()}
        plans = [self.release.placements.get(asked.placement) for asked in self.request.placements]
        strict = {candidate.name for plan in plans if plan for candidate in plan.candidates if candidate.strict}
        self._refuse(strict - held, Reason.DEGRADED_NO_COUNTERS)
        if self._wanted():  # under another key, since the record was read again
            self._refuse(strict, Reason.DEGRADED_NO_COUNTERS)

    def _refuse(self, names: frozenset[str] | set[str], reason: Reason) -> None:
        known = self.request.refused_holds
        refused = known | {name: reason.value for name in sorted(names) if name not in known}
        self.request = replace(self.request, refused_holds=refused)
        self._decide()

    def _decide(self) -> None:
        self.decision = decide(self.release, self.pulse, self.request, self.subject, self.now)
