"""Which few facts, had they been otherwise, would have made this campaign win here?

The search, its bound and its order stand in docs/algorithms/explain.md. Every answer given was decided again.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import combinations
from typing import Any, NamedTuple

from merch.engine import blocking
from merch.engine.blocking import Blocked
from merch.engine.call import Call
from merch.engine.compiled import Candidate, Release
from merch.engine.decide import decide
from merch.engine.document import Pulse
from merch.engine.edit_words import told
from merch.engine.edits import Edit, Given, edited
from merch.engine.facts import Answer, Loss
from merch.engine.proposals import proposals
from merch.engine.reasons import Reason

MOST_EDITS = 3
MOST_DECISIONS = 300
ORDER = {reason.value: place for place, reason in enumerate(Reason)}

Edits = tuple[Edit, ...]


class Smallest(NamedTuple):
    """``blocked`` None: with ``edits`` it wins. Else they bring it as far as what blocks it."""

    edits: Edits
    blocked: Blocked | None
    decisions: int  # that were made to find it


def smallest_change(release: Release, pulse: Pulse, given: Given, placement: str, campaign: str) -> Smallest | None:
    """The fewest single-fact edits that make ``campaign`` win in ``placement``; None where it did win."""
    search = _Search(release, pulse, given, placement, campaign)
    answer = search.answer(())
    if search.wins(answer):
        return None
    return search.run(answer)


def as_json(found: Smallest, given: Given, release: Release) -> dict[str, Any]:
    """As explain shows it."""
    body: dict[str, Any] = {"changes": [told(edit, given, release) for edit in found.edits]}
    if found.blocked is not None:
        body |= {
            "blocked_by": found.blocked.by, "reason": found.blocked.reason, "detail": found.blocked.detail,
            "release_edit": found.blocked.edit,
        }  # fmt: skip
    return body


class _Search:
    """States are sets of edits, fewest first, then in the order in which they were found."""

    def __init__(self, release: Release, pulse: Pulse, given: Given, placement: str, campaign: str) -> None:
        self.release = release
        self.pulse = pulse
        self.given = given
        self.placement = placement
        self.campaign = campaign
        self.decisions = 0
        plan = release.placements.get(placement)
        self.candidates = [each for each in (plan.candidates if plan else ()) if each.campaign.key == campaign]

    def answer(self, edits: Edits) -> Answer | None:
        """What the placement shows with these edits; None where it was not asked for."""
        self.decisions += 1
        request, subject, now = edited(self.given, edits)
        decision = decide(self.release, self.pulse, request, subject, now, explain=True)
        return next((each for each in decision.answers if each.placement == self.placement), None)

    def wins(self, answer: Answer | None) -> bool:
        if answer is None or answer.reason == Reason.ERROR:
            return False
        return any(slot.campaign == self.campaign for slot in answer.slots) or self._won_nothing(answer)

    def _won_nothing(self, answer: Answer) -> bool:
        """Whoever won in order to show nothing neither shows nor loses."""
        lost = {loss.item for loss in self._losses(answer)}
        empty = [each for each in self.candidates if each.item.nothing]
        return self.given.subject is not None and any(each.item.key not in lost for each in empty)

    def run(self, first: Answer | None) -> Smallest:
        waiting: list[tuple[int, int, Edits, Answer | None]] = [(0, 0, (), first)]
        seen = {repr(())}
        furthest = self._standing((), first)
        while waiting:
            _, _, edits, answer = heappop(waiting)
            furthest = max(furthest, self._standing(edits, answer), key=lambda each: each[0])
            for more in self._steps(edits, answer):
                if repr(more) in seen or self.decisions >= MOST_DECISIONS:
                    continue
                seen.add(repr(more))
                found = self.answer(more)
                if self.wins(found):
                    return Smallest(self._pruned(more), None, self.decisions)
                heappush(waiting, (len(more), self.decisions, more, found))
        _, edits, blocked = furthest
        return Smallest(edits, blocked, self.decisions)

    def _steps(self, edits: Edits, answer: Answer | None) -> Iterator[Edits]:
        """This state with one more edit, or with one edit replaced."""
        call = self._call(edits)
        for loss in self._losses(answer):
            candidate = self._candidate(loss)
            for edit in proposals(Reason(loss.reason), candidate, call) if candidate else ():
                more = (*(each for each in edits if each.fact != edit.fact), edit)
                if len(more) <= MOST_EDITS:
                    yield more

    def _pruned(self, edits: Edits) -> Edits:
        """The smallest subset that wins: a later edit may have made an earlier one idle."""
        for size in range(1, len(edits)):
            for fewer in combinations(edits, size):
                if self.wins(self.answer(fewer)):
                    return fewer
        return edits

    def _standing(self, edits: Edits, answer: Answer | None) -> tuple[int, Edits, Blocked]:
        losses = self._losses(answer)
        if not losses or answer is None:
            asked = answer is not None and bool(self.candidates)
            return 0, edits, blocking.nowhere(self.campaign, self.placement, asked=asked)
        loss = max(losses, key=lambda each: ORDER[each.reason])
        return ORDER[loss.reason], edits, blocking.blocked(loss, self._candidate(loss), answer, self._call(edits))

    def _losses(self, answer: Answer | None) -> list[Loss]:
        return [loss for loss in (answer.losses if answer else ()) if loss.campaign == self.campaign]

    def _candidate(self, loss: Loss) -> Candidate | None:
        return next((each for each in self.candidates if each.item.key == loss.item), None)

    def _call(self, edits: Edits) -> Call:
        request, subject, now = edited(self.given, edits)
        return Call(self.release, self.pulse, request, subject, now)
