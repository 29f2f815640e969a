"""What does a run compute, which bit is whose, and who is on a list?"""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audiences.catalogue import vocabulary
from audiences.membership import BadList, UnknownAudience, due, ensure_leaves, positions, replace_list, start_run
from audiences.membership.execution import execute
from audiences.membership.plan import frozen, thawed
from audiences.models import Audience, BehaviourBits, BehaviourLeaf, EventDefinition, Revision, Subject
from audiences.rules import Rule, parse
from tests.audiences.membership import population
from tests.audiences.membership.judge import World
from tests.audiences.membership.population import AS_OF

KEEN = {"event": "listen", "agg": "days", "window": 28, "op": "gte", "value": 4}
NOT_KEEN = {"event": "listen", "agg": "days", "window": 28, "op": "lt", "value": 4}
LAPSED = {"event": "listen", "agg": "count", "window": 7, "op": "eq", "value": 0}


@pytest.fixture
def defined(db: None) -> None:
    population.define()


def rule(node: dict[str, Any]) -> Rule:
    found = parse({"v": 1, "rule": node}, vocabulary())
    assert isinstance(found, Rule), found
    return found


def test_a_behaviour_keeps_its_position(defined: None) -> None:
    first = ensure_leaves([rule(KEEN)])
    both = ensure_leaves([rule(LAPSED), rule(KEEN)])

    assert list(first.values()) == [0]
    assert sorted(both.values()) == [0, 1]
    assert both.items() >= first.items()
    assert positions() == both


def test_complements_share_one_bit(defined: None) -> None:
    assert len(ensure_leaves([rule(KEEN), rule(NOT_KEEN)])) == 1


def test_a_behaviour_of_a_campaign_rule_is_computed_too(world: Any) -> None:
    """The apps above hand in their rules; a run then fills what they read."""
    made = world()
    asked = rule({"event": "purchase", "agg": "count", "window": 30, "op": "gte", "value": 1})
    [(digest, position)] = ensure_leaves([asked]).items()
    assert BehaviourLeaf.objects.get(digest=digest).filled_by is None

    run = execute(start_run(AS_OF), "test")

    bought = set(made.window("purchase", 30)["subject"])
    bits = BehaviourBits.objects.values_list("subject_id", "bits")
    assert {subject for subject, held in bits if int.from_bytes(held, "little") >> position & 1} == bought
    assert BehaviourLeaf.objects.get(digest=digest).filled_by == run


def test_an_edit_during_a_run_changes_the_next_one(some_world: World) -> None:
    run = start_run(AS_OF)
    Audience.objects.filter(slug="free").update(rule={"v": 1, "rule": {"all": []}})

    sizes = dict(execute(run, "test").audience_counts.values_list("audience__slug", "size"))
    assert sizes["free"] < sizes["everyone"]
    after = dict(execute(start_run(AS_OF), "test").audience_counts.values_list("audience__slug", "size"))
    assert after["free"] == after["everyone"]


def test_a_plan_comes_back_as_it_was_frozen(some_world: World) -> None:
    run = start_run(AS_OF)
    plan = thawed(run.plan)

    assert thawed(frozen(plan)) == plan
    assert plan.identity == run.plan["identity"]


def test_a_broken_audience_does_not_stop_the_others(some_world: World) -> None:
    population.audience("odd", {"trait": "vanished", "op": "eq", "value": 1})
    population.audience("leaning", {"audience": "odd", "op": "in"})

    run = execute(start_run(AS_OF), "test")

    slugs = set(run.audience_counts.values_list("audience__slug", flat=True))
    assert run.state == "PUBLISHED"
    assert not {"odd", "leaning"} & slugs
    assert "keen" in slugs
    assert "odd was left out:" in run.note
    with pytest.raises(UnknownAudience, match="odd: "):
        start_run(AS_OF, ["odd"])
    with pytest.raises(UnknownAudience, match="there is no such audience"):
        start_run(AS_OF, ["no-such"])


def test_a_behaviour_whose_event_is_gone_is_false_and_not_filled(some_world: World) -> None:
    execute(start_run(AS_OF), "test")
    EventDefinition.objects.filter(name="purchase").delete()

    run = execute(start_run(AS_OF), "test")

    gone = BehaviourLeaf.objects.get(leaf__event="purchase")
    assert run.state == "PUBLISHED"
    assert gone.filled_by is None
    bits = BehaviourBits.objects.values_list("bits", flat=True)
    assert not any(int.from_bytes(held, "little") >> gone.position & 1 for held in bits)


def test_named_audiences_are_counted_and_bits_stay_complete(some_world: World) -> None:
    full = execute(start_run(AS_OF), "test")
    part = execute(start_run(AS_OF, ["keen", "free"]), "test")

    assert sorted(part.audience_counts.values_list("audience__slug", flat=True)) == ["free", "keen"]
    assert part.plan["changed"] == 0
    assert (
        part.audience_counts.get(audience__slug="keen").previous_size
        == full.audience_counts.get(audience__slug="keen").size
    )


def test_an_archived_audience_is_not_counted_and_still_leant_on(some_world: World) -> None:
    Audience.objects.filter(slug="keen").update(archived=True)

    slugs = set(execute(start_run(AS_OF), "test").audience_counts.values_list("audience__slug", flat=True))

    assert "keen" not in slugs
    assert "keen-not-staff" in slugs


def test_a_run_is_due_once_a_day_and_for_what_is_new(defined: None) -> None:
    now = timezone.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    after_midnight = midnight + timedelta(minutes=59)

    assert due(after_midnight) == midnight - timedelta(days=1)
    execute(start_run(midnight + timedelta(hours=2)), "test")
    assert due(now) is None
    assert due(after_midnight) is None
    ensure_leaves([rule(KEEN)])
    assert due(now) == now
    execute(start_run(now), "test")
    assert due(now) is None


def test_a_list_becomes_exactly_what_was_uploaded(defined: None) -> None:
    staff, now = population.listed("staff", []), timezone.now()

    first = replace_list(staff, ["ann", "bob ", "", "bob", "cem"], now)
    second = replace_list(staff, ["cem", "dan"], now)

    assert (first.added, first.removed, first.size) == (3, 0, 3)
    assert (second.added, second.removed, second.size) == (1, 2, 2)
    assert set(staff.members.values_list("subject__key", flat=True)) == {"cem", "dan"}
    assert Subject.objects.filter(kind="a").count() == 4
    newest = Revision.objects.filter(object_key="staff").first()
    assert newest is not None
    assert (newest.before, newest.after) == ({"size": 3}, {"size": 2, "added": 1, "removed": 2})


def test_a_list_with_a_bad_line_changes_nothing(defined: None) -> None:
    staff, now = population.listed("staff", []), timezone.now()
    replace_list(staff, ["ann"], now)

    with pytest.raises(BadList) as refused:
        replace_list(staff, ["bob", "x" * 300, "a\u200bb"], now)

    assert [problem.where for problem in refused.value.problems] == ["line 2", "line 3"]
    assert list(staff.members.values_list("subject__key", flat=True)) == ["ann"]


def test_members_of_an_audience_by_rule_cannot_be_uploaded(defined: None) -> None:
    with pytest.raises(BadList, match="follow from a rule"):
        replace_list(population.audience("all", {"all": []}), ["ann"], timezone.now())
