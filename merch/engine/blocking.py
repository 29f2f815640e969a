"""Where no fact would have helped: what stood in the way, and which edit of the release would?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from audiences.tiers import Tier
from merch.engine.call import Call
from merch.engine.compiled import Candidate
from merch.engine.facts import Answer, Loss
from merch.engine.reasons import Reason

HOLDOUT, RIVALS, CONFIGURATION, RECORD = "holdout", "rivals", "configuration", "record"
TIERS = {tier.value: place for place, tier in enumerate(Tier)}


class Blocked(NamedTuple):
    by: str
    reason: str
    detail: str
    edit: str  # of the release, in words


def nowhere(campaign: str, placement: str, *, asked: bool) -> Blocked:
    """For a campaign that was no candidate: it has no item here, or the placement shows nothing without a record."""
    if asked:
        return Blocked(RECORD, Reason.DEGRADED_NO_SUBJECT, "", "let the placement show what needs no record")
    return Blocked(CONFIGURATION, "", "no candidate here", f"give {campaign} an item in the placement {placement}")


def blocked(loss: Loss, candidate: Candidate | None, answer: Answer, call: Call) -> Blocked:
    """What stood in the way of this candidate, and the edit of the release that would help."""
    reason = Reason(loss.reason)
    by, say = _SAY.get(reason, (CONFIGURATION, _configuration))
    return Blocked(by, loss.reason, loss.detail, say(loss, candidate, answer, call))


Say = Callable[[Loss, Candidate | None, Answer, Call], str]


def _outrank(loss: Loss, candidate: Candidate | None, answer: Answer, call: Call) -> str:
    """The weakest of those that are shown is the rival."""
    rival = _weakest_winner(answer, call)
    if candidate is None or rival is None:
        return "raise its priority"
    if candidate.campaign.fallback and not rival.campaign.fallback:
        return f"make it no fallback; fallbacks show only where nobody else does, and {rival.campaign.key} did"
    rank = f"raise its priority above {rival.campaign.key}'s {rival.campaign.priority}"
    if call.release.placements[answer.placement].doc.strategy.kind != "PRIORITY":
        rank = f"let it rank before {rival.campaign.key}{f' ({loss.detail})' if loss.detail else ''}"
    if TIERS[candidate.campaign.tier] > TIERS[rival.campaign.tier]:
        return f"move it to tier {rival.campaign.tier} and {rank}"
    return rank


def _weakest_winner(answer: Answer, call: Call) -> Candidate | None:
    """The last in arbitration order of those who did not lose, who may show nothing."""
    lost = {(loss.campaign, loss.item) for loss in answer.losses}
    candidates = call.release.placements[answer.placement].candidates
    return next((each for each in reversed(candidates) if (each.campaign.key, each.item.key) not in lost), None)


def _share_offer(loss: Loss, candidate: Candidate | None, answer: Answer, call: Call) -> str:
    return f"give it another offer than {loss.detail}, shown elsewhere in this call, or rank it before that one"


def _pin(loss: Loss, candidate: Candidate | None, answer: Answer, call: Call) -> str:
    return f"wait until the pin ends, or take the pin out ({loss.detail})"


def _category(loss: Loss, candidate: Candidate | None, answer: Answer, call: Call) -> str:
    return f"make it the cheapest of its exclusive category, or take its offer out of the category ({loss.detail})"


def _withheld(loss: Loss, candidate: Candidate | None, answer: Answer, call: Call) -> str:
    tier = candidate.campaign.tier if candidate else "its tier"
    return f"take {tier} out of the holdout {loss.detail}, or end the holdout"


def _empty_arm(loss: Loss, candidate: Candidate | None, answer: Answer, call: Call) -> str:
    return f"let this arm show something, or end the experiment ({loss.detail})"


def _no_record(loss: Loss, candidate: Candidate | None, answer: Answer, call: Call) -> str:
    return "none: what it needs could not be read from the serving store"


def _configuration(loss: Loss, candidate: Candidate | None, answer: Answer, call: Call) -> str:
    return _EDITS.get(Reason(loss.reason), "change its targeting ({detail})").format(
        detail=loss.detail, campaign=loss.campaign, market=call.billing or "that the request comes from"
    )


_SAY: Mapping[Reason, tuple[str, Say]] = {
    Reason.OUTRANKED: (RIVALS, _outrank),
    Reason.DUPLICATE_OFFER: (RIVALS, _share_offer),
    Reason.EXCLUDED_BY_CATEGORY: (RIVALS, _category),
    Reason.PINNED_ELSEWHERE: (RIVALS, _pin),
    Reason.HOLDOUT_GLOBAL: (HOLDOUT, _withheld),
    Reason.HOLDOUT_DOMAIN: (HOLDOUT, _withheld),
    Reason.HOLDOUT_CAMPAIGN: (HOLDOUT, _withheld),
    Reason.VARIANT_EMPTY: (HOLDOUT, _empty_arm),
    Reason.DEGRADED_NO_SUBJECT: (RECORD, _no_record),
    Reason.DEGRADED_NO_COUNTERS: (RECORD, _no_record),
}
_EDITS: Mapping[Reason, str] = {
    Reason.KILLED: "lift the kill of {campaign}",
    Reason.LEGAL_BLOCK: "change the legal profile of market {market}, or what the campaign reads and sells",
    Reason.CONSENT_MISSING: "change what unknown consent means in market {market}, or what the campaign reads",
    Reason.OUT_OF_SCHEDULE: "change its flight ({detail})",
    Reason.NOT_IN_MARKET: "sell it there ({detail})",
    Reason.FORMAT_MISMATCH: "give it a creative in the placement's format ({detail})",
    Reason.CLIENT_TOO_OLD: "lower the first app version of the placement's format ({detail})",
    Reason.LOCALE_MISSING: "give its creative the locale {detail}, or a default locale",
    Reason.CONTENT_MISSING: "give its text an amount, or take the placeholder out ({detail})",
    Reason.NOT_ELIGIBLE: "change the offer's eligibility ({detail})",
    Reason.ALREADY_REDEEMED: "raise the offer's redemption limit ({detail})",
    Reason.GUARD_BLOCK: "change the guard {detail}",
    Reason.JOURNEY_NOT_ENTERED: "change the journey's entry ({detail})",
    Reason.JOURNEY_WAITING: "change the journey's step ({detail})",
    Reason.JOURNEY_EXITED: "change the journey's exit ({detail})",
    Reason.CAPPED: "raise the cap ({detail})",
    Reason.COOLDOWN: "shorten the cooldown ({detail})",
    Reason.PRESSURE: "raise the pressure allowance ({detail})",
    Reason.BUDGET_EXHAUSTED: "raise the budget ({detail})",
    Reason.BUDGET_PACED: "raise the budget or its pace ({detail})",
}
