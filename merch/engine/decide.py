"""What does this person see in these placements, now?

The decision, top to bottom, as docs/algorithms/decision.md tells it. Pure: equal inputs give equal answers.
"""

from __future__ import annotations

from typing import NamedTuple

from audiences.tiers import Tier
from merch.engine import eligibility
from merch.engine.call import Call
from merch.engine.clock import MICROSECONDS
from merch.engine.compiled import Candidate, Content, PlacementPlan, Release
from merch.engine.composing import choose_locale, fill
from merch.engine.document import Pulse
from merch.engine.eligibility import Objection, first_objection
from merch.engine.facts import Answer, Asked, Decision, Loss, Request, Slot, Subject
from merch.engine.reasons import WOULD_HAVE_WON, Reason
from merch.engine.trigger import Assigned, assign, withheld

PRICED_LIFE = 60 * MICROSECONDS
MOST_SLOTS = 20


def decide(
    release: Release, pulse: Pulse, request: Request, subject: Subject | None, now: int, *, explain: bool = False
) -> Decision:
    """Choose what the request's subject sees in each placement asked, at ``now`` (UTC microseconds).

    ``subject`` None means that the record could not be read; an unknown person has an empty one. With ``explain`` every
    candidate is named with its reason, else only those that had earned the slot. Unsigned; records nothing.
    """
    call = Call(release, pulse, request, subject, now)
    fillings = [_Filling.of(release, asked) for asked in request.placements]
    known = sorted((each for each in fillings if each.plan), key=lambda each: (each.rank, each.slug))
    fill = _fill_and_explain if explain else _fill
    for tier in Tier:
        for filling in known:
            fill(filling, tier, call)
    for filling in known:
        _fall_back(filling, call, explain=explain)
    return Decision(
        decision_id=request.decision_id,
        release=release.digest,
        pulse=pulse.number,
        decided_at=now,
        answers=tuple(_answer(filling, call) for filling in fillings),
        exposures=tuple(call.exposures),
        errors=tuple(call.errors),
    )


class _Filling:
    """One placement of the call while it fills."""

    __slots__ = ("fallback", "losses", "plan", "slots", "slug", "wanted", "winners")

    def __init__(self, slug: str, plan: PlacementPlan | None, wanted: int) -> None:
        self.slug = slug
        self.plan = plan
        self.wanted = wanted
        self.winners: list[_Winner] = []
        self.losses: list[Loss] = []
        self.fallback = False

    @classmethod
    def of(cls, release: Release, asked: Asked) -> _Filling:
        plan = release.placements.get(asked.placement)
        own = plan.doc.slots if plan else 0
        return cls(asked.placement, plan, min(asked.slots or own, MOST_SLOTS))

    @property
    def rank(self) -> int:
        return self.plan.doc.rank if self.plan else 0

    def full(self) -> bool:
        return len(self.winners) >= self.wanted

    def lose(self, candidate: Candidate, objection: Objection) -> None:
        self.losses.append(Loss(candidate.campaign.key, candidate.item.key, objection.reason.value, objection.detail))


class _Winner(NamedTuple):
    candidate: Candidate
    content: Content
    assigned: Assigned | None


def _fill(filling: _Filling, tier: Tier, call: Call) -> None:
    """Candidates of one tier, best first, until the placement is full."""
    if filling.plan is None or filling.full() or _closed(filling.plan, call):
        return
    # The cheapest question first, as nobody asks for the code: whoever misses its rule loses, whatever came before.
    for candidate in filling.plan.matching(tier, call):
        objection = _compete(filling, candidate, call)
        if objection is None and filling.full():
            return
        if objection is not None and objection.reason in WOULD_HAVE_WON:
            filling.lose(candidate, objection)


def _fill_and_explain(filling: _Filling, tier: Tier, call: Call) -> None:
    """The same, and whoever loses is named, also those who come too late."""
    if filling.plan is None or _closed(filling.plan, call):
        return
    for candidate in filling.plan.tiers[tier]:
        if filling.full():
            _come_too_late(filling, candidate, eligibility.WHEN_FULL, call)
            continue
        objection = _compete(filling, candidate, call)
        if objection is not None:
            filling.lose(candidate, objection)


def _compete(filling: _Filling, candidate: Candidate, call: Call) -> Objection | None:
    """All rows; None means that it took a slot."""
    objection = first_objection(eligibility.BEFORE_RANKING, candidate, candidate.content, call)
    return objection or _try_to_win(filling, candidate, call)


def _try_to_win(filling: _Filling, candidate: Candidate, call: Call) -> Objection | None:
    """Rows 13 and 14, for a candidate that has earned the slot; None means that it took it."""
    objection = eligibility.offer_free(candidate, candidate.content, call) or withheld(candidate, call)
    if objection is not None:
        return objection
    assigned = assign(candidate, call)
    if assigned is not None and assigned.content is None:
        return Objection(Reason.VARIANT_EMPTY, f"{assigned.arm.experiment}: {assigned.arm.variant}")
    content = assigned.content if assigned and assigned.content else candidate.content
    _take(filling, candidate, content, assigned, call)
    return None


def _take(filling: _Filling, candidate: Candidate, content: Content, assigned: Assigned | None, call: Call) -> None:
    filling.winners.append(_Winner(candidate, content, assigned))
    if content.offer is not None:
        call.chosen_offers.add(content.offer.doc.key)


def _come_too_late(
    filling: _Filling, candidate: Candidate, questions: tuple[eligibility.Question, ...], call: Call
) -> None:
    """For explain: the first code that holds, though the slots were full before its turn."""
    objection = first_objection(questions, candidate, candidate.content, call)
    filling.lose(candidate, objection or Objection(Reason.OUTRANKED))


def _closed(plan: PlacementPlan, call: Call) -> bool:
    """The placement's contract for a record that cannot be read may be to show nothing."""
    return not call.readable and plan.doc.when_degraded == "EMPTY"


def _fall_back(filling: _Filling, call: Call, *, explain: bool) -> None:
    """House content for a placement that nobody filled."""
    if filling.plan is None or _closed(filling.plan, call):
        return
    for candidate in filling.plan.fallbacks:
        if filling.winners:
            if not explain:
                return
            _come_too_late(filling, candidate, eligibility.WHEN_FULL_OF_A_FALLBACK, call)
            continue
        objection = first_objection(eligibility.OF_A_FALLBACK, candidate, candidate.content, call)
        if objection is None:
            objection = _try_to_win(filling, candidate, call)
        if objection is None:
            filling.fallback = True
        elif explain or objection.reason in WOULD_HAVE_WON:
            filling.lose(candidate, objection)


def _answer(filling: _Filling, call: Call) -> Answer:
    if filling.plan is None:
        return Answer(placement=filling.slug, reason=Reason.UNKNOWN_PLACEMENT.value, valid_until=call.now)
    reason = Reason.EMPTY
    if filling.winners:
        reason = Reason.FALLBACK if filling.fallback else Reason.SELECTED
    return Answer(
        placement=filling.slug,
        reason=reason.value,
        valid_until=_valid_until(filling, filling.plan, call),
        slots=tuple(_slot(winner, call) for winner in filling.winners),
        degraded=_degraded(call),
        losses=tuple(filling.losses),
        tests=tuple(call.triggered.get(filling.slug, ())),
    )


def _degraded(call: Call) -> tuple[str, ...]:
    codes = []
    if not call.readable:
        codes.append(Reason.DEGRADED_NO_SUBJECT.value)
    if call.request.stale_release:
        codes.append(Reason.DEGRADED_STALE_RELEASE.value)
    return tuple(codes)


def _slot(winner: _Winner, call: Call) -> Slot:
    candidate, content, assigned = winner
    locale = choose_locale(content.creative, call.locale) or content.creative.default_locale
    offer = content.offer.doc if content.offer else None
    return Slot(
        campaign=candidate.campaign.key,
        item=candidate.item.key,
        tier=candidate.campaign.tier,
        creative=content.creative.key,
        locale=locale,
        format=content.creative.format,
        fields=fill(content.creative.locales[locale], eligibility.amounts(content, locale, call)),
        offer=offer.key if offer else None,
        offer_version=offer.version if offer else None,
        mechanic=offer.mechanic if offer else None,
        quote=eligibility.quote(content, call),
        experiment=assigned.arm.experiment if assigned else None,
        variant=assigned.arm.variant if assigned else None,
        propensity=assigned.arm.propensity if assigned else 1.0,
    )


def _valid_until(filling: _Filling, plan: PlacementPlan, call: Call) -> int:
    """At most a minute where a price is shown; never past the end of a price or a flight."""
    until = call.now + plan.doc.max_age * MICROSECONDS
    for winner in filling.winners:
        ends = [until, winner.candidate.flight.instants(call.zone)[1]]
        if winner.content.priced:
            ends += [call.now + PRICED_LIFE, _price_end(winner.content, call)]
        until = min(end for end in ends if end is not None)
    return until


def _price_end(content: Content, call: Call) -> int | None:
    price = eligibility.price(content, call)
    return price.end if price else None
