"""How long does one decision take inside the engine, at 200 and 1,000 candidates?"""

from __future__ import annotations

from time import process_time_ns

from benchmarks.releases import NOW, release, request, subjects
from benchmarks.report import Row
from merch.engine.decide import decide
from merch.engine.document import Pulse

PEOPLE = 100
SIZES = (200, 1_000)
ROUNDS = 5


def measure() -> list[Row]:
    """CPU microseconds per decision, median of interleaved rounds over the same hundred people."""
    releases = {size: release(size) for size in SIZES}
    people = subjects(PEOPLE)
    asked = [request(number) for number in range(PEOPLE)]
    pulse = Pulse()
    taken: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(ROUNDS + 1):
        for size in SIZES:
            began = process_time_ns()
            for who, what in zip(people, asked, strict=True):
                decide(releases[size], pulse, what, who, NOW)
            taken[size].append((process_time_ns() - began) / PEOPLE / 1_000)
    medians = {size: sorted(rounds[1:])[ROUNDS // 2] for size, rounds in taken.items()}
    smallest = medians[SIZES[0]]
    return [
        Row(f"engine.{size}", medians[size], "us CPU", beside=f"engine.{SIZES[0]}", ratio=medians[size] / smallest)
        for size in SIZES
    ]
