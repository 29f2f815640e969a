"""Does a packed decision come out the same when it is made again, to the last byte?

Needs nothing but the packed inputs and answer, the compiled release, and scores drawn for bandits; so the same check
runs over rows of PostgreSQL and over files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from merch.engine.compiled import Release
from merch.engine.decide import decide
from merch.engine.document import BanditRows, Pulse
from merch.engine.facts import Decision
from merch.inputs import Inputs, pack_decision, unpack_decision, unpack_inputs

RowsOf = Callable[[str, str], BanditRows]  # by placement and digest

_encode = msgspec.msgpack.Encoder().encode


class Pair(NamedTuple):
    """Two answers to one question: a defect, always."""

    recorded: Decision
    again: Decision


def pulse_read(inputs: Inputs, number: int, rows_of: RowsOf) -> Pulse:
    """What of the pulse was read."""
    return Pulse(
        number=number,
        kills=frozenset(inputs.kills),
        budgets=inputs.budgets,
        empty_pools=frozenset(inputs.empty_pools),
        bandits={placement: rows_of(placement, digest) for placement, digest in inputs.bandits.items()},
    )


def remade(inputs: bytes, result: bytes, release: Release, number: int, rows_of: RowsOf) -> Pair | None:
    """None where it came out the same. An answer of an earlier format is compared field by field."""
    read = unpack_inputs(inputs)
    anew = decide(release, pulse_read(read, number, rows_of), read.request, read.subject, read.now)
    if pack_decision(anew) == result:
        return None
    recorded = unpack_decision(result)
    return None if _encode(recorded) == _encode(anew) else Pair(recorded, anew)
