"""Which buckets of its layer does an experiment hold, and how do its rows follow a ramp?

The planning is ``allocation``'s; here rows become its values and its answer becomes rows again.
"""

from __future__ import annotations

from datetime import datetime

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange, NumericRange

from audiences.moments import micros, moment
from experiments import allocation, assignment
from experiments.lifecycle import HOLDS_BUCKETS
from experiments.models import Allocation, Experiment, Layer
from experiments.problems import Problem, Refused


def spec(experiment: Experiment, layer: Layer) -> assignment.ExperimentSpec:
    """The experiment as the pure modules know it; its ranges in the order in which they were claimed."""
    rows = sorted(experiment.allocations.all(), key=lambda each: each.pk)
    return assignment.ExperimentSpec(
        key=experiment.key,
        version=experiment.version,
        salt=experiment.salt,
        layer_salt=layer.salt,
        ranges=tuple(_range(row) for row in rows if row.layer_id == layer.pk),
        variants=tuple(assignment.Variant(each.key, each.weight) for each in experiment.variants.all()),
    )


def held(experiment: Experiment) -> int:
    """How many buckets of 10,000 it holds until further notice."""
    open_ended = [each.buckets for each in experiment.allocations.all() if each.period.upper is None]
    return sum(int(buckets.upper) - int(buckets.lower) for buckets in open_ended)


def resize(experiment: Experiment, to_buckets: int, *, now: datetime) -> None:
    """Claim or let go until it holds ``to_buckets``. Refused when the layer has too few that nobody holds."""
    layer = _locked_layer(experiment)
    others = _others(experiment, layer)
    ours = spec(experiment, layer)
    try:
        ranges = allocation.ramp(
            ours.ranges,
            to_buckets=to_buckets,
            free=allocation.free_buckets(others),
            salt=experiment.salt,
            now_us=micros(now),
        )
    except allocation.LayerFullError as full:
        sentence = f"It needs {full.wanted} more buckets of 10,000 and the layer {layer.key} has {full.free} free."
        hint = "Ask for fewer, stop an experiment of the layer, or use another layer."
        raise Refused([Problem("layer.full", sentence, hint)]) from full
    _refuse_collisions(assignment.ExperimentSpec(ours.key, 1, "", ours.layer_salt, ranges, ()), others)
    _store(experiment, layer, ours.ranges, ranges)


def refuse_shared_buckets(experiment: Experiment) -> None:
    """Raise ``Refused`` when another experiment that holds buckets of the layer has ever claimed one of ours."""
    layer = _locked_layer(experiment)
    _refuse_collisions(spec(experiment, layer), _others(experiment, layer))


def release(experiment: Experiment, *, now: datetime) -> None:
    """End every claim; the buckets are free for the layer's other experiments from now on."""
    layer = _locked_layer(experiment)
    ranges = spec(experiment, layer).ranges
    _store(experiment, layer, ranges, allocation.ramp(ranges, to_buckets=0, free=(), salt="", now_us=micros(now)))


def _locked_layer(experiment: Experiment) -> Layer:
    # Two experiments of one layer that ramp at once would both see the same buckets free.
    return Layer.objects.select_for_update().get(experiments=experiment)


def _others(experiment: Experiment, layer: Layer) -> list[assignment.ExperimentSpec]:
    """Their ended claims count too: subjects marked there stay, which the database's constraint cannot know."""
    rows = Experiment.objects.filter(layer=layer, state__in=[state.value for state in HOLDS_BUCKETS])
    rows = rows.exclude(pk=experiment.pk).prefetch_related("allocations", "variants")
    return [spec(row, layer) for row in rows]


def _refuse_collisions(ours: assignment.ExperimentSpec, others: list[assignment.ExperimentSpec]) -> None:
    met = [pair for other in others for pair in allocation.layer_collisions((ours, other))]
    if met:
        names = ", ".join(sorted(other for _, other in met))
        sentence = f"It claims buckets that {names} of the same layer has or had."
        raise Refused([Problem("layer.collision", sentence, "Stop the other one first, or use another layer.")])


def _store(
    experiment: Experiment,
    layer: Layer,
    before: tuple[assignment.Allocation, ...],
    after: tuple[assignment.Allocation, ...],
) -> None:
    """Rows keep the order of ``after``, because the newest claims shrink first; an unchanged beginning is kept."""
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    rows = sorted(experiment.allocations.all(), key=lambda each: each.pk)
    Allocation.objects.filter(pk__in=[row.pk for row in rows if row.layer_id == layer.pk][same:]).delete()
    Allocation.objects.bulk_create(_row(experiment, layer, each) for each in after[same:])


def _range(row: Allocation) -> assignment.Allocation:
    start, end = row.period.lower, row.period.upper
    return assignment.Allocation(
        start_bucket=row.buckets.lower,
        end_bucket=row.buckets.upper,
        from_us=micros(start) if start else 0,
        to_us=micros(end) if end else None,
    )


def _row(experiment: Experiment, layer: Layer, claim: assignment.Allocation) -> Allocation:
    return Allocation(
        experiment=experiment,
        layer=layer,
        buckets=NumericRange(claim.start_bucket, claim.end_bucket, "[)"),
        period=DateTimeTZRange(moment(claim.from_us), None if claim.to_us is None else moment(claim.to_us), "[)"),
    )
