"""Which code, if any, keeps this candidate from being shown?

The table of the decision, one small function per row, asked in this order; the first that objects gives the reason.
``detail`` names what explain shows: the cap, the guard, the trait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from audiences.hashing import bucket
from audiences.rules import describe, first_false, why_false
from audiences.rules.days import month_edge
from merch.engine import caps, limiting, places
from merch.engine.call import Call
from merch.engine.clock import DAY, HOUR, instant_text
from merch.engine.compiled import Candidate, Content, ReadyGuard, ReadyOffer
from merch.engine.composing import over_same_time
from merch.engine.law import objection as legal_objection
from merch.engine.reasons import Reason
from merch.engine.rendering import amounts, instead, locale_of, price, quote


class Objection(NamedTuple):
    """The first code that held, and what exactly it was."""

    reason: Reason
    detail: str = ""


Question = Callable[[Candidate, Content, Call], Objection | None]


def not_killed(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Row 1."""
    return Objection(Reason.KILLED) if candidate.campaign.key in call.pulse.kills else None


def lawful(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Row 2."""
    reason = legal_objection(call.law, content.legal)
    return Objection(reason) if reason else None


def record_read(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Row 2b: a candidate whose rules, caps or price need the record loses while it cannot be read; one with a strict
    cap also while its counter cannot be."""
    if call.readable:
        unread = call.request.refused_holds.get(candidate.name) == Reason.DEGRADED_NO_COUNTERS
        return Objection(Reason.DEGRADED_NO_COUNTERS, "the counters of its strict cap") if unread else None
    if content.needs_record or any(guard.needs_record and _speaks(guard, call) for guard in content.guards):
        return Objection(Reason.DEGRADED_NO_SUBJECT)
    return Objection(Reason.DEGRADED_NO_COUNTERS, "its strict cap") if content.limits.caps else None


def not_suppressed(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Row 3: suppressions, their end exclusive, and steps of journeys. What a person granted is shown all the same."""
    if call.grants and call.grant_of(content):
        return None
    for fact in call.record.suppressions:
        running = fact.start <= call.now and (fact.end is None or call.now < fact.end)
        if running and candidate.campaign.tier in fact.tiers:
            return Objection(Reason.SUPPRESSED, fact.key)
    silenced = call.silenced(candidate)
    return Objection(Reason.SUPPRESSED, silenced) if silenced else None


def in_flight(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Row 4."""
    start, end = candidate.flight.instants(call.zone)
    if start <= call.now and (end is None or call.now < end):
        return None
    until = "further notice" if end is None else instant_text(end)
    return Objection(Reason.OUT_OF_SCHEDULE, f"runs from {instant_text(start)} until {until}")


def sold_here(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Row 5: the campaign's markets, then a price in the billing market now; never a converted one."""
    markets = candidate.campaign.markets
    if markets and call.billing not in markets:
        return Objection(Reason.NOT_IN_MARKET, f"campaign is not in market {call.billing}")
    if content.priced and quote(content, call) is None:
        return Objection(Reason.NOT_IN_MARKET, f"no price in market {call.billing}")
    other = content.offer.doc.terms.instead_of if content.offer else None
    if other and instead(content, call) is None:
        return Objection(Reason.NOT_IN_MARKET, f"no price of {other} to compare with in market {call.billing}")
    return None


def showable(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Row 6."""
    placement = candidate.placement
    if candidate.item.nothing:
        return None
    if content.creative.format != placement.format:
        return Objection(Reason.FORMAT_MISMATCH, f"{content.creative.format}, not {placement.format}")
    if candidate.min_versions and _too_old(candidate, call):
        platform = str(call.request.context.get("platform", ""))
        return Objection(Reason.CLIENT_TOO_OLD, f"needs {placement.min_app_versions[platform]} on {platform}")
    locale = locale_of(content, call)
    if locale is None:
        return Objection(Reason.LOCALE_MISSING, call.locale)
    return _content_complete(content, locale, call)


def _too_old(candidate: Candidate, call: Call) -> bool:
    """A client that names its platform and has a minimum must also prove its version."""
    minimum = candidate.min_versions.get(str(call.request.context.get("platform", "")))
    if minimum is None:
        return False
    version = call.request.context.get("app_version")
    return version is None or bool(version < minimum)


def _content_complete(content: Content, locale: str, call: Call) -> Objection | None:
    needed = content.placeholders[locale]
    if not needed:
        return None
    missing = needed - amounts(content, locale, call).keys()
    return Objection(Reason.CONTENT_MISSING, f"{{{min(missing)}}} has no amount") if missing else None


def targeted(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Row 7."""
    rule = candidate.rule
    if rule is None or rule.holds(call.env) or (call.grants and call.grant_of(content)):
        return None
    bits = call.release.doc.bits
    reason = Reason(why_false(rule.rule, call.env, bits).value)
    return Objection(reason, f"needs: {describe(first_false(rule.rule, call.env, bits))}")


def may_have_offer(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Row 8: facts that must be known, then the offer's rule, then how often it was redeemed."""
    offer = content.offer
    if offer is None:
        return None
    for trait in offer.doc.requires:
        if not call.fresh(trait):
            return Objection(Reason.NOT_ELIGIBLE, f"{trait} is not known")
    granted = call.grants and call.grant_of(content)
    if offer.rule is not None and not granted and not offer.rule.holds(call.env):
        return Objection(Reason.NOT_ELIGIBLE, "the offer's rule does not hold")
    return _saves_too_little(content, call) or _redeemed(offer, call)


def _saves_too_little(content: Content, call: Call) -> Objection | None:
    """Of an offer that is compared with another plan: by the prices of this very moment."""
    least = content.offer.doc.terms.least_saving if content.offer else None
    if least is None:
        return None
    other, listed, said = instead(content, call), price(content, call), quote(content, call)
    if other is None or listed is None or said is None:
        return None
    saving, whole = said.saving or 0, over_same_time(listed, other)
    if saving * 100 >= least * whole:
        return None
    return Objection(Reason.NOT_ELIGIBLE, f"saves {saving} of {whole}, and not {least} %")


def _redeemed(offer: ReadyOffer, call: Call) -> Objection | None:
    if offer.doc.redeem_limit is None:
        return None
    cell = call.record.history.get(f"offer|{offer.doc.key}|conversion", caps.NEVER)
    window, months = offer.doc.redeem_window, offer.doc.redeem_window_months
    if months is None:
        count = caps.count_in(cell, window, call.now)
        when = "ever" if window is None else f"in {window // DAY} days"
    else:
        env = call.env
        edge = month_edge(env.today, env.day_start, months, env.starts)
        count, when = sum(edge <= instant for instant in cell.instants), f"in {months} months"
    return None if count < offer.doc.redeem_limit else Objection(Reason.ALREADY_REDEEMED, f"{count} times {when}")


def guarded(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Row 9. A guard that cannot be asked, or raises, blocks."""
    for guard in content.guards:
        if not _speaks(guard, call):
            continue
        if any(not call.fresh(trait) for trait in guard.doc.requires) or not guard.rule.holds(call.env):
            return Objection(Reason.GUARD_BLOCK, guard.doc.key)
    return None


def _speaks(guard: ReadyGuard, call: Call) -> bool:
    """Tiers and mechanics were compared when the release was compiled; markets are known only now."""
    return not guard.doc.markets or call.billing in guard.doc.markets


def journey_there(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Row 10."""
    if candidate.campaign.journey is None:
        return None
    absent = places.absence(candidate.campaign, call.release.journeys, call.places)
    return Objection(*absent) if absent else None


def not_capped(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Row 11."""
    enough = limiting.enough(candidate, content, call)
    return Objection(enough.reason, enough.detail) if enough else None


def any_left(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Row 12: the budgets of the campaign, then the codes of the offer."""
    for key in candidate.campaign.budgets:
        where = f"{call.billing or ''}" if call.release.doc.budgets[key].per_market else ""
        admitted = call.pulse.budgets.get(f"{key}|{where}")
        if admitted is None:
            continue
        if admitted == 0:
            return Objection(Reason.BUDGET_EXHAUSTED, key)
        # A new draw each hour: who waits is let in later, and a retry within the hour gets the same answer.
        if bucket(f"pace:{key}:{call.now // HOUR}", call.request.key) >= admitted:
            return Objection(Reason.BUDGET_PACED, key)
    offer = content.offer
    if offer is not None and offer.doc.pool and offer.doc.pool in call.pulse.empty_pools:
        return Objection(Reason.BUDGET_EXHAUSTED, f"no codes left in {offer.doc.pool}")
    return None


def undecided(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Row 13: no pin says otherwise; one offer once per call, and one of an exclusive category."""
    if content.offer is None:
        return None
    offer = content.offer.doc
    if call.pins and offer.key not in call.pins and offer.plan_group in call.pinned_groups:
        return Objection(Reason.PINNED_ELSEWHERE, min(call.pins))
    if offer.key in call.chosen_offers:
        return Objection(Reason.DUPLICATE_OFFER, offer.key)
    if offer.category and offer.category in call.chosen_categories:
        return Objection(Reason.EXCLUDED_BY_CATEGORY, offer.category)
    return None


def still_open(candidate: Candidate, content: Content, call: Call) -> Objection | None:
    """Rows 11 and 13 as they stand now: this call may have chosen something since the first was asked."""
    if call.chosen_limits and limiting.counts_chosen(content.limits):
        objection = not_capped(candidate, content, call)
        if objection is not None:
            return objection
    return undecided(candidate, content, call)


BEFORE_RANKING: tuple[Question, ...] = (
    not_killed,
    lawful,
    record_read,
    not_suppressed,
    in_flight,
    sold_here,
    showable,
    targeted,
    may_have_offer,
    guarded,
    journey_there,
    not_capped,
    any_left,
)
OF_A_FALLBACK: tuple[Question, ...] = tuple(each for each in BEFORE_RANKING if each not in (targeted, not_capped))
OF_A_PINNED: tuple[Question, ...] = OF_A_FALLBACK  # the same rows are not asked
WHEN_FULL_OF_A_FALLBACK: tuple[Question, ...] = (*OF_A_FALLBACK, undecided)
OF_AN_ARM: tuple[Question, ...] = (
    lawful, record_read, sold_here, showable, may_have_offer, guarded, not_capped, any_left,
    undecided,
)  # fmt: skip


def first_objection(
    questions: tuple[Question, ...], candidate: Candidate, content: Content, call: Call
) -> Objection | None:
    """The first objection in the order asked, or None.

    A rule that raises costs its own candidate the place and nobody else: the row's code, with the error's name.
    """
    for question in questions:
        try:
            objection = question(candidate, content, call)
        except Exception as error:
            call.errors.append(f"{candidate.name}: {type(error).__name__}")
            return Objection(_CODE_OF_FAILURE.get(question, Reason.CONTENT_MISSING), type(error).__name__)
        if objection is not None:
            return objection
    return None


_CODE_OF_FAILURE: dict[Question, Reason] = {
    targeted: Reason.TARGETING_MISS,
    may_have_offer: Reason.NOT_ELIGIBLE,
    guarded: Reason.GUARD_BLOCK,
    journey_there: Reason.JOURNEY_WAITING,
    not_capped: Reason.CAPPED,
    lawful: Reason.LEGAL_BLOCK,
    sold_here: Reason.NOT_IN_MARKET,
    in_flight: Reason.OUT_OF_SCHEDULE,
    any_left: Reason.BUDGET_EXHAUSTED,
}
