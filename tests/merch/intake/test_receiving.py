"""Is every believed event kept once, remembered, and seen by the next decision, and is the rest named?"""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
import redis
from django.db import connections
from pytest_django import DjangoAssertNumQueries

from audiences.models import DirtySubject, Event, MoneyEvent, QuarantinedEvent, Subject
from audiences.moments import micros
from experiments.models import Exposure
from merch.intake import BatchRefused, Receipt, Rejected
from merch.subjects.store import store
from tests.factories import (
    ExperimentFactory,
    FrequencyCapFactory,
    HoldoutFactory,
    OfferFactory,
    PlacementFormatFactory,
    PlanFactory,
    PlanGroupFactory,
    VariantFactory,
)
from tests.merch.intake.arriving import NOW, bought, codes, counts, custom, history, seen, send, served, token


def test_an_impression_is_seen_by_the_next_decision() -> None:
    assert send(seen()) == Receipt(accepted=1, duplicates=0, rejected=())

    cell = served().history["campaign|first-trial|impression"]
    assert (cell.count, cell.first, cell.last, cell.instants, cell.sessions) == (
        1,
        micros(NOW),
        micros(NOW),
        (micros(NOW),),
        (9,),
    )


@pytest.mark.parametrize(
    ("event", "cells"),
    [
        pytest.param(
            seen("impression"),
            {"campaign|first-trial", "offer|trial-30", "placement|home-hero", "format|hero", "tier|COMMERCIAL", "all|"},
            id="slot",
        ),
        pytest.param(
            seen("click", offer=None),
            {"campaign|first-trial", "placement|home-hero", "format|hero", "tier|COMMERCIAL", "all|"},
            id="without-offer",
        ),
        pytest.param(
            seen("dismissal", tier="SERVICE"),
            {"campaign|first-trial", "offer|trial-30", "tier|SERVICE", "surface|first-trial@home-hero"},
            id="exempt-tiers-do-not-count-toward-shared-caps",
        ),
        pytest.param(seen("viewed", slot=-1, campaign=""), {"placement|home-hero", "all|"}, id="placement"),
    ],
)
def test_a_token_event_is_folded_where_caps_and_rules_look(event: dict[str, Any], cells: set[str]) -> None:
    send(event)

    assert counts() == {f"{cell}|{event['type']}": 1 for cell in cells}


@pytest.mark.parametrize(
    ("cost", "tier", "counted"),
    [(80, "COMMERCIAL", True), (0, "COMMERCIAL", False), (80, "LEGAL", False)],
)
def test_what_interrupts_is_counted_as_an_interruption(cost: int, tier: str, *, counted: bool) -> None:
    PlacementFormatFactory(key="hero", interruption_cost=cost)

    send(seen("impression", tier=tier))

    assert ("interrupt||impression" in counts()) is counted


@pytest.mark.parametrize(
    ("properties", "cells"),
    [
        ({"offer": "trial-30@3"}, {"offer|trial-30", "mechanic|TRIAL", "plan|premium", "plan_group|music", "all|"}),
        ({"plan": "premium"}, {"plan|premium", "plan_group|music", "all|"}),
        ({"plan": "unknown-to-us"}, {"plan|unknown-to-us", "all|"}),
        ({"plan_group": "music"}, {"plan_group|music", "all|"}),
        ({}, {"all|"}),
    ],
    ids=["offer", "plan", "unknown-plan", "group", "nothing"],
)
def test_a_conversion_counts_for_its_offer_its_plan_and_its_group(properties: dict[str, str], cells: set[str]) -> None:
    plan = PlanFactory(key="premium", group=PlanGroupFactory(key="music"))
    OfferFactory(key="trial-30", plan=plan)

    send(bought(**properties))

    assert {name for name in counts() if name.endswith("|conversion")} == {f"{cell}|conversion" for cell in cells}


@pytest.mark.parametrize(
    ("properties", "began"),
    [
        ({"offer": "trial-30"}, {"plan|premium|trial", "plan_group|music|trial"}),
        ({"offer": "stay"}, set()),
        ({"offer": "stay", "begins": "paid"}, {"plan|premium|paid", "plan_group|music|paid"}),
        ({"offer": "gone", "plan": "premium"}, {"plan|premium|paid", "plan_group|music|paid"}),
        ({"plan": "premium"}, {"plan|premium|paid", "plan_group|music|paid"}),
        ({"plan": "premium", "mechanic": "TRIAL"}, {"plan|premium|trial", "plan_group|music|trial"}),
        ({"plan": "premium", "begins": "nothing"}, set()),
        ({"plan_group": "music", "begins": "trial"}, {"plan_group|music|trial"}),
        ({"mechanic": "WIN_BACK"}, set()),
    ],
)
def test_plan_and_group_remember_what_a_conversion_began(properties: dict[str, str], began: set[str]) -> None:
    plan = PlanFactory(key="premium", group=PlanGroupFactory(key="music"))
    OfferFactory(key="trial-30", plan=plan)
    OfferFactory(key="stay", plan=plan, mechanic="SAVE")

    send(bought(**properties))

    assert {name for name in counts() if name.endswith(("|trial", "|paid"))} == began


def test_an_impression_and_a_conversion_count_for_the_mechanic() -> None:
    send(seen(mechanic="WIN_BACK"), bought(mechanic="WIN_BACK"))

    found = counts()
    assert (found["mechanic|WIN_BACK|impression"], found["mechanic|WIN_BACK|conversion"]) == (1, 1)


@pytest.mark.parametrize("properties", [{"mechanic": "GIFT"}, {"begins": "soon"}, {"begins": 7}])
def test_a_conversion_of_no_known_kind_is_refused(properties: dict[str, Any]) -> None:
    assert codes(bought(**properties)) == [(0, "bad_property")]
    assert not MoneyEvent.objects.exists()


def test_a_custom_event_is_remembered_only_where_declared() -> None:
    send(custom("e1", name="listen", properties={"minutes": 3}), custom("e2", name="shared"))

    assert counts() == {"event|shared|custom": 1}
    assert Event.objects.count() == 2


def test_declared_properties_are_kept_as_written_and_others_left_out() -> None:
    send(bought(spend="12.50", amount_minor=1250, plan="premium", whatever="x", session_id=None))

    assert MoneyEvent.objects.get().properties == {"spend": "12.50", "amount_minor": 1250, "plan": "premium"}


def test_where_money_hangs_on_it_an_event_is_unique_for_ever() -> None:
    send(custom("m1", name="paid", properties={"amount": "9.99"}), bought("c1"), custom("e1"))

    assert (MoneyEvent.objects.count(), Event.objects.count()) == (2, 1)
    assert send(custom("m1", name="paid", properties={"amount": "9.99"}), now=NOW + timedelta(days=900)).duplicates == 1


def test_of_a_large_batch_the_good_are_kept_and_the_bad_are_named_by_position() -> None:
    bad: dict[int, Any] = {
        7: 17,
        77: None,
        123: {"type": "custom"},
        200: custom(""),
        300: bought("c1", NOW + timedelta(days=9)),
        401: [],
        499: seen(kind="like"),
    }
    batch = [bad.get(number, custom(f"e{number}")) for number in range(500)]

    receipt = send(*batch)

    assert (receipt.accepted, receipt.duplicates) == (493, 0)
    assert [each.index for each in receipt.rejected] == sorted(bad)
    assert Event.objects.count() == 493
    again = send(*batch)
    assert (again.accepted, again.duplicates, len(again.rejected)) == (0, 493, 7)


def test_the_same_id_with_another_body_is_reported() -> None:
    receipt = send(custom("e1", properties={"minutes": 1}), custom("e1", properties={"minutes": 2}))

    assert receipt.accepted == 1
    assert receipt.rejected == (
        Rejected(1, "duplicate_conflict", "event_id came before with another body; the first one stands."),
    )


def test_an_event_that_came_too_late_is_kept_aside_and_not_folded() -> None:
    old = NOW - timedelta(days=36)
    batch = [
        seen("impression", at=old, decided_at=old),
        custom("e1", old, name="shared"),
        bought("c1", old, plan="premium"),
    ]

    assert codes(*batch) == [(0, "quarantined"), (1, "quarantined")]
    assert QuarantinedEvent.objects.count() == 2
    assert counts() == {"plan|premium|conversion": 1, "plan|premium|paid": 1, "all||conversion": 1}


def test_a_backfill_may_be_old_and_large() -> None:
    old = NOW - timedelta(days=400)

    receipt = send(*(custom(f"e{n}", old, name="shared") for n in range(600)), backfill=True)

    assert receipt.accepted == 600
    assert history()["event|shared|custom"][:3] == [600, micros(old), micros(old)]


def test_duplicates_are_not_folded_twice() -> None:
    for _ in range(3):
        send(seen(), seen(), bought(plan="premium"), bought(plan="premium"))

    assert set(counts().values()) == {1}
    assert DirtySubject.objects.count() == 1


@pytest.mark.parametrize("batch", [[], [custom(f"e{number}") for number in range(501)]], ids=["none", "501"])
def test_an_empty_or_too_large_batch_is_refused_as_a_whole(batch: list[Any]) -> None:
    with pytest.raises(BatchRefused) as refused:
        send(*batch)

    assert refused.value.field == "events"
    assert not Event.objects.exists()


def exposed() -> list[tuple[str, int, str, bool, str]]:
    rows = Exposure.objects.order_by("experiment__key", "holdout__key")
    return [
        ((row.experiment or row.holdout).key, row.version, row.arm, row.ghost, row.source)  # type: ignore[union-attr]
        for row in rows.select_related("experiment", "holdout")
    ]


EXPOSURES = (
    ("experiment|hero-copy", 2, "b", True, 0.5),
    ("holdout|global", 1, "in", False, 1.0),
    ("experiment|gone", 1, "x", False, 1.0),
)


def test_what_a_token_says_was_shown_is_kept_for_the_read_outs() -> None:
    send(seen("click", experiment="copy", variant="loud", propensity=0.5))

    kept = Event.objects.get().properties
    assert (kept["experiment"], kept["variant"], kept["propensity"]) == ("copy", "loud", 0.5)
    assert (kept["campaign"], kept["placement"], kept["slot"]) == ("first-trial", "home-hero", 0)


@pytest.mark.parametrize("kind", ["viewed", "impression"])
def test_a_prefetched_answer_exposes_when_it_is_looked_at(kind: str) -> None:
    ExperimentFactory(key="hero-copy")
    HoldoutFactory(key="global")

    send(seen(kind, exposures=EXPOSURES))
    send(
        seen(kind, at=NOW + timedelta(minutes=1), exposures=EXPOSURES, placement="elsewhere"),
        now=NOW + timedelta(hours=1),
    )

    assert exposed() == [("hero-copy", 2, "b", True, "viewed"), ("global", 1, "in", False, "viewed")]
    assert served().marks == {"experiment|hero-copy": (2, "b", micros(NOW))}
    assert Exposure.objects.filter(at=NOW).count() == 2


def test_clicks_expose_nobody() -> None:
    ExperimentFactory(key="hero-copy")

    send(seen("click", exposures=EXPOSURES))

    assert exposed() == []


def test_an_exposure_from_elsewhere_is_recorded_with_its_declared_propensity() -> None:
    experiment = ExperimentFactory(key="waves", external=True, version=3)
    VariantFactory(experiment=experiment, key="bogo", propensity=0.25)

    receipt = send(custom("x1", name="waves", type="exposure", properties={"arm": "bogo"}))

    assert receipt.accepted == 1
    assert exposed() == [("waves", 3, "bogo", False, "event")]
    assert Exposure.objects.get().propensity == 0.25
    assert served().marks == {"experiment|waves": (3, "bogo", micros(NOW))}


def test_queries_do_not_depend_on_the_number_of_events(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ExperimentFactory(key="hero-copy")

    def batch(number: int) -> list[dict[str, Any]]:
        sent = []
        for n in range(number):
            decision, key = f"0199a0b1-7c5e-7def-8abc-{number:06}{n:06}", f"acc_{number}_{n}"
            sent.append(seen(decision_id=decision, subject_key=key, exposures=EXPOSURES[:1]))
            sent += [custom(f"{number}-{n}", account_id=key), bought(f"{number}-{n}", plan="premium")]
        return sent

    send(bought("first"))
    for number in (1, 160):
        # catalogue 3, journeys, savepoint, subjects 3, days, two inserts, exposures, lock, write, release, load, mark
        with django_assert_num_queries(17):
            send(*batch(number))


def test_an_unreachable_store_makes_the_receipt_pending_and_keeps_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError("refused")

    monkeypatch.setattr(store, "run", refused)

    assert send(seen()) == Receipt(accepted=1, duplicates=0, rejected=(), pending=True)
    assert DirtySubject.objects.filter(written_at=None).count() == 1


def test_a_record_past_its_bound_forgets_what_nothing_reads(valkey: redis.Redis) -> None:
    FrequencyCapFactory(campaign=None, scope="ALL", event="impression", limit=3, length=timedelta(days=7))
    FrequencyCapFactory(
        campaign=None, scope="OFFER", scope_key="o1", event="impression", limit=3, length=timedelta(days=7)
    )
    for number in range(40):
        at = NOW - timedelta(hours=50 - number)
        send(*(
            seen(at=at + timedelta(minutes=n), decided_at=at, decision_id=f"0199a0b1-7c5e-7def-8abc-{number:06}{n:06}",
                 campaign=f"campaign-{number}", offer=f"o{number}")
            for n in range(20)
        ))  # fmt: skip

    record, cells = served(), history()
    assert valkey.strlen("s:{a:acc_1}") <= 8 * 1024
    assert (cells["all||impression"][0], len(cells["all||impression"][3])) == (800, 20)
    assert (record.history["offer|o1|impression"].count, len(record.history["offer|o1|impression"].instants)) == (
        20,
        20,
    )
    assert record.history["offer|o2|impression"].instants == (), "old, and nothing reads it"
    assert len(record.history["offer|o39|impression"].instants) == 20, (
        "it may have just been written for a reader to come"
    )


@pytest.mark.django_db(transaction=True)
def test_one_batch_sent_by_many_at_once_counts_once() -> None:
    barrier = Barrier(5)
    receipts: list[Receipt] = []
    failures: list[BaseException] = []
    decisions = [f"0199a0b1-7c5e-7def-8abc-{number:012}" for number in range(40)]
    batch = [seen(decision_id=each, subject_key=f"acc_{n % 7}") for n, each in enumerate(decisions)]
    batch += [bought(f"c{n}", plan="premium") for n in range(40)]

    def deliver(sender: int) -> None:
        try:
            barrier.wait()
            receipts.append(send(*batch[sender * 9 :], *batch[: sender * 9]))
        except BaseException as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [Thread(target=deliver, args=(sender,)) for sender in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert sum(receipt.accepted for receipt in receipts) == 80
    assert sum(receipt.duplicates for receipt in receipts) == 320
    assert sum(cells["all||impression"][0] for cells in map(history, (f"acc_{n}" for n in range(7)))) == 40
    assert all(served(row.key).version == row.version for row in Subject.objects.filter(version__gt=0))


def test_a_token_of_a_device_belongs_to_the_device() -> None:
    send({"type": "impression", "token": token(kind="d", subject_key="dev_9")})

    assert Subject.objects.get().kind == "d"
