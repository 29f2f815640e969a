"""Is each event stored exactly once, whoever sends it again, how, and when?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, connections
from pytest_django import DjangoAssertNumQueries

from audiences.ingest import NewEvent, Outcome, append, prepare_days
from audiences.models import Event, EventConflict, MoneyEvent, QuarantinedEvent
from audiences.moments import micros

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def event(event_id: str = "e1", at: datetime = NOW, **said: Any) -> NewEvent:
    facts: dict[str, Any] = {
        "source": "shop", "event_id": event_id, "kind": "custom", "name": "listen", "subject_id": 7,
        "occurred_at": micros(at), "claimed_at": micros(at), "day": at.date(), "properties": {"minutes": 3},
    }  # fmt: skip
    return NewEvent(**facts | said)


def bought(event_id: str = "e1", at: datetime = NOW, **said: Any) -> NewEvent:
    return event(event_id, at, kind="conversion", name="subscribe", money=True, **said)


def test_an_event_is_stored_with_all_it_says() -> None:
    late = NOW - timedelta(microseconds=1)
    outcome = append([event(occurred_at=micros(late), claimed_at=1, properties={"a": [1, "é"], "b": None})], now=NOW)

    row = Event.objects.get()
    assert outcome == Outcome(inserted=(0,))
    assert (row.source, row.event_id, row.day, row.kind, row.name) == ("shop", "e1", NOW.date(), "custom", "listen")
    assert (row.subject_id, row.occurred_at, row.received_at) == (7, late, NOW)
    assert (row.claimed_at.year, row.properties) == (1970, {"a": [1, "é"], "b": None})


@pytest.mark.parametrize(
    ("after", "again"),
    [
        (timedelta(seconds=1), "duplicate"),
        (timedelta(hours=23, minutes=59), "duplicate"),
        (timedelta(hours=25), "duplicate"),
        (timedelta(days=9), "duplicate"),
        (timedelta(days=34), "duplicate"),
        (timedelta(days=36), "quarantined"),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "at", [NOW, datetime(2026, 10, 31, 23, 59, 59, 999_999, UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]
)
def test_a_resend_is_never_counted_twice(after: timedelta, again: str, at: datetime) -> None:
    append([event(at=at), bought(at=at)], now=at)

    outcome = append([event(at=at), bought(at=at)], now=at + after)

    assert outcome == (
        Outcome(duplicates=(0, 1)) if again == "duplicate" else Outcome(duplicates=(1,), quarantined=(0,))
    )
    assert (Event.objects.count(), MoneyEvent.objects.count()) == (1, 1)
    assert list(QuarantinedEvent.objects.values_list("reason", flat=True)) == ["too_late"] * (again == "quarantined")


def test_money_is_never_too_late_and_never_twice() -> None:
    old = NOW - timedelta(days=900)

    assert append([bought(at=old)], now=NOW).inserted == (0,)
    assert append([bought(at=old)], now=NOW + timedelta(days=900)).duplicates == (0,)
    assert append([bought(at=old, day=date(2026, 1, 1))], now=NOW).duplicates == (0,), "unique whatever its day"


def test_what_is_too_late_is_kept_aside_once_and_can_be_played_again() -> None:
    old = event(at=NOW - timedelta(days=36))
    append([old], now=NOW)
    append([old], now=NOW)

    kept = QuarantinedEvent.objects.get()
    assert kept.body["occurred_at"] == "2026-10-17T12:00:00+00:00"
    assert kept.body["properties"] == {"minutes": 3}
    assert append([event(at=NOW - timedelta(days=36), backfill=True)], now=NOW).inserted == (0,)


def test_an_id_belongs_to_its_source() -> None:
    assert append([event(), event(source="app"), bought(), bought(source="app")], now=NOW).inserted == (0, 1, 2, 3)


@pytest.mark.parametrize(
    "other",
    [{"name": "skip"}, {"subject_id": 8}, {"claimed_at": 5}, {"properties": {"minutes": 4}}],
    ids=["name", "subject", "claimed-time", "properties"],
)
def test_the_same_id_with_another_body_is_a_conflict_and_the_first_stands(other: dict[str, Any]) -> None:
    append([event()], now=NOW)

    assert append([event(**other)], now=NOW) == Outcome(conflicts=(0,))
    assert append([event(**other)], now=NOW) == Outcome(conflicts=(0,)), "it stays one"
    assert Event.objects.get().properties == {"minutes": 3}
    assert EventConflict.objects.first() is not None


def test_the_order_of_properties_and_a_corrected_clock_are_no_other_body() -> None:
    append([event(properties={"a": 1, "b": 2})], now=NOW)

    assert append([event(properties={"b": 2, "a": 1}, occurred_at=micros(NOW) - 9)], now=NOW).duplicates == (0,)


def test_a_second_click_on_one_slot_is_a_duplicate_not_a_conflict() -> None:
    append([event(source="token", kind="click")], now=NOW)

    assert append([event(source="token", kind="click", claimed_at=5)], now=NOW).duplicates == (0,)


def test_of_one_id_in_one_batch_the_first_counts() -> None:
    outcome = append([event("a"), event("a"), event("b"), event("a", properties={})], now=NOW)

    assert outcome == Outcome(inserted=(0, 2), duplicates=(1,), conflicts=(3,))


def test_queries_do_not_depend_on_the_number_of_events(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    def batch(number: int) -> list[NewEvent]:
        each = [
            [event(f"{number}-{n}", at=NOW - timedelta(days=n % 5)), bought(f"{number}-{n}")] for n in range(number)
        ]
        return [one for pair in each for one in pair]

    for number in (1, 250):
        with django_assert_num_queries(3):  # days, two inserts
            append(batch(number), now=NOW)
        with django_assert_num_queries(5):  # and two looks at what stood there
            append(batch(number), now=NOW)


def test_coming_days_are_prepared_ahead() -> None:
    prepare_days(NOW)
    prepare_days(NOW)

    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audiences_event'::regclass")
        made = {row[0] for row in cursor.fetchall()}
    assert made >= {f"audiences_event_202611{day}" for day in (22, 23, 24)}


@pytest.mark.django_db(transaction=True)
def test_one_batch_sent_by_many_at_once_is_stored_once() -> None:
    """Across days that nobody has prepared, in orders that would deadlock an unsorted insert."""
    barrier = Barrier(6)
    outcomes: list[Outcome] = []
    failures: list[BaseException] = []
    batch = [event(f"e{n}", at=NOW - timedelta(days=n % 30)) for n in range(120)] + [bought(f"m{n}") for n in range(60)]

    def send(sender: int) -> None:
        try:
            barrier.wait()
            for turn in range(4):
                shift = (sender * 31 + turn * 17) % len(batch)
                outcomes.append(append(batch[shift:] + batch[:shift], now=NOW))
        except BaseException as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [Thread(target=send, args=(sender,)) for sender in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert sum(len(outcome.inserted) for outcome in outcomes) == 180
    assert sum(len(outcome.duplicates) for outcome in outcomes) == 180 * 23
    assert (Event.objects.count(), MoneyEvent.objects.count(), EventConflict.objects.count()) == (120, 60, 0)


@pytest.mark.django_db(transaction=True)
def test_a_new_day_neither_waits_for_readers_nor_stops_them() -> None:
    append([event()], now=NOW)
    with connection.cursor() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM audiences_event")
        done: list[Outcome] = []

        def send() -> None:
            done.append(append([event("e2", at=NOW - timedelta(days=3))], now=NOW))
            connections.close_all()

        thread = Thread(target=send)
        thread.start()
        thread.join(timeout=3)
        reader.execute("COMMIT")
    thread.join()

    assert [outcome.inserted for outcome in done] == [(0,)]
    assert not thread.is_alive()
