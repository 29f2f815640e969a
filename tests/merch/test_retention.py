"""Is every decision kept a week, every randomised one longer, and of the rest the hashed sample?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection

from audiences.hashing import bucket
from merch.models import DecisionRecord
from merch.retention import prune

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
IDS = [UUID(int=number * 7_919) for number in range(1, 401)]
SAMPLED = {each for each in IDS if bucket("kept-decisions", str(each)) < 100}


def record(days_ago: int, *, randomised: bool) -> None:
    at = NOW - timedelta(days=days_ago)
    with connection.cursor() as cursor:
        cursor.execute("SELECT merch_ensure_day('merch_decisionrecord', %s)", [at.date()])
    DecisionRecord.objects.bulk_create(
        DecisionRecord(
            decision_id=each, day=at.date(), decided_at=at, subject="a:x", release="sha256:x", pulse=1,
            randomised=randomised, inputs=b"", result=b"",
        )
        for each in IDS
    )  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("days_ago", "randomised", "kept"),
    [
        pytest.param(7, False, set(IDS), id="a-week-old"),
        pytest.param(8, False, SAMPLED, id="older"),
        pytest.param(8, True, set(IDS), id="older-but-randomised"),
        pytest.param(400, True, set(IDS), id="as-long-as-learning-needs"),
        pytest.param(401, True, set(), id="too-old"),
    ],
)
def test_what_is_kept(days_ago: int, randomised: bool, kept: set[UUID]) -> None:
    record(days_ago, randomised=randomised)

    prune(NOW)
    again = prune(NOW)

    assert set(DecisionRecord.objects.values_list("decision_id", flat=True)) == kept
    assert again == (0, 0)
    if kept == SAMPLED:
        assert set(DecisionRecord.objects.values_list("inclusion", flat=True)) == {0.01}
