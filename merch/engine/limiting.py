"""Has it been shown enough, and which holds must it take before it is shown?

Row 11 of the decision: caps, then cooldowns, then pressure, as docs/algorithms/caps.md tells them.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from merch.engine.call import Call
from merch.engine.caps import (
    IMPRESSION,
    NEVER,
    Cap,
    Cooldown,
    Limits,
    allowed,
    borne,
    counter_words,
    days_words,
    eased,
)
from merch.engine.clock import MICROSECONDS, instant_text
from merch.engine.compiled import Candidate, Content
from merch.engine.document import PressureDoc
from merch.engine.facts import Hold
from merch.engine.reasons import Reason
from merch.engine.windows import SESSION

HOLD_SHOWN = 300 * MICROSECONDS  # of the time that a hold lasts, the half in which its answer may be shown


class Enough(NamedTuple):
    """Why it is not shown again yet."""

    reason: Reason
    detail: str


def enough(candidate: Candidate, content: Content, call: Call) -> Enough | None:
    """The first cap, cooldown or pressure that has no room, or None."""
    refused = call.request.refused_holds
    if refused and refused.get(candidate.name) == Reason.CAPPED:
        return Enough(Reason.CAPPED, "answers that are under way hold what is left of its strict cap")
    limits = content.limits
    if limits.idle:
        return None
    return _capped(limits, call) or _cooling(limits, call) or _pressed(limits, call)


def counts_chosen(limits: Limits) -> bool:
    """Does it matter to row 11 what this call has already chosen?"""
    return bool(limits.cost) or any(cap.strict for cap in limits.caps)


def spent(limits: Limits, call: Call) -> tuple[Cap, int] | None:
    """The first cap without room, and its count."""
    for cap in limits.caps:
        cell = call.record.history.get(cap.cell, NEVER)
        chosen = _chosen(cap, limits, call) if call.chosen_limits else 0
        if cell.count + chosen < cap.limit:
            continue
        count = cap.window.how_many(cell, call.moment) + chosen
        if count >= cap.limit:
            return cap, count
    return None


def _capped(limits: Limits, call: Call) -> Enough | None:
    found = spent(limits, call)
    return Enough(Reason.CAPPED, _capped_words(*found, call)) if found else None


def _chosen(limit: Cap | Cooldown, limits: Limits, call: Call) -> int:
    """What this call has chosen that counts: all of it for a strict cap, else what interrupts for what interrupts."""
    if not limit.of_impressions:
        return 0
    strict = isinstance(limit, Cap) and limit.strict
    if not strict and not limits.cost:
        return 0
    return sum(1 for each in call.chosen_limits if limit.cell in each.touched and (strict or each.cost))


def _capped_words(cap: Cap, count: int, call: Call) -> str:
    resets = cap.window.resets(call.record.history.get(cap.cell, NEVER), cap.limit, call.moment)
    said = f"{count} of {cap.limit} {counter_words(cap.cell)} {cap.window.words}"
    if resets is not None:
        return f"{said}; resets {instant_text(resets)}"
    return f"{said}; resets with the next session" if cap.window.kind == SESSION else said


def resting(limits: Limits, call: Call) -> tuple[Cooldown, int] | None:
    """The first cooldown that has not passed, and when it has."""
    for cooldown in limits.cooldowns:
        cell = call.record.history.get(cooldown.cell, NEVER)
        if cell.count and call.now < cell.last + cooldown.length:
            return cooldown, cell.last + cooldown.length
        if call.chosen_limits and _chosen(cooldown, limits, call):
            return cooldown, call.now + cooldown.length
    return None


def _cooling(limits: Limits, call: Call) -> Enough | None:
    found = resting(limits, call)
    if found is None:
        return None
    cooldown, until = found
    words = f"{days_words(cooldown.length)} after the last of {counter_words(cooldown.cell)}"
    return Enough(Reason.COOLDOWN, f"{words}; resets {instant_text(until)}")


def _pressed(limits: Limits, call: Call) -> Enough | None:
    pressure = limits.pressed
    if pressure is None:
        return None
    history, costs = call.record.history, call.release.doc.costs
    total = borne(history, costs, pressure, call.now) + sum(each.cost for each in call.chosen_limits)
    left = allowed(history, pressure, call.now)
    if total + limits.cost <= left:
        return None
    said = f"{total} borne in {days_words(pressure.window)} and {limits.cost} more, of {pressure.allowance}"
    if left < pressure.allowance:
        said += f" that dismissals took down to {left}"
    eases = eases_at(limits, pressure, call)
    return Enough(Reason.PRESSURE, f"{said}; resets {instant_text(eases)}" if eases else said)


def eases_at(limits: Limits, pressure: PressureDoc, call: Call) -> int | None:
    """When there is room again, if nothing more happens."""
    history, costs = call.record.history, call.release.doc.costs
    more = limits.cost + sum(each.cost for each in call.chosen_limits)
    for moment in eased(history, costs, pressure, call.now):
        if borne(history, costs, pressure, moment) + more <= allowed(history, pressure, moment):
            return moment
    return None


def holds_for(candidate: Candidate, content: Content, call: Call) -> tuple[Hold, ...]:
    """What its strict caps must hold in the serving store before it is shown; all under one key."""
    strict = content.limits.strict
    if not strict:
        return ()
    key = _key(candidate, call)
    return tuple(_hold(cap, candidate.name, key, call) for cap in strict)


def _hold(cap: Cap, candidate: str, key: str, call: Call) -> Hold:
    cell = call.record.history.get(cap.cell, NEVER)
    of_session = cap.window.kind == SESSION and call.moment.session
    return Hold(
        candidate=candidate,
        cell=f"{cap.cell}#{call.moment.session}" if of_session else cap.cell,
        key=key,
        limit=cap.limit,
        count=cap.window.how_many(cell, call.moment),
    )


def _key(candidate: Candidate, call: Call) -> str:
    """The same for a retry: candidate, draw window, session, and how often the campaign was shown so far."""
    window = call.now // candidate.placement.strategy.window
    shown = call.record.history.get(f"campaign|{candidate.campaign.key}|{IMPRESSION}", NEVER).count
    text = f"{candidate.name}:{window}:{call.moment.session}:{shown}"
    return blake2b(text.encode(), digest_size=8).hexdigest()
