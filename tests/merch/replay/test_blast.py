"""Are those who come in and drop out counted, and is the interval as wide as it should be?"""

from __future__ import annotations

from typing import Any

import pytest
from statsmodels.stats.proportion import proportion_confint

from merch.engine.compiling import compile_release
from merch.engine.document import ReleaseDoc
from merch.releases.diff import diff
from merch.replay.blast import Blast, blast, in_words
from merch.replay.shares import share
from merch.subjects.sampling import Person
from tests.merch.engine.documents import NOON, campaign, document, subject


def over(minutes: int) -> ReleaseDoc:
    return document(
        campaign("long", rule={"v": 1, "rule": {"trait": "minutes", "op": "gte", "value": minutes}}), campaign("same")
    )


PEOPLE = [Person("a", f"acc_{minutes}", subject(minutes=minutes)) for minutes in range(0, 200, 10)]


def reach(before: ReleaseDoc, after: ReleaseDoc) -> Blast:
    return blast(compile_release(before), compile_release(after), diff(before, after), PEOPLE, NOON)


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [
        pytest.param(over(100), over(50), (10, 5, 0), id="gained"),
        pytest.param(over(50), over(100), (15, 0, 5), id="lost"),
        pytest.param(over(100), document(campaign("same")), (10, 0, 10), id="removed"),
        pytest.param(document(campaign("same")), over(100), (0, 10, 0), id="added"),
    ],
)
def test_subjects_gained_and_lost(before: ReleaseDoc, after: ReleaseDoc, counts: tuple[int, int, int]) -> None:
    found = reach(before, after)

    assert [each.campaign for each in found.reaches] == ["long"]
    (only,) = found.reaches
    assert (only.matched.count, only.gained.count, only.lost.count) == counts
    assert {each.of for each in (only.matched, only.gained, only.lost)} == {len(PEOPLE)}


def test_in_words() -> None:
    assert in_words(reach(over(100), over(50))) == [
        "touches 1 campaign: long",
        (
            "campaign long: matched 50.0% (29.9% to 70.1%; 10 of 20), gained 25.0% (11.2% to 46.9%; 5 of 20), "
            "lost 0.0% (0.0% to 16.1%; 0 of 20)"
        ),
    ]


@pytest.mark.parametrize(("count", "of"), [(0, 10), (10, 10), (45, 900), (1, 3)])
def test_the_interval_is_wilsons(count: int, of: int) -> None:
    found: Any = share(count, of)

    assert (found.low, found.high) == pytest.approx(proportion_confint(count, of, method="wilson"))
