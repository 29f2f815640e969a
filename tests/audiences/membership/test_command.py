"""Does the command show what a person needs, and say by its exit code how it ended?"""

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from audiences import tasks
from audiences.membership import start_run
from audiences.membership.lease import take
from audiences.models import Audience, AudienceRun
from tests.audiences.membership.judge import World

MOMENT = "2026-11-22T09:30:00Z"


def recompute(*arguments: Any) -> str:
    out = StringIO()
    call_command("recompute_audiences", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments: Any) -> tuple[int, str]:
    with pytest.raises(CommandError) as raised:
        recompute(*arguments)
    return raised.value.returncode, str(raised.value)


def newest() -> AudienceRun:
    return AudienceRun.objects.latest("pk")


def test_counts_before_and_after_are_shown(some_world: World) -> None:
    first = recompute("--as-of", MOMENT)
    second = recompute("keen", "--as-of", MOMENT, "--engine", "postgres")

    size = newest().audience_counts.get(audience__slug="keen").size
    assert f"│ keen           │ -      │ {size}" in first
    assert f"│ keen     │ {size}" in second
    assert "shards" in first
    assert "is published" in second
    assert "subjects changed" not in second


def test_a_held_run_exits_with_3_and_a_named_person_accepts_it(some_world: World) -> None:
    User.objects.create(username="ann")
    recompute("--as-of", MOMENT)
    Audience.objects.filter(slug="free").update(rule={"v": 1, "rule": {"any": []}})

    code, sentence = refused("--as-of", MOMENT)

    held = newest()
    assert code == 3
    assert "The audience free shrank from" in sentence
    assert refused("--accept", held.pk) == (1, "Say who decides this: --by USERNAME.")
    assert refused("--accept", held.pk, "--by", "zoe") == (1, "There is no user 'zoe'.")
    assert f"run {held.pk} is published" in recompute("--accept", held.pk, "--by", "ann", "--why", "on purpose")
    assert "is published" in recompute("--roll-back", held.pk, "--by", "ann")


def test_a_busy_run_exits_with_4(some_world: World) -> None:
    run = start_run(newest_moment())
    take(run.pk, "somebody")

    code, sentence = refused("--resume", run.pk)

    assert code == 4
    assert "being computed by somebody" in sentence


def newest_moment() -> Any:
    recompute("--as-of", MOMENT)
    return newest().as_of


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("no-such",), "no-such: there is no such audience."),
        (("--as-of", "yesterday"), "--as-of 'yesterday' is not a moment with a zone"),
        (("--as-of", "2026-11-22T09:30:00"), "is not a moment with a zone"),
        (("--resume", 999_999), "There is no run 999999."),
    ],
)
def test_what_cannot_be_done_is_said(db: None, arguments: tuple[Any, ...], sentence: str) -> None:
    code, said = refused(*arguments)

    assert code == 1
    assert sentence in said


def test_the_scheduler_starts_what_is_due_and_works_it_off(some_world: World) -> None:
    started = tasks.start_due_run()
    assert tasks.start_due_run() is None

    tasks.work_runs()
    tasks.work_runs()

    run = AudienceRun.objects.get(pk=started)
    assert (run.state, run.fence) == ("PUBLISHED", 1)
    assert tasks.sweep() == 0
