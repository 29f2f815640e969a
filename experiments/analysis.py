"""What did the experiment find, as of this moment?

A read-out is plain JSON and is stored as it was shown; what it holds is described in docs/howto/read-out.md. The number
of queries does not depend on arms, metrics or subjects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from audiences.models import Revision
from experiments.comparing import ALPHA, ArmPlan, Json, metric_document
from experiments.judging import Stage, quality, recommendations
from experiments.lifecycle import State
from experiments.models import BUCKETS, Experiment, Holdout, HoldoutPeriod, Metric, Readout
from experiments.problems import Problem, Refused
from experiments.readiness import metrics_of
from experiments.recording import REDESIGNED, STARTED
from experiments.totals import ArmTotals, Between, Measure, Population, totals

FORMAT = 1

HELD_OUT, TREATED = "held_out", "treated"
"""The arms under which exposures of a holdout are recorded."""

_OVER = frozenset({State.STOPPED, State.CONCLUDED})


@transaction.atomic
def analyze(experiment: Experiment, *, as_of: datetime, version: int | None = None) -> Json:
    """Read the experiment out and store it. ``version`` None: the current one; ``as_of`` is exclusive and aware.

    Only subjects whose window is complete at ``as_of`` count; ``immature`` says how many do not yet. Later events and
    exposures are not read, but events of before that arrived later are. ``Refused`` when it cannot be read at all.
    """
    chosen = experiment.version if version is None else version
    history = _history(experiment)
    plans = _plans(experiment, chosen, history)
    metrics = metrics_of(experiment)
    found = totals(Population(experiment_id=experiment.pk, versions=(chosen,)), _measures(metrics), before=as_of)
    earlier = _earlier(experiment, chosen, as_of)
    document = {
        "format": FORMAT,
        "experiment": experiment.key,
        "name": experiment.name,
        "assignment": experiment.assignment,
        "state": experiment.state,
        "version": chosen,
        "started_at": _text(experiment.started_at),
        "planned_subjects": experiment.planned_subjects,
        "deviations": _deviations(experiment, metrics, history),
        **_reading(plans, metrics, found, as_of),
    }
    document["information"] = min((metric["subjects"] for metric in document["metrics"]), default=0)
    document["recommendation"] = _recommendation(experiment, plans, document, earlier)
    Readout.objects.create(experiment=experiment, version=chosen, as_of=as_of, result=document)
    return document


@transaction.atomic
def analyze_holdout(holdout: Holdout, metrics: Sequence[Metric], *, as_of: datetime, salt: str | None = None) -> Json:
    """What all that was withheld is worth: treated against held out, over the draws that share a salt.

    ``salt`` None: of the newest draw that has begun. While a draw grew, some subjects changed sides; they are left out
    by their bucket, so that the others' chances never changed. Exposures count until the next draw begins, because
    the treated are recorded under the newest draw. ``metrics`` with their events selected. Nothing is stored.
    """
    draws = [
        each for each in holdout.periods.order_by("number") if each.period.lower is None or each.period.lower < as_of
    ]
    if not draws:
        raise Refused([Problem("holdout.no_draw", "No draw has begun.", "Begin a draw, and read it out later.")])
    chosen = draws[-1].salt if salt is None else salt
    group = [each for each in draws if each.salt == chosen]
    if not group:
        raise Refused([Problem("holdout.salt", f"No draw has the salt {chosen}.", "Name the salt of a draw.")])
    plans, population = _holdout_question(holdout, draws, group)
    found = totals(population, _measures(metrics), before=as_of)
    return {
        "format": FORMAT,
        "holdout": holdout.key,
        "name": holdout.name,
        "draws": [each.number for each in group],
        "salt": chosen,
        "exposed_before": _text(population.exposed_before),
        **_reading(plans, list(metrics), found, as_of),
    }


def _holdout_question(
    holdout: Holdout, draws: Sequence[HoldoutPeriod], group: Sequence[HoldoutPeriod]
) -> tuple[list[ArmPlan], Population]:
    low, high = min(each.size for each in group), max(each.size for each in group)
    plans = [
        ArmPlan(HELD_OUT, "Held out", low / BUCKETS, control=True),
        ArmPlan(TREATED, "Treated", (BUCKETS - high) / BUCKETS, control=False),
    ]
    last = max(each.number for each in group)
    nexts = [each.period.lower for each in draws if each.number > last and each.period.lower is not None]
    population = Population(
        holdout_id=holdout.pk,
        versions=tuple(each.number for each in group),
        exposed_before=min(nexts, default=None),
        left_out=Between(group[0].salt, low, high) if low < high else None,
    )
    return plans, population


def _reading(
    plans: Sequence[ArmPlan], metrics: Sequence[Metric], found: Mapping[str, ArmTotals], as_of: datetime
) -> Json:
    """What an experiment and a holdout have in common: arms, soundness, metrics."""
    firsts = [arm.first for arm in found.values() if arm.first is not None]
    lasts = [arm.last for arm in found.values() if arm.last is not None]
    return {
        "as_of": as_of.isoformat(),
        "alpha": ALPHA,
        "first_exposure": _text(min(firsts, default=None)),
        "last_exposure": _text(max(lasts, default=None)),
        "arms": [_arm(plan, plans, found) for plan in plans],
        "quality": quality(plans, found),
        "metrics": [metric_document(metric, index, plans, found) for index, metric in enumerate(metrics)],
    }


def _arm(plan: ArmPlan, plans: Sequence[ArmPlan], found: Mapping[str, ArmTotals]) -> Json:
    arm = found.get(plan.key, ArmTotals())
    everybody = sum(each.exposed for each in found.values())
    promised = sum(each.share for each in plans)
    return {
        "arm": plan.key,
        "name": plan.name,
        "control": plan.control,
        "subjects": arm.exposed,
        "share": arm.exposed / everybody if everybody else None,
        "promised": plan.share / promised if promised else None,
        "ghosts": arm.ghosts,
        "ghost_share": arm.ghosts / arm.exposed if arm.exposed else None,
    }


def _measures(metrics: Sequence[Metric]) -> list[Measure]:
    """A share counts events, so its field is not read."""
    return [
        Measure(
            event=metric.event.name,
            field=metric.field if metric.kind == Metric.Kind.MEAN else "",
            span=timedelta(hours=metric.window_hours),
        )
        for metric in metrics
    ]


def _history(experiment: Experiment) -> list[Revision]:
    """When it was started and what was changed in its design, in order."""
    return list(
        Revision.objects.filter(
            object_type="experiment", object_key=experiment.key, verb__in=(STARTED, REDESIGNED)
        ).order_by("number")
    )


def _plans(experiment: Experiment, version: int, history: Sequence[Revision]) -> list[ArmPlan]:
    """The arms of this version, control first; a former version's stand in the history."""
    external = experiment.assignment == Experiment.AssignedBy.EXTERNAL
    plans = [
        ArmPlan(
            key=variant["key"],
            name=variant["name"] or variant["key"],
            share=float((variant["propensity"] if external else variant["weight"]) or 0),
            control=variant["control"],
        )
        for variant in _variants(experiment, version, history)
    ]
    if sum(plan.control for plan in plans) != 1 or len(plans) < 2:
        hint = "Give it two variants or more, one of them the control."
        raise Refused([Problem("readout.arms", "Its arms cannot be compared.", hint)])
    return sorted(plans, key=lambda plan: not plan.control)


def _variants(experiment: Experiment, version: int, history: Sequence[Revision]) -> list[dict[str, Any]]:
    if version == experiment.version:
        rows = experiment.variants.order_by("pk")
        return [
            {
                "key": row.key,
                "name": row.name,
                "weight": row.weight,
                "control": row.is_control,
                "propensity": row.propensity,
            }
            for row in rows
        ]
    for change in history:
        if change.verb == REDESIGNED and change.before and change.before["version"] == version:
            former: list[dict[str, Any]] = change.before["design"]["variants"]
            return former
    sentence = f"Its version {version} is not known; the current one is {experiment.version}."
    raise Refused([Problem("readout.version", sentence, "Choose a version that it has had.")])


def _earlier(experiment: Experiment, version: int, as_of: datetime) -> list[tuple[datetime, int, Json]]:
    """(as of, information, recommendation) of the read-outs of this version before this one: its earlier looks."""
    rows = Readout.objects.filter(experiment=experiment, version=version, as_of__lt=as_of).order_by("as_of", "pk")
    return [
        (moment, information or 0, recommendation or {})
        for moment, information, recommendation in rows.values_list(
            "as_of", "result__information", "result__recommendation"
        )
    ]


def _recommendation(
    experiment: Experiment,
    plans: Sequence[ArmPlan],
    document: Mapping[str, Any],
    earlier: Sequence[tuple[datetime, int, Json]],
) -> Json:
    """A plan that was fulfilled at an earlier look was decided there: its error is spent."""
    planned, unsound = experiment.planned_subjects, document["quality"]["problems"]
    for moment, information, decided in earlier:
        if planned and information >= planned and not unsound:
            return {"decided_as_of": moment.isoformat()} | decided
    stage = Stage(
        information=document["information"],
        looks=tuple(information for _, information, _ in earlier),
        planned=planned,
        over=State(experiment.state) in _OVER and not any(metric["immature"] for metric in document["metrics"]),
    )
    return {"decided_as_of": document["as_of"]} | recommendations(plans, document["metrics"], stage, unsound)


def _deviations(experiment: Experiment, metrics: Sequence[Metric], history: Sequence[Revision]) -> list[str]:
    """How today's plan differs from the one it was started with."""
    started = next((each.after for each in history if each.verb == STARTED and each.after), None)
    if started is None or "metrics" not in started:
        return []
    then, now = set(started["metrics"]), {metric.key for metric in metrics}
    told = [f"The metric {key} was added after the start." for key in sorted(now - then)]
    told += [f"The metric {key} was dropped after the start." for key in sorted(then - now)]
    if started["planned_subjects"] != experiment.planned_subjects:
        told.append(
            f"{started['planned_subjects'] or 'No number of'} subjects were planned at the start, "
            f"{experiment.planned_subjects or 'no number'} now."
        )
    if any(each.verb == REDESIGNED for each in history if each.number > _number_of(history, STARTED)):
        told.append("Arms, weights, rule or salt were changed after the start; each version is read out by itself.")
    return told


def _number_of(history: Sequence[Revision], verb: str) -> int:
    return next(each.number for each in history if each.verb == verb)


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
