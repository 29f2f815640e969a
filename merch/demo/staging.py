"""How is one of the scenarios put on stage, in a demo or in a test?

A scenario is a brief and its business rules, written in merch/demo/scenarios/NAME.yaml as a person would enter them in
admin: catalogue entries, budgets, holdouts, caps, journeys, campaigns, and people to try it with. Everything goes
through the operations that admin uses: one person writes, another approves, a release is published.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from django.db import transaction

from audiences import membership
from audiences.catalogue import trait_types
from audiences.membership.execution import execute
from audiences.models import AudienceRun, BehaviourLeaf
from audiences.moments import micros
from audiences.people import TraitChange, apply_changes
from audiences.rules import TraitType, encode_trait
from campaigns import behaviours, importing, operations
from campaigns.models import Budget, Campaign, Market
from experiments import operations as experiments
from experiments.models import Holdout
from merch import intake
from merch.demo import authoring, files
from merch.demo.staff import Staff, hire
from merch.releases import store as releases
from merch.subjects.publish import publish

HERE = Path(__file__).parent / "scenarios"
CATALOGUE = (
    "traits", "contexts", "events", "markets", "domains", "plan_groups", "plans", "prices", "formats", "placements",
    "audiences", "offers", "creatives", "guards",
)  # fmt: skip
ALREADY = "already on stage"


class NotStaged(Exception):
    """The scenario could not be put on stage; the sentence says why."""


class Staged(NamedTuple):
    """What a scenario brought: its keys, and the accounts to try it with."""

    title: str
    campaigns: list[str]
    accounts: list[str]


def names() -> list[str]:
    """S1, S2 ...: those that are written."""
    return [f"S{int(path.stem[1:])}" for path in sorted(HERE.glob("s*.yaml"))]


def read(name: str) -> dict[str, Any]:
    """The scenario as it is written. Raises NotStaged."""
    known = {each.lower(): each for each in names()}
    if name.lower() not in known:
        raise NotStaged(f"There is no scenario {name}; there are {', '.join(names())}.")
    document: dict[str, Any] = importing.document_of(HERE / f"s{int(known[name.lower()][1:]):02d}.yaml")
    return document


def stage(name: str, *, now: datetime, why: str = "") -> Staged:
    """Write, approve, launch and publish a scenario. Raises NotStaged; then nothing of it is there."""
    document = read(name)
    keys = [raw["key"] for raw in document["campaigns"]]
    if Campaign.objects.filter(key__in=keys).exists():
        raise NotStaged(f"{name} is {ALREADY}.")
    staff = hire()
    why = why or f"Scenario {name}"
    with transaction.atomic():
        _catalogue(document, staff, now, why)
        _limits(document, staff, now, why)
        authoring.write_all(document, staff=staff, now=now)
    _behaviours(now)
    with transaction.atomic():
        authoring.bring_about(document, staff=staff, now=now)
    published = releases.publish(by=staff.approver, now=now, why=why)
    missing = {key: reason for key, reason in published.left_out.items() if key in keys}
    if missing:
        raise NotStaged(" ".join(f"{key}: {reason}" for key, reason in missing.items()))
    return Staged(document["title"], keys, people(document, now=now))


def _catalogue(document: dict[str, Any], staff: Staff, now: datetime, why: str) -> None:
    """Tonika's own catalogue where there is none yet, then what the scenario adds."""
    parts = [{name: document[name] for name in CATALOGUE if name in document}]
    if not Market.objects.exists():
        parts.insert(0, files.catalogue(now))
    for part in parts:
        found = importing.run(part, by=staff.editor, now=now, apply=True, why=why)
        if found.problems:
            raise NotStaged(" ".join(f"{each.where}: {each.sentence} {each.hint}" for each in found.problems))


def _limits(document: dict[str, Any], staff: Staff, now: datetime, why: str) -> None:
    for raw in document.get("budgets", ()):
        budget = Budget.objects.create(key=raw["key"], name=raw["name"], per_market=raw.get("per_market", False))
        operations.edited(budget, None, by=staff.editor, now=now)
    for raw in document.get("holdouts", ()):
        holdout = Holdout.objects.create(
            key=raw["key"], name=raw["name"], scope=raw["scope"], scope_key=raw.get("scope_key", "")
        )
        operations.edited(holdout, None, by=staff.editor, now=now)
        experiments.draw(holdout, raw["size"], by=staff.editor, now=now, why=why)
        for later in raw.get("later", ()):
            begins = now + timedelta(days=later["days"])
            dark = begins + timedelta(days=later.get("previous_dark_days", 0))
            # After the draw before it has begun, which it would replace otherwise.
            after = now + timedelta(microseconds=1)
            experiments.draw(
                holdout, later["size"], by=staff.editor, now=after, starts_at=begins, keep_previous_until=dark, why=why
            )


def _behaviours(now: datetime) -> None:
    """Conditions on events and lists are worked out by a run; without one their campaigns are not ready."""
    behaviours.ensure()
    if not BehaviourLeaf.objects.filter(filled_by__isnull=True).exists():
        return
    run = execute(membership.start_run(now), f"scenario:{os.getpid()}")
    if run.state != AudienceRun.State.PUBLISHED:
        raise NotStaged(f"The audience run is {run.get_state_display().lower()}: {run.note}")


def people(document: dict[str, Any], *, now: datetime) -> list[str]:
    """Those to try it with: what is known of each, and what each did."""
    types = trait_types()
    for raw in document.get("people", ()):
        publish(apply_changes([_known(raw, types, now)], now=now), now=now)
        events = [_happened(raw["account"], number, each, now) for number, each in enumerate(raw.get("happened", ()))]
        if events:
            intake.receive(events, key_scope="server", source="scenario", sent_at=now, now=now, backfill=True)
    return [raw["account"] for raw in document.get("people", ())]


def _known(raw: dict[str, Any], types: dict[str, TraitType], now: datetime) -> TraitChange:
    traits = {name: encode_trait(types[name], _moved(value, now)) for name, value in raw.get("traits", {}).items()}
    return TraitChange(
        kind="a", key=raw["account"], observed_at=micros(now), traits=traits,
        consent={"personalisation": raw.get("consent", True)},
    )  # fmt: skip


def _moved(value: Any, now: datetime) -> Any:
    """{days: -40} is the day forty days ago."""
    if isinstance(value, dict):
        return (now + timedelta(days=value["days"])).date().isoformat()
    return value


def _happened(account: str, number: int, raw: dict[str, Any], now: datetime) -> dict[str, Any]:
    at = now - timedelta(days=raw.get("days_ago", 0), hours=raw.get("hours_ago", 0))
    return {
        "type": raw.get("type", "custom"),
        "name": raw["name"],
        "account_id": account,
        "event_id": f"scenario-{account}-{number}",
        "occurred_at": at.isoformat(),
        "properties": raw.get("properties", {}),
    }
