"""Does a trial count once per draw window, only where chance had a part, and only when its time is over?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audiences.ingest import NewEvent, append
from audiences.moments import micros
from merch.learning.draws import Tried
from merch.learning.trials import Question, tried

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CLICKS = Question("home", HOUR)
BUYS = Question("home", HOUR, "subscribe")
LISTENS = Question("home", HOUR, "listen")


class Log:
    """Events as intake stores them."""

    def __init__(self) -> None:
        self.decisions = 0

    def shown(self, ago: timedelta, *, subject: int = 1, clicked: bool = False, **properties: Any) -> None:
        self.decisions += 1
        said = {
            "decision": f"d{self.decisions}", "slot": 0, "placement": "home", "campaign": "spring", "item": "hero",
            "propensity": 0.5,
        }  # fmt: skip
        for kind in ("impression", "click") if clicked else ("impression",):
            self.event(kind, ago, subject, event_id=f"d{self.decisions}:home:0:{kind}", source="token",
                       properties=said | properties)  # fmt: skip

    def event(self, kind: str, ago: timedelta, subject: int = 1, **more: Any) -> None:
        at = NOW - ago
        fields: dict[str, Any] = {"name": kind, "event_id": f"{kind}-{at}", "source": "app", "day": at.date()} | more
        append(
            [NewEvent(kind=kind, subject_id=subject, occurred_at=micros(at), claimed_at=micros(at), **fields)], now=NOW
        )


@pytest.fixture
def log() -> Log:
    return Log()


def hero(question: Question = CLICKS) -> Tried | None:
    return tried([question], NOW)["home"].get("spring/hero")


def test_looks_of_one_subject_in_one_window_are_one_trial_with_one_success(log: Log) -> None:
    for minutes, clicked in ((130, False), (125, True), (122, True)):  # 9:50 to 9:58
        log.shown(timedelta(minutes=minutes), clicked=clicked)
    log.shown(timedelta(minutes=119))  # 10:01: another window
    log.shown(timedelta(minutes=125), subject=2)

    assert hero() == Tried(3, 1)


def test_a_click_counts_for_its_own_impression_only(log: Log) -> None:
    log.shown(3 * HOUR, subject=1, clicked=True)
    log.shown(3 * HOUR, subject=2)
    log.shown(3 * HOUR, subject=3, clicked=True, item="card")

    assert tried([CLICKS], NOW) == {"home": {"spring/card": Tried(1, 1), "spring/hero": Tried(2, 1)}}


@pytest.mark.parametrize(
    ("shown", "counts"),
    [
        pytest.param({"propensity": 1.0}, False, id="chance-had-no-part"),
        pytest.param({"propensity": 0.999}, True, id="chance-had-a-part"),
        pytest.param({"placement": "shelf"}, False, id="elsewhere"),
    ],
)
def test_only_what_was_chosen_by_chance_here_counts(log: Log, shown: dict[str, Any], counts: bool) -> None:
    log.shown(3 * HOUR, **shown)

    assert (hero() == Tried(1, 0)) is counts


@pytest.mark.parametrize(
    ("question", "ago", "counts"),
    [
        (CLICKS, timedelta(minutes=59), False),
        (CLICKS, timedelta(minutes=61), True),
        (BUYS, 6 * DAY, False),
        (BUYS, 8 * DAY, True),
        (CLICKS, 34 * DAY, True),
        (CLICKS, 36 * DAY, False),
    ],
)
def test_a_trial_counts_once_its_time_for_success_is_over(
    log: Log, question: Question, ago: timedelta, counts: bool
) -> None:
    log.shown(ago, clicked=False)

    assert (hero(question) is not None) is counts


@pytest.mark.parametrize(
    ("after", "subject", "success"),
    [(timedelta(0), 1, 1), (7 * DAY - HOUR, 1, 1), (7 * DAY, 1, 0), (-HOUR, 1, 0), (HOUR, 2, 0)],
)
@pytest.mark.parametrize(("question", "kind", "money"), [(BUYS, "conversion", True), (LISTENS, "custom", False)])
def test_an_objective_is_an_event_within_seven_days_of_the_first_look(
    log: Log, question: Question, kind: str, money: bool, after: timedelta, subject: int, success: int
) -> None:
    log.shown(10 * DAY, clicked=True)
    log.event(kind, 10 * DAY - after, subject, name=question.objective, money=money)

    assert hero(question) == Tried(1, success)


def test_several_placements_are_one_question(log: Log, django_assert_num_queries: Any) -> None:
    log.shown(3 * HOUR, clicked=True)
    log.shown(3 * HOUR, placement="shelf")

    with django_assert_num_queries(4):  # of which two are the savepoint's, and one the deadline's
        found = tried([CLICKS, Question("shelf", DAY), Question("none", DAY)], NOW)

    assert found == {"home": {"spring/hero": Tried(1, 1)}, "shelf": {"spring/hero": Tried(1, 0)}, "none": {}}


def test_a_placement_that_nobody_saw_has_learned_nothing() -> None:
    assert tried([CLICKS], NOW) == {"home": {}}
