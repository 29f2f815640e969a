"""How long does it take to compile a release, and to name one?"""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time_ns

from benchmarks.releases import document
from benchmarks.report import Row
from merch.engine.compiling import compile_release, digest_of
from merch.engine.document import ReleaseDoc

SIZES = (200, 1_000, 10_000)
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


def _quickest(size: int, step: Callable[[ReleaseDoc], object]) -> float:
    made = document(size)
    taken = []
    for _ in range(ROUNDS):
        began = thread_time_ns()
        step(made)
        taken.append((thread_time_ns() - began) / 1_000_000)
    return min(taken)
