"""Why did this account see that, and not this?

The full funnel of a recorded decision as plain JSON, told from making it again; and for one campaign that lost, the
smallest change of facts that would have made it win. What is told is specified in docs/algorithms/explain.md.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import msgspec

from merch import reexecution
from merch.answering import time_text
from merch.engine import funnel
from merch.engine.call import Call
from merch.engine.compiled import PlacementPlan, Release
from merch.engine.edit_words import shown
from merch.engine.edits import Given
from merch.engine.facts import Answer
from merch.engine.funnel import Fate
from merch.engine.smallest import as_json, smallest_change
from merch.inputs import Inputs
from merch.reexecution import Recorded, pulse_of


def explain(recorded: Recorded, *, campaign: str | None = None) -> dict[str, Any]:
    """The funnel; with ``campaign`` each placement where it lost says what would have changed that.

    Raises ReleaseGone.
    """
    began = perf_counter()
    release = reexecution.release_named(recorded.decision.release)
    anew = reexecution.again(recorded, explain=True)
    inputs = recorded.inputs
    call = Call(release, reexecution.pulse_of(recorded), inputs.request, inputs.subject, inputs.now)
    placements = [_placement(answer, recorded, release, call, campaign) for answer in anew.answers]
    return {
        "decision_id": anew.decision_id,
        "decided_at": time_text(anew.decided_at),
        "release": anew.release,
        "pulse": anew.pulse,
        "subject": f"{inputs.request.kind}:{inputs.request.key}",
        "kills": sorted(inputs.kills),
        "facts": facts_of(inputs, release),
        "placements": placements,
        "exposures": [msgspec.to_builtins(exposure) for exposure in anew.exposures],
        "errors": list(anew.errors),
        "timings": {"explained_ms": round((perf_counter() - began) * 1000, 3)},
    }


def _placement(
    answer: Answer, recorded: Recorded, release: Release, call: Call, campaign: str | None
) -> dict[str, Any]:
    plan = release.placements.get(answer.placement)
    body: dict[str, Any] = {
        "placement": answer.placement,
        "reason": answer.reason,
        "degraded": list(answer.degraded),
        "ranked_by": ranked_by(plan) if plan else "",
        "shown": [{"campaign": slot.campaign, "item": slot.item, "variant": slot.variant} for slot in answer.slots],
        "candidates": [fate_of(fate) for fate in funnel.fates(plan, answer, call)] if plan else [],
    }
    if campaign is not None:
        inputs = recorded.inputs
        given = Given(inputs.request, inputs.subject, inputs.now)
        found = smallest_change(release, pulse_of(recorded), given, answer.placement, campaign)
        if found is not None:
            body["smallest_change"] = {"campaign": campaign, **as_json(found, given, release)}
    return body


def ranked_by(plan: PlacementPlan) -> str:
    """The order, and what breaks a tie."""
    by = "" if plan.doc.strategy.kind == "PRIORITY" else f"{plan.doc.strategy.kind} score, "
    return f"tier, {by}priority, earliest start, key"


def fate_of(fate: Fate) -> dict[str, Any]:
    """As JSON: instants as texts."""
    told: dict[str, Any] = msgspec.to_builtins(fate)
    for counter in told["counters"]:
        if counter["resets_at"] is not None:
            counter["resets_at"] = time_text(counter["resets_at"])
    return told


def facts_of(inputs: Inputs, release: Release) -> dict[str, Any]:
    """What was known: null for a record that could not be read."""
    context = {
        name: shown(release.context_types[name], value)
        for name, value in inputs.request.context.items()
        if name in release.context_types
    }
    overrides = {
        name: shown(release.trait_types[name], value)
        for name, value in sorted(inputs.request.traits.items())
        if name in release.trait_types
    }
    if inputs.subject is None:
        return {"record": None, "context": context, "overrides": overrides}
    record = inputs.subject.record
    return {
        "record": {
            "version": record.version,
            "traits": {
                name: {
                    "value": shown(release.trait_types[name], value),
                    "observed_at": time_text(observed),
                    "age_seconds": (inputs.now - observed) // 1_000_000,
                    "stale": _stale(release, name, inputs.now - observed),
                }
                for name, (value, observed) in sorted(record.traits.items())
                if name in release.trait_types
            },
            "consent": {name: given for name, (given, _) in record.consent.items()},
            "suppressions": [
                {"key": each.key, "tiers": list(each.tiers), "until": time_text(each.end) if each.end else None}
                for each in record.suppressions
            ],
            "history": {
                name: {"count": cell.count, "first": time_text(cell.first), "last": time_text(cell.last)}
                for name, cell in sorted(record.history.items())
            },
            "marks": {name: {"version": mark[0], "arm": mark[1]} for name, mark in sorted(record.marks.items())},
            "behaviour_bits": f"{inputs.subject.bits:x}",
        },
        "context": context,
        "overrides": overrides,
    }


def _stale(release: Release, name: str, age: int) -> bool:
    tolerated = release.traits[name].tolerated_age
    return tolerated is not None and age > tolerated
