"""Would this recorded decision be made again, and why was it made?

A record names its release and carries every other input, so the same function gives the same answer later, in any
process. Nothing here writes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from audiences.rules import ValueType, decode_trait
from merch.answering import time_text
from merch.engine.compiled import Release
from merch.engine.compiling import compile_release
from merch.engine.decide import decide
from merch.engine.document import Pulse, parse_release
from merch.engine.facts import Decision
from merch.models import DecisionRecord
from merch.models import Release as ReleaseRow
from merch.recording import Inputs, unpack_decision, unpack_inputs


class ReleaseGone(LookupError):
    """The release that made the decision is not kept any more, so it can be shown but not made again."""


class Recorded(NamedTuple):
    row: DecisionRecord
    inputs: Inputs
    decision: Decision


class Difference(NamedTuple):
    """A decision that came out otherwise: a defect, always."""

    decision_id: UUID
    recorded: Decision
    again: Decision


def find(decision_id: UUID) -> Recorded | None:
    """The record, or None where it never was, is not flushed yet, or is past its keeping."""
    row = DecisionRecord.objects.filter(decision_id=decision_id).first()
    return unpack(row) if row else None


def unpack(row: DecisionRecord) -> Recorded:
    return Recorded(row, unpack_inputs(bytes(row.inputs)), unpack_decision(bytes(row.result)))


@lru_cache(maxsize=8)
def release_named(digest: str) -> Release:
    """The compiled release. Raises ReleaseGone."""
    row = ReleaseRow.objects.filter(digest=digest).first()
    if row is None:
        raise ReleaseGone(digest)
    return compile_release(parse_release(zlib.decompress(bytes(row.document))), digest)


def again(recorded: Recorded, *, explain: bool = False) -> Decision:
    """Make the decision again from its recorded inputs. Raises ReleaseGone."""
    inputs = recorded.inputs
    pulse = Pulse(number=recorded.decision.pulse, kills=frozenset(inputs.kills))
    return decide(
        release_named(recorded.decision.release), pulse, inputs.request, inputs.subject, inputs.now, explain=explain
    )


def differences(rows: Iterator[DecisionRecord]) -> Iterator[Difference | None]:
    """One per record: None where it came out the same, to the last field."""
    encoder = msgspec.msgpack.Encoder()
    for row in rows:
        recorded = unpack(row)
        anew = again(recorded)
        same = encoder.encode(anew) == encoder.encode(recorded.decision)
        yield None if same else Difference(row.decision_id, recorded.decision, anew)


def records_since(since: datetime | None, sample: float) -> Iterator[DecisionRecord]:
    """Records decided at or after ``since``, streamed; ``sample`` keeps that share of them, by the decision's id."""
    rows = DecisionRecord.objects.order_by("day", "decided_at")
    if since is not None:
        rows = rows.filter(day__gte=since.date(), decided_at__gte=since)
    for row in rows.iterator(chunk_size=2000):
        if sample >= 1 or (row.decision_id.int & 0xFFFF) / 0x10000 < sample:
            yield row


def explain(recorded: Recorded) -> dict[str, Any]:
    """The full funnel as plain JSON: facts with their ages, every candidate in order with its one reason."""
    release = release_named(recorded.decision.release)
    anew = again(recorded, explain=True)
    return {
        "decision_id": anew.decision_id,
        "decided_at": time_text(anew.decided_at),
        "release": anew.release,
        "pulse": anew.pulse,
        "subject": f"{recorded.inputs.request.kind}:{recorded.inputs.request.key}",
        "facts": _facts(recorded.inputs, release),
        "placements": [
            {
                "placement": answer.placement,
                "reason": answer.reason,
                "degraded": list(answer.degraded),
                "shown": [
                    {"campaign": slot.campaign, "item": slot.item, "variant": slot.variant} for slot in answer.slots
                ],
                "candidates": [msgspec.to_builtins(loss) for loss in answer.losses],
            }
            for answer in anew.answers
        ],
        "exposures": [msgspec.to_builtins(exposure) for exposure in anew.exposures],
        "errors": list(anew.errors),
    }


def _shown(of: ValueType, stored: Any) -> Any:
    """As it is spelled in JSON; a value of another type, which may be the very reason, as it is stored."""
    try:
        return decode_trait(of, stored)
    except (TypeError, ValueError, OverflowError):
        return stored


def _facts(inputs: Inputs, release: Release) -> dict[str, Any]:
    """What was known: null for a record that could not be read."""
    context = {
        name: _shown(release.context_types[name], value)
        for name, value in inputs.request.context.items()
        if name in release.context_types
    }
    if inputs.subject is None:
        return {"record": None, "context": context}
    record = inputs.subject.record
    return {
        "record": {
            "version": record.version,
            "traits": {
                name: {
                    "value": _shown(release.trait_types[name], value),
                    "observed_at": time_text(observed),
                    "age_seconds": (inputs.now - observed) // 1_000_000,
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
            "behaviour_bits": inputs.subject.bits,
        },
        "context": context,
    }
