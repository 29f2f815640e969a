"""What exactly of a journey would be approved, and what do releases carry of it?

Documents of the shape that a release has (merch/engine/journeydoc.py); lengths in microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from audiences.moments import micros
from campaigns import proposal
from campaigns.models import Journey, JourneyVersion, Step
from campaigns.profiling import Audiences, audiences_named

Document = dict[str, Any]

_MICROSECOND = timedelta(microseconds=1)


def content(version: JourneyVersion) -> Document:
    """The version as the database has it now, with every audience that its rules lean on."""
    steps = list(version.steps.order_by("position", "pk"))
    return {
        "key": version.journey.key,
        "re_entry": _length(version.re_entry),
        "group": version.group,
        "priority": version.priority,
        "version": _version(version, steps, proposal.audience_rules()),
    }


def rules_of(document: Document) -> list[Document]:
    """Every rule of a version's content."""
    version = document["version"]
    rules = [version["gate"], version["exit_rule"], *(step["rule"] for step in version["steps"])]
    return [rule for rule in rules if rule]


def carried() -> list[Document]:
    """Every journey that may be entered or left, with its published versions in order; one query."""
    published = JourneyVersion.objects.filter(
        state=JourneyVersion.State.PUBLISHED, journey__state__in=(Journey.State.LIVE, Journey.State.PAUSED)
    ).select_related("journey")
    found: dict[int, list[JourneyVersion]] = {}
    for version in published.order_by("journey__key", "number"):
        found.setdefault(version.journey_id, []).append(version)
    return [_journey(versions[0].journey, versions) for versions in found.values()]


def _journey(journey: Journey, versions: list[JourneyVersion]) -> Document:
    """Group, priority and re-entry as the newest version says."""
    newest = versions[-1].content or {}
    return {
        "key": journey.key,
        "re_entry": newest["re_entry"],
        "group": newest["group"],
        "priority": newest["priority"],
        "closed": journey.closed,
        "versions": [_published(version) for version in versions],
    }


def _published(version: JourneyVersion) -> Document:
    signed = version.content or {}
    return {**signed["version"], "start_at": micros(version.start_at) if version.start_at else 0}


def _version(version: JourneyVersion, steps: Iterable[Step], audiences: Audiences) -> Document:
    steps = list(steps)
    named: dict[str, Any] = {}
    for rule in (version.gate, version.exit_rule, *(step.rule for step in steps)):
        named |= audiences_named(rule, audiences)
    return {
        "number": version.number,
        "anchor": _anchor(version),
        "steps": [_step(step) for step in steps],
        "length": _length(version.length) or 0,
        "rest": _length(version.rest) or 0,
        "gate": version.gate or None,
        "exits": list(version.exits),
        "exit_rule": version.exit_rule or None,
        "policy": version.policy,
        "audiences": named,
    }


def _anchor(version: JourneyVersion) -> Document:
    if version.anchor == JourneyVersion.Anchor.DATE:
        return {"kind": "DATE", "trait": version.anchor_trait, "days": version.anchor_days}
    return {
        "kind": "EVENT",
        "cell": version.anchor_cell,
        "count": version.anchor_count,
        "window": _length(version.anchor_window),
        "local_day": version.anchor_local_day,
    }


def _step(step: Step) -> Document:
    return {
        "key": step.key,
        "after": _length(step.after) or 0,
        "since": step.since,
        "closes": _length(step.closes),
        "rule": step.rule or None,
        "otherwise": step.otherwise,
        "leaves": [leave(text) for text in step.leaves],
        "then": step.then,
        "prefer": list(step.prefer),
        "suppress": list(step.suppress),
        "pin": _length(step.pin),
    }


def leave(text: str) -> Document:
    """ "campaign|hint|click > deal" as cell and branch."""
    cell, _, to = text.partition(">")
    return {"cell": cell.strip(), "to": to.strip()}


def _length(length: timedelta | None) -> int | None:
    return None if length is None else length // _MICROSECOND
