"""Traits come in once, by their types, and never over what was seen later."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.utils import timezone

from audiences.models import DirtySubject, Subject, TraitDefinition
from audiences.moments import micros
from audiences.people import TraitChange, apply_changes
from config.embedded import ports
from merch.backfill.running import Edge, publish_owed
from merch.models import BackfillRun
from merch.subjects.store import Store, store
from tests.merch.backfill.conftest import Bring, rejects

pytestmark = pytest.mark.usefixtures("catalogue", "whole_store")

SEEN = datetime(2026, 3, 1, tzinfo=UTC)
MAPPING = """
subject: id
observed_at: 2026-03-01T00:00:00Z
traits:
  age: {column: age, missing: [118]}
  tier: {column: plan, values: {F: free, P: paid, X: gold}}
consent:
  profiling: {column: agreed}
"""
ROWS = [
    {"id": "ann", "age": 34, "plan": "F", "agreed": True},
    {"id": "bob", "age": 118, "plan": "P", "agreed": "no"},
    {"id": "cyd", "age": None, "plan": None, "agreed": None},
]
AT = micros(SEEN)


def traits() -> dict[str, dict[str, list[object]]]:
    return dict(Subject.objects.values_list("key", "traits"))


def test_a_plan_counts_and_writes_nothing(bring: Bring) -> None:
    told = bring("traits", MAPPING, ROWS, apply=False)

    assert told.code == 0
    assert "Subjects: 3, of which 3 new and 0 known." in told.said
    assert not Subject.objects.exists()
    assert not BackfillRun.objects.exists()


def test_what_the_file_knows_is_written_and_served(bring: Bring) -> None:
    assert bring("traits", MAPPING, ROWS).code == 0

    assert traits() == {"ann": {"age": [34, AT], "tier": ["free", AT]}, "bob": {"tier": ["paid", AT]}, "cyd": {}}
    assert Subject.objects.get(key="bob").consent == {"profiling": [False, AT]}
    served = store.read("a", "ann", 1)
    assert served is not None
    assert served.record.traits == {"age": (34, AT), "tier": ("free", AT)}
    assert not DirtySubject.objects.filter(written_at=None).exists()


def test_a_second_time_changes_nothing(bring: Bring) -> None:
    bring("traits", MAPPING, ROWS)
    before = list(Subject.objects.order_by("key").values())

    assert bring("traits", MAPPING, ROWS).code == 0
    assert list(Subject.objects.order_by("key").values()) == before


def test_what_was_seen_later_stays(bring: Bring) -> None:
    later = AT + 1
    apply_changes([TraitChange(kind="a", key="ann", observed_at=later, traits={"age": 35})], now=datetime.now(UTC))

    bring("traits", MAPPING, ROWS)

    assert traits()["ann"] == {"age": [35, later], "tier": ["free", AT]}


def test_bad_rows_go_to_a_file_and_the_others_come_in(bring: Bring, tmp_path: Path) -> None:
    bad = [{"id": "", "age": 1}, {"id": "dan", "age": "old"}, {"id": "eve", "plan": "Q"}, {"id": "fay", "plan": "X"}]

    told = bring("traits", MAPPING, bad + ROWS)

    assert told.code == 1
    assert set(traits()) == {"ann", "bob", "cyd"}
    assert rejects(tmp_path) == [(1, "missing_id"), (2, "bad_value"), (3, "unmapped_value"), (4, "bad_value")]
    assert "add 'Q' to values in the mapping" in told.said
    assert bring("traits", MAPPING, bad + ROWS, allow_rejects=True).code == 0
    assert len(rejects(tmp_path)) == 4


def test_rejected_rows_can_be_taken_after_all(bring: Bring, tmp_path: Path) -> None:
    rows = [{"id": "gus", "plan": "X"}]
    assert bring("traits", MAPPING, rows).code == 1
    TraitDefinition.objects.filter(name="tier").update(values=["free", "paid", "gold"])

    assert bring("traits", MAPPING, rows).code == 0
    assert traits()["gus"] == {"tier": ["gold", AT]}
    assert rejects(tmp_path) == []


def test_rejects_never_overwrite_what_is_read(bring: Bring, tmp_path: Path) -> None:
    told = bring("traits", MAPPING, ROWS, rejects=tmp_path / "rows.jsonl")

    assert told.code == 2
    assert (tmp_path / "rows.jsonl").read_text().count("\n") == 2
    assert not Subject.objects.exists()


def test_a_mapping_that_does_not_fit_is_told_whole(bring: Bring) -> None:
    told = bring("traits", MAPPING.replace("age:", "aeg:").replace("profiling:", "Pro-Filing:"), ROWS)

    assert told.code == 2
    assert 'There is no trait "aeg". Did you mean age' in told.said
    assert "consent.Pro-Filing" in told.said
    assert not Subject.objects.exists()


def test_while_the_serving_store_is_away_what_is_written_stays_owed() -> None:
    apply_changes([TraitChange(kind="a", key="ann", observed_at=1, traits={"age": 3})], now=timezone.now())
    edge = Edge(timezone.now, lambda position, rows: None, lambda rows: None)
    away = Store(f"redis://127.0.0.1:{ports.choose()}/0")

    assert publish_owed(edge, away) is None
    assert DirtySubject.objects.filter(written_at=None).count() == 1
    away.close()

    assert publish_owed(edge) == 1
    assert not DirtySubject.objects.filter(written_at=None).exists()
