"""What did the exposed subjects of each arm do inside their windows, as totals?

One statement for all arms and metrics together, whatever their number. A window is [exposure, exposure + span): an
event at the very moment of the exposure counts, one at the end does not. Only subjects whose whole window lies before
``before`` count; those without events count as 0. Values are summed as exact decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

# Below the time a worker gives one task, so that a slow statement fails with its own name.
TIMEOUT = "20min"

# Until the transaction ends. Tables that were just filled by an import have no statistics, and the planner, expecting
# nobody, would walk all events once per subject: 10,000 of each took half a minute instead of a tenth of a second.
SETTINGS = "SELECT set_config('statement_timeout', %s, true), set_config('enable_nestloop', 'off', true)"

# The table's day of a token event is the token's, at most 35 days before the event; a row outside is not looked at.
DAYS_BEHIND = 36

TOTALS = r"""
WITH exposed AS MATERIALIZED (
    -- The earliest counts: draws of one holdout that share a salt expose the same subject again.
    SELECT DISTINCT ON (x.subject_id) x.subject_id, x.arm, x.ghost, x.at
    FROM experiments_exposure x
    WHERE (x.experiment_id = %(experiment)s OR x.holdout_id = %(holdout)s)
      AND x.version = ANY(%(versions)s::int[]) AND x.at < %(before)s AND x.at < %(exposed_before)s
      AND (%(salt)s = '' OR (
            SELECT ('x' || lpad(left(md5(%(salt)s || ':' || s.key), 15), 16, '0'))::bit(64)::bigint %% 10000
            FROM audiences_subject s WHERE s.id = x.subject_id
          ) NOT BETWEEN %(low)s AND %(high)s - 1)
    ORDER BY x.subject_id, x.at, x.id
), asked AS (
    SELECT * FROM unnest(%(metrics)s::int[], %(events)s::text[], %(fields)s::text[], %(spans)s::interval[])
        AS m(metric, event, field, span)
), arms AS (
    SELECT e.arm, m.metric, count(*) AS exposed, count(*) FILTER (WHERE e.ghost) AS ghosts,
        min(e.at) AS first, max(e.at) AS last, count(*) FILTER (WHERE e.at + m.span <= %(before)s) AS ripe
    FROM exposed e LEFT JOIN asked m ON true
    GROUP BY e.arm, m.metric
), per_subject AS (
    SELECT e.arm, m.metric, sum(said.value) AS total, count(*) FILTER (WHERE said.value IS NULL) AS unreadable
    FROM exposed e
    JOIN event_log l ON l.subject_id = e.subject_id AND l.name = ANY(%(events)s::text[])
        AND l.day >= (SELECT (min(at) AT TIME ZONE 'UTC')::date - %(days_behind)s FROM exposed)
        AND l.day <= (SELECT (max(at) AT TIME ZONE 'UTC')::date FROM exposed)
            + (SELECT ceil(extract(epoch FROM max(span)) / 86400)::int FROM asked)
    JOIN asked m ON m.event = l.name AND l.occurred_at >= e.at AND l.occurred_at < e.at + m.span
    CROSS JOIN LATERAL (SELECT CASE
        WHEN m.field = '' THEN 1
        WHEN jsonb_typeof(l.properties -> m.field) = 'number' THEN (l.properties ->> m.field)::numeric
        WHEN l.properties ->> m.field ~ '^-?[0-9]{1,30}([.][0-9]{1,30})?$' THEN (l.properties ->> m.field)::numeric
    END AS value) said
    WHERE e.at + m.span <= %(before)s
    GROUP BY e.arm, m.metric, e.subject_id
), summed AS (
    SELECT arm, metric, count(*) AS did, coalesce(sum(total), 0) AS total, coalesce(sum(total * total), 0) AS squares,
        sum(unreadable) AS unreadable
    FROM per_subject GROUP BY arm, metric
)
SELECT a.arm, a.exposed, a.ghosts, a.first, a.last, a.metric, a.ripe,
    coalesce(s.did, 0), coalesce(s.total, 0), coalesce(s.squares, 0), coalesce(s.unreadable, 0)
FROM arms a LEFT JOIN summed s ON s.arm = a.arm AND s.metric = a.metric
ORDER BY a.arm, a.metric
"""


class Measure(NamedTuple):
    """One metric as SQL asks it: events of this name, the number in ``field`` or, when empty, 1 for each."""

    event: str
    field: str
    span: timedelta


class Between(NamedTuple):
    """Buckets [low, high) of a salt, whose subjects are left out."""

    salt: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Population:
    """Whose exposures are read: of one experiment or of one holdout, in these versions (or draws).

    ``exposed_before`` (exclusive) ends the exposures earlier than the reading itself; None does not.
    """

    experiment_id: int | None = None
    holdout_id: int | None = None
    versions: tuple[int, ...] = ()
    exposed_before: datetime | None = None
    left_out: Between | None = None


class Cell(NamedTuple):
    """One arm, one metric. ``subjects`` have complete windows; ``did`` of them have an event inside.

    ``unreadable`` events carry no number where one was asked for; they add nothing.
    """

    subjects: int
    did: int
    total: Decimal
    squares: Decimal
    unreadable: int


NOBODY = Cell(0, 0, Decimal(0), Decimal(0), 0)


@dataclass(slots=True)
class ArmTotals:
    """An arm's exposures, complete windows or not, and its cells by the position of their measure."""

    exposed: int = 0
    ghosts: int = 0
    first: datetime | None = None
    last: datetime | None = None
    cells: dict[int, Cell] = field(default_factory=dict)


def totals(population: Population, measures: Sequence[Measure], *, before: datetime) -> dict[str, ArmTotals]:
    """By arm, in the caller's transaction. Arms that nobody was exposed in are absent."""
    found: dict[str, ArmTotals] = {}
    with connection.cursor() as cursor:
        cursor.execute(SETTINGS, [TIMEOUT])
        cursor.execute(TOTALS, _parameters(population, measures, before))
        for arm, exposed, ghosts, first, last, metric, *cell in cursor.fetchall():
            row = found.setdefault(arm, ArmTotals(exposed, ghosts, first, last))
            if metric is not None:
                row.cells[metric] = Cell(cell[0], cell[1], Decimal(cell[2]), Decimal(cell[3]), int(cell[4]))
    return found


def _parameters(population: Population, measures: Sequence[Measure], before: datetime) -> dict[str, Any]:
    left_out = population.left_out or Between("", 0, 0)
    return {
        "experiment": population.experiment_id,
        "holdout": population.holdout_id,
        "versions": list(population.versions),
        "before": before,
        "exposed_before": population.exposed_before or before,
        "salt": left_out.salt,
        "low": left_out.low,
        "high": left_out.high,
        "metrics": list(range(len(measures))),
        "events": [measure.event for measure in measures],
        "fields": [measure.field for measure in measures],
        "spans": [measure.span for measure in measures],
        "days_behind": DAYS_BEHIND,
    }
