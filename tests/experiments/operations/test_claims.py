"""Do the rows of a layer keep experiments apart, and say of any date who could enter?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from audiences.moments import micros
from experiments import operations
from experiments.assignment import arm, in_allocation
from experiments.claims import held, spec
from experiments.models import Allocation, Experiment
from experiments.problems import Refused
from tests.experiments.rows import DAY, START, experiment, layer, metric

pytestmark = pytest.mark.django_db

KEYS = [f"acc_{number}" for number in range(2000)]


def running(key: str, buckets: int, *, at: datetime = START, **more: Any) -> Experiment:
    row = experiment(key, judged_by=(metric(f"metric-{key}"),), **more)
    return operations.start(row, buckets, by=None, now=at)


def owned(row: Experiment) -> set[int]:
    """Every bucket it claims or ever claimed."""
    rows = Allocation.objects.filter(experiment=row)
    return {number for claim in rows for number in range(claim.buckets.lower, claim.buckets.upper)}


def inside(row: Experiment, at: datetime) -> set[str]:
    known = spec(Experiment.objects.get(pk=row.pk), layer())
    return {key for key in KEYS if in_allocation(known, key, micros(at))}


def test_experiments_of_one_layer_share_nobody() -> None:
    one, other = running("one", 4000), running("other", 6000)

    assert held(one) == 4000
    assert held(other) == 6000
    assert not owned(one) & owned(other)


def test_experiments_of_two_layers_do_not_ask_each_other() -> None:
    running("one", 10_000)

    assert held(running("other", 10_000, layer=layer("shelf"))) == 10_000


def test_a_full_layer_refuses_and_says_how_much_is_free() -> None:
    running("one", 9_900)

    with pytest.raises(Refused, match="needs 200 more buckets of 10,000 and the layer home has 100 free"):
        running("other", 200)

    assert Experiment.objects.get(key="other").state == "DRAFT"


def test_growing_moves_nobody_and_the_past_stays_answerable() -> None:
    row = running("one", 1000)
    before = inside(row, START)
    arms = {key: arm(spec(row, layer()), key, micros(START)) for key in before}

    operations.ramp(row, 3000, by=None, now=START + DAY)

    after = inside(row, START + DAY)
    assert before < after
    assert {key: arm(spec(row, layer()), key, micros(START + DAY)) for key in before} == arms
    assert inside(row, START) == before
    assert inside(row, START - DAY) == set()


def test_shrinking_ends_ranges_and_growing_again_takes_them_back() -> None:
    row = running("one", 3000)
    before = inside(row, START)

    operations.ramp(row, 1000, by=None, now=START + DAY)
    shrunk = inside(row, START + DAY)
    operations.ramp(row, 3000, by=None, now=START + 2 * DAY)

    assert shrunk < before
    assert inside(row, START) == before
    assert inside(row, START + DAY) == shrunk
    assert inside(row, START + 2 * DAY) == before
    assert len(owned(row)) == 3000


def test_what_a_down_ramp_let_go_is_not_free_while_it_runs() -> None:
    row = running("one", 8000)
    operations.ramp(row, 1000, by=None, now=START + DAY)

    with pytest.raises(Refused, match="2000 free"):
        running("other", 3000, at=START + 2 * DAY)


def test_a_paused_one_keeps_its_buckets_and_a_stopped_one_frees_them() -> None:
    row = running("one", 9000)
    operations.pause(row, by=None, now=START + DAY)
    with pytest.raises(Refused, match="1000 free"):
        running("other", 5000, at=START + 2 * DAY)

    operations.stop(row, by=None, now=START + 3 * DAY)

    assert held(running("third", 10_000, at=START + 4 * DAY)) == 10_000
    assert inside(row, START + 3 * DAY) == set()
    assert inside(row, START + DAY) != set()


def test_rows_written_by_hand_that_the_database_cannot_refuse_are_refused() -> None:
    one, other = running("one", 8000), running("other", 1000)
    operations.ramp(one, 1000, by=None, now=START + DAY)
    operations.pause(other, by=None, now=START + DAY)
    let_go = Allocation.objects.filter(experiment=one, period__endswith__isnull=False)[0]
    Allocation.objects.create(experiment=other, layer=layer(), buckets=let_go.buckets, period=(START + 2 * DAY, None))

    with pytest.raises(Refused, match="one of the same layer has or had"):
        operations.resume(other, by=None, now=START + 3 * DAY)


def test_a_ramp_at_the_very_moment_of_the_start_leaves_no_empty_range() -> None:
    row = running("one", 3000)

    operations.ramp(row, 500, by=None, now=START)

    assert held(row) == 500
    assert not Allocation.objects.filter(period__isempty=True).exists()
    assert len(owned(row)) == 500
