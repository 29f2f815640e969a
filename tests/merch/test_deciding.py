"""Are holds taken before the answer leaves, in as few round trips as promised, and is what was refused on record?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from msgspec.structs import replace
from pytest_django import Settings

from merch.deciding import Settled, settle
from merch.engine.decide import decide
from merch.engine.document import CapDoc, PlacementDoc, Pulse
from merch.engine.facts import HistoryCell, SubjectRecord
from merch.subjects import scripts
from merch.subjects.packing import pack_record, record_key
from merch.subjects.store import Store
from tests.merch.engine.documents import CONTEXTS, NOON, campaign, item, ready, request
from tests.merch.subjects.servers import OwnValkey

STRICT = CapDoc(scope="CAMPAIGN", event="impression", limit=1, strict=True)
SHARED = CapDoc(scope="ALL", event="impression", limit=1, strict=True)
ONE = ready(campaign(caps=(STRICT,)), contexts=CONTEXTS | {"session_id": "string"})
AND_ANOTHER = ready(campaign(caps=(STRICT,)), campaign("two", priority=1), contexts=ONE.doc.contexts)
PULSE = Pulse()


class Counting(Store):
    """Counts round trips; ``meanwhile`` happens after the first read."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.trips = 0
        self.meanwhile: Callable[[], object] | None = None

    def read(self, kind: str, key: str, layout: int) -> Any:
        found = super().read(kind, key, layout)
        if self.meanwhile is not None:
            happening, self.meanwhile = self.meanwhile, None
            happening()
        return found

    def _exchange(self, packed: bytes, answers: int, deadline: float) -> list[Any]:
        self.trips += 1
        return super()._exchange(packed, answers, deadline)


@pytest.fixture
def store(settings: Settings, valkey: redis.Redis) -> Iterator[Counting]:
    store = Counting(settings.REDIS_URL)
    assert store.warm()
    valkey.set("epoch", 1)
    scripts.trust_holds(store, 0, anew=True)
    settle(ONE, PULSE, in_session("warm", key="acc_0"), NOON, store=store)  # the script is known
    store.trips = 0
    yield store
    store.close()


def in_session(session: str, *placements: str, **changes: Any) -> Any:
    asked = request(*placements, **changes)
    return replace(asked, context=asked.context | {"session_id": session})


def shown(settled: Settled) -> list[str]:
    return [slot.campaign for answer in settled.decision.answers for slot in answer.slots]


def made_again(release: Any, settled: Settled) -> bool:
    """Does what is recorded decide the same?"""
    return decide(release, PULSE, settled.request, settled.subject, NOON) == settled.decision


def test_nothing_strict_costs_one_round_trip(store: Counting) -> None:
    assert shown(settle(ready(campaign()), PULSE, request(), NOON, store=store)) == ["one"]
    assert store.trips == 1


def test_a_place_that_is_free_costs_two(store: Counting, valkey: redis.Redis) -> None:
    settled = settle(ONE, PULSE, in_session("a"), NOON, store=store)

    assert (shown(settled), store.trips) == (["one"], 2)
    assert valkey.hkeys("h:{a:acc_1}") == [f"campaign|one|impression|{settled.decision.holds[0].key}".encode()]


def test_a_place_that_is_taken_leaves_the_slot_to_the_next(store: Counting) -> None:
    settle(AND_ANOTHER, PULSE, in_session("a"), NOON, store=store)
    store.trips = 0

    settled = settle(AND_ANOTHER, PULSE, in_session("b"), NOON, store=store)

    assert (shown(settled), store.trips) == (["two"], 2)
    assert settled.request.refused_holds == {"one/hero": "CAPPED"}
    assert made_again(AND_ANOTHER, settled)


def test_a_retry_is_shown_the_same(store: Counting) -> None:
    first, second = (settle(AND_ANOTHER, PULSE, in_session("a"), NOON, store=store) for _ in range(2))

    assert shown(first) == shown(second) == ["one"]


def test_a_record_that_moved_on_is_read_again(store: Counting, valkey: redis.Redis) -> None:
    newer = SubjectRecord(version=2, history={"campaign|one|impression": HistoryCell(1, NOON, NOON, (NOON,), (0,))})
    store.meanwhile = lambda: valkey.set(record_key("a", "acc_1"), pack_record(newer, 1))

    settled = settle(AND_ANOTHER, PULSE, in_session("a"), NOON, store=store)

    assert (shown(settled), store.trips) == (["two"], 3)
    assert settled.subject is not None
    assert settled.subject.record.version == 2
    assert made_again(AND_ANOTHER, settled)


def test_four_round_trips_are_the_most_and_then_nothing_strict_is_shown(store: Counting) -> None:
    campaigns = [campaign(f"c{number}", priority=90 - number, caps=(STRICT,)) for number in range(6)]
    crowded = ready(*campaigns, campaign("plain", priority=1), contexts=ONE.doc.contexts)
    for _ in range(5):
        settle(crowded, PULSE, in_session("a"), NOON, store=store)
    for number in range(6):  # each has its place taken by somebody
        only = ready(campaigns[number], contexts=ONE.doc.contexts)
        settle(only, PULSE, in_session("a"), NOON, store=store)
    store.trips = 0

    settled = settle(crowded, PULSE, in_session("b"), NOON, store=store)

    assert (shown(settled), store.trips) == (["plain"], 4)
    assert [*settled.request.refused_holds.values()] == ["CAPPED"] * 3 + ["DEGRADED_NO_COUNTERS"] * 3
    assert settled.decision.answers[0].degraded == ("DEGRADED_NO_COUNTERS",)
    assert made_again(crowded, settled)


def test_what_was_granted_stays_when_another_slot_is_refused(store: Counting, valkey: redis.Redis) -> None:
    placements = {slug: PlacementDoc(rank=1, format="hero", slots=1, max_age=60) for slug in ("home", "shelf")}
    both = ready(
        campaign(caps=(STRICT,)), campaign("two", items=(item(placement="shelf"),), caps=(STRICT,)),
        placements=placements, contexts=ONE.doc.contexts,
    )  # fmt: skip
    settle(both, PULSE, in_session("a", "shelf"), NOON, store=store)
    store.trips = 0

    settled = settle(both, PULSE, in_session("b", "home", "shelf"), NOON, store=store)

    assert (shown(settled), store.trips) == (["one"], 2)
    assert len(valkey.hkeys("h:{a:acc_1}")) == 2


def test_a_store_that_does_not_know_its_holds_withholds_by_name(store: Counting, valkey: redis.Redis) -> None:
    valkey.delete("holds")

    settled = settle(AND_ANOTHER, PULSE, in_session("a"), NOON, store=store)

    assert shown(settled) == ["two"]
    assert settled.request.refused_holds == {"one/hero": "DEGRADED_NO_COUNTERS"}
    assert settled.decision.answers[0].degraded == ("DEGRADED_NO_COUNTERS",)
    assert made_again(AND_ANOTHER, settled)


def test_a_store_that_dies_after_the_read_withholds_by_name(tmp_path: Path) -> None:
    server = OwnValkey(tmp_path)
    server.client().set("epoch", 1)
    store = Counting(server.url)
    assert store.warm()
    scripts.trust_holds(store, 0, anew=True)
    store.meanwhile = server.kill

    dying = settle(AND_ANOTHER, PULSE, in_session("a"), NOON, store=store)
    dead = settle(AND_ANOTHER, PULSE, in_session("a"), NOON, store=store)
    store.close()

    assert dying.request.refused_holds == {"one/hero": "DEGRADED_NO_COUNTERS"}
    assert shown(dying) == shown(dead) == ["two"]
    said = decide(AND_ANOTHER, PULSE, dead.request, dead.subject, NOON, explain=True).answers[0].losses
    assert [(loss.campaign, loss.reason) for loss in said] == [("one", "DEGRADED_NO_COUNTERS")]


def test_a_prefetched_answer_takes_its_place_too(store: Counting) -> None:
    settle(ONE, PULSE, in_session("a", prefetch=True), NOON, store=store)

    assert shown(settle(ONE, PULSE, in_session("b"), NOON, store=store)) == []


def test_a_shared_strict_cap_is_one_counter_for_all(store: Counting) -> None:
    shared = ready(campaign(), campaign("two", priority=1), shared_caps=(SHARED,), contexts=ONE.doc.contexts)
    settle(shared, PULSE, in_session("a"), NOON, store=store)

    settled = settle(shared, PULSE, in_session("b"), NOON, store=store)

    assert shown(settled) == []
    assert settled.request.refused_holds == {"one/hero": "CAPPED", "two/hero": "CAPPED"}
