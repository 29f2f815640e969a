"""What may the candidates of a placement read, and what of a call's inputs is that?

A decision is recorded with no more than its candidates may have read. It comes out the same from the rest, to the last
byte; the tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec.structs import replace

from merch.engine.document import Pulse
from merch.engine.facts import Request, Subject, SubjectRecord

Names = frozenset[str]
NONE: Names = frozenset()


class Needs(NamedTuple):
    """Names that some candidate may look up. ``behaviours``: a mask of bits; ``history``: cells of the record.

    ``campaigns`` may be killed, ``offers`` granted, ``tiers`` suppressed; ``budgets`` by key, whatever the market.
    """

    traits: Names = NONE
    contexts: Names = NONE
    consents: Names = NONE
    history: Names = NONE
    behaviours: int = 0
    marks: Names = NONE
    offers: Names = NONE
    tiers: Names = NONE
    campaigns: Names = NONE
    budgets: Names = NONE
    pools: Names = NONE

    def covers(self, other: Needs) -> bool:
        """Was everything kept that ``other`` asks for?"""
        return union((self, other)) == self


def union(needs: Iterable[Needs]) -> Needs:
    """What any of them reads."""
    found = tuple(needs)
    if len(found) == 1:
        return found[0]
    behaviours = 0
    for each in found:
        behaviours |= each.behaviours
    parts = {
        name: NONE.union(*(getattr(each, name) for each in found)) for name in Needs._fields if name != "behaviours"
    }
    return Needs(behaviours=behaviours, **parts)


def request_read(request: Request, needs: Needs) -> Request:
    """The request without what nobody asks it for."""
    context, traits = _named(request.context, needs.contexts), _named(request.traits, needs.traits)
    if len(context) == len(request.context) and len(traits) == len(request.traits):
        return request
    return replace(request, context=context, traits=traits)


def subject_read(subject: Subject, needs: Needs, now: int) -> Subject:
    """The subject without what nobody asks it for. Pins and journeys stay: they bind what is not asked for too."""
    record = subject.record
    return Subject(
        SubjectRecord(
            format=record.format,
            version=record.version,
            traits=_named(record.traits, needs.traits),
            consent=_named(record.consent, needs.consents),
            suppressions=tuple(
                fact
                for fact in record.suppressions
                if (fact.end is None or now < fact.end) and not needs.tiers.isdisjoint(fact.tiers)
            ),
            grants=tuple(
                grant
                for grant in record.grants
                if (grant.end is None or now < grant.end) and grant.offer in needs.offers
            ),
            history=_named(record.history, needs.history),
            marks=_named(record.marks, needs.marks),
            pins={name: pin for name, pin in record.pins.items() if now < pin.end},
            journeys=record.journeys,
        ),
        subject.bits & needs.behaviours,
    )


def kills_read(pulse: Pulse, needs: Needs, subject: Subject | None) -> tuple[str, ...]:
    """Kills that could matter: of candidates, and of campaigns whose pins the subject holds."""
    if not pulse.kills:
        return ()
    pinned = {pin.campaign for pin in subject.record.pins.values()} if subject else set()
    return tuple(sorted(pulse.kills & (needs.campaigns | pinned)))


def budgets_read(pulse: Pulse, needs: Needs) -> dict[str, int]:
    """Budgets that are spent or paced, of the candidates' campaigns."""
    return {name: share for name, share in pulse.budgets.items() if name.partition("|")[0] in needs.budgets}


def pools_read(pulse: Pulse, needs: Needs) -> tuple[str, ...]:
    """Code pools without a code, of the candidates' offers."""
    return tuple(sorted(pulse.empty_pools & needs.pools)) if pulse.empty_pools else ()


def _named(known: dict[str, Any], names: Names) -> dict[str, Any]:
    if known.keys() <= names:
        return known
    if len(names) < len(known):
        return {name: known[name] for name in names if name in known}
    return {name: value for name, value in known.items() if name in names}
