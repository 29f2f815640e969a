"""How many would see this campaign now, and what keeps the others from it?

A hashed sample of subjects is decided for at one moment, each in every placement of the campaign, with a request as its
market's customers send it. Chance, caps and rivals are asked as a decision asks them; nothing is recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from merch.engine.call import MARKET, Call
from merch.engine.compiled import Candidate, Release
from merch.engine.decide import decide
from merch.engine.document import Pulse
from merch.engine.facts import Answer, Asked, Request
from merch.engine.reasons import Reason
from merch.replay.shares import Share, share
from merch.subjects.sampling import Person

ORDER = {reason.value: place for place, reason in enumerate(Reason)}
# What a merchandiser asks of those who match, by the codes that answer it; whatever else kept it away is "otherwise".
CAUSES: Mapping[str, frozenset[str]] = {
    "suppressed": frozenset({"SUPPRESSED"}),
    "held_out": frozenset({"HOLDOUT_GLOBAL", "HOLDOUT_DOMAIN", "HOLDOUT_CAMPAIGN", "VARIANT_EMPTY"}),
    "capped": frozenset({"CAPPED", "COOLDOWN", "PRESSURE"}),
    "out_of_budget": frozenset({"BUDGET_EXHAUSTED", "BUDGET_PACED"}),
    "out_competed": frozenset({"OUTRANKED", "DUPLICATE_OFFER", "EXCLUDED_BY_CATEGORY", "PINNED_ELSEWHERE"}),
    "shown": frozenset({"SELECTED", "FALLBACK"}),
}


class Reach(NamedTuple):
    """One placement. ``summary``: who matches its targeting, and what became of those; shares are of everybody asked.

    ``reasons``: everybody asked under one code, in the order in which they are asked.
    """

    placement: str
    asked: int
    summary: dict[str, Share]
    reasons: dict[str, Share]


class Forecast(NamedTuple):
    campaign: str
    total: int  # subjects there are
    reaches: tuple[Reach, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "campaign": self.campaign,
            "subjects": self.total,
            "placements": [
                {
                    "placement": each.placement,
                    "asked": each.asked,
                    "summary": {name: one.as_json() for name, one in each.summary.items()},
                    "reasons": {code: one.as_json() for code, one in each.reasons.items()},
                }
                for each in self.reaches
            ],
        }


class NoCandidate(LookupError):
    """The campaign has no item in any placement of the release."""


def forecast(
    release: Release, pulse: Pulse, campaign: str, people: Iterable[Person], now: int, *,
    context: Mapping[str, Any], total: int,
) -> Forecast:  # fmt: skip
    """``context`` is sent with each request, beside country and locale of the subject's market. Raises NoCandidate."""
    plans = {slug: _own(plan.candidates, campaign) for slug, plan in release.placements.items()}
    tallies = {slug: _Tally(slug, candidates) for slug, candidates in plans.items() if candidates}
    if not tallies:
        raise NoCandidate(campaign)
    for person in people:
        for slug, tally in tallies.items():
            request = _request(release, person, slug, context)
            decision = decide(release, pulse, request, person.subject, now, explain=True)
            call = Call(release, pulse, request, person.subject, now)
            tally.take(_reason(decision.answers[0], campaign), call)
    return Forecast(campaign, total, tuple(tally.reach() for tally in tallies.values()))


def _own(candidates: Iterable[Candidate], campaign: str) -> list[Candidate]:
    return [each for each in candidates if each.campaign.key == campaign]


class _Tally:
    """One placement while it is counted."""

    def __init__(self, slug: str, candidates: list[Candidate]) -> None:
        self.slug = slug
        self.candidates = candidates
        self.everybody: Counter[str] = Counter()
        self.matching: Counter[str] = Counter()

    def take(self, reason: str, call: Call) -> None:
        self.everybody[reason] += 1
        if any(_matches(candidate, call) for candidate in self.candidates):
            self.matching[reason] += 1

    def reach(self) -> Reach:
        asked, matched = self.everybody.total(), self.matching.total()
        found = {cause: sum(self.matching[code] for code in codes) for cause, codes in CAUSES.items()}
        found["otherwise"] = matched - sum(found.values())
        summary = {"matched": matched, **found}
        codes = sorted(self.everybody, key=lambda code: ORDER[code])
        return Reach(
            self.slug, asked, {name: share(count, asked) for name, count in summary.items()},
            {code: share(self.everybody[code], asked) for code in codes},
        )  # fmt: skip


def _matches(candidate: Candidate, call: Call) -> bool:
    """Its targeting; a fallback is not asked, and a rule that raises matches nobody."""
    try:
        return candidate.rule is None or candidate.campaign.fallback or candidate.rule.holds(call.env)
    except Exception:
        return False


def _request(release: Release, person: Person, slug: str, context: Mapping[str, Any]) -> Request:
    declared = person.subject.record.traits.get(MARKET)
    market = release.markets.get(str(declared[0])) if declared else None
    usual = {"country": min(market.countries), "locale": market.default_locale} if market and market.countries else {}
    return Request(
        decision_id="", kind=person.kind, key=person.key, placements=(Asked(slug),), context={**usual, **context}
    )


def _reason(answer: Answer, campaign: str) -> str:
    """Of the item that came furthest; where nobody was asked, the placement's own."""
    if any(slot.campaign == campaign for slot in answer.slots):
        return answer.reason
    lost = [loss.reason for loss in answer.losses if loss.campaign == campaign]
    return max(lost, key=lambda code: ORDER[code]) if lost else answer.reason
