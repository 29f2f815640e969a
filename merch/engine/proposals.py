"""Which facts, had they been otherwise, would overcome this objection?

One small function per row of the table in docs/algorithms/explain.md. What they propose is only tried: the decision
itself says whether it helps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date

from audiences.rules.nodes import TraitLeaf, leaves
from merch.engine import easing, edits
from merch.engine.call import BIRTH_DATE, MARKET, PERSONALISATION, Call
from merch.engine.compiled import Candidate, ReadyGuard, ReadyRule
from merch.engine.edits import Edit
from merch.engine.facts import HistoryCell
from merch.engine.law import EPOCH_ORDINAL
from merch.engine.reasons import Reason
from merch.engine.turning import some_value, turns

MOST_PLACES = 20  # markets, countries or locales that are tried


def proposals(reason: Reason, candidate: Candidate, call: Call) -> Iterator[Edit]:
    """Edits that may overcome ``reason``, in the order in which they are tried; none where no fact would."""
    propose = _PROPOSE.get(reason)
    return iter(()) if propose is None or not call.readable else propose(candidate, call)


def _lawful(candidate: Candidate, call: Call) -> Iterator[Edit]:
    yield from _consent(candidate, call)
    for day in _birthdays(call):
        yield Edit(edits.TRAIT, BIRTH_DATE, day)
    yield from _elsewhere(call.release.markets, call)


def _consent(candidate: Candidate, call: Call) -> Iterator[Edit]:
    given = call.record.consent.get(PERSONALISATION)
    if given is None or not given[0]:
        yield Edit(edits.CONSENT, PERSONALISATION, True)


def _birthdays(call: Call) -> list[int]:
    """The birth dates of those who today come into an age band of any market."""
    ages = {band.min_age for market in call.release.markets.values() for band in market.legal}
    return [_born(call.env.today, age) for age in sorted(ages)]


def _born(today: int, age: int) -> int:
    """The latest day of birth of somebody of that age; whoever was born on 29 February comes of age on 1 March."""
    now = date.fromordinal(EPOCH_ORDINAL + today)
    try:
        born = now.replace(year=now.year - age)
    except ValueError:
        born = now.replace(year=now.year - age, day=28)
    return born.toordinal() - EPOCH_ORDINAL


def _elsewhere(markets: Iterable[str], call: Call) -> Iterator[Edit]:
    """Another market of the account, then another country of the request."""
    wanted = sorted(markets)[:MOST_PLACES]
    known = call.env.traits.get(MARKET)
    for market in wanted:
        if known is None or known[0] != market:
            yield Edit(edits.TRAIT, MARKET, market)
    for market in wanted:
        countries = call.release.markets[market].countries if market in call.release.markets else ()
        if countries and call.request.context.get("country") not in countries:
            yield Edit(edits.CONTEXT, "country", min(countries))


def _unsuppressed(candidate: Candidate, call: Call) -> Iterator[Edit]:
    for fact in call.record.suppressions:
        running = fact.start <= call.now and (fact.end is None or call.now < fact.end)
        if running and candidate.campaign.tier in fact.tiers:
            yield Edit(edits.SUPPRESSION, fact.key)


def _in_flight(candidate: Candidate, call: Call) -> Iterator[Edit]:
    start, end = candidate.flight.instants(call.zone)
    if call.now < start:
        yield Edit(edits.TIME, value=start)
    elif end is not None:
        yield Edit(edits.TIME, value=end - 1)


def _sold(candidate: Candidate, call: Call) -> Iterator[Edit]:
    yield from _elsewhere(candidate.campaign.markets or call.release.markets, call)
    offer = candidate.content.offer
    if offer is None or offer.doc.plan is None:
        return
    for price in call.release.doc.prices.get(offer.doc.plan, {}).get(call.billing or "", ()):
        if price.start > call.now:
            yield Edit(edits.TIME, value=price.start)
        elif price.end is not None:
            yield Edit(edits.TIME, value=price.end - 1)


def _new_enough(candidate: Candidate, call: Call) -> Iterator[Edit]:
    least = candidate.min_versions.get(str(call.request.context.get("platform", "")))
    if least is not None:
        yield Edit(edits.CONTEXT, "app_version", least)


def _spoken(candidate: Candidate, call: Call) -> Iterator[Edit]:
    for locale in sorted(candidate.content.creative.locales)[:MOST_PLACES]:
        if locale != call.locale:
            yield Edit(edits.CONTEXT, "locale", locale)


def _targeted(candidate: Candidate, call: Call) -> Iterator[Edit]:
    if candidate.rule is not None:
        yield from _turned(candidate.rule, call)


def _afresh(candidate: Candidate, call: Call) -> Iterator[Edit]:
    if candidate.rule is not None:
        read = (leaf.name for leaf in leaves(candidate.rule.rule.node) if isinstance(leaf, TraitLeaf))
        yield from _observed_now(dict.fromkeys(read), call)
    yield from _targeted(candidate, call)


def _observed_now(names: Iterable[str], call: Call) -> Iterator[Edit]:
    for name in names:
        if name in call.record.traits and not call.fresh(name):
            yield Edit(edits.FRESHNESS, name)


def _turned(rule: ReadyRule, call: Call) -> Iterator[Edit]:
    return turns(rule.rule.node, True, call.env, call.release.doc.bits)


def _known(names: Iterable[str], call: Call) -> Iterator[Edit]:
    """What must be known: observed afresh where it was known, else any value."""
    unknown = [name for name in names if not call.fresh(name)]
    yield from _observed_now(unknown, call)
    for name in unknown:
        of = call.release.trait_types.get(name)
        if of is not None:
            yield Edit(edits.TRAIT, name, some_value(of.type, of.values, call.env))


def _eligible(candidate: Candidate, call: Call) -> Iterator[Edit]:
    offer = candidate.content.offer
    if offer is None:
        return
    yield from _known(offer.doc.requires, call)
    if offer.rule is not None:
        yield from _turned(offer.rule, call)


def _guarded(candidate: Candidate, call: Call) -> Iterator[Edit]:
    """Of the first guard that blocks."""
    for guard in candidate.content.guards:
        found = [*_let_pass(guard, call)]
        if found:
            yield from found
            return


def _let_pass(guard: ReadyGuard, call: Call) -> Iterator[Edit]:
    if guard.doc.markets and call.billing not in guard.doc.markets:
        return
    yield from _known(guard.doc.requires, call)
    yield from _turned(guard.rule, call)


def _redeemed(candidate: Candidate, call: Call) -> Iterator[Edit]:
    offer = candidate.content.offer
    if offer is not None and offer.doc.redeem_limit is not None:
        name = f"offer|{offer.doc.key}|conversion"
        yield from _below(name, offer.doc.redeem_limit, offer.doc.redeem_window, call)


def _below(name: str, limit: int, window: int | None, call: Call) -> Iterator[Edit]:
    """One below the limit; or later, when the oldest that counts has left the window."""
    cell: HistoryCell | None = call.record.history.get(name)
    if cell is None or limit < 1:
        return
    yield Edit(edits.HISTORY, name, edits.fewer(cell, limit - 1, None if window is None else call.now - window))
    if window is not None and len(cell.instants) >= limit:
        yield Edit(edits.TIME, value=cell.instants[-limit] + window)


_PROPOSE: Mapping[Reason, Callable[[Candidate, Call], Iterator[Edit]]] = {
    Reason.LEGAL_BLOCK: _lawful,
    Reason.CONSENT_MISSING: _consent,
    Reason.SUPPRESSED: _unsuppressed,
    Reason.OUT_OF_SCHEDULE: _in_flight,
    Reason.NOT_IN_MARKET: _sold,
    Reason.CLIENT_TOO_OLD: _new_enough,
    Reason.LOCALE_MISSING: _spoken,
    Reason.CONTENT_MISSING: _spoken,
    Reason.TRAIT_STALE: _afresh,
    Reason.TRAIT_MISSING: _targeted,
    Reason.AUDIENCE_MISS: _targeted,
    Reason.TARGETING_MISS: _targeted,
    Reason.NOT_ELIGIBLE: _eligible,
    Reason.ALREADY_REDEEMED: _redeemed,
    Reason.GUARD_BLOCK: _guarded,
    Reason.CAPPED: easing.uncapped,
    Reason.COOLDOWN: easing.rested,
    Reason.PRESSURE: easing.relieved,
}
