"""Is what we learn about a subject written in the order in which it was observed, under ever newer versions?"""

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, connections
from pytest_django import DjangoAssertNumQueries

from audiences.models import DirtySubject, Subject, Suppression
from audiences.moments import micros
from audiences.people import TraitChange, apply_changes, normalise_id, suppress, unsuppress

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AT = micros(NOW)


def change(key: str, at: int = AT, /, consent: Any = None, **traits: Any) -> TraitChange:
    return TraitChange(kind="a", key=key, observed_at=at, traits=traits, consent=consent or {})


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        pytest.param("acc_1", "acc_1", id="plain"),
        pytest.param("Åsa", "Åsa", id="composed"),
        pytest.param("A\u030asa", "Åsa", id="decomposed-is-the-same-person"),
        pytest.param("anna maria", "anna maria", id="inner-space"),
        pytest.param("😀", "😀", id="emoji"),
        pytest.param("x" * 200, "x" * 200, id="longest"),
    ],
)
def test_an_id_has_one_form(given: str, normal: str) -> None:
    assert normalise_id(given) == normal
    assert normalise_id(normal) == normal


@pytest.mark.parametrize(
    "given",
    ["", " ", " acc", "acc ", "a\nb", "a\0b", "x" * 201, "a\u200bb", "\u202eabc", "\ud800", "👩\u200d💻", "a\u2028b"],
)
def test_an_id_that_could_hide_something_is_refused_with_the_way_out(given: str) -> None:
    with pytest.raises(ValueError, match=r"An id .*[.;]"):
        normalise_id(given)


@pytest.mark.django_db
def test_traits_and_consent_are_stored_with_their_moment() -> None:
    [written] = apply_changes([change("acc_1", plan="free", consent={"personalisation": True})], now=NOW)

    row = Subject.objects.get(key="acc_1")
    assert (row.traits, row.consent) == ({"plan": ["free", AT]}, {"personalisation": [True, AT]})
    assert written == (row.pk, "a", "acc_1", row.version)
    assert DirtySubject.objects.get().version == row.version > 0


@pytest.mark.django_db
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2), (2, 0, 1), (0, 2, 1)])
def test_what_was_observed_last_wins_in_any_order_of_arrival(order: tuple[int, ...]) -> None:
    said = [
        change("acc_1", AT - 3, plan="free"),
        change("acc_1", AT - 2, plan="paid"),
        change("acc_1", AT - 1, plan=None),
    ]

    for at in order:
        apply_changes([said[at]], now=NOW)

    assert Subject.objects.get().traits == {"plan": [None, AT - 1]}, "removed, and an older value cannot bring it back"


@pytest.mark.django_db
def test_a_moment_in_the_future_does_not_shut_out_later_observations() -> None:
    apply_changes([change("acc_1", AT + 10**12, plan="free")], now=NOW)
    apply_changes([change("acc_1", AT + 5, plan="paid")], now=NOW + timedelta(seconds=1))

    assert Subject.objects.get().traits["plan"] == ["paid", AT + 5]


@pytest.mark.django_db
def test_what_changes_nothing_keeps_the_version_and_is_given_back_all_the_same() -> None:
    [first] = apply_changes([change("acc_1", plan="free")], now=NOW)
    [again] = apply_changes([change("acc_1", plan="free")], now=NOW)

    assert again == first
    assert DirtySubject.objects.count() == 1


@pytest.mark.django_db
def test_a_batch_costs_the_same_queries_whatever_its_size(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(7):  # savepoint, find, make, find again, lock, write, release
        apply_changes([change("acc_0", plan="free")], now=NOW)
    with django_assert_num_queries(7):
        apply_changes([change(f"acc_{number}", plan="free") for number in range(1, 300)], now=NOW)
    with django_assert_num_queries(5):
        apply_changes([change(f"acc_{number}", plan="paid") for number in range(300)], now=NOW)


@pytest.mark.django_db
def test_one_batch_may_speak_twice_of_one_subject() -> None:
    written = apply_changes([change("acc_1", plan="free"), change("acc_1", country="SE")], now=NOW)

    assert len(written) == 1
    assert Subject.objects.get().traits == {"plan": ["free", AT], "country": ["SE", AT]}


@pytest.mark.django_db
def test_an_account_and_a_device_of_one_name_are_two_subjects() -> None:
    device = TraitChange(kind="d", key="x", observed_at=AT, traits={"plan": "free"})

    assert len(apply_changes([change("x", plan="free"), device], now=NOW)) == 2


@pytest.mark.django_db
def test_a_suppression_bumps_the_version_when_put_changed_and_removed() -> None:
    def put(**said: object) -> int:
        facts = {
            "tiers": ["COMMERCIAL"],
            "starts_at": NOW,
            "expires_at": None,
            "reason": "case 7",
            "source": "crm",
        } | said
        return suppress("a", "acc_1", "case", now=NOW, **facts).version  # type: ignore[arg-type]

    versions = [put(), put(expires_at=NOW + timedelta(days=1)), unsuppress("a", "acc_1", "case", now=NOW).version]

    assert versions == sorted(set(versions))
    assert not Suppression.objects.exists()
    assert unsuppress("a", "acc_1", "case", now=NOW).version == versions[-1], "removing nothing changes nothing"


@pytest.mark.django_db(transaction=True)
def test_writers_of_overlapping_batches_neither_deadlock_nor_lose_a_trait() -> None:
    barrier = Barrier(6)
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        keys = [f"acc_{number}" for number in range(40)]
        try:
            barrier.wait()
            for turn in range(8):
                shifted = keys[(writer * 7 + turn) % 40 :] + keys[: (writer * 7 + turn) % 40]
                apply_changes(
                    [change(key, AT + turn, **{f"t{writer}": turn}) for key in shifted], now=NOW + timedelta(days=1)
                )
        except BaseException as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [Thread(target=write, args=(writer,)) for writer in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert all(row.traits == {f"t{w}": [7, AT + 7] for w in range(6)} for row in Subject.objects.all())
    newest = {row.pk: row.version for row in Subject.objects.all()}
    with connection.cursor() as cursor:
        cursor.execute("SELECT subject_id, max(version), count(*) FROM audiences_dirtysubject GROUP BY 1")
        assert {id_: (version, 48) for id_, version in newest.items()} == {
            r[0]: (r[1], r[2]) for r in cursor.fetchall()
        }
