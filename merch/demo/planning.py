"""How do the journeys of a scenario come about? Written by one person, signed by another, as any other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from campaigns import journeys, operations
from campaigns.models import Journey, JourneyVersion, Step
from merch.demo.staff import Staff

Raw = Mapping[str, Any]


def write_journeys(document: Raw, *, staff: Staff, now: datetime) -> None:
    """Each as a journey with a first version; drafts, which campaigns may name before they begin."""
    for raw in document.get("journeys", ()):
        journey = Journey.objects.create(key=raw["key"], name=raw["name"], goal=raw["goal"])
        operations.edited(journey, None, by=staff.editor, now=now)
        write_version(raw, staff=staff, now=now)


def write_version(raw: Raw, *, staff: Staff, now: datetime) -> JourneyVersion:
    """The next version as ``raw`` says it, with its steps in order; what it does not say is as in the one before."""
    version = journeys.new_version(Journey.objects.get(key=raw["key"]), by=staff.editor, now=now)
    for name, value in _version(raw).items():
        setattr(version, name, value)
    version.save()
    version.steps.all().delete()
    steps = [
        Step.objects.create(version=version, position=position, **_step(said))
        for position, said in enumerate(raw["steps"])
    ]
    changes = [operations.Change(each, None) for each in (version, *steps)]
    operations.edited_all(changes, by=staff.editor, now=now, why=f"Version {version.number}")
    return version


def begin_journeys(document: Raw, *, staff: Staff, now: datetime) -> None:
    """Submit and publish each."""
    for raw in document.get("journeys", ()):
        version = JourneyVersion.objects.get(journey__key=raw["key"], state=JourneyVersion.State.DRAFT)
        begin(version, why=raw["goal"], staff=staff, now=now)


def begin(version: JourneyVersion, *, why: str, staff: Staff, now: datetime) -> JourneyVersion:
    """Entries take the version from ``now`` on."""
    submitted = journeys.submit(version, by=staff.editor, now=now, why=why)
    return journeys.approve(submitted, "Looks right.", by=staff.approver, now=now)


def _version(raw: Raw) -> dict[str, Any]:
    fields = _anchor(raw["entered"]) | {
        "length": timedelta(days=raw["length_days"]),
        "rest": _days(raw.get("rest_days")),
        "re_entry": _days(raw.get("re_entry_days")),
        "exits": raw.get("exits", []),
        "gate": _rule(raw.get("gate")),
        "exit_rule": _rule(raw.get("exit_rule")),
    }
    return fields | {name: raw[name] for name in ("group", "priority", "policy") if name in raw}


def _anchor(entered: Raw) -> dict[str, Any]:
    """A number of events within a time, or a date with an offset in days."""
    if "trait" in entered:
        return {
            "anchor": JourneyVersion.Anchor.DATE,
            "anchor_trait": entered["trait"],
            "anchor_days": entered.get("days", 0),
        }
    return {
        "anchor_cell": entered["cell"],
        "anchor_count": entered.get("times", 1),
        "anchor_local_day": entered.get("local_day", False),
        "anchor_window": _days(entered.get("days")),
    }


def _step(raw: Raw) -> dict[str, Any]:
    hours = raw.get("pin_hours")
    fields = {
        "key": raw["key"],
        "after": _days(raw.get("after_days")),
        "closes": _days(raw.get("closes_days")),
        "rule": _rule(raw.get("rule")),
        "pin": None if hours is None else timedelta(hours=hours),
    }
    return fields | {
        name: raw[name] for name in ("since", "otherwise", "leaves", "then", "prefer", "suppress") if name in raw
    }


def _rule(rule: Any) -> dict[str, Any]:
    return {"v": 1, "rule": rule} if rule else {}


def _days(days: int | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)
