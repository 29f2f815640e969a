"""How large is a share that was counted on a sample?

PURE: standard library only, because web processes tell shares too and must not wait for scipy.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

Z = 1.959963984540054  # of a two-sided interval of 95 %


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, and the 95 % interval of Wilson (1927)."""

    count: int
    of: int
    low: float
    high: float

    def __str__(self) -> str:
        if not self.of:
            return "nobody asked"
        return f"{self.count / self.of:.1%} ({self.low:.1%} to {self.high:.1%}; {self.count} of {self.of})"

    def as_json(self) -> dict[str, Any]:
        """Plain values; the interval is of the share."""
        return {"count": self.count, "of": self.of, "low": round(self.low, 6), "high": round(self.high, 6)}


def share(count: int, of: int) -> Share:
    """The p that a score test would not reject."""
    if of == 0:
        return Share(0, 0, 0.0, 1.0)
    p = count / of
    centre = (p + Z * Z / (2 * of)) / (1 + Z * Z / of)
    half = Z / (1 + Z * Z / of) * sqrt(p * (1 - p) / of + Z * Z / (4 * of * of))
    return Share(count, of, max(centre - half, 0.0), min(centre + half, 1.0))
