"""How often was each item tried in a placement, and how often did that succeed?

The unit is one subject in one draw window with one item: a subject that looks again has not been drawn again. One query
for all placements.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from merch.learning.draws import Tried

LOOKED_AT = timedelta(days=35)
CLICK_WITHIN = timedelta(hours=1)
OBJECTIVE_WITHIN = timedelta(days=7)


class Question(NamedTuple):
    """A placement, its draw window, and the event that counts as success; "" is a click."""

    placement: str
    window: timedelta
    objective: str = ""


# A click's id is that of its impression but for the last word, so each is one look at the primary key. What chance had
# no part in (propensity 1: pinned, or nobody else was able) says nothing about the choice.
TRIED = """
WITH asked AS (
    SELECT * FROM unnest(%s::text[], %s::float8[], %s::text[]) AS asked(placement, seconds, objective)
), tried AS (
    SELECT asked.placement, asked.objective, event.subject_id,
        (event.properties ->> 'campaign') || '/' || (event.properties ->> 'item') AS item,
        floor(extract(epoch FROM event.occurred_at) / asked.seconds) AS drawn, min(event.occurred_at) AS first,
        bool_or(asked.objective = '' AND EXISTS (
            SELECT FROM audiences_event click
            WHERE click.source = event.source AND click.day = event.day
            AND click.event_id = left(event.event_id, -length('impression')) || 'click'
        )) AS clicked
    FROM audiences_event event JOIN asked ON asked.placement = event.properties ->> 'placement'
    WHERE event.name = 'impression' AND event.kind = 'impression' AND event.day >= %s
    AND event.occurred_at >= %s AND event.occurred_at < %s
    AND (event.properties ->> 'propensity')::float8 < 1
    GROUP BY asked.placement, asked.objective, event.subject_id, item, drawn
), ripe AS (
    SELECT * FROM tried WHERE first < CASE WHEN objective = '' THEN %s::timestamptz ELSE %s::timestamptz END
)
SELECT placement, item, count(*), count(*) FILTER (WHERE clicked
    OR EXISTS (SELECT FROM audiences_event done WHERE done.name = objective AND done.subject_id = ripe.subject_id
        AND done.kind IN ('custom', 'conversion') AND done.occurred_at >= first
        AND done.occurred_at < first + %s::interval)
    OR EXISTS (SELECT FROM audiences_moneyevent done WHERE done.name = objective AND done.subject_id = ripe.subject_id
        AND done.occurred_at >= first AND done.occurred_at < first + %s::interval))
FROM ripe GROUP BY placement, item ORDER BY placement, item
"""


@transaction.atomic
def tried(questions: Sequence[Question], now: datetime) -> dict[str, dict[str, Tried]]:
    """placement -> campaign/item -> what came of it; only trials whose time for a success is over count."""
    since = now - LOOKED_AT
    found: dict[str, dict[str, Tried]] = {each.placement: {} for each in questions}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10min'")  # weeks of impressions take longer than a call may
        cursor.execute(
            TRIED,
            [
                [each.placement for each in questions],
                [each.window.total_seconds() for each in questions],
                [each.objective for each in questions],
                since.date() - timedelta(days=1), since, now, now - CLICK_WITHIN, now - OBJECTIVE_WITHIN,
                str(OBJECTIVE_WITHIN), str(OBJECTIVE_WITHIN),
            ],
        )  # fmt: skip
        for placement, item, trials, successes in cursor.fetchall():
            found[placement][item] = Tried(trials, successes)
    return found
