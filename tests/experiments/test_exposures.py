"""Is a subject exposed once per test and version, at the earliest moment, whoever says it first?"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connections, transaction
from pytest_django import DjangoAssertNumQueries

from audiences.models import DirtySubject, Subject
from audiences.moments import micros, moment
from experiments.exposures import ExposureRow, insert_exposures
from experiments.models import Exposure
from tests.factories import ExperimentFactory, HoldoutFactory

AT = micros(datetime(2026, 11, 22, 12, tzinfo=UTC))
pytestmark = pytest.mark.django_db


def row(at: int = AT, test: str = "experiment|hero", **said: Any) -> ExposureRow:
    facts: dict[str, Any] = {"kind": "a", "key": "acc_1", "test": test, "version": 1, "arm": "b", "at": at}
    return ExposureRow(**facts | said)


def marks() -> dict[str, Any]:
    return dict(Subject.objects.get(key="acc_1").marks)


def test_the_earliest_counts_in_any_order_of_arrival() -> None:
    ExperimentFactory(key="hero")
    said = [row(AT + 2, arm="c", source="viewed"), row(AT), row(AT + 1, arm="c", ghost=True)]

    for order in permutations(said):
        with transaction.atomic():
            for each in order:
                insert_exposures([each])
            exposure = Exposure.objects.get()
            assert (exposure.at, exposure.arm, exposure.ghost, exposure.source) == (moment(AT), "b", False, "decision")
            assert marks() == {"experiment|hero": [1, "b", AT]}
            transaction.set_rollback(True)


def test_a_new_version_is_a_new_exposure_and_the_newest_is_marked() -> None:
    ExperimentFactory(key="hero")

    insert_exposures([row(version=2, at=AT + 5), row(version=1)])

    assert Exposure.objects.count() == 2
    assert marks() == {"experiment|hero": [2, "b", AT + 5]}


def test_a_holdout_is_recorded_and_not_marked() -> None:
    HoldoutFactory(key="global")

    assert insert_exposures([row(test="holdout|global", arm="in")]) == []
    assert Exposure.objects.get().holdout is not None
    assert not DirtySubject.objects.exists()


def test_what_was_recorded_before_writes_nothing_and_locks_nobody(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ExperimentFactory(key="hero")
    [written] = insert_exposures([row()])

    with django_assert_num_queries(4):  # savepoint, find, insert, release
        assert insert_exposures([row(at=AT + number) for number in range(50)]) == []
    assert Subject.objects.get().version == written.version


def test_a_test_that_is_gone_is_passed_over() -> None:
    assert insert_exposures([row(test="experiment|gone"), row(test="rubbish")]) == []
    assert insert_exposures([]) == []


@pytest.mark.django_db(transaction=True)
def test_flushers_that_meet_record_each_subject_once() -> None:
    ExperimentFactory(key="hero")
    barrier = Barrier(5)
    failures: list[BaseException] = []

    def flush(number: int) -> None:
        try:
            barrier.wait()
            for turn in range(6):
                keys = [f"acc_{(n * 13 + number + turn) % 60}" for n in range(60)]
                insert_exposures([row(at=AT + (number + turn) % 5, key=key) for key in keys])
        except BaseException as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [Thread(target=flush, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert Exposure.objects.count() == 60
    assert set(Exposure.objects.values_list("at", flat=True)) == {moment(AT)}
    assert all(each.marks == {"experiment|hero": [1, "b", AT]} for each in Subject.objects.all())
