"""Can this experiment be started, and read out afterwards?

Each check is a question about one design; all are asked, so that a person sees every reason at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from audiences.models.definitions import ValueType
from experiments.models import Experiment, Metric, Variant
from experiments.problems import Problem

# Shares are typed by people, as .3 or .333.
ROUNDING = 1e-6
NUMBERS = frozenset({ValueType.INT, ValueType.DECIMAL})


@dataclass(frozen=True)
class Design:
    """What the checks read, fetched once."""

    experiment: Experiment
    variants: tuple[Variant, ...]
    metrics: tuple[Metric, ...]

    @property
    def external(self) -> bool:
        return self.experiment.assignment == Experiment.AssignedBy.EXTERNAL


def problems(experiment: Experiment) -> list[Problem]:
    """Everything that stands between this experiment and its start; two queries."""
    variants = tuple(Variant.objects.filter(experiment=experiment))
    design = Design(experiment, variants, tuple(metrics_of(experiment)))
    return [problem for check in CHECKS for problem in check(design)]


def metrics_of(experiment: Experiment) -> list[Metric]:
    """What it is judged by, success metrics first; one query."""
    chosen = experiment.judged_by.select_related("metric__event").order_by("-metric__role", "metric__key")
    return [each.metric for each in chosen]


def _arms(design: Design) -> Iterator[Problem]:
    if len(design.variants) < 2:
        yield Problem("experiment.variants", "It has fewer than two variants.", "Add one: a test compares.")


def _control(design: Design) -> Iterator[Problem]:
    if sum(variant.is_control for variant in design.variants) != 1:
        yield Problem("experiment.control", "Not exactly one variant is the control.", "Mark one as the control.")


def _weights(design: Design) -> Iterator[Problem]:
    for variant in design.variants:
        if not design.external and variant.weight == 0:
            sentence = f"The weight of {variant.key} is 0, so nobody would get it."
            yield Problem("experiment.weights", sentence, "Give it a weight of at least 1, or remove it.")


def _layer(design: Design) -> Iterator[Problem]:
    if not design.external and design.experiment.layer_id is None:
        yield Problem("experiment.layer", "It has no layer.", "Choose the layer whose subjects it shares out.")


def _propensities(design: Design) -> Iterator[Problem]:
    if not design.external:
        return
    for variant in design.variants:
        if variant.propensity is None or variant.propensity <= 0:
            sentence = f"The probability of {variant.key} is not declared."
            yield Problem("experiment.propensity", sentence, "Declare with what probability it was assigned.")
    total = sum(variant.propensity or 0.0 for variant in design.variants)
    if total > 1 + ROUNDING:
        sentence = f"The declared probabilities add up to {total:g}."
        yield Problem("experiment.propensities", sentence, "They may add up to 1 at most.")


def _metrics(design: Design) -> Iterator[Problem]:
    if not design.metrics:
        yield Problem("experiment.metrics", "It is judged by no metric.", "Choose at least one success metric.")
    elif not any(metric.role == Metric.Role.SUCCESS for metric in design.metrics):
        yield Problem(
            "experiment.success", "It has guardrails only, so nothing could speak for it.", "Choose a success metric."
        )


def _fields(design: Design) -> Iterator[Problem]:
    for metric in design.metrics:
        if metric.window_hours == 0:
            yield Problem("metric.window", f"The window of {metric.key} is empty.", "Give it at least 1 hour.")
        if metric.kind == Metric.Kind.MEAN and metric.field:
            declared = metric.event.fields.get(metric.field)
            if declared not in NUMBERS:
                yield Problem(
                    "metric.field",
                    f"{metric.key} adds up {metric.field}, which is not a number of {metric.event.name}.",
                    "Choose a number among the event's fields, or leave it empty to count.",
                )


CHECKS: tuple[Callable[[Design], Iterator[Problem]], ...] = (
    _arms,
    _control,
    _weights,
    _layer,
    _propensities,
    _metrics,
    _fields,
)
