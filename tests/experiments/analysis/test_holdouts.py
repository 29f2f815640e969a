"""What is everything worth that a holdout withholds?"""

from __future__ import annotations

from datetime import datetime

import pytest

from audiences.hashing import bucket
from audiences.models import Subject
from experiments import operations
from experiments.analysis import analyze_holdout
from experiments.models import Exposure, Holdout, HoldoutPeriod
from experiments.problems import Refused
from tests.experiments.rows import DAY, LATER, START, experiment, expose, happen, metric

pytestmark = pytest.mark.django_db


@pytest.fixture
def holdout() -> Holdout:
    return Holdout.objects.create(key="all", name="Everything", scope="GLOBAL")


def decide(holdout: Holdout, draw: HoldoutPeriod, subjects: list[Subject], at: datetime) -> None:
    """What decisions record: each subject under the newest draw, withheld or not."""
    Exposure.objects.bulk_create(
        Exposure(
            subject=subject,
            holdout=holdout,
            version=draw.number,
            arm="held_out" if bucket(draw.salt, subject.key) < draw.size else "treated",
            ghost=bucket(draw.salt, subject.key) < draw.size,
            at=at,
        )
        for subject in subjects
    )


def listeners(count: int) -> list[Subject]:
    expose(experiment("crowd"), {"l": count})
    return list(Subject.objects.order_by("pk"))


def test_the_treated_stand_against_the_held_out(holdout: Holdout) -> None:
    draw = operations.draw(holdout, 2000, by=None, now=START)
    decide(holdout, draw, listeners(2000), START)
    withheld = Exposure.objects.filter(arm="held_out").count()
    happen("l", 1, 1000, at=START)

    result = analyze_holdout(holdout, [metric("share")], as_of=LATER)

    assert [(arm["arm"], arm["control"], arm["subjects"]) for arm in result["arms"]] == [
        ("held_out", True, withheld),
        ("treated", False, 2000 - withheld),
    ]
    assert result["arms"][0]["ghost_share"] == 1.0
    assert not result["quality"]["ratio_check"]["mismatch"]
    assert abs(result["metrics"][0]["arms"][1]["difference"]) < 0.1
    assert "recommendation" not in result


def test_a_draw_that_grew_is_read_on_those_whose_side_never_changed(holdout: Holdout) -> None:
    small = operations.draw(holdout, 2000, by=None, now=START)
    people = listeners(3000)
    decide(holdout, small, people[:2000], START)
    large = operations.grow(holdout, 4000, by=None, now=START + DAY)
    decide(holdout, large, people, START + DAY)

    result = analyze_holdout(holdout, [metric("share")], as_of=LATER)

    numbers = [bucket(small.salt, person.key) for person in people]
    assert result["draws"] == [1, 2]
    assert {arm["arm"]: arm["subjects"] for arm in result["arms"]} == {
        "held_out": sum(number < 2000 for number in numbers),
        "treated": sum(number >= 4000 for number in numbers),
    }
    assert [arm["promised"] for arm in result["arms"]] == pytest.approx([0.25, 0.75])
    assert result["quality"]["problems"] == []


def test_exposures_count_until_the_next_draw_begins(holdout: Holdout) -> None:
    first = operations.draw(holdout, 2000, by=None, now=START)
    people = listeners(1000)
    decide(holdout, first, people[:500], START)
    next_quarter = START + 10 * DAY
    operations.draw(
        holdout, 2000, by=None, now=START + DAY, starts_at=next_quarter, keep_previous_until=next_quarter + 20 * DAY
    )
    # While both run, only the old group's members are still recorded under the old draw.
    members = [person for person in people[500:] if bucket(first.salt, person.key) < 2000]
    decide(holdout, first, members, next_quarter + DAY)

    result = analyze_holdout(holdout, [metric("share")], as_of=LATER, salt=first.salt)

    assert sum(arm["subjects"] for arm in result["arms"]) == 500
    assert result["exposed_before"] == next_quarter.isoformat()
    assert analyze_holdout(holdout, [], as_of=LATER)["draws"] == [2]


@pytest.mark.parametrize(("salt", "sentence"), [(None, "No draw has begun"), ("holdout:all:9", "No draw has the salt")])
def test_what_was_never_drawn_is_refused(holdout: Holdout, salt: str | None, sentence: str) -> None:
    if salt:
        operations.draw(holdout, 200, by=None, now=START)

    with pytest.raises(Refused, match=sentence):
        analyze_holdout(holdout, [], as_of=LATER, salt=salt)
