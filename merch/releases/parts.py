"""What do the parts of a pulse hold, and what does a decision read of them?

    kills        keys of campaigns                    budgets      {"KEY|MARKET": of 10,000 subjects, those let in}
    keys         digests of API keys                  empty_pools  code pools without a code
    bandit:SLUG  {"items": ["campaign/item", ...], "rows": [[score in 1e-6, ...], ...]} of the placement SLUG

A part that this version does not know is passed over; so is, with a line in the log, one that cannot be read.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from merch.engine.document import BanditRows, Pulse
from merch.engine.ranking import ready

BANDIT = "bandit:"
T = TypeVar("T")
log = logging.getLogger(__name__)


class Drawn(msgspec.Struct, frozen=True):
    """The body of a bandit part."""

    items: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]


def digest_of(body: Any) -> str:
    """The part's name: that of its canonical JSON."""
    return f"sha256:{sha256(msgspec.json.encode(body, order='sorted')).hexdigest()}"


def rows_of(body: Any) -> BanditRows:
    """The drawn scores of a placement. Raises msgspec.ValidationError."""
    drawn = msgspec.convert(body, Drawn)
    if any(len(row) != len(drawn.items) for row in drawn.rows):
        raise msgspec.ValidationError("a row has more or fewer scores than there are items")
    return BanditRows(digest=digest_of(body), items=drawn.items, rows=drawn.rows)


def pulse_of(number: int, parts: Mapping[str, Any]) -> Pulse:
    """What decisions read. Raises where it cannot be known who is killed; nothing else may keep a kill away."""
    return Pulse(
        number=number,
        kills=frozenset(parts.get("kills", ())),
        budgets=_read("budgets", parts, dict[str, int]) or {},
        empty_pools=_read("empty_pools", parts, frozenset[str]) or frozenset(),
        bandits=dict(_bandits(parts)),
    )


def _read(name: str, parts: Mapping[str, Any], of: type[T]) -> T | None:
    """The part as that type; None where it is not there, or cannot be read."""
    if name not in parts:
        return None
    try:
        return msgspec.convert(parts[name], of)
    except msgspec.ValidationError as error:
        log.error("passed over the part %s of the pulse: %s", name, error)
        return None


def _bandits(parts: Mapping[str, Any]) -> Iterator[tuple[str, BanditRows]]:
    for name, body in parts.items():
        if not name.startswith(BANDIT):
            continue
        try:
            rows = rows_of(body)
        except msgspec.ValidationError as error:
            log.error("passed over the part %s, its placement ranks by priority: %s", name, error)
            continue
        ready(rows)  # worked out here, or the first decision would wait for it
        yield name.removeprefix(BANDIT), rows
