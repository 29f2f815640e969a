"""How do two phases of a drill compare?"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic, sleep
from typing import NamedTuple

from tests.faults.load import Answer, differing, percentile
from tests.faults.table import Table

STALL = 250  # milliseconds for which a busy machine may do something else


class Phase(NamedTuple):
    begin: float
    end: float


def during(seconds: float) -> Phase:
    """Ends a little before it returns: a call that is due at its end has been answered by then."""
    begin = monotonic()
    sleep(seconds)
    end = monotonic()
    sleep(0.2)
    return Phase(begin, end)


def compare(table: Table, id_: str, name: str, healthy: Sequence[Answer], fault: Sequence[Answer]) -> None:
    """All answered 200, and about as fast as before: nobody waited for what is gone.

    A store that every call waits for shows in the median (20 ms), a thread that is held in the slowest (1 s). Between
    them lies what a busy machine does to a short phase.
    """
    table.exactly(id_, f"{name}: decisions answered 200, of {len(fault)}", good(fault), len(fault))
    for share, slack in ((0.5, 12), (0.95, STALL)):
        before = percentile(healthy, share)
        what = f"{name}: p{share * 100:.0f} (healthy {before:.1f} ms)"
        table.most(id_, what, percentile(fault, share), 2 * before + slack, "ms")
    table.told(id_, f"{name}: p99 (healthy {percentile(healthy, 0.99):.1f} ms)", percentile(fault, 0.99), "ms")
    slowest = percentile(healthy, 1)
    table.most(id_, f"{name}: slowest (healthy {slowest:.1f} ms)", percentile(fault, 1), max(3 * slowest, 900), "ms")


def compare_contents(table: Table, answers: Sequence[Answer], healthy: Sequence[Answer], *, stalls: float = 30) -> None:
    """A machine that stalls for 20 ms makes readers give Valkey up for a moment, which their answers name.

    ``stalls``: per cent of answers that may; more soon after Valkey was away, when it is given up for half a second.
    """
    whole = [each for each in answers if not degraded(each)]
    stalled = 100 * (1 - len(whole) / len(answers))
    table.most("D-02", "named degraded for a stall of the machine, per cent", stalled, stalls)
    normal = [each for each in healthy if not degraded(each)]
    table.exactly("D-02", "subjects shown something else than before", differing(whole, normal), [])


def good(answers: Sequence[Answer]) -> int:
    return sum(each.status == 200 for each in answers)


def degraded(answer: Answer) -> bool:
    """Every placement says that the subject could not be read."""
    placements = answer.body.get("placements", {}).values()
    return all(placed.get("degraded") == ["DEGRADED_NO_SUBJECT"] for placed in placements)
