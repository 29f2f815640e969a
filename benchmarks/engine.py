"""How long does one decision take inside the engine, and how much of it is the number of candidates?"""

from __future__ import annotations

import tracemalloc
from time import thread_time_ns

from benchmarks.releases import NOW, document, release, request, subjects
from benchmarks.report import Row, median
from merch.engine.compiled import Release
from merch.engine.compiling import compile_release
from merch.engine.decide import decide
from merch.engine.document import Pulse
from merch.engine.facts import Request, Subject

PEOPLE = 100
SIZES = (200, 1_000, 10_000)
ROUNDS = 15


def measure() -> list[Row]:
    """CPU microseconds of this thread per decision, medians of interleaved rounds over the same hundred people."""
    releases = {size: release(size) for size in SIZES}
    people = [(request(number), who) for number, who in enumerate(subjects(PEOPLE))]
    taken: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(ROUNDS + 1):
        for size in SIZES:
            taken[size].append(_round(releases[size], people))
    medians = {size: median(rounds[1:]) for size, rounds in taken.items()}
    smallest = SIZES[0]
    return [
        *(
            Row(f"engine.{size}", medians[size], "us CPU", f"engine.{smallest}", medians[size] / medians[smallest])
            for size in SIZES
        ),
        Row("engine.residual", _residual(releases[smallest]), "% of candidates"),
        Row("engine.release_memory", _memory(), "KB per candidate, index and all"),
    ]


def _round(ready: Release, people: list[tuple[Request, Subject]]) -> float:
    pulse = Pulse()
    began = thread_time_ns()
    for what, who in people:
        decide(ready, pulse, what, who, NOW)
    return (thread_time_ns() - began) / len(people) / 1_000


def _residual(ready: Release) -> float:
    """Candidates with a condition that no table of the index answers."""
    return 100 * ready.residual / ready.candidates


def _memory() -> float:
    """What compiling adds to a document that is in memory."""
    made = document(SIZES[1])
    tracemalloc.start()
    ready = compile_release(made)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / ready.candidates / 1_024
