"""What does the history say of an experiment or a holdout, before and after a change?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from audiences.models import Revision
from experiments.claims import held
from experiments.models import Experiment, Holdout
from experiments.problems import Problem
from experiments.readiness import metrics_of

Values = dict[str, Any]

STARTED = "started"
REDESIGNED = "redesigned"


def design(experiment: Experiment) -> Values:
    """Whatever makes a new version when it changes: arms in the order in which they are cut, rule and salt."""
    return {
        "assignment": experiment.assignment,
        "layer": experiment.layer.key if experiment.layer else "",
        "salt": experiment.salt,
        "rule": experiment.rule,
        "variants": [
            {
                "key": variant.key,
                "name": variant.name,
                "weight": variant.weight,
                "control": variant.is_control,
                "propensity": variant.propensity,
            }
            for variant in experiment.variants.order_by("pk")
        ],
    }


def standing(experiment: Experiment) -> Values:
    """What verbs change, as the history keeps it."""
    return {
        "state": experiment.state,
        "version": experiment.version,
        "buckets": held(experiment),
        "conclusion": experiment.conclusion,
    }


def plan(experiment: Experiment) -> Values:
    """What was intended at the start, for the read-out to be held against."""
    return {
        "planned_subjects": experiment.planned_subjects,
        "metrics": [metric.key for metric in metrics_of(experiment)],
        "design": design(experiment),
    }


def note(
    row: Experiment | Holdout, verb: str, before: Values, after: Values, *, by: User | None, now: datetime, why: str
) -> Revision:
    """One line of the history, in the caller's transaction."""
    return Revision.objects.record(
        actor=by,
        verb=verb,
        object_type=str(row._meta.model_name),
        object_key=row.key,
        before=before,
        after=after,
        now=now,
        why=why,
    )


def may(by: User | None, row: Experiment | Holdout) -> list[Problem]:
    """Empty when ``by`` may change this row; None is the platform itself."""
    permission = f"experiments.change_{row._meta.model_name}"
    if by is None or by.has_perm(permission) or by.has_perm(permission, row):
        return []
    return [Problem("permission", f"You lack the permission {permission}.", "Ask an administrator for it.")]
