"""What is exported, what is reused, and what is thrown away?"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from audiences.membership import start_run, sweep_exports
from audiences.membership.execution import execute
from audiences.membership.files import KEPT_PUBLISHED
from audiences.membership.runs import exports, folder
from audiences.models import AudienceRun, MoneyEvent, Subject, TraitDefinition
from tests.audiences.membership import population
from tests.audiences.membership.judge import World
from tests.audiences.membership.population import AS_OF, TODAY

LATER = timezone.now() + timedelta(days=400)


def day_files() -> dict[str, int]:
    """Names and when they were written."""
    return {path.name: path.stat().st_mtime_ns for path in (exports() / "events").glob("*.parquet")}


def test_unchanged_days_are_not_exported_again(some_world: World) -> None:
    execute(start_run(AS_OF), "test")
    before = day_files()
    execute(start_run(AS_OF), "test")

    assert len(before) == 30  # the longest window
    assert day_files() == before


def test_a_late_event_renews_its_day_alone(some_world: World) -> None:
    execute(start_run(AS_OF), "test")
    before = day_files()
    subject = Subject.objects.earliest("pk")
    late = TODAY - timedelta(days=3)
    population.happen([{"subject": subject.pk, "name": "purchase", "day": late, "properties": {}}])
    execute(start_run(AS_OF), "test")

    new = day_files().keys() - before.keys()
    assert [name.split(".")[0] for name in new] == [str(late)]


def test_an_erased_event_renews_its_day(some_world: World) -> None:
    execute(start_run(AS_OF), "test")
    before = day_files()
    day = MoneyEvent.objects.filter(day__lt=TODAY, day__gte=TODAY - timedelta(days=20)).values_list("day", flat=True)[0]
    MoneyEvent.objects.filter(day=day).delete()
    execute(start_run(AS_OF), "test")

    assert [name.split(".")[0] for name in day_files().keys() - before.keys()] == [str(day)]


def test_only_days_inside_the_longest_window_leave_the_database(some_world: World) -> None:
    execute(start_run(AS_OF), "test")
    days = sorted(name.split(".")[0] for name in day_files())

    assert (days[0], days[-1]) == (str(TODAY - timedelta(days=30)), str(TODAY - timedelta(days=1)))


def test_exported_events_are_typed_and_sorted(some_world: World) -> None:
    execute(start_run(AS_OF), "test")
    found = pq.read_table(next((exports() / "events").glob("*.parquet")))

    types = {field.name: str(field.type) for field in found.schema}
    assert types == {
        "subject": "int64",
        "name": "string",
        "day": "int64",
        "listen__content": "string",
        "listen__minutes": "int64",
        "purchase__amount": "int64",
        "purchase__gift": "bool",
    }
    subjects = found["subject"].to_pylist()
    assert subjects == sorted(subjects)


def test_a_value_that_no_longer_fits_its_type_is_missing(some_world: World) -> None:
    """A definition was changed after values were stored; one such value must not stop everybody's run."""
    TraitDefinition.objects.filter(name="tier").update(type="date")
    TraitDefinition.objects.filter(name="score").update(type="set")
    TraitDefinition.objects.filter(name="trial_end").update(type="bool")
    TraitDefinition.objects.filter(name="last_seen").update(type="date")
    TraitDefinition.objects.filter(name="balance").update(type="timestamp")
    TraitDefinition.objects.filter(name="genres").update(type="int")
    for name in ("tier", "score", "trial_end", "last_seen", "balance", "genres"):
        population.audience(f"has-{name.replace('_', '-')}", {"trait": name, "op": "present"})

    for engine in ("duckdb", "postgres"):
        run = execute(start_run(AS_OF, engine=engine), "test")
        sizes = dict(run.audience_counts.values_list("audience__slug", "size"))
        assert {sizes[f"has-{name}"] for name in ("tier", "score", "trial-end", "last-seen", "genres")} == {0}
        assert sizes["has-balance"] > 0  # a whole number is a moment, long ago


def test_subjects_own_ids_do_not_outlive_the_run(some_world: World) -> None:
    run = execute(start_run(AS_OF), "test")

    assert {path.name.split("-")[0] for path in folder(run.pk).iterdir()} == {"shard", "events.txt"}


def test_the_sweep_keeps_what_runs_need(some_world: World) -> None:
    runs = [execute(start_run(AS_OF + timedelta(days=day)), "test") for day in range(KEPT_PUBLISHED + 1)]
    open_run = start_run(AS_OF)
    stray = exports() / "events" / "2020-01-01.old.parquet"
    stray.write_bytes(b"")
    fresh = exports() / "events" / "2020-01-02.fresh.parquet"
    fresh.write_bytes(b"")
    os.utime(fresh, (LATER.timestamp(), LATER.timestamp()))

    assert sweep_exports(LATER) > 0

    assert not folder(runs[0].pk).exists()
    assert all(folder(run.pk).exists() for run in runs[1:])
    assert not stray.exists()
    assert fresh.exists()
    assert sweep_exports(LATER) == 0
    assert execute(open_run, "test").state == "PUBLISHED"


def test_everything_exported_can_be_made_again(some_world: World) -> None:
    execute(start_run(AS_OF), "test")
    for path in sorted(exports().rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()

    run = execute(start_run(AS_OF), "test")

    assert run.state == "PUBLISHED"
    assert run.plan["changed"] == 0
    assert set(run.audience_counts.values_list("entered", flat=True)) == {None}  # unknown, not zero


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_an_empty_deployment_has_empty_audiences(db: None, engine: str, own_home: Path) -> None:
    population.define()
    population.audience("keen", {"event": "listen", "agg": "days", "window": 28, "op": "gte", "value": 4})
    population.listed("staff", [])

    run = execute(start_run(datetime(2026, 1, 1, tzinfo=UTC), engine=engine), "test")

    assert (run.state, run.shards) == ("PUBLISHED", 0)
    assert list(run.audience_counts.values_list("size", flat=True)) == [0, 0]
    assert AudienceRun.objects.count() == 1
