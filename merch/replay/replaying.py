"""Which recorded decisions would have come out otherwise under another release, and why?

Each recorded request is decided again under both. Where one of them reads facts that were not recorded, because the
release of then did not read them, nothing can be said: such decisions are counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from merch.engine.compiled import Release
from merch.engine.decide import decide
from merch.engine.document import Pulse
from merch.engine.facts import Answer
from merch.reexecution import Recorded, ReleaseGone
from merch.replay.shares import Share, share

NOT_THERE = "NOT_IN_RELEASE"
Key = tuple[str, str]  # placement, campaign


class Turn(NamedTuple):
    """One campaign in one placement: how often it was shown under either, and why it came or went."""

    placement: str
    campaign: str
    before: int
    after: int
    gained: int
    lost: int
    lost_because: dict[str, int]
    came_because: dict[str, int]  # the reason by which it had lost before


class Replay(NamedTuple):
    decisions: int
    changed: Share
    not_comparable: int
    placements: dict[str, Share]  # changed of those that asked for it
    turns: tuple[Turn, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "decisions": self.decisions,
            "changed": self.changed.as_json(),
            "not_comparable": self.not_comparable,
            "placements": {slug: each.as_json() for slug, each in self.placements.items()},
            "campaigns": [turn._asdict() for turn in self.turns],
        }


class Tally:
    """What was counted so far."""

    def __init__(self) -> None:
        self.decisions = self.changed = self.not_comparable = 0
        self.asked: Counter[str] = Counter()
        self.moved: Counter[str] = Counter()
        self.shown: tuple[Counter[Key], Counter[Key]] = (Counter(), Counter())
        self.lost: dict[Key, Counter[str]] = {}
        self.came: dict[Key, Counter[str]] = {}

    def compare(self, before: tuple[Answer, ...], after: tuple[Answer, ...]) -> None:
        self.decisions += 1
        moved = False
        for was, becomes in zip(before, after, strict=True):
            moved = self._placement(was, becomes) or moved
        self.changed += moved

    def _placement(self, was: Answer, becomes: Answer) -> bool:
        slug = was.placement
        self.asked[slug] += 1
        old, new = _shown(was), _shown(becomes)
        for counter, shown in zip(self.shown, (old, new), strict=True):
            counter.update((slug, campaign) for campaign in {campaign for campaign, *_ in shown})
        gone = {campaign for campaign, *_ in old} - {campaign for campaign, *_ in new}
        came = {campaign for campaign, *_ in new} - {campaign for campaign, *_ in old}
        for campaign in gone:
            self.lost.setdefault((slug, campaign), Counter())[_reason(becomes, campaign)] += 1
        for campaign in came:
            self.came.setdefault((slug, campaign), Counter())[_reason(was, campaign)] += 1
        changed = (was.reason, old) != (becomes.reason, new)
        self.moved[slug] += changed
        return changed

    def result(self) -> Replay:
        keys = sorted({*self.lost, *self.came})
        return Replay(
            decisions=self.decisions,
            changed=share(self.changed, self.decisions),
            not_comparable=self.not_comparable,
            placements={slug: share(self.moved[slug], asked) for slug, asked in sorted(self.asked.items())},
            turns=tuple(self._turn(key) for key in keys),
        )

    def _turn(self, key: Key) -> Turn:
        lost, came = self.lost.get(key, Counter()), self.came.get(key, Counter())
        return Turn(
            *key, self.shown[0][key], self.shown[1][key], came.total(), lost.total(), dict(lost.most_common()),
            dict(came.most_common()),
        )  # fmt: skip


def _shown(answer: Answer) -> tuple[tuple[Any, ...], ...]:
    """What a person sees: campaign, item, offer, arm and price, slot by slot."""
    return tuple(
        (slot.campaign, slot.item, slot.creative, slot.offer, slot.offer_version, slot.variant,
         (slot.quote.amount, slot.quote.then, slot.quote.currency) if slot.quote else None)
        for slot in answer.slots
    )  # fmt: skip


def _reason(answer: Answer, campaign: str) -> str:
    """Of the candidate that came furthest; its placement may not know it at all."""
    return next((loss.reason for loss in answer.losses if loss.campaign == campaign), NOT_THERE)


def replay(
    records: Iterable[Recorded], before: Release, after: Release, pulse_of: Callable[[Recorded], Pulse],
    recorded_by: Callable[[str], Release],
) -> Replay:  # fmt: skip
    """``recorded_by`` gives the release that made a decision; where it is gone, nothing can be said."""
    tally = Tally()
    for recorded in records:
        try:
            kept = recorded_by(recorded.decision.release)
            pulse = pulse_of(recorded)
        except ReleaseGone:
            tally.not_comparable += 1
            continue
        if not comparable(recorded, kept, (before, after)):
            tally.not_comparable += 1
            continue
        request, subject, now = recorded.inputs.request, recorded.inputs.subject, recorded.inputs.now
        was, becomes = (decide(each, pulse, request, subject, now) for each in (before, after))
        if [_shown(each) for each in was.answers] != [_shown(each) for each in becomes.answers]:
            was, becomes = (decide(each, pulse, request, subject, now, explain=True) for each in (before, after))
        tally.compare(was.answers, becomes.answers)
    return tally.result()


def comparable(recorded: Recorded, kept: Release, releases: Iterable[Release]) -> bool:
    """Was everything recorded that these releases read for this request?"""
    request = recorded.inputs.request
    needs = kept.needs(request)
    return all(
        release.doc.layout == kept.doc.layout and (release is kept or needs.covers(release.needs(request)))
        for release in releases
    )
