"""Is there never more under way than a strict cap has room for, whoever asks first?"""

from __future__ import annotations

from collections.abc import Iterator
from time import sleep

import pytest
import redis
from pytest_django import Settings

from merch.engine.facts import Hold, SubjectRecord
from merch.subjects import holds, scripts
from merch.subjects.holds import LIFE, Code, Taken
from merch.subjects.packing import pack_record, record_key
from merch.subjects.store import Store

ANN = ("a", "acc_1")


@pytest.fixture
def store(settings: Settings, valkey: redis.Redis) -> Iterator[Store]:
    """Well, and trusted: nothing was lost."""
    store = Store(settings.REDIS_URL)
    assert store.warm()
    valkey.set("epoch", 1)
    scripts.trust_holds(store, 0, anew=True)
    yield store
    store.close()


def hold(
    key: str = "k", *, candidate: str = "one/hero", cell: str = "all||impression", limit: int = 2, count: int = 0
) -> Hold:
    return Hold(candidate=candidate, cell=cell, key=key, limit=limit, count=count)


def take(store: Store, *wanted: Hold, version: int = 0, dropped: tuple[Hold, ...] = (), life: int = LIFE) -> Taken:
    return holds.take(store, ANN, version, wanted, dropped, life)


def got(store: Store, *wanted: Hold, life: int = LIFE) -> bool:
    """Were all of them granted?"""
    taken = take(store, *wanted, life=life)
    assert taken.code == Code.TAKEN
    return not taken.refused


def test_places_go_until_none_is_left(store: Store) -> None:
    assert [got(store, hold(key)) for key in "abc"] == [True, True, False]


def test_what_the_record_counts_is_taken_already(store: Store) -> None:
    assert [got(store, hold(key, limit=3, count=2)) for key in "ab"] == [True, False]


def test_a_retry_takes_the_same_place_and_more_of_them_only_where_there_is_room(store: Store) -> None:
    assert [got(store, hold("a", limit=1)) for _ in range(3)] == [True, True, False]
    assert [got(store, hold("b", cell="tier|HOUSE|impression", limit=3)) for _ in range(5)] == [True] * 3 + [False] * 2


def test_another_counter_and_another_person_have_places_of_their_own(store: Store) -> None:
    assert got(store, hold("a", limit=1))

    assert got(store, hold("b", limit=1, cell="all||impression#77"))
    assert holds.take(store, ("a", "acc_2"), 0, [hold("b", limit=1)], (), LIFE).granted


def test_a_place_is_free_again_when_its_time_is_over(store: Store) -> None:
    assert got(store, hold("a", limit=1), life=40)
    assert not got(store, hold("b", limit=1))

    sleep(0.06)

    assert got(store, hold("b", limit=1))


def test_nothing_is_left_behind(store: Store, valkey: redis.Redis) -> None:
    got(store, hold("a"), life=30)
    assert 0 < valkey.pttl("h:{a:acc_1}") <= 30


def test_each_answer_that_was_seen_frees_one_place(store: Store) -> None:
    got(store, hold("a"))
    got(store, hold("a"))
    assert not got(store, hold("b"))

    holds.release(store, [(*ANN, "a"), (*ANN, "never"), ("d", "dev_1", "a")])
    assert [got(store, hold(key)) for key in "bc"] == [True, False]

    holds.release(store, [(*ANN, "a")])
    assert got(store, hold("c"))


def test_a_candidate_takes_all_that_it_needs_or_nothing(store: Store) -> None:
    scarce = hold("a", cell="offer|trial|impression", limit=1, count=1)

    assert take(store, hold("a"), scarce) == Taken(Code.TAKEN, frozenset(), frozenset({"one/hero"}))
    assert [got(store, hold(key)) for key in "bc"] == [True, True]


def test_candidates_of_one_answer_are_counted_in_their_order(store: Store) -> None:
    first, second = hold("a", limit=1), hold("b", limit=1, candidate="two/hero")

    assert take(store, first, second) == Taken(Code.TAKEN, frozenset({"one/hero"}), frozenset({"two/hero"}))


def test_two_caps_of_one_counter_share_a_place(store: Store) -> None:
    day, week = hold("a", limit=2), hold("a", limit=5, count=3)

    assert got(store, day, week)
    assert got(store, hold("b", limit=2), hold("b", limit=5, count=3))
    assert not got(store, hold("c", limit=9), hold("c", limit=5, count=3))


def test_what_an_answer_does_not_need_any_more_is_given_back(store: Store) -> None:
    got(store, hold("a", limit=1))

    assert take(store, hold("b", limit=1), dropped=(hold("a", limit=1),)).granted


@pytest.mark.parametrize(("read", "code"), [(6, Code.STALE), (7, Code.TAKEN), (8, Code.STALE)])
def test_counts_of_another_version_of_the_record_take_nothing(
    store: Store, valkey: redis.Redis, read: int, code: Code
) -> None:
    valkey.set(record_key(*ANN), pack_record(SubjectRecord(version=7), 1))

    assert take(store, hold(), version=read).code == code


def test_a_record_of_an_earlier_epoch_is_that_of_nobody(store: Store, valkey: redis.Redis) -> None:
    valkey.set(record_key(*ANN), pack_record(SubjectRecord(version=7), 0))

    assert take(store, hold(), version=0).code == Code.TAKEN


def test_a_store_that_lost_its_data_grants_nothing(store: Store, valkey: redis.Redis) -> None:
    valkey.flushdb()

    assert take(store, hold()).code == Code.UNKNOWN


def test_a_store_in_the_place_of_another_grants_nothing(store: Store, valkey: redis.Redis) -> None:
    known = valkey.get("holds")
    assert isinstance(known, bytes)
    run, since = known.split()
    valkey.set("holds", b"f" * len(run) + b" " + since)

    assert take(store, hold()).code == Code.UNKNOWN
    assert scripts.trust_holds(store, LIFE)
    assert take(store, hold()).code == Code.UNKNOWN, "those of the other one may last as long as a hold does"


def test_a_trusted_store_stays_trusted(store: Store) -> None:
    assert not scripts.trust_holds(store, LIFE)
    assert got(store, hold())


def test_after_a_loss_holds_are_complete_when_one_hold_time_has_passed(store: Store) -> None:
    scripts.trust_holds(store, 50, anew=True)
    assert take(store, hold()).code == Code.UNKNOWN

    sleep(0.07)

    assert got(store, hold())
