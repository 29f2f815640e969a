"""How does a test fill the database with a test of its own, and with many subjects at once?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from audiences.models import EventDefinition
from experiments.models import Experiment, ExperimentMetric, Layer, Metric, Variant

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = START + 30 * DAY


def layer(key: str = "home") -> Layer:
    return Layer.objects.get_or_create(key=key, defaults={"name": key, "salt": f"layer:{key}:1"})[0]


def metric(key: str, kind: str = "proportion", *, event: str = "subscribe", field: str = "", **more: Any) -> Metric:
    fields = {"amount": "decimal", "minutes": "int", "plan": "string"}
    definition, _ = EventDefinition.objects.get_or_create(name=event, defaults={"label": event, "fields": fields})
    return Metric.objects.create(key=key, name=key, kind=kind, event=definition, field=field, **more)


def experiment(
    key: str = "hero",
    *,
    weights: Mapping[str, int] | None = None,
    propensities: Mapping[str, float] | None = None,
    judged_by: tuple[Metric, ...] = (),
    **more: Any,
) -> Experiment:
    """A draft whose first arm is the control; with ``propensities`` it was assigned elsewhere."""
    if propensities is not None:
        row = Experiment.objects.create(key=key, name=key, assignment="external", **more)
        arms = [Variant(experiment=row, key=arm, propensity=share) for arm, share in propensities.items()]
    else:
        row = Experiment.objects.create(**{"key": key, "name": key, "layer": layer(), "salt": f"exp:{key}"} | more)
        arms = [
            Variant(experiment=row, key=arm, weight=weight) for arm, weight in (weights or {"a": 1, "b": 1}).items()
        ]
    arms[0].is_control = True
    Variant.objects.bulk_create(arms)
    ExperimentMetric.objects.bulk_create(ExperimentMetric(experiment=row, metric=each) for each in judged_by)
    return row


def expose(test: Experiment, counts: Mapping[str, int], *, at: datetime = START, version: int = 1) -> None:
    """So many new subjects per arm, all exposed at ``at``; their keys are ``<arm>-<number>``."""
    for arm, count in counts.items():
        _sql(
            "WITH made AS (INSERT INTO audiences_subject"
            " (kind, key, version, traits, consent, history, marks, pins, journeys, created_at, updated_at)"
            " SELECT 'a', %s || '-' || n, 0, '{}', '{}', '{}', '{}', '{}', '{}', %s, %s FROM generate_series(1, %s) n"
            " ON CONFLICT (kind, key) DO UPDATE SET key = excluded.key RETURNING id)"
            " INSERT INTO experiments_exposure (subject_id, experiment_id, version, arm, ghost, at, source, propensity)"
            " SELECT id, %s, %s, %s, false, %s, 'decision', 1 FROM made",
            [arm, at, at, count, test.pk, version, arm, at],
        )


def happen(
    arm: str,
    first: int,
    last: int,
    *,
    at: datetime,
    event: str = "subscribe",
    amount: Decimal | str | None = None,
    money: bool = False,
) -> None:
    """One event for each subject ``<arm>-<first>`` .. ``<arm>-<last>``; ``amount`` is JSON as it stands."""
    table = "audiences_moneyevent" if money else "audiences_event"
    if not money:
        _sql("SELECT merch_ensure_day('audiences_event', %s)", [at.astimezone(UTC).date()])
    properties = "{}" if amount is None else f'{{"amount": {amount}}}'
    _sql(
        f"INSERT INTO {table} (source, event_id, kind, name, subject_id, occurred_at, claimed_at, received_at,"
        " properties, digest, day) SELECT 'test', gen_random_uuid()::text, 'conversion', %s, s.id, %s, %s, %s,"
        " %s::jsonb, ''::bytea, %s FROM generate_series(%s, %s) n"
        " JOIN audiences_subject s ON s.kind = 'a' AND s.key = %s || '-' || n",
        [event, at, at, at, properties, at.astimezone(UTC).date(), first, last, arm],
    )


def _sql(statement: str, parameters: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
