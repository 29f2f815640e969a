"""What of its inputs is kept with a decision, so that it can be made again?

Only what some candidate of the asked placements may read; how small that must be, the doors see to: docs/api.md.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import msgspec

from merch.engine.compiled import Release
from merch.engine.document import Pulse
from merch.engine.facts import Decision, Request, Subject, SubjectRecord
from merch.engine.needs import budgets_read, kills_read, pools_read, request_read, subject_read

FORMAT = 1
MOST_BYTES = 10 * 1024  # of one decision's inputs, as they are stored
SMALL = 1_024  # bytes; what is smaller hardly shrinks
SQUEEZED = b"\x78"  # how zlib begins, and no MessagePack of ours


class Inputs(msgspec.Struct, frozen=True):
    """Everything besides release and code that a decision depends on.

    Of the pulse what could matter: ``budgets`` as there, ``bandits`` as digest by placement.
    """

    request: Request
    subject: Subject | None
    now: int
    kills: tuple[str, ...] = ()
    budgets: dict[str, int] = {}
    empty_pools: tuple[str, ...] = ()
    bandits: dict[str, str] = {}
    format: int = FORMAT


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """Inputs as they are packed: behaviour bits as bytes, because MessagePack has no number of more than 64 bits."""

    request: Request
    record: SubjectRecord | None
    bits: bytes
    now: int
    kills: tuple[str, ...]
    format: int
    budgets: dict[str, int] = {}
    empty_pools: tuple[str, ...] = ()
    bandits: dict[str, str] = {}


class Entry(NamedTuple):
    """A decision and what it was made of, by reference: what of it is kept, the writing thread works out."""

    release: Release
    pulse: Pulse
    request: Request
    subject: Subject | None
    decision: Decision


_pack = msgspec.msgpack.Encoder()
_inputs = msgspec.msgpack.Decoder(_Kept)
_result = msgspec.msgpack.Decoder(Decision)


def inputs_of(entry: Entry) -> Inputs:
    """What must be kept to make this decision again."""
    release, pulse, request, subject, decision = entry
    needs = release.needs(request)
    asked = {each.placement for each in request.placements}
    return Inputs(
        request=request_read(request, needs),
        subject=subject_read(subject, needs, decision.decided_at) if subject else None,
        now=decision.decided_at,
        kills=kills_read(pulse, needs, subject),
        budgets=budgets_read(pulse, needs),
        empty_pools=pools_read(pulse, needs),
        bandits={name: rows.digest for name, rows in pulse.bandits.items() if name in asked},
    )


def pack_inputs(inputs: Inputs) -> bytes:
    """See Inputs. A few hundred bytes, for most."""
    record, bits = (inputs.subject.record, inputs.subject.bits) if inputs.subject else (None, 0)
    packed_bits = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    kept = _Kept(inputs.request, record, packed_bits, inputs.now, inputs.kills, inputs.format, inputs.budgets,
                 inputs.empty_pools, inputs.bandits)  # fmt: skip
    return squeezed(_pack.encode(kept))


def unpack_inputs(data: bytes) -> Inputs:
    """Raises msgspec.ValidationError or zlib.error on anything that was not packed here."""
    kept = _inputs.decode(_plain(data))
    subject = None if kept.record is None else Subject(kept.record, int.from_bytes(kept.bits, "little"))
    return Inputs(
        kept.request, subject, kept.now, kept.kills, kept.budgets, kept.empty_pools, kept.bandits, kept.format
    )


def pack_decision(decision: Decision) -> bytes:
    """The answer, to compare another one with."""
    return squeezed(_pack.encode(decision))


def unpack_decision(data: bytes) -> Decision:
    """As unpack_inputs, for the recorded answer."""
    return _result.decode(_plain(data))


def squeezed(data: bytes) -> bytes:
    """Compressed where that helps."""
    return data if len(data) < SMALL else zlib.compress(data, 1)


def _plain(data: bytes) -> bytes:
    return zlib.decompress(data) if data[:1] == SQUEEZED else data
