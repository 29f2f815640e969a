"""Is the serving store whole after a rebuild, and never half a truth before its end?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import connections
from pytest_django import Settings

from audiences.models import ServingEpoch, Subject
from audiences.moments import micros
from audiences.people import TraitChange, apply_changes
from merch.engine.facts import NEW_SUBJECT
from merch.subjects import rebuilding
from merch.subjects.packing import header
from merch.subjects.publish import publish, sweep
from merch.subjects.rebuilding import RebuildFailed, RebuildRunning, rebuild
from merch.subjects.store import Store
from tests.factories import SubjectFactory
from tests.merch.subjects.servers import OwnValkey

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store(settings: Settings, valkey: redis.Redis) -> Iterator[Store]:
    ServingEpoch.objects.all().delete()
    store = Store(settings.REDIS_URL)
    yield store
    store.close()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "PAGE", 10)


def people(number: int) -> None:
    Subject.objects.bulk_create(
        SubjectFactory.build(key=f"acc_{each}", traits={"plan": ["free", 1]}) for each in range(number)
    )


def plans(store: Store) -> set[Any]:
    found = [store.read("a", row.key, 1) for row in Subject.objects.all()]
    return {None if subject is None else subject.record.traits.get("plan", ("nothing",))[0] for subject in found}


def test_everybody_is_readable_afterwards_and_nobody_is_new_before(store: Store, small_pages: None) -> None:
    people(35)
    seen: list[tuple[int, int, object]] = []

    def look(done: int, of: int) -> None:
        seen.append((done, of, store.read("a", "nobody", 1)))

    epoch = rebuild(now=NOW, progress=look, store=store)

    assert epoch == 1
    assert seen == [(10, 35, None), (20, 35, None), (30, 35, None), (35, 35, None)]
    assert plans(store) == {"free"}
    assert store.read("a", "nobody", 1) == NEW_SUBJECT
    assert ServingEpoch.objects.get().rebuilt_at == NOW


def test_a_leftover_of_someone_the_truth_no_longer_knows_does_not_return(store: Store) -> None:
    people(3)
    rebuild(now=NOW, store=store)
    Subject.objects.filter(key="acc_1").delete()

    rebuild(now=NOW, store=store)

    assert store.read("a", "acc_1", 1) == NEW_SUBJECT


def test_writers_beside_a_rebuild_win_with_what_is_newer(settings: Settings, store: Store, small_pages: None) -> None:
    people(200)
    stop = Event()
    failed: list[BaseException] = []

    def write() -> None:
        own = Store(settings.REDIS_URL)
        try:
            turn = 0
            while not stop.is_set():
                turn += 1
                change = TraitChange(
                    kind="a", key=f"acc_{turn * 37 % 210}", observed_at=micros(NOW), traits={"turn": turn}
                )
                publish(apply_changes([change], now=NOW), now=NOW, store=own)
        except BaseException as failure:
            failed.append(failure)
        finally:
            own.close()
            connections.close_all()

    writers = [Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    epochs = [rebuild(now=NOW, store=store) for _ in range(5)]
    stop.set()
    for writer in writers:
        writer.join()

    assert failed == []
    assert epochs == [1, 2, 3, 4, 5]
    for row in Subject.objects.all():
        subject = store.read("a", row.key, 1)
        assert subject is not None
        assert subject.record.version == row.version, row.key


def test_a_store_restarted_in_the_middle_gets_no_epoch_for_half_a_truth(tmp_path: Path, small_pages: None) -> None:
    own = OwnValkey(tmp_path)
    store = Store(own.url)
    people(50)

    def restart(done: int, of: int) -> None:
        if done == 20:
            own.kill()
            own.start()

    with pytest.raises(RebuildFailed):
        rebuild(now=NOW, progress=restart, store=store)
    store.warm()
    assert store.read("a", "acc_0", 1) is None, "written before the restart, lost with it: unknown, not new"

    assert sweep(now=NOW, store=store).rebuilt == 2
    assert plans(store) == {"free"}
    store.close()
    own.kill()


def test_a_store_emptied_in_the_middle_gets_no_epoch_either(
    store: Store, valkey: redis.Redis, small_pages: None
) -> None:
    people(50)

    with pytest.raises(RebuildFailed, match="lost its data"):
        rebuild(now=NOW, progress=lambda done, of: done == 20 and valkey.flushdb(), store=store)  # type: ignore[arg-type]

    assert store.read("a", "acc_49", 1) is not None
    assert store.read("a", "acc_0", 1) is None


def test_a_store_ahead_of_a_restored_database_is_overtaken(store: Store, valkey: redis.Redis) -> None:
    people(1)
    valkey.mset({"epoch": 41, "s:{a:acc_0}": header(41, 9_000) + b"from the future"})

    assert sweep(now=NOW, store=store).rebuilt == 42
    assert plans(store) == {"free"}


def test_only_one_rebuild_runs_at_a_time(store: Store, small_pages: None) -> None:
    people(20)
    refused: list[bool] = []

    def second() -> None:
        try:
            rebuild(now=NOW, store=store)
        except RebuildRunning:
            refused.append(True)
        connections.close_all()

    def look(done: int, of: int) -> None:
        thread = Thread(target=second)
        thread.start()
        thread.join()

    rebuild(now=NOW, progress=look, store=store)

    assert refused == [True, True]
    assert rebuild(now=NOW, store=store) == 2


def test_an_old_epoch_stays_readable_until_the_new_one_is_whole(store: Store, small_pages: None) -> None:
    people(30)
    rebuild(now=NOW, store=store)
    seen: list[set[Any]] = []

    rebuild(now=NOW, progress=lambda done, of: seen.append(plans(store)), store=store)

    assert seen == [{"free"}] * 3


def test_the_command_says_what_it_did(store: Store) -> None:
    people(3)
    said = StringIO()

    call_command("rebuild_subjects", stdout=said)

    assert said.getvalue().startswith("Epoch 1: 3 subjects in ")
    assert plans(store) == {"free"}


def test_the_command_says_that_nothing_is_lost_when_it_fails(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise OSError("refused")

    monkeypatch.setattr("merch.subjects.scripts.state", gone)

    with pytest.raises(CommandError, match="Nothing is lost"):
        call_command("rebuild_subjects")
