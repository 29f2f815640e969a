"""Would this recorded decision be made again?

A record names its release and carries every other input, so the same function gives the same answer later, in any
process. Nothing here writes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from django.db.models import IntegerField
from django.db.models.expressions import RawSQL

from merch.engine.compiled import Release
from merch.engine.compiling import compile_release
from merch.engine.decide import decide
from merch.engine.document import BanditRows, Pulse, parse_release
from merch.engine.facts import Decision
from merch.inputs import Inputs, unpack_decision, unpack_inputs
from merch.models import DecisionRecord, PulsePart
from merch.models import Release as ReleaseRow
from merch.releases.parts import BANDIT, rows_of
from merch.remaking import pulse_read, remade

# A number of 28 bits from the id's own chance, modulo so many parts.
PART = "('x' || right(decision_id::text, 7))::bit(28)::int %% %s"


class ReleaseGone(LookupError):
    """What made the decision, its release or drawn scores, is not kept any more: it can be shown, not made again."""


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
    inputs, release = recorded.inputs, release_named(recorded.decision.release)
    return decide(release, pulse_of(recorded), inputs.request, inputs.subject, inputs.now, explain=explain)


def pulse_of(recorded: Recorded) -> Pulse:
    """What of the pulse was read. Raises ReleaseGone where drawn scores are not kept any more."""
    return pulse_read(recorded.inputs, recorded.decision.pulse, bandit_rows)


@lru_cache(maxsize=32)
def bandit_rows(placement: str, digest: str) -> BanditRows:
    """The scores drawn for a bandit placement, as its part of the pulse carried them. Raises ReleaseGone."""
    part = PulsePart.objects.filter(name=f"{BANDIT}{placement}", digest=digest).first()
    if part is None:
        raise ReleaseGone(f"{BANDIT}{placement} {digest}")
    return rows_of(part.body)


def differences(rows: Iterable[DecisionRecord]) -> Iterator[Difference | None]:
    """One per record: None where it came out the same, to the last field. Raises ReleaseGone."""
    for row in rows:
        pair = remade(bytes(row.inputs), bytes(row.result), release_named(row.release), row.pulse, bandit_rows)
        yield Difference(row.decision_id, *pair) if pair else None


def records_since(since: datetime | None, sample: float, part: tuple[int, int] = (1, 1)) -> Iterator[DecisionRecord]:
    """Records decided at or after ``since``, streamed; ``sample`` keeps that share of them, by the decision's id.

    ``part`` (k, n) is the k-th of n parts into which they fall for as many processes.
    """
    rows = DecisionRecord.objects.order_by("day", "decided_at")
    if since is not None:
        rows = rows.filter(day__gte=since.date(), decided_at__gte=since)
    number, of = part
    if of > 1:
        rows = rows.annotate(part=RawSQL(PART, [of], output_field=IntegerField())).filter(part=number - 1)  # noqa: S611
    for row in rows.iterator(chunk_size=2000):
        if sample >= 1 or (row.decision_id.int & 0xFFFF) / 0x10000 < sample:
            yield row
