"""Whom would a change of the release reach? (Campaigns, journeys and experiments touched; subjects gained and lost.)"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, NamedTuple

from merch.engine.call import Call
from merch.engine.compiled import Candidate, Release
from merch.engine.document import Pulse
from merch.engine.facts import Request
from merch.releases.diff import Change
from merch.releases.touching import Touched, touched
from merch.replay.shares import Share, share
from merch.subjects.sampling import Person


class Reach(NamedTuple):
    """One campaign's targeting over a sample: who matches now, who would come in, who would drop out."""

    campaign: str
    matched: Share
    gained: Share
    lost: Share


class Blast(NamedTuple):
    touched: Touched
    reaches: tuple[Reach, ...]


def blast(before: Release, after: Release, changes: Iterable[Change], people: Iterable[Person], now: int) -> Blast:
    """Targeting alone is asked, without a request: conditions on its context count as they do where it says nothing."""
    reached = touched(before.doc, after.doc, changes)
    pairs = {key: (_candidate(before, key), _candidate(after, key)) for key in reached.campaigns}
    counts = {key: [0, 0, 0] for key in pairs}
    asked = 0
    for person in people:
        asked += 1
        calls = _call(before, person, now), _call(after, person, now)
        for key, candidates in pairs.items():
            was, becomes = (_matches(one, call) for one, call in zip(candidates, calls, strict=True))
            counts[key][0] += was
            counts[key][1] += becomes and not was
            counts[key][2] += was and not becomes
    reaches = (Reach(key, *(share(count, asked) for count in each)) for key, each in counts.items())
    return Blast(reached, tuple(reaches))


def _candidate(release: Release, key: str) -> Candidate | None:
    return next(
        (each for plan in release.placements.values() for each in plan.candidates if each.campaign.key == key), None
    )


def _call(release: Release, person: Person, now: int) -> Call:
    request = Request(decision_id="", kind=person.kind, key=person.key, placements=())
    return Call(release, Pulse(), request, person.subject, now)


def _matches(candidate: Candidate | None, call: Call) -> bool:
    if candidate is None:
        return False
    try:
        return candidate.rule is None or candidate.campaign.fallback or candidate.rule.holds(call.env)
    except Exception:  # a rule that raises matches nobody, as in a decision
        return False


def as_json(found: Blast) -> dict[str, Any]:
    """Plain values, for machines."""
    return {
        **{name: list(keys) for name, keys in found.touched._asdict().items()},
        "subjects": [
            {
                "campaign": each.campaign,
                "matched": each.matched.as_json(),
                "gained": each.gained.as_json(),
                "lost": each.lost.as_json(),
            }
            for each in found.reaches
        ],
    }


def in_words(found: Blast, seen: Container[str] | None = None) -> list[str]:
    """One line per thing touched. ``seen``: campaigns that may be named."""
    lines = [
        f"touches {len(keys)} {name if len(keys) != 1 else name[:-1]}{_named(name, keys, seen)}"
        for name, keys in found.touched._asdict().items()
        if keys
    ]
    moved = [each for each in found.reaches if each.gained.count or each.lost.count]
    return [*lines, *(_line(reach) for reach in moved if seen is None or reach.campaign in seen)]


def _named(what: str, keys: Iterable[str], seen: Container[str] | None) -> str:
    shown = [key for key in keys if seen is None or what != "campaigns" or key in seen]
    return f": {', '.join(shown)}" if shown else ""


def _line(reach: Reach) -> str:
    return f"campaign {reach.campaign}: matched {reach.matched}, gained {reach.gained}, lost {reach.lost}"
