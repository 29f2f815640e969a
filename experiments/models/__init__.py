"""Which rows hold tests, holdouts, exposures and read-outs?"""

from experiments.models.experiments import (
    BUCKETS,
    Allocation,
    Experiment,
    ExperimentMetric,
    Layer,
    Metric,
    Variant,
)
from experiments.models.exposures import Exposure, Readout
from experiments.models.holdouts import Holdout, HoldoutPeriod

__all__ = [
    "BUCKETS",
    "Allocation",
    "Experiment",
    "ExperimentMetric",
    "Exposure",
    "Holdout",
    "HoldoutPeriod",
    "Layer",
    "Metric",
    "Readout",
    "Variant",
]
