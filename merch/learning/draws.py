"""Which scores are drawn from what is known of each item?

Thompson sampling ahead of time: each row holds one draw from every item's posterior, by hash. Equal posteriors give
equal rows, and a small change of one moves its scores a little and no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.special import betaincinv

from audiences.hashing import unit

ROWS = 1_000
PRIOR = (1.0, 1.0)
MILLIONTHS = 1_000_000


class Tried(NamedTuple):
    """How often an item was tried, and how often that succeeded."""

    trials: int = 0
    successes: int = 0


def drawn(placement: str, tried: Mapping[str, Tried], rows: int = ROWS) -> dict[str, Any]:
    """The body of the placement's part of the pulse: items, and rows of scores in whole millionths."""
    items = sorted(tried)
    units = np.array([[unit(f"thompson:{placement}", f"{row}|{item}") for item in items] for row in range(rows)])
    successes = np.array([tried[item].successes for item in items], dtype=float)
    failures = np.array([tried[item].trials - tried[item].successes for item in items], dtype=float)
    scores = betaincinv(PRIOR[0] + successes, PRIOR[1] + failures, units.reshape(rows, len(items)))
    return {"items": items, "rows": np.rint(scores * MILLIONTHS).astype(int).tolist()}
