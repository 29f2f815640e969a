"""How did each campaign fare in decisions that were made again, of those that could have been shown?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from merch import reexecution
from merch.engine.compiled import Release
from merch.engine.decide import decide
from merch.reexecution import Recorded, ReleaseGone
from merch.replay.replaying import Key, comparable


class Fates(NamedTuple):
    decisions: int
    won: Counter[Key]
    outranked: Counter[Key]


def fates(records: Iterable[Recorded], release: Release) -> Fates:
    """Of recorded requests under this release; those that it cannot be asked about are left out."""
    won: Counter[Key] = Counter()
    outranked: Counter[Key] = Counter()
    decisions = 0
    for recorded in records:
        try:
            kept, pulse = reexecution.release_named(recorded.decision.release), reexecution.pulse_of(recorded)
        except ReleaseGone:
            continue
        if not comparable(recorded, kept, (release,)):
            continue
        decisions += 1
        inputs = recorded.inputs
        decision = decide(release, pulse, inputs.request, inputs.subject, inputs.now, explain=True)
        for answer in decision.answers:
            won.update((answer.placement, slot.campaign) for slot in answer.slots)
            outranked.update((answer.placement, loss.campaign) for loss in answer.losses if loss.reason == "OUTRANKED")
    return Fates(decisions, won, outranked)
