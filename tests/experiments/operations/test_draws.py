"""How does a holdout change hands, so that any past date stays answerable?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from audiences.hashing import bucket
from audiences.models import Revision
from audiences.moments import micros
from experiments import draws, operations
from experiments.assignment import held_out
from experiments.models import Holdout
from experiments.problems import Refused
from tests.experiments.rows import DAY, START

pytestmark = pytest.mark.django_db

QUARTER = START + 90 * DAY


@pytest.fixture
def holdout() -> Holdout:
    return Holdout.objects.create(key="all", name="Everything", scope="GLOBAL")


SUBJECTS = [f"acc_{number}" for number in range(3000)]


def dark(holdout: Holdout, at: datetime) -> set[str]:
    """Who is withheld, from rows, id and date alone."""
    spec = draws.spec_of(holdout)
    return {key for key in SUBJECTS if held_out(spec, key, micros(at))}


def by_hand(holdout: Holdout, at: datetime) -> set[str]:
    """The same, said otherwise."""
    return {
        key
        for draw in holdout.periods.all()
        if draw.period.lower <= at and (draw.period.upper is None or at < draw.period.upper)
        for key in SUBJECTS
        if bucket(draw.salt, key) < draw.size
    }


def test_years_of_quarters_stay_answerable_day_by_day(holdout: Holdout) -> None:
    """Each quarter a new draw of 2 %, the one before kept 4 weeks, sometimes grown to 3 % half-way through."""
    seen: dict[datetime, set[str]] = {}
    for quarter in range(8):
        begins = START + quarter * 91 * DAY
        kept = begins + 28 * DAY if quarter else None
        operations.draw(holdout, 200, by=None, now=begins, keep_previous_until=kept)
        seen[begins] = dark(holdout, begins)
        seen[begins + 28 * DAY] = dark(holdout, begins + 28 * DAY)
        if quarter % 2:
            grown_at = begins + 45 * DAY
            before = dark(holdout, grown_at)
            operations.grow(holdout, 300, by=None, now=grown_at)
            seen[grown_at - DAY], seen[grown_at] = before, dark(holdout, grown_at)
            assert before < seen[grown_at]
        if quarter:
            last_day = begins + 28 * DAY - timedelta(microseconds=1)
            previous = dark(holdout, begins - DAY)
            assert previous <= dark(holdout, begins)
            assert previous <= dark(holdout, last_day)
            assert not previous <= dark(holdout, begins + 28 * DAY)

    assert {day: dark(holdout, day) for day in seen} == seen
    assert {day: by_hand(holdout, day) for day in seen} == seen
    assert dark(holdout, START - DAY) == set()


def test_growing_adds_subjects_and_releases_none(holdout: Holdout) -> None:
    operations.draw(holdout, 200, by=None, now=START)
    before = dark(holdout, START)

    grown = operations.grow(holdout, 300, by=None, now=START + DAY)

    assert (grown.number, grown.size, grown.period.lower) == (2, 300, START + DAY)
    assert before < dark(holdout, START + DAY)
    assert dark(holdout, START) == before


def test_a_new_draw_is_a_new_group_and_the_old_one_may_stay_dark(holdout: Holdout) -> None:
    operations.draw(holdout, 200, by=None, now=START)
    old = dark(holdout, START)

    operations.draw(holdout, 200, by=None, now=START + DAY, starts_at=QUARTER, keep_previous_until=QUARTER + 28 * DAY)

    new = dark(holdout, QUARTER + 28 * DAY)
    assert dark(holdout, QUARTER - DAY) == old
    assert dark(holdout, QUARTER) == old | new
    assert len(old & new) < len(new) / 2


def test_a_draw_that_has_not_begun_is_replaced(holdout: Holdout) -> None:
    operations.draw(holdout, 200, by=None, now=START)
    operations.draw(holdout, 300, by=None, now=START + DAY, starts_at=QUARTER)

    operations.draw(holdout, 400, by=None, now=START + 2 * DAY, starts_at=QUARTER)

    assert list(holdout.periods.order_by("number").values_list("number", "size")) == [(1, 200), (3, 400)]


def test_ending_withholds_nobody_from_then_on(holdout: Holdout) -> None:
    operations.draw(holdout, 200, by=None, now=START)

    operations.end_draws(holdout, by=None, now=START + DAY)

    assert dark(holdout, START + DAY) == set()
    assert dark(holdout, START) != set()


def test_each_change_is_a_line_of_history(holdout: Holdout) -> None:
    ann = User.objects.create_superuser("ann")
    operations.draw(holdout, 200, by=ann, now=START, why="Q1")
    operations.grow(holdout, 300, by=ann, now=START + DAY)
    operations.end_draws(holdout, by=ann, now=START + 2 * DAY)

    lines = Revision.objects.filter(object_type="holdout", object_key="all").order_by("number")

    assert [line.verb for line in lines] == ["drawn", "grown", "ended"]
    assert "200 of 10,000" in (lines[0].after or {})["draw 1"]


@pytest.mark.parametrize(
    ("verb", "found"),
    [
        pytest.param(lambda h, **k: operations.draw(h, 0, **k), "holdout.size", id="nobody"),
        pytest.param(lambda h, **k: operations.draw(h, 10_000, **k), "holdout.size", id="everybody"),
        pytest.param(
            lambda h, **k: operations.draw(h, 200, starts_at=START - DAY, **k), "holdout.past", id="in-the-past"
        ),
        pytest.param(lambda h, **k: operations.draw(h, 200, ends_at=START, **k), "holdout.empty", id="no-time"),
        pytest.param(
            lambda h, **k: operations.draw(h, 200, starts_at=QUARTER, keep_previous_until=START, **k),
            "holdout.handover",
            id="a-gap",
        ),
        pytest.param(lambda h, **k: operations.grow(h, 300, **k), "holdout.not_running", id="nothing-to-grow"),
    ],
)
def test_what_would_rewrite_the_past_is_refused(holdout: Holdout, verb: Callable[..., Any], found: str) -> None:
    with pytest.raises(Refused) as refusal:
        verb(holdout, by=None, now=START)

    assert {problem.id for problem in refusal.value.problems} == {found}
    assert not holdout.periods.exists()


def test_shrinking_is_refused_because_it_would_release_members(holdout: Holdout) -> None:
    operations.draw(holdout, 200, by=None, now=START)

    with pytest.raises(Refused, match="already withholds 200"):
        operations.grow(holdout, 200, by=None, now=START + DAY)
