"""Is it the same history, however wrong the device's clock is and in whatever order the events come?"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiences.models import Event, MoneyEvent
from audiences.moments import SECOND, micros
from experiments.models import Exposure
from tests.factories import ExperimentFactory
from tests.merch.intake.arriving import DECISION, NOW, bought, codes, custom, history, seen, send

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
STATED = 60 * SECOND  # the bound of docs/algorithms/subject-records.md, with no time under way


def first_of(cell: str) -> int:
    return int(history()[cell][1])


@pytest.mark.parametrize(
    "skew",
    [timedelta(0), timedelta(seconds=-59), timedelta(seconds=61), HOUR, -HOUR, DAY, -DAY, 3650 * DAY, -3650 * DAY],
)
def test_a_wrong_clock_moves_an_event_by_no_more_than_the_stated_bound(skew: timedelta) -> None:
    happened = NOW - 2 * HOUR
    batch = [custom("e1", happened + skew, name="shared"), seen(at=happened + skew, decided_at=happened - HOUR)]

    receipt = send(*batch, sent_at=NOW + skew)

    assert receipt.accepted == 2
    for cell in ("event|shared|custom", "all||impression"):
        assert abs(first_of(cell) - micros(happened)) <= STATED
    assert set(Event.objects.values_list("claimed_at", flat=True)) == {happened + skew}, "what was claimed is kept"


@pytest.mark.parametrize(
    ("claimed", "kept"),
    [
        pytest.param(NOW - HOUR, NOW - HOUR, id="between"),
        pytest.param(NOW - 9 * DAY, NOW - 2 * HOUR, id="before-its-decision"),
        pytest.param(NOW + 9 * DAY, NOW, id="in-the-future"),
        pytest.param(None, NOW, id="unsaid"),
    ],
)
def test_a_token_event_happens_between_its_decision_and_its_receipt(claimed: datetime | None, kept: datetime) -> None:
    send(seen(at=claimed, decided_at=NOW - 2 * HOUR))

    row = Event.objects.get()
    assert (row.occurred_at, row.claimed_at) == (kept, claimed or kept)


def test_a_decision_of_a_server_whose_clock_is_ahead_is_read_as_now() -> None:
    send(seen(at=NOW, decided_at=NOW + timedelta(seconds=60)))

    assert Event.objects.get().occurred_at == NOW


@pytest.mark.parametrize(
    ("ahead", "code"), [(HOUR, None), (DAY, None), (DAY + timedelta(seconds=1), "occurred_at_future")]
)
def test_up_to_a_day_ahead_is_read_as_now_and_beyond_refused(ahead: timedelta, code: str | None) -> None:
    assert codes(custom("e1", NOW + ahead)) == ([(0, code)] if code else [])
    assert [row.occurred_at for row in Event.objects.all()] == ([] if code else [NOW])


@pytest.mark.parametrize(
    "retry_after",
    [timedelta(seconds=1), HOUR, timedelta(hours=13), 3 * DAY],
    ids=["at-once", "hour", "past-midnight", "days"],
)
@pytest.mark.parametrize("skew", [timedelta(0), HOUR, -20 * HOUR, DAY, -DAY, 3650 * DAY, -3650 * DAY])
def test_a_retry_is_the_same_event_whatever_the_clock_said_meanwhile(retry_after: timedelta, skew: timedelta) -> None:
    """The transport takes another time, so the correction differs, also around midnight; the id's day does not."""
    at = NOW.replace(hour=23, minute=59, second=59)
    batch = [custom("e1", at + skew), bought("c1", at + skew), seen("click", at=at + skew, decided_at=at - HOUR)]
    send(*batch, sent_at=at + skew, now=at + timedelta(milliseconds=300))

    receipt = send(*batch, sent_at=at + skew + retry_after, now=at + retry_after + timedelta(minutes=2))

    assert (receipt.accepted, receipt.duplicates, receipt.rejected) == (0, 3, ())


def test_the_day_of_a_token_event_is_its_tokens() -> None:
    send(seen(at=NOW, decided_at=NOW - 3 * DAY))

    row = Event.objects.get()
    assert row.day == (NOW - 3 * DAY).date()
    assert row.event_id == f"{DECISION}:home-hero:0:impression"


def story() -> list[dict[str, Any]]:
    """Three days of one subject: shown twice, clicked, closed, subscribed, and a thing remembered."""
    exposures = (("experiment|hero-copy", 1, "b", False, 0.5),)
    second = DECISION.replace("0199a0b1", "0199a0b2")
    return [
        seen(at=NOW - 3 * DAY, decided_at=NOW - 3 * DAY, exposures=exposures),
        seen("click", at=NOW - 2 * DAY, decided_at=NOW - 3 * DAY),
        seen(at=NOW - DAY, decided_at=NOW - DAY, decision_id=second, session=11, exposures=exposures),
        seen("dismissal", at=NOW - DAY + HOUR, decided_at=NOW - DAY, decision_id=second),
        bought("c1", NOW - HOUR, plan="premium"),
        custom("s1", NOW - 2 * DAY, name="shared"),
    ]


def outcome() -> tuple[Any, ...]:
    exposure = Exposure.objects.get()
    return history(), exposure.at, exposure.arm, Event.objects.count(), MoneyEvent.objects.count()


def test_click_before_impression_and_conversion_first_change_nothing() -> None:
    ExperimentFactory(key="hero-copy")
    events = story()[:2] + story()[4:5]
    found = set()

    for order in permutations(events):
        with transaction.atomic():
            for number, event in enumerate(order):
                send(event, now=NOW + number * DAY)
            found.add(str(outcome()))
            transaction.set_rollback(True)

    assert len(found) == 1


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.permutations(range(6)), st.lists(st.integers(0, 5), max_size=4), st.integers(1, 6))
def test_any_order_any_split_and_any_repeats_leave_the_same_history(
    order: list[int], again: list[int], size: int
) -> None:
    ExperimentFactory(key="hero-copy")
    events = story()

    with transaction.atomic():
        send(*events)
        expected = outcome()
        transaction.set_rollback(True)
    with transaction.atomic():
        arriving = [events[at] for at in (*order, *again)]
        for start in range(0, len(arriving), size):
            send(*arriving[start : start + size])
        found = outcome()
        transaction.set_rollback(True)
    Exposure.objects.all().delete()
    ExperimentFactory._meta.model.objects.all().delete()

    assert found == expected
