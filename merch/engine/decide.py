"""What does this person see in these placements, now?

The decision, top to bottom, as docs/algorithms/decision.md tells it. Pure: equal inputs give equal answers.
"""

from __future__ import annotations

from collections.abc import Callable

from audiences.tiers import DECISION_ORDER, Tier
from merch.engine import contest, eligibility
from merch.engine.call import Call
from merch.engine.compiled import Candidate, PlacementPlan, Release
from merch.engine.document import Pulse
from merch.engine.eligibility import Objection, first_objection
from merch.engine.facts import Answer, Decision, Request, Subject
from merch.engine.filling import Filling
from merch.engine.reasons import WOULD_HAVE_WON, Reason
from merch.engine.slots import valid_until

ALL = frozenset(Tier)


def decide(
    release: Release, pulse: Pulse, request: Request, subject: Subject | None, now: int, *, explain: bool = False
) -> Decision:
    """Choose what the request's subject sees in each placement asked, at ``now`` (UTC microseconds).

    ``subject`` None means that the record could not be read; an unknown person has an empty one. With ``explain`` every
    candidate is named with its reason, else only those that had earned the slot. Unsigned; records nothing.
    """
    try:
        call = Call(release, pulse, request, subject, now)
    except Exception as error:
        return _broken(release, pulse, request, now, error)
    fillings = [Filling.of(release, asked) for asked in request.placements]
    known = [filling for filling in fillings if filling.plan]
    if len(known) > 1:
        known.sort(key=lambda each: (each.rank, each.slug))
    # Where nobody can match nobody is asked; a subject with something of its own, and who explains, asks everywhere.
    everywhere = explain or not call.plain
    open_to = [(filling, ALL if everywhere else filling.tiers(call)) for filling in known]
    for tier in DECISION_ORDER:
        for filling, tiers in open_to:
            if tier in tiers:
                _guarded(contest.fill, filling, call, tier=tier, explain=explain)
    for filling in known:
        if explain or not filling.number:
            _guarded(_fall_back, filling, call, explain=explain)
    answers = tuple(_answer(filling, call) for filling in fillings)
    return Decision(
        decision_id=request.decision_id,
        release=release.digest,
        pulse=pulse.number,
        decided_at=now,
        answers=answers,
        exposures=tuple(call.exposures),
        errors=tuple(call.errors),
        holds=tuple(call.holds),
    )


def _broken(release: Release, pulse: Pulse, request: Request, now: int, error: Exception) -> Decision:
    """A record that nothing can be made of empties every placement, by name."""
    return Decision(
        decision_id=request.decision_id,
        release=release.digest,
        pulse=pulse.number,
        decided_at=now,
        answers=tuple(
            Answer(placement=asked.placement, reason=Reason.ERROR.value, valid_until=now)
            for asked in request.placements
        ),
        errors=(type(error).__name__,),
    )


def _guarded(step: Callable[..., None], filling: Filling, call: Call, **how: object) -> None:
    """What goes wrong in one placement, outside of any candidate's rows, empties that placement and no other."""
    if filling.failed:
        return
    try:
        step(filling, call, **how)
    except Exception as error:
        call.errors.append(f"{filling.slug}: {type(error).__name__}")
        filling.failed = True


def _fall_back(filling: Filling, call: Call, *, explain: bool) -> None:
    """House content for a placement that nobody filled, unless somebody won it in order to show nothing."""
    if filling.plan is None or contest.closed(filling.plan, call):
        return
    for candidate in filling.plan.fallbacks:
        if filling.winners or filling.nothing:
            if not explain:
                return
            _come_too_late(filling, candidate, call)
            continue
        objection = first_objection(eligibility.OF_A_FALLBACK, candidate, candidate.content, call)
        if objection is None:
            objection = contest.try_to_win(filling, candidate, call)
        if objection is None:
            filling.fallback = True
        elif explain or objection.reason in WOULD_HAVE_WON:
            filling.lose(candidate, objection)


def _come_too_late(filling: Filling, candidate: Candidate, call: Call) -> None:
    objection = first_objection(eligibility.WHEN_FULL_OF_A_FALLBACK, candidate, candidate.content, call)
    filling.lose(candidate, objection or Objection(Reason.OUTRANKED))


def _answer(filling: Filling, call: Call) -> Answer:
    if filling.plan is None:
        return Answer(placement=filling.slug, reason=Reason.UNKNOWN_PLACEMENT.value, valid_until=call.now)
    if not filling.failed:
        try:
            return _filled(filling, filling.plan, call)
        except Exception as error:
            call.errors.append(f"{filling.slug}: {type(error).__name__}")
    return Answer(placement=filling.slug, reason=Reason.ERROR.value, valid_until=call.now)


def _filled(filling: Filling, plan: PlacementPlan, call: Call) -> Answer:
    reason = Reason.EMPTY
    if filling.winners:
        reason = Reason.FALLBACK if filling.fallback else Reason.SELECTED
    return Answer(
        placement=filling.slug,
        reason=reason.value,
        valid_until=valid_until(filling, plan, call),
        slots=tuple([winner.slot for winner in filling.winners]),
        degraded=_degraded(plan, call),
        losses=tuple(filling.losses),
        tests=tuple(call.triggered.get(filling.slug, ())),
        propensity=filling.emptiness * filling.probability(),
    )


def _degraded(plan: PlacementPlan, call: Call) -> tuple[str, ...]:
    if call.readable and not call.request.refused_holds and not call.request.stale_release:
        return ()
    codes = []
    if not call.readable:
        codes.append(Reason.DEGRADED_NO_SUBJECT.value)
    if _counters_missed(plan, call):
        codes.append(Reason.DEGRADED_NO_COUNTERS.value)
    if call.request.stale_release:
        codes.append(Reason.DEGRADED_STALE_RELEASE.value)
    return tuple(codes)


def _counters_missed(plan: PlacementPlan, call: Call) -> bool:
    """Was one of its candidates withheld because the counters of its strict cap could not be asked?"""
    refused = call.request.refused_holds
    missed = {name for name, code in refused.items() if code == Reason.DEGRADED_NO_COUNTERS}
    return bool(missed) and any(candidate.name in missed for candidate in plan.candidates)
