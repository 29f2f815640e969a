"""Past events come in once, in any order, and leave the same memory as if they had arrived one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audiences.models import Event, EventConflict, MoneyEvent, QuarantinedEvent, Subject
from audiences.moments import micros
from audiences.people import TraitChange, apply_changes
from campaigns.models import Plan
from merch.intake import receive
from merch.subjects.store import store
from tests.factories import PlanFactory
from tests.merch.backfill.conftest import Bring, rejects

pytestmark = pytest.mark.usefixtures("catalogue", "whole_store")

BASE = datetime(2019, 5, 1, tzinfo=UTC)  # years before any limit of intake
MAPPING = """
source: old-shop
subject: who
occurred_at: {column: hour, unit: hours, base: 2019-05-01T00:00:00Z}
name: {column: what, values: {B: bought, L: looked, P: paid, U: unheard_of}}
properties:
  amount: {column: amount, places: 2}
  page: page
"""
KNOWN = MAPPING.replace(", U: unheard_of", "")


def row(what: str, who: str = "ann", hour: float | str = 0, **more: Any) -> dict[str, Any]:
    return {"who": who, "what": what, "hour": hour} | more


ROWS = [
    row("B", hour=30, amount=9.999), row("B", hour=2, amount="5.00"), row("L", hour=3, page="home", amount=1),
    row("P", "bob", amount=20), row("B", "bob", hour=2), row("B", hour=2, amount="5.00"),
]  # fmt: skip


def test_a_plan_tells_events_by_name_and_day(bring: Bring) -> None:
    told = bring("events", KNOWN, ROWS, apply=False)

    assert told.code == 0
    assert "2019-05-01 to 2019-05-02" in told.said
    assert "Subjects: 2, of which 2 new and 0 known." in told.said
    assert not Event.objects.exists()


def test_every_row_is_an_event_however_long_ago(bring: Bring) -> None:
    assert bring("events", KNOWN, ROWS).code == 0

    assert Event.objects.count() == 5  # two rows that say the same are two events
    assert MoneyEvent.objects.get().name == "paid"
    assert not QuarantinedEvent.objects.exists()
    first = Event.objects.get(day=BASE + timedelta(days=1))
    assert (first.source, first.name, first.properties) == ("old-shop", "bought", {"amount": "10.00"})
    assert Event.objects.get(name="looked").properties == {"page": "home"}  # amount is not one of its fields


def test_a_second_time_adds_nothing(bring: Bring) -> None:
    bring("events", KNOWN, ROWS)
    before = list(Subject.objects.order_by("key").values_list("key", "version", "history"))

    told = bring("events", KNOWN, ROWS)

    assert told.code == 0
    assert (Event.objects.count(), MoneyEvent.objects.count()) == (5, 1)
    assert list(Subject.objects.order_by("key").values_list("key", "version", "history")) == before


@pytest.mark.parametrize("rows", [ROWS, ROWS[::-1]], ids=["as they are", "backwards"])
def test_memory_is_that_of_events_that_arrived_one_by_one(bring: Bring, rows: list[dict[str, Any]]) -> None:
    bring("events", KNOWN, rows)
    brought = dict(Subject.objects.values_list("key", "history"))
    for number, each in enumerate(ROWS):
        _arrives(f"e{number}", each | {"who": f"{each['who']}-twin"})

    assert brought["ann"]["event|bought|custom"][0] == 3
    for who in ("ann", "bob"):
        assert brought[who] == Subject.objects.get(key=f"{who}-twin").history
    served = store.read("a", "ann", 1)
    assert served is not None
    assert served.record.history["event|bought|custom"].last == micros(BASE + timedelta(hours=30))


def test_a_conversion_counts_for_its_plan_and_group(bring: Bring) -> None:
    PlanFactory(key="premium")
    group = Plan.objects.get().group.key
    what = "type: conversion, name: {constant: paid}, properties: {plan: p}"
    mapping = f"{{subject: who, occurred_at: 2019-05-01T00:00:00Z, {what}}}"

    assert bring("events", mapping, [{"who": "ann", "p": "premium"}]).code == 0
    cells = set(Subject.objects.get().history)
    names = {"plan|premium", f"plan_group|{group}"}
    assert cells == {f"{name}|{what}" for name in names for what in ("conversion", "paid")} | {"all||conversion"}


def test_bad_rows_are_told_by_what_is_wrong_with_them(bring: Bring, tmp_path: Path) -> None:
    rows = [row("B", ""), row("Z"), row("B", hour="soon"), row("B", amount="much"), row("B", hour=8 * 10**6), row("")]

    assert bring("events", KNOWN, rows).code == 1
    codes = [code for _, code in rejects(tmp_path)]
    assert codes == [
        "missing_id", "unmapped_value", "bad_time", "bad_value", "occurred_at_future", "missing_name",
    ]  # fmt: skip
    assert not Event.objects.exists()


def test_events_that_nobody_declared_are_told_before_a_row_is_read(bring: Bring) -> None:
    told = bring("events", MAPPING.replace("page: page", "pages: page"), ROWS)

    assert told.code == 2
    assert 'There is no event "unheard_of".' in told.said
    assert 'There is no property "pages". Did you mean page' in told.said


def test_a_row_that_was_another_event_before_is_a_conflict(bring: Bring, tmp_path: Path) -> None:
    bring("events", KNOWN, ROWS[:1])

    told = bring("events", KNOWN.replace("base: 2019-05-01T00", "base: 2019-05-01T01"), ROWS[:1])

    assert told.code == 1
    assert rejects(tmp_path) == [(1, "conflict")]
    assert Event.objects.count() == EventConflict.objects.count() == 1


def test_ids_of_the_sender_keep_what_arrived_already_from_counting_twice(bring: Bring) -> None:
    _arrives("e7", row("B", hour=1), source="old-shop")

    bring("events", f"{KNOWN}event_id: {{column: number}}\n", [row("B", hour=1, number="e7"), row("B", number="e8")])

    assert set(Event.objects.values_list("event_id", flat=True)) == {"e7", "e8"}
    assert Subject.objects.get().history["event|bought|custom"][0] == 2


def test_rows_of_one_moment_keep_their_order(bring: Bring) -> None:
    mapping = KNOWN.replace("base:", "order: seq, base:")

    bring("events", mapping, [row("L", seq=2, page="second"), row("L", seq=1, page="first")])

    pages = Event.objects.order_by("occurred_at").values_list("properties__page", flat=True)
    assert list(pages) == ["first", "second"]


def test_known_people_stay_who_they_are(bring: Bring) -> None:
    apply_changes([TraitChange(kind="a", key="ann", observed_at=1, traits={"age": 3})], now=datetime.now(UTC))

    told = bring("events", KNOWN, ROWS, apply=False)
    assert "Subjects: 2, of which 1 new and 1 known." in told.said

    bring("events", KNOWN, ROWS)
    assert Subject.objects.get(key="ann").traits == {"age": [3, 1]}


def _arrives(event_id: str, said: dict[str, Any], source: str = "shop") -> None:
    """The same by the API."""
    names = {"B": "bought", "L": "looked", "P": "paid"}
    sent = {
        "type": "custom", "name": names[said["what"]], "account_id": said["who"], "event_id": event_id,
        "occurred_at": (BASE + timedelta(hours=said["hour"])).isoformat(),
    }  # fmt: skip
    receive([sent], key_scope="server", source=source, sent_at=None, now=datetime.now(UTC), backfill=True)
