"""Does the newest committed record always end in the serving store, whoever dies, sleeps or restarts?"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
import redis
from django.db import connections, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from audiences.models import AudienceRun, BehaviourBits, DirtySubject, ServingEpoch, Subject
from audiences.moments import micros
from audiences.people import TraitChange, apply_changes, suppress
from audiences.records import Written
from merch.engine.facts import NEW_SUBJECT
from merch.subjects import publish as publishing
from merch.subjects.packing import header
from merch.subjects.publish import publish, publish_bits, sweep
from merch.subjects.rows import packed_by_id
from merch.subjects.scripts import set_if_newer
from merch.subjects.store import Store
from tests.merch.subjects.servers import OwnValkey

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=6)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store(settings: Settings, valkey: redis.Redis) -> Iterator[Store]:
    """The store as it is after a first, empty rebuild."""
    ServingEpoch.objects.all().delete()
    store = Store(settings.REDIS_URL)
    assert sweep(now=NOW, store=store).rebuilt == 1
    yield store
    store.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnValkey]:
    own = OwnValkey(tmp_path)
    yield own
    own.kill()


def wrote(key: str = "acc_1", /, at: datetime = NOW, **traits: Any) -> Written:
    change = TraitChange(kind="a", key=key, observed_at=micros(at), traits=traits)
    return apply_changes([change], now=at)[0]


def plan(store: Store, key: str = "acc_1") -> Any:
    subject = store.read("a", key, 1)
    return None if subject is None else subject.record.traits.get("plan", (None,))[0]


def owed() -> int:
    return DirtySubject.objects.filter(written_at=None).count()


def test_a_write_is_seen_by_the_very_next_read(store: Store) -> None:
    assert store.read("a", "acc_1", 1) == NEW_SUBJECT

    assert publish([wrote(plan="free")], now=NOW, store=store)

    assert plan(store) == "free"
    assert owed() == 0


def test_suppressions_travel_with_the_record_until_they_end(store: Store) -> None:
    facts: dict[str, Any] = {"tiers": ["COMMERCIAL"], "starts_at": NOW, "reason": "", "source": "crm", "now": NOW}
    publish([suppress("a", "acc_1", "case", expires_at=NOW + timedelta(hours=1), **facts)], now=NOW, store=store)
    publish([suppress("a", "acc_1", "forever", expires_at=None, **facts)], now=NOW, store=store)

    subject = store.read("a", "acc_1", 1)

    assert subject is not None
    assert [(fact.key, fact.tiers, fact.start, fact.end) for fact in subject.record.suppressions] == [
        ("case", ("COMMERCIAL",), micros(NOW), micros(NOW + timedelta(hours=1))),
        ("forever", ("COMMERCIAL",), micros(NOW), None),
    ]


def test_a_removed_trait_leaves_no_null_in_the_record(store: Store) -> None:
    publish([wrote(plan="free", country="SE"), wrote(plan=None)], now=NOW, store=store)

    subject = store.read("a", "acc_1", 1)

    assert subject is not None
    assert list(subject.record.traits) == ["country"]


def test_two_writers_that_publish_in_reverse_leave_the_newer(store: Store) -> None:
    wrote(plan="old")
    old = packed_by_id([Subject.objects.get().pk], now=NOW)
    wrote(plan="new")
    new = packed_by_id([Subject.objects.get().pk], now=NOW)

    set_if_newer(store, [new[0].values])
    set_if_newer(store, [old[0].values])

    assert plan(store) == "new"


@pytest.mark.parametrize(
    ("late", "wins"),
    [((4, 9), False), ((5, 6), False), ((5, 7), False), ((5, 8), True), ((6, 1), True), ((5, 2**47), True)],
    ids=["old-epoch", "old-version", "same", "newer-version", "newer-epoch", "large"],
)
def test_a_late_writer_is_refused(store: Store, valkey: redis.Redis, late: tuple[int, int], wins: bool) -> None:
    held, new = header(5, 7) + b"held", header(*late) + b"late"

    set_if_newer(store, [[(b"s:{a:x}", held), (b"m1:{a:x}", held)]])
    set_if_newer(store, [[(b"s:{a:x}", new), (b"m1:{a:x}", new)]])

    assert valkey.mget("s:{a:x}", "m1:{a:x}") == ([new] * 2 if wins else [held] * 2)


def test_an_unreachable_store_leaves_the_write_owed_and_the_sweeper_brings_it(own: OwnValkey) -> None:
    store = Store(own.url)
    sweep(now=NOW, store=store)
    own.kill()

    assert publish([wrote(plan="free")], now=NOW, store=store) is False
    assert sweep(now=LATER, store=store).reachable is False
    assert owed() == 1

    own.start()
    assert store.warm()
    assert sweep(now=LATER, store=store).reachable
    assert plan(store) == "free"
    assert owed() == 0
    store.close()


def test_a_writer_killed_between_commit_and_write_is_made_good_after_five_seconds(store: Store) -> None:
    child = os.fork()
    if child == 0:
        connections["default"].connection = None  # the parent's socket is the parent's
        wrote(plan="free")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    connections.close_all()

    assert plan(store) is None
    assert sweep(now=NOW + timedelta(seconds=4), store=store).records == 0, "its writer may still be at it"
    assert sweep(now=NOW + timedelta(seconds=5), store=store).records == 1
    assert plan(store) == "free"


def test_a_transaction_that_is_rolled_back_owes_nothing(store: Store) -> None:
    with transaction.atomic():
        wrote(plan="free")
        transaction.set_rollback(True)

    assert owed() == 0
    assert not Subject.objects.exists()


def test_a_restarted_store_is_unreadable_for_the_unknown_and_whole_after_the_sweep(own: OwnValkey) -> None:
    store = Store(own.url)
    sweep(now=NOW, store=store)
    for number in range(30):
        publish([wrote(f"acc_{number}", plan="free")], now=NOW, store=store)
    own.kill()
    own.start()
    assert store.warm()

    assert store.read("a", "acc_3", 1) is None, "not new: unknown"
    assert publish([wrote("acc_1", plan="paid")], now=LATER, store=store)
    assert plan(store, "acc_1") == "paid", "a record that was written since is used"
    swept = sweep(now=LATER, store=store)

    assert (swept.replaying, swept.rebuilt) == (True, 2)
    assert [plan(store, f"acc_{number}") for number in (0, 1, 29)] == ["free", "paid", "free"]
    assert store.read("a", "nobody", 1) == NEW_SUBJECT
    assert sweep(now=LATER, store=store) == (True, 0, False, None), "and then there is nothing left to do"
    store.close()


def test_a_store_that_fell_back_in_time_gets_the_last_ten_minutes_again(store: Store, valkey: redis.Redis) -> None:
    publish([wrote("old", plan="free")], now=NOW - timedelta(minutes=11), store=store)
    publish([wrote("new", plan="free")], now=NOW, store=store)
    DirtySubject.objects.filter(subject__key="old").update(written_at=NOW - timedelta(minutes=11))
    valkey.delete("s:{a:old}", "s:{a:new}")
    ServingEpoch.objects.update(store_run_id="another server")

    swept = sweep(now=NOW, store=store)

    assert (swept.replaying, swept.records, swept.rebuilt) == (True, 1, None)
    assert (plan(store, "new"), plan(store, "old")) == ("free", None)
    sweep(now=NOW + timedelta(minutes=11), store=store)
    assert DirtySubject.objects.count() == 0, "what was written long ago is forgotten"


def test_bits_are_published_once_and_only_by_a_newer_run(store: Store) -> None:
    written = wrote(plan="free")
    runs = [AudienceRun.objects.create(as_of=NOW, created_at=NOW, finished_at=NOW) for _ in range(2)]
    bits = BehaviourBits.objects.create(subject_id=written.subject_id, layout=1, run=runs[1], bits=b"\x05")

    assert publish_bits([written.subject_id], now=NOW, store=store)
    subject = store.read("a", "acc_1", 1)
    assert subject is not None
    assert (subject.bits, subject.record.traits["plan"][0]) == (5, "free")
    bits.refresh_from_db()
    assert bits.published

    BehaviourBits.objects.update(run=runs[0], bits=b"\x02")
    publish_bits([written.subject_id], now=NOW, store=store)
    late = store.read("a", "acc_1", 1)
    assert late is not None
    assert late.bits == 5


def test_bits_that_are_still_owed_are_swept(store: Store) -> None:
    written = wrote()
    publish([written], now=NOW, store=store)
    run = AudienceRun.objects.create(as_of=NOW, created_at=NOW, finished_at=NOW)
    BehaviourBits.objects.create(subject_id=written.subject_id, layout=1, run=run, bits=b"\x80\x01")

    assert sweep(now=NOW, store=store).records == 1

    subject = store.read("a", "acc_1", 1)
    assert subject is not None
    assert subject.bits == 0x180


def test_publishing_costs_the_same_queries_whatever_the_number(
    store: Store, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    written = [wrote(f"acc_{number}", plan="free") for number in range(200)]

    with django_assert_num_queries(2):  # load, mark
        publish(written[:1], now=NOW, store=store)
    with django_assert_num_queries(2):
        publish(written, now=NOW, store=store)


def test_many_writers_of_few_subjects_leave_the_last_commit_in_the_store(settings: Settings, store: Store) -> None:
    barrier = Barrier(6)
    failed: list[BaseException] = []

    def write(writer: int) -> None:
        own = Store(settings.REDIS_URL)
        try:
            barrier.wait()
            for turn in range(30):
                at = NOW + timedelta(milliseconds=turn * 6 + writer)
                publish([wrote(f"acc_{turn % 3}", at=at, plan=f"{turn}/{writer}")], now=at, store=own)
        except BaseException as failure:
            failed.append(failure)
        finally:
            own.close()
            connections.close_all()

    threads = [Thread(target=write, args=(writer,)) for writer in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    for row in Subject.objects.all():
        subject = store.read("a", row.key, 1)
        assert subject is not None
        assert subject.record.version == row.version
        assert subject.record.traits["plan"] == tuple(row.traits["plan"])
    assert owed() == 0


def test_a_database_that_fails_after_the_commit_is_pending_not_an_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = wrote(plan="free")
    monkeypatch.setattr(publishing, "MARK_DIRTY", "SELECT 1 / 0 -- %s %s %s")

    assert publish([written], now=NOW, store=store) is False
    assert owed() == 1
