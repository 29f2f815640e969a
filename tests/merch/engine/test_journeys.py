"""Where do events leave a subject in its journeys, whatever the order in which they come?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from merch.engine.clock import DAY
from merch.engine.facts import JourneyFact
from merch.engine.journeydoc import AnchorDoc, JourneyDoc, LeaveDoc, StepDoc
from merch.engine.journeys import Happening, Surroundings, fold, refold, surroundings, units_of
from tests.merch.engine.documents import HOUR, STOCKHOLM
from tests.merch.engine.plans import (
    AROUND,
    SCREEN_SEEN,
    SKIP,
    SUBSCRIBED,
    at,
    event,
    journey,
    marks,
    version,
)

ENTERED = [event("11-23 06:00"), event("11-23 07:00")]


def fact(events: list[Happening], *journeys: JourneyDoc) -> JourneyFact | None:
    return marks(events, *journeys).get("cohesive")


@pytest.mark.parametrize(
    ("events", "entered"),
    [
        pytest.param([event("11-23 07:00")], None, id="one-is-not-two"),
        pytest.param(ENTERED, "11-23 07:00", id="the-second-of-a-day-enters"),
        pytest.param([event("11-22 22:59:59"), event("11-22 23:00")], None, id="across-local-midnight"),
        pytest.param([event("11-22 23:00"), event("11-23 22:59:59.999999")], "11-23 22:59:59.999999", id="a-whole-day"),
        pytest.param([event("11-23 07:00", name="a"), event("11-23 07:00", name="b")], "11-23 07:00", id="at-once"),
        pytest.param([event("10-31 23:58"), event("10-31 23:59:59.999999")], None, id="before-it-was-live"),
        pytest.param([event("10-31 23:30"), event("11-01 00:00")], "11-01 00:00", id="earlier-ones-count-not-enter"),
    ],
)
def test_entry_by_two_skips_in_a_local_day(events: list[Happening], entered: str | None) -> None:
    found = fact(events)

    assert (found and found.entered) == (None if entered is None else at(entered))


@pytest.mark.parametrize(
    ("window", "second", "enters"),
    [
        pytest.param(HOUR, "11-23 07:59:59.999999", True, id="inside-the-hour"),
        pytest.param(HOUR, "11-23 08:00", False, id="an-hour-later-the-first-counts-no-more"),
        pytest.param(None, "12-31 08:00", True, id="ever"),
    ],
)
def test_entry_within_a_duration(window: int | None, second: str, *, enters: bool) -> None:
    plan = journey(version(anchor=AnchorDoc(cell=SKIP, count=2, window=window)))

    assert (fact([event("11-23 07:00"), event(second)], plan) is not None) is enters


@pytest.mark.parametrize(
    ("asked", "step", "since"),
    [
        pytest.param("11-23 07:00", 0, "11-23 07:00", id="day-0"),
        pytest.param("11-26 06:59:59.999999", 0, "11-23 07:00", id="the-last-instant-of-the-hint"),
        pytest.param("11-26 07:00", 1, "11-26 07:00", id="day-3"),
        pytest.param("11-30 06:59:59.999999", 1, "11-26 07:00", id="the-last-instant-of-the-card"),
        pytest.param("11-30 07:00", 2, "11-30 07:00", id="day-7"),
        pytest.param("12-07 06:59:59.999999", 2, "11-30 07:00", id="the-last-instant-of-the-screen"),
    ],
)
def test_steps_open_and_close_at_an_instant(asked: str, step: int, since: str) -> None:
    found = fact([*ENTERED, event(asked, SKIP, "another")])

    assert found is not None
    assert (found.step, found.since, found.left) == (step, at(since), 0)


def test_its_length_ends_it_and_what_comes_then_is_nobodys() -> None:
    found = fact([*ENTERED, event("12-07 07:00", SUBSCRIBED)])

    assert found is not None
    assert (found.left, found.why) == (at("12-07 07:00"), "completed")


@pytest.mark.parametrize(
    ("seen", "step", "since"),
    [
        pytest.param("11-30 07:00", 3, "11-30 07:00", id="in-its-first-instant"),
        pytest.param("11-30 06:59:59.999999", 1, "11-26 07:00", id="before-it-opened-it-was-another-screen"),
    ],
)
def test_an_event_leaves_the_step_that_is_open(seen: str, step: int, since: str) -> None:
    found = fact([*ENTERED, event(seen, SCREEN_SEEN)])

    assert found is not None
    assert (found.step, found.since) == (step, at(since))


@pytest.mark.parametrize(
    ("second_time", "entered"),
    [
        pytest.param("2027-02-22 09:59:59", "11-23 07:00", id="a-second-too-early"),
        pytest.param("2027-02-22 10:00", "2027-02-22 10:00", id="ninety-days-after-leaving"),
    ],
)
def test_re_entry_after_ninety_days(second_time: str, entered: str) -> None:
    """Subscribed on 24 November: 90 days later is 22 February, to the microsecond."""
    events = [*ENTERED, event("11-24 10:00", SUBSCRIBED), event("2027-02-22 09:00"), event(second_time, SKIP, "again")]

    found = fact(events)

    assert found is not None
    assert found.entered == at(entered)


def test_without_re_entry_it_is_once_in_a_lifetime() -> None:
    events = [*ENTERED, event("11-24 10:00", SUBSCRIBED), event("2027-11-22 09:00"), event("2027-11-22 09:01")]

    found = fact(events, journey(re_entry=None))

    assert found is not None
    assert found.entered == at("11-23 07:00")


def test_subscribing_leaves_at_once_and_the_same_event_enters_nothing() -> None:
    greedy = journey(version(anchor=AnchorDoc(cell=SUBSCRIBED)), re_entry=0)
    events = [event("11-23 07:00", SUBSCRIBED), event("11-24 07:00", SUBSCRIBED)]

    found = fact(events, greedy)

    assert found is not None
    assert (found.entered, found.left, found.why) == (at("11-23 07:00"), at("11-24 07:00"), SUBSCRIBED)


V2 = (StepDoc(key="hint"), StepDoc(key="screen", after=7 * DAY))


@pytest.mark.parametrize(
    ("policy", "number", "step", "why"),
    [
        pytest.param("STAY", 1, 2, "", id="stay"),
        pytest.param("MOVE", 2, 1, "", id="move-to-the-step-of-the-same-key"),
        pytest.param("LEAVE", 1, 2, "version 2", id="leave"),
    ],
)
def test_a_second_version_while_people_are_inside(policy: Any, number: int, step: int, why: str) -> None:
    two = version(2, "11-30 08:00", steps=V2, policy=policy)

    found = fact([*ENTERED, event("12-01 00:00", SKIP, "meanwhile")], journey(version(), two))

    assert found is not None
    assert (found.version, found.step, found.why, found.entered) == (number, step, why, at("11-23 07:00"))


def test_who_is_at_a_step_that_is_gone_leaves() -> None:
    two = version(2, "11-27 00:00", steps=V2, policy="MOVE")

    found = fact([*ENTERED, event("12-01 00:00", SUBSCRIBED)], journey(version(), two))

    assert found is not None
    assert (found.version, found.left, found.why) == (1, at("11-27 00:00"), "version 2")


@pytest.mark.parametrize(("second", "number"), [("11-27 07:59:59.999999", 1), ("11-27 08:00", 2)])
def test_the_version_follows_from_the_instant_of_entry(second: str, number: int) -> None:
    plan = journey(version(), version(2, "11-27 08:00"))

    found = fact([event("11-27 07:00"), event(second, name="second")], plan)

    assert found is not None
    assert found.version == number


def test_nobody_enters_while_it_is_closed() -> None:
    paused = journey(closed=((at("11-23 00:00"), at("11-23 07:00:01")),))

    assert fact(ENTERED, paused) is None
    assert fact([*ENTERED, event("11-23 07:00:01")], paused) is not None


OTHER = "event|checkout|custom"


@pytest.mark.parametrize(
    ("priority", "first", "second"),
    [
        pytest.param(2, "superseded", "", id="a-higher-one-takes-over"),
        pytest.param(1, "", None, id="an-equal-one-is-not-entered"),
        pytest.param(0, "", None, id="nor-a-lower-one"),
    ],
)
def test_at_most_one_of_a_group(priority: int, first: str, second: str | None) -> None:
    one = journey(key="one", group="g", priority=1)
    two = journey(version(anchor=AnchorDoc(cell=OTHER)), key="two", group="g", priority=priority)

    found = marks([*ENTERED, event("11-24 07:00", OTHER)], one, two)

    assert found["one"].why == first
    assert (found["two"].why if "two" in found else None) == second


def test_a_resting_journey_keeps_its_groups_place() -> None:
    one = journey(key="one", group="g", priority=1)
    two = journey(version(anchor=AnchorDoc(cell=OTHER)), key="two", group="g", priority=0)

    assert "two" not in marks([*ENTERED, event("2027-01-06 06:59:59", OTHER)], one, two)
    assert "two" in marks([*ENTERED, event("2027-01-06 07:00", OTHER)], one, two)


def test_branches_lead_where_the_event_says() -> None:
    steps = (
        StepDoc(key="hint", leaves=(LeaveDoc(cell="campaign|hint|click", to="deal"),), then="card"),
        StepDoc(key="card", since="PREVIOUS", after=DAY, then="end", closes=DAY),
        StepDoc(key="deal", since="PREVIOUS", after=HOUR),
    )
    plan = journey(version(steps=(replace(steps[0], closes=2 * DAY), *steps[1:])))

    clicked = fact([*ENTERED, event("11-24 07:00", "campaign|hint|click")], plan)
    waited = fact([*ENTERED, event("12-20 00:00", SUBSCRIBED)], plan)

    assert clicked is not None
    assert (clicked.step, clicked.since) == (2, at("11-24 07:00"))
    assert waited is not None
    # Two days of hint, one of waiting for the card, one of the card.
    assert (waited.left, waited.why) == (at("11-27 07:00"), "completed")


BIRTHDAY = journey(version(anchor=AnchorDoc(kind="DATE", trait="student_until", days=-30)), key="student")


@pytest.mark.parametrize(
    ("until", "entered"),
    [
        pytest.param(20_812, "11-24 23:00", id="thirty-days-before-25-december-at-local-midnight"),
        pytest.param(20_600, None, id="before-the-journey-was-live"),
        pytest.param(None, None, id="without-the-date"),
    ],
)
def test_a_date_enters_by_itself(until: int | None, entered: str | None) -> None:
    traits = {} if until is None else {"student_until": (until, 0)}
    around = surroundings((BIRTHDAY,), traits, STOCKHOLM)

    found = marks([event("11-26 00:00", SUBSCRIBED)], BIRTHDAY, around=around).get("student")

    assert (found and found.entered) == (None if entered is None else at(entered))


# Any order

CELLS = st.sampled_from([SKIP, SKIP, SKIP, SUBSCRIBED, SCREEN_SEEN, OTHER, "campaign|hint|click"])
HOURS = st.integers(min_value=at("11-22 00:00") // HOUR, max_value=at("2027-03-20 00:00") // HOUR)
NEAR = st.integers(min_value=at("11-22 00:00") // HOUR, max_value=at("12-10 00:00") // HOUR)
EVENTS = st.lists(st.tuples(NEAR | HOURS, CELLS), max_size=14).map(
    lambda drawn: [Happening(hour * HOUR, ("app", str(n)), (cell,)) for n, (hour, cell) in enumerate(drawn)]
)
PLANS: list[tuple[tuple[JourneyDoc, ...], Surroundings]] = [
    ((journey(),), AROUND),
    ((journey(version(), version(2, "11-27 00:00", steps=V2, policy="MOVE")),), AROUND),
    ((journey(version(), version(2, "11-27 00:00", policy="LEAVE"), re_entry=5 * DAY),), AROUND),
    (
        (
            journey(key="one", group="g", priority=1, re_entry=DAY),
            journey(
                version(anchor=AnchorDoc(cell=OTHER), length=5 * DAY), key="two", group="g", priority=2, re_entry=0
            ),
        ),
        AROUND,
    ),
    ((BIRTHDAY,), surroundings((BIRTHDAY,), {"student_until": (20_812, 0)}, STOCKHOLM)),
    (
        (replace(BIRTHDAY, group="g", priority=2), journey(key="one", group="g", priority=1, re_entry=DAY)),
        surroundings((BIRTHDAY,), {"student_until": (20_812, 0)}, STOCKHOLM),
    ),
]


def arrived(unit: tuple[JourneyDoc, ...], batches: list[list[Happening]], around: Surroundings) -> Any:
    """The marks as intake folds them, batch by batch."""
    stored: list[Happening] = []
    known: dict[str, JourneyFact] = {}
    for batch in batches:
        stored += batch
        folded = fold(unit, known, batch, around)
        known = refold(unit, stored, around) if folded is None else folded
    return known


@settings(max_examples=300)
@given(st.sampled_from(PLANS), EVENTS, st.data())
def test_any_order_and_any_batches_leave_the_marks_of_a_rebuild(
    plan: tuple[tuple[JourneyDoc, ...], Surroundings], events: list[Happening], data: st.DataObject
) -> None:
    journeys, around = plan
    (unit,) = units_of(journeys)
    order = data.draw(st.permutations(events))
    cut = data.draw(st.integers(0, len(order)))
    batches = [order[:cut], *([each] for each in order[cut:])]

    assert arrived(unit, batches, around) == refold(unit, events, around)
