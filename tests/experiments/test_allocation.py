"""Does a ramp only add and end dated ranges, and does a layer never give one subject two experiments?"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.allocation import LayerFullError, free_buckets, layer_collisions, ramp
from experiments.assignment import Allocation, ExperimentSpec, Variant, arm, in_allocation

SUBJECTS = [f"acc_{number}" for number in range(400)]


def experiment(key: str, *ranges: Allocation, **changes: object) -> ExperimentSpec:
    variants = (Variant("control", 1), Variant("b", 1))
    spec = ExperimentSpec(key, 1, f"exp:{key}:1", "layer:home:1", ranges, variants)
    return msgspec.structs.replace(spec, **changes)


def open_buckets(ranges: tuple[Allocation, ...]) -> set[int]:
    return {n for a in ranges if a.to_us is None for n in range(a.start_bucket, a.end_bucket)}


def inside(spec: ExperimentSpec, now_us: int) -> set[str]:
    return {subject for subject in SUBJECTS if in_allocation(spec, subject, now_us)}


@given(steps=st.lists(st.integers(0, 10_000), min_size=1, max_size=6))
def test_a_ramp_reaches_its_size_and_rewrites_no_past(steps: list[int]) -> None:
    ranges: tuple[Allocation, ...] = ()
    for now_us, size in enumerate(steps, start=1):
        before = [inside(experiment("one", *ranges), past) for past in range(now_us)]

        ranges = ramp(ranges, to_buckets=size, free=range(10_000), salt="claim", now_us=now_us)

        assert len(open_buckets(ranges)) == size
        assert [inside(experiment("one", *ranges), past) for past in range(now_us)] == before


def test_a_ramp_up_keeps_everybody_and_a_ramp_down_lets_nobody_new_in() -> None:
    tenth = ramp((), to_buckets=1_000, free=range(10_000), salt="claim", now_us=1)
    fifth = ramp(tenth, to_buckets=2_000, free=range(10_000), salt="claim", now_us=2)
    less = ramp(fifth, to_buckets=500, free=range(10_000), salt="claim", now_us=3)

    assert open_buckets(less) < open_buckets(tenth) < open_buckets(fifth)


def test_growing_again_takes_back_the_buckets_that_were_let_go() -> None:
    first = ramp((), to_buckets=1_000, free=range(10_000), salt="claim", now_us=1)
    shrunk = ramp(first, to_buckets=250, free=range(10_000), salt="claim", now_us=2)
    again = ramp(shrunk, to_buckets=1_000, free=range(10_000), salt="another", now_us=3)

    assert open_buckets(again) == open_buckets(first)


def test_the_worked_ramp_of_the_documentation() -> None:
    ranges: tuple[Allocation, ...] = ()
    for day, size in ((1, 200), (4, 150), (9, 200)):
        ranges = ramp(ranges, to_buckets=size, free=range(10_000), salt="claim", now_us=day)

    assert ranges == (
        Allocation(2_200, 2_300, 1),
        Allocation(2_500, 2_550, 1),
        Allocation(2_550, 2_600, 1, 4),
        Allocation(2_550, 2_600, 9),
    )


def test_a_claim_is_scattered_over_the_layer_in_few_ranges() -> None:
    ranges = ramp((), to_buckets=1_000, free=range(10_000), salt="claim", now_us=1)
    buckets = open_buckets(ranges)

    assert len(ranges) <= 10
    assert min(buckets) < 3_000
    assert max(buckets) > 7_000


def test_a_full_layer_says_how_many_buckets_are_left() -> None:
    with pytest.raises(LayerFullError, match="needs 500 more buckets of 10000 and the layer has 200 free"):
        ramp((), to_buckets=500, free=range(200), salt="claim", now_us=1)


@pytest.mark.parametrize("size", [-1, 10_001])
def test_a_size_outside_the_layer_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="to_buckets"):
        ramp((), to_buckets=size, free=range(10_000), salt="claim", now_us=1)


def test_buckets_let_go_by_a_down_ramp_are_not_free_for_another() -> None:
    one = experiment("one", Allocation(0, 500, 1), Allocation(500, 1_000, 1, 2))
    two = experiment("two", Allocation(800, 900, 3))

    assert free_buckets([one]) == list(range(1_000, 10_000))
    assert list(layer_collisions([one, two])) == [("one", "two")]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(experiment("two", Allocation(1_000, 2_000, 0)), id="neighbours"),
        pytest.param(experiment("two", Allocation(0, 1_000, 0), layer_salt="layer:shelf:1"), id="other-layer"),
        pytest.param(experiment("one", Allocation(0, 1_000, 0), version=2), id="own-next-version"),
        pytest.param(experiment("two", Allocation(0, 1_000, 0), external=True), id="assigned-elsewhere"),
    ],
)
def test_these_do_not_collide(other: ExperimentSpec) -> None:
    assert list(layer_collisions([experiment("one", Allocation(0, 1_000, 0)), other])) == []


@given(
    ramps=st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), st.integers(0, 3_300)), min_size=1, max_size=8)
)
def test_an_exclusive_layer_never_gives_one_subject_two_experiments(ramps: list[tuple[str, int]]) -> None:
    specs = {key: experiment(key) for key in ("one", "two", "three")}
    marks: dict[str, set[tuple[str, int]]] = {subject: set() for subject in SUBJECTS[:60]}
    for now_us, (key, size) in enumerate(ramps, start=1):
        others = [spec for spec in specs.values() if spec.key != key]
        ranges = ramp(specs[key].ranges, to_buckets=size, free=free_buckets(others), salt=f"{key}:claim", now_us=now_us)
        specs[key] = msgspec.structs.replace(specs[key], ranges=ranges)
        assert list(layer_collisions(specs.values())) == []
        for subject, seen in marks.items():
            arms = [given for spec in specs.values() if (given := arm(spec, subject, now_us, seen))]
            assert len(arms) <= 1
            seen.update((given.experiment, given.version) for given in arms)
