"""When do a run's answers come into force, and how are they stopped or taken back?"""

from datetime import timedelta

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from audiences.engines.outcome import packed, unpacked
from audiences.membership import replace_list, start_run
from audiences.membership.counts import has_shrunk
from audiences.membership.execution import execute
from audiences.membership.publish import NotNow, accept, roll_back
from audiences.models import Audience, AudienceCount, AudienceRun, BehaviourBits, BehaviourLeaf, Revision, Subject
from tests.audiences.membership.judge import World
from tests.audiences.membership.population import AS_OF

NEXT_DAY = AS_OF + timedelta(days=1)


@pytest.fixture
def person(db: None) -> User:
    return User.objects.create(username="ann")


@pytest.fixture
def first(some_world: World) -> AudienceRun:
    run = execute(start_run(AS_OF), "test")
    BehaviourBits.objects.update(published=True)
    return run


def bits() -> dict[int, bytes]:
    """What serving may read: empty bits and no row are the same."""
    return {subject: bytes(bits) for subject, bits in BehaviourBits.objects.values_list("subject_id", "bits") if bits}


def empty_keen() -> None:
    """Somebody edits the rule so that nobody is left."""
    Audience.objects.filter(slug="keen").update(rule={"v": 1, "rule": {"trait": "tier", "op": "eq", "value": "none"}})


@pytest.mark.parametrize(
    ("before", "now", "held"),
    [(None, 0, False), (0, 0, False), (1, 0, True), (1000, 500, False), (1000, 499, True), (3, 2, False), (3, 1, True)],
)
def test_less_than_half_is_held(before: int | None, now: int, *, held: bool) -> None:
    assert has_shrunk(before, now) is held


def test_an_unchanged_second_run_writes_no_row(first: AudienceRun) -> None:
    second = execute(start_run(AS_OF), "test")

    assert second.pk > first.pk
    assert second.state == "PUBLISHED"
    assert second.plan["changed"] == 0
    assert not BehaviourBits.objects.filter(published=False).exists()
    moves = set(AudienceCount.objects.filter(run=second).values_list("entered", "left"))
    assert moves == {(0, 0)}


def test_only_subjects_whose_bits_changed_are_owed(first: AudienceRun) -> None:
    before = bits()
    run = execute(start_run(NEXT_DAY), "test")
    changed = {subject for subject in before.keys() | bits().keys() if before.get(subject) != bits().get(subject)}

    assert changed
    assert run.plan["changed"] == len(changed)
    assert set(BehaviourBits.objects.filter(published=False).values_list("subject_id", flat=True)) == changed
    assert set(BehaviourBits.objects.filter(run=run).values_list("subject_id", flat=True)) == changed


def test_who_entered_and_who_left_explains_the_size(first: AudienceRun) -> None:
    run = execute(start_run(NEXT_DAY), "test")

    moves = AudienceCount.objects.filter(run=run).values_list("size", "previous_size", "entered", "left")
    assert any(entered for _, _, entered, _ in moves)
    assert all(size == before + entered - left for size, before, entered, left in moves)  # type: ignore[operator]


def test_an_audience_that_shrank_holds_the_whole_run(first: AudienceRun) -> None:
    served = bits()
    empty_keen()
    run = execute(start_run(NEXT_DAY), "test")

    assert run.state == "HELD"
    assert "The audience keen shrank from" in run.note
    assert bits() == served
    assert not BehaviourBits.objects.filter(published=False).exists()
    assert AudienceCount.objects.filter(run=run, held=True).count() == 2  # and the one that leans on it


def test_a_person_may_accept_a_held_run(first: AudienceRun, person: User) -> None:
    served = bits()
    empty_keen()
    held = execute(start_run(NEXT_DAY), "test")

    run = accept(held, by=person, now=timezone.now(), why="the rule was changed on purpose")

    assert run.state == "PUBLISHED"
    assert bits() != served
    revision = Revision.objects.filter(object_type="audience run", object_key=str(run.pk)).get()
    assert (revision.actor, revision.verb) == (person, "accepted")
    with pytest.raises(NotNow, match="only a held run"):
        accept(run, by=person, now=timezone.now())


def test_a_silent_feed_holds_a_run_even_if_no_audience_reads_it(first: AudienceRun) -> None:
    Audience.objects.exclude(kind="LIST").update(archived=True)
    run = execute(start_run(AS_OF + timedelta(days=60)), "test")

    assert run.state == "HELD"
    assert "The behaviour at position" in run.note


def test_a_run_that_comes_too_late_changes_nothing(some_world: World) -> None:
    late = start_run(AS_OF - timedelta(days=3))
    newer = execute(start_run(AS_OF), "test")
    served = bits()

    late = execute(late, "test")

    assert late.state == "FAILED"
    assert late.note == f"Run {newer.pk}, which is newer, has been published."
    assert bits() == served


def test_going_back_restores_every_bit_under_a_higher_number(first: AudienceRun, person: User) -> None:
    before = bits()
    sizes = dict(AudienceCount.objects.filter(run=first).values_list("audience_id", "size"))
    second = execute(start_run(NEXT_DAY), "test")
    after = bits()
    BehaviourBits.objects.update(published=True)

    back = roll_back(second, by=person, now=timezone.now(), why="wrong feed")

    assert bits() == before != after
    assert back.pk > second.pk
    assert BehaviourBits.objects.filter(published=False).count() == second.plan["changed"]
    assert set(BehaviourBits.objects.filter(published=False).values_list("run", flat=True)) == {back.pk}
    assert dict(AudienceCount.objects.filter(run=back).values_list("audience_id", "size")) == sizes
    assert set(BehaviourLeaf.objects.values_list("filled_by", flat=True)) == {back.pk}


def test_going_back_can_itself_be_taken_back(first: AudienceRun, person: User) -> None:
    second = execute(start_run(NEXT_DAY), "test")
    after = bits()
    back = roll_back(second, by=person, now=timezone.now())

    roll_back(back, by=person, now=timezone.now())

    assert bits() == after
    with pytest.raises(NotNow, match="not the newest"):
        roll_back(second, by=person, now=timezone.now())


def test_going_back_from_the_first_run_leaves_nothing_filled(first: AudienceRun, person: User) -> None:
    roll_back(first, by=person, now=timezone.now())

    assert bits() == {}
    assert not BehaviourLeaf.objects.filter(filled_by__isnull=False).exists()


def test_a_run_after_a_roll_back_compares_with_what_is_in_force(first: AudienceRun, person: User) -> None:
    second = execute(start_run(NEXT_DAY), "test")
    roll_back(second, by=person, now=timezone.now())

    again = execute(start_run(AS_OF), "test")

    assert again.plan["changed"] == 0
    assert set(AudienceCount.objects.filter(run=again).values_list("entered", "left")) == {(0, 0)}


def test_a_subject_erased_during_a_run_stops_nothing(some_world: World) -> None:
    run = start_run(AS_OF)
    Subject.objects.filter(key="s0").delete()

    assert execute(run, "test").state == "PUBLISHED"


def test_a_new_list_member_has_the_bit_after_the_next_run(first: AudienceRun) -> None:
    staff = Audience.objects.get(slug="staff")
    keys = [member.subject.key for member in staff.members.select_related("subject").filter(subject__kind="a")]
    replace_list(staff, [*keys, "newcomer"], timezone.now())

    run = execute(start_run(AS_OF), "test")

    newcomer = Subject.objects.get(key="newcomer")
    assert BehaviourBits.objects.get(subject=newcomer).run == run


def test_packed_rows_come_back(some_bits: list[list[bool]]) -> None:
    matrix = np.array(some_bits, dtype=np.bool_).reshape(len(some_bits), 17)
    rows = packed(matrix)

    assert (unpacked(rows, 17) == matrix).all()
    for row, answers in zip(rows, some_bits, strict=True):
        number = int.from_bytes(row, "little")
        assert [bool(number >> place & 1) for place in range(17)] == answers
        assert not row.endswith(b"\0")


@pytest.fixture(params=[0, 1, 5])
def some_bits(request: pytest.FixtureRequest) -> list[list[bool]]:
    return [[(row * 7 + place * place) % 3 == 0 and row > 0 for place in range(17)] for row in range(request.param)]


def test_two_subjects_with_one_bare_id_are_not_mixed_up(some_world: World) -> None:
    """A device may have the id of an account; a tenth of the population is such a device."""
    execute(start_run(AS_OF), "test")
    devices = Subject.objects.filter(kind="d").order_by("pk")
    accounts = {subject.key: subject.pk for subject in Subject.objects.filter(kind="a")}

    pairs = [(bits().get(device.pk), bits().get(accounts[device.key])) for device in devices]

    assert len(pairs) == 30
    assert any(one != other for one, other in pairs)
