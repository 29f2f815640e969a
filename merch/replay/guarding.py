"""Whom would guards and law have stopped in the decisions of last week, had this campaign been there?

The campaign as it stands now is put into what would be published now, with a flight that was always on, and recorded
decisions are made again. Only rows 2 and 9 are of interest; who lost before them was never a matter for the guards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple
from uuid import UUID

import msgspec

from campaigns import proposal
from campaigns.models import Campaign
from merch import reexecution
from merch.engine.compiled import Release
from merch.engine.compiling import BadRelease, compile_release
from merch.engine.decide import decide
from merch.engine.document import CampaignDoc
from merch.engine.facts import Request
from merch.engine.reasons import Reason
from merch.models import DecisionRecord
from merch.reexecution import Recorded, ReleaseGone
from merch.releases import build

SINCE = timedelta(days=7)
MOST_DECISIONS = 500
ALWAYS = "2000-01-01T00:00:00"
LAW = (Reason.LEGAL_BLOCK, Reason.CONSENT_MISSING)

_ORDER = {reason.value: at for at, reason in enumerate(Reason)}


class Stopped(NamedTuple):
    """``asked`` decisions can be made again and asked its placements; ``reached``: some item got as far as the guards.

    ``by_guard`` and ``by_law`` count decisions by the guard's key and by the code, ``first`` is one of each.
    """

    asked: int
    reached: int
    by_guard: Counter[str]
    by_law: Counter[str]
    first: dict[str, UUID]


class CannotAsk(ValueError):
    """The campaign does not fit what would be published; the sentence says why."""


def over_recorded(campaign: Campaign, *, now: datetime, most: int = MOST_DECISIONS) -> Stopped:
    """At most ``most`` decisions of the last 7 days, spread over all of them. Raises CannotAsk."""
    release = _with(campaign, now)
    total = DecisionRecord.objects.filter(day__gte=(now - SINCE).date(), decided_at__gte=now - SINCE).count()
    rows = reexecution.records_since(now - SINCE, min(1.0, most / total) if total else 1.0)
    return stopped(map(reexecution.unpack, islice(rows, most)), release, campaign.key)


def stopped(records: Iterable[Recorded], release: Release, key: str) -> Stopped:
    """The same of given records."""
    found = Stopped(0, 0, Counter(), Counter(), {})
    asked = reached = 0
    for recorded in records:
        codes = _codes(recorded, release, key)
        if codes is None:
            continue
        asked += 1
        reached += any(_ORDER[reason] >= _ORDER[Reason.GUARD_BLOCK] for reason, _ in codes)
        for reason, detail in codes:
            if reason == Reason.GUARD_BLOCK:
                found.by_guard[detail] += 1
                found.first.setdefault(detail, recorded.row.decision_id)
            elif reason in LAW:
                found.by_law[reason] += 1
                found.first.setdefault(reason, recorded.row.decision_id)
    return found._replace(asked=asked, reached=reached)


def _codes(recorded: Recorded, release: Release, key: str) -> set[tuple[str, str]] | None:
    """Code and detail of each item of the campaign; None: it was not asked for, or cannot be asked again."""
    try:
        kept, pulse = reexecution.release_named(recorded.decision.release), reexecution.pulse_of(recorded)
    except ReleaseGone:
        return None
    inputs = recorded.inputs
    if inputs.subject is None or not _tells(inputs.request, kept, release, key):
        return None
    decision = decide(release, pulse, inputs.request, inputs.subject, inputs.now, explain=True)
    found = {(slot.campaign, answer.reason, "") for answer in decision.answers for slot in answer.slots}
    found |= {(loss.campaign, loss.reason, loss.detail) for answer in decision.answers for loss in answer.losses}
    return {(reason, detail) for campaign, reason, detail in found if campaign == key} or None


def _tells(request: Request, kept: Release, release: Release, key: str) -> bool:
    """Was everything recorded that is read now? But for the campaign itself: it was not there to be killed or capped,
    and its offers not to be granted or redeemed."""
    if release.doc.layout != kept.doc.layout:
        return False
    had, asked = kept.needs(request), release.needs(request)
    (campaign,) = (each for each in release.doc.campaigns if each.key == key)
    own = [f"campaign|{key}|", *(f"offer|{offer.key}|" for offer in campaign.offers.values())]
    cells = frozenset(cell for cell in asked.history if not cell.startswith(tuple(own)))
    return had.covers(asked._replace(campaigns=had.campaigns, offers=had.offers, history=cells))


def _with(campaign: Campaign, now: datetime) -> Release:
    document = build.build(now).document
    content = msgspec.convert(proposal.content(campaign), CampaignDoc)
    always = msgspec.structs.replace(content, starts=ALWAYS, ends=None)
    others = [each for each in document.campaigns if each.key != campaign.key]
    try:
        return compile_release(msgspec.structs.replace(document, campaigns=(*others, always)))
    except BadRelease as wrong:
        raise CannotAsk(f"It cannot be asked of recorded decisions yet: {wrong}.") from wrong


def in_words(found: Stopped) -> list[str]:
    """As approvers read it."""
    if not found.asked:
        return ["No decision of the last 7 days asked its placements and can be made again with it."]
    lines = [
        (
            f"{found.asked} decisions of the last 7 days asked its placements; "
            f"in {found.reached} it got as far as the guards."
        )
    ]
    for key, count in sorted(found.by_guard.items()):
        lines.append(f"The guard {key} would have stopped it in {count}; the first is {found.first[key]}.")
    for code, count in sorted(found.by_law.items()):
        lines.append(f"The law ({code}) would have stopped it in {count}; the first is {found.first[code]}.")
    return lines if len(lines) > 1 else [*lines, "Neither guards nor law would have stopped it in any of them."]
