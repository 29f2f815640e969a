"""Are a run's counts and bits those that an independent computation finds?"""

import pytest

from audiences.membership import positions, start_run
from audiences.membership.execution import execute
from audiences.membership.plan import questions, thawed
from audiences.models import AudienceCount, AudienceRun, BehaviourBits, BehaviourLeaf, Subject
from audiences.rules.behaviours import bit_of
from audiences.rules.nodes import EventLeaf, ListLeaf
from tests.audiences.membership.judge import AUDIENCES, World
from tests.audiences.membership.population import AS_OF

BEHAVIOURAL = ["keen", "lapsed", "long-sessions", "podcast", "gift-givers", "quiet", "staff"]


@pytest.fixture(params=["duckdb", "postgres"])
def run(request: pytest.FixtureRequest, some_world: World) -> AudienceRun:
    return execute(start_run(AS_OF, engine=request.param), "test")


def test_counts_are_those_of_pandas(run: AudienceRun, some_world: World) -> None:
    found = dict(AudienceCount.objects.filter(run=run).values_list("audience__slug", "size"))

    assert run.state == "PUBLISHED"
    assert found == {slug: int(judge(some_world).sum()) for slug, (_, judge) in AUDIENCES.items()}
    assert all(size > 0 for size in found.values())


def test_each_subjects_bits_are_those_of_pandas(run: AudienceRun, some_world: World) -> None:
    records = dict(BehaviourBits.objects.values_list("subject_id", "bits"))
    bits = {subject: int.from_bytes(records.get(subject, b""), "little") for subject in some_world.traits.index}
    by_slug = dict(zip([a.slug for a in thawed(run.plan).audiences], questions(thawed(run.plan)).rules, strict=False))

    places = positions()

    for slug in BEHAVIOURAL:
        leaf = by_slug[slug].node
        assert isinstance(leaf, EventLeaf | ListLeaf)
        digest, negated = bit_of(leaf)
        expected = AUDIENCES[slug][1](some_world)
        found = [bool(bits[subject] >> places[digest] & 1) != negated for subject in some_world.traits.index]
        assert found == [bool(answer) for answer in expected], slug


def test_a_subject_without_any_true_bit_has_no_row(run: AudienceRun) -> None:
    assert 0 < BehaviourBits.objects.count() < Subject.objects.count()
    assert not BehaviourBits.objects.filter(bits=b"").exists()
    assert BehaviourLeaf.objects.filter(filled_by=run).count() == len(BEHAVIOURAL)


def test_the_day_of_the_moment_never_counts(some_world: World) -> None:
    """A moment late on the same day asks about the same days."""
    late = execute(start_run(AS_OF.replace(hour=23, minute=59), ["keen"]), "test")
    early = execute(start_run(AS_OF.replace(hour=0, minute=0), ["keen"]), "test")

    assert late.plan["changed"] > 0
    assert early.plan["changed"] == 0
