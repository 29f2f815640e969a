"""Which buckets of a layer may an experiment claim, and how does it grow or shrink?

A ramp only ever adds dated ranges or ends them, so that who could enter on any past date stays answerable.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import msgspec

from audiences.hashing import BUCKETS, unit
from experiments.assignment import Allocation, ExperimentSpec

# Claims are scattered in blocks of one percent: old experiments of the layer are mixed into every new claim,
# and the claim is still short enough to be searched in a decision.
BLOCK = 100


class LayerFullError(Exception):
    """The layer has fewer free buckets than the ramp asks for."""

    def __init__(self, wanted: int, free: int) -> None:
        super().__init__(
            f"The ramp needs {wanted} more buckets of 10000 and the layer has {free} free. "
            "Ask for fewer, stop an experiment of the layer, or use another layer."
        )
        self.wanted = wanted
        self.free = free


def layer_collisions(specs: Iterable[ExperimentSpec]) -> Iterator[tuple[str, str]]:
    """Pairs of experiments that claim a bucket of one layer, whatever the dates of the claims.

    Dates do not excuse: a subject exposed before a down-ramp stays, and would otherwise be in both. Versions
    of one experiment never collide with each other, nor does an experiment that is assigned elsewhere with
    any.
    """
    for one, other in combinations([spec for spec in specs if not spec.external], 2):
        same_layer = one.layer_salt == other.layer_salt and one.key != other.key
        if same_layer and _buckets_meet(one.ranges, other.ranges):
            yield one.key, other.key


def free_buckets(specs: Iterable[ExperimentSpec]) -> list[int]:
    """Buckets that none of these experiments of one layer has ever claimed, ascending."""
    taken = {number for spec in specs for allocation in spec.ranges for number in _numbers(allocation)}
    return [number for number in range(BUCKETS) if number not in taken]


def ramp(
    ranges: Sequence[Allocation], *, to_buckets: int, free: Sequence[int], salt: str, now_us: int
) -> tuple[Allocation, ...]:
    """The ranges after a ramp to ``to_buckets`` of 10000 at ``now_us``. Nobody changes variant by it.

    Growing first takes back buckets this experiment let go, whose subjects may carry its mark, then blocks of
    ``free`` in the order ``salt`` shuffles them. Shrinking ends the newest claims first. ``LayerFullError``.
    """
    if not 0 <= to_buckets <= BUCKETS:
        raise ValueError(f"to_buckets is {to_buckets}; give 0 to {BUCKETS}.")
    held = [number for allocation in ranges if allocation.to_us is None for number in _numbers(allocation)]
    if to_buckets < len(held):
        return _shrunk(ranges, len(held) - to_buckets, now_us)
    released = sorted({number for allocation in ranges for number in _numbers(allocation)} - set(held))
    wanted = to_buckets - len(held)
    order = [*released, *_scattered(sorted(set(free) - set(released) - set(held)), salt)]
    if wanted > len(order):
        raise LayerFullError(wanted, len(order))
    return (*ranges, *_as_ranges(sorted(order[:wanted]), now_us))


def _shrunk(ranges: Sequence[Allocation], surplus: int, now_us: int) -> tuple[Allocation, ...]:
    kept: list[Allocation] = []
    for allocation in reversed(ranges):
        size = allocation.end_bucket - allocation.start_bucket
        if allocation.to_us is not None or surplus == 0:
            kept.append(allocation)
            continue
        cut = max(allocation.start_bucket, allocation.end_bucket - surplus)
        surplus -= min(size, surplus)
        # A claim that was never live is dropped: an empty stretch of time says nothing about anybody.
        if allocation.from_us < now_us:
            kept.append(msgspec.structs.replace(allocation, start_bucket=cut, to_us=now_us))
        if cut > allocation.start_bucket:
            kept.append(msgspec.structs.replace(allocation, end_bucket=cut))
    return tuple(reversed(kept))


def _scattered(free: list[int], salt: str) -> list[int]:
    """``free`` in blocks that keep their inner order, the blocks shuffled by hash."""
    blocks = [free[start : start + BLOCK] for start in range(0, len(free), BLOCK)]
    blocks.sort(key=lambda block: unit(salt, str(block[0])))
    return [number for block in blocks for number in block]


def _as_ranges(numbers: list[int], from_us: int) -> Iterator[Allocation]:
    start = None
    for index, number in enumerate(numbers):
        start = number if start is None else start
        if index + 1 == len(numbers) or numbers[index + 1] != number + 1:
            yield Allocation(start, number + 1, from_us)
            start = None


def _numbers(allocation: Allocation) -> range:
    return range(allocation.start_bucket, allocation.end_bucket)


def _buckets_meet(ours: Sequence[Allocation], theirs: Sequence[Allocation]) -> bool:
    return any(a.start_bucket < b.end_bucket and b.start_bucket < a.end_bucket for a in ours for b in theirs)
