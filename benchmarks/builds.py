"""How many questions does a release build ask, and how long does it take to compile and to name one?"""

from __future__ import annotations

from time import process_time_ns

from benchmarks.releases import document
from benchmarks.report import Row
from merch.engine.compiling import compile_release, digest_of

SIZES = (200, 1_000)
ROUNDS = 3


def measure() -> list[Row]:
    """CPU milliseconds from a document to a release that can decide; the smallest of three."""
    return [
        row
        for size in SIZES
        for row in (
            Row(f"release.compile.{size}", _quickest(size, compile_release), "ms CPU"),
            Row(f"release.name.{size}", _quickest(size, digest_of), "ms CPU"),
        )
    ]


def _quickest(size: int, step: object) -> float:
    made = document(size)
    taken = []
    for _ in range(ROUNDS):
        began = process_time_ns()
        step(made)  # type: ignore[operator]
        taken.append((process_time_ns() - began) / 1_000_000)
    return min(taken)
