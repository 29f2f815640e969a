"""What do decisions make of where a subject stands in a journey?"""

from __future__ import annotations

from typing import Any

import pytest

from merch.engine.clock import DAY
from merch.engine.compiling import BadRelease
from merch.engine.document import TraitDoc
from merch.engine.facts import Subject
from merch.engine.journeydoc import AnchorDoc, JourneyDoc, LeaveDoc, StepDoc
from merch.engine.journeys import Happening
from tests.merch.engine.documents import TRAITS, campaign, decided, only, ready, reason, subject, with_offer
from tests.merch.engine.plans import SCREEN_SEEN, SKIP, SUBSCRIBED, at, event, journey, marks, version

ENTERED = [event("11-23 06:00"), event("11-23 07:00")]
KNOWN = TRAITS | {"listening_days": TraitDoc(type="int"), "student_until": TraitDoc(type="date", profiling=False)}
FREE = {"v": 1, "rule": {"trait": "subscription_state", "op": "eq", "value": "FREE"}}
ACTIVE = {"v": 1, "rule": {"trait": "subscription_state", "op": "eq", "value": "ACTIVE"}}


def of_step(step: str, **changes: Any) -> Any:
    return campaign(step, journey="cohesive", steps=(step,), **changes)


def told(
    step: str, when: str, events: list[Happening], plan: JourneyDoc | None = None, **traits: Any
) -> tuple[str, str]:
    """The reason and its detail of the campaign of one step."""
    plan = plan or journey()
    release = ready(of_step(step), traits=KNOWN, journeys={"cohesive": plan})
    who = subject(record={"journeys": marks(events, plan)}, **traits)
    answer = only(decided(release, who, now=at(when)))
    return (answer.reason, "") if answer.slots else (answer.losses[0].reason, answer.losses[0].detail)


@pytest.mark.parametrize(
    ("step", "when", "code", "detail"),
    [
        ("hint", "11-23 07:00", "SELECTED", ""),
        ("hint", "11-26 06:59:59.999999", "SELECTED", ""),
        ("card", "11-26 06:59:59.999999", "JOURNEY_WAITING", "cohesive: day 3 card opens 2026-11-26T07:00:00Z"),
        ("card", "11-26 07:00", "SELECTED", ""),
        ("hint", "11-26 07:00", "JOURNEY_EXITED", "cohesive: step hint is behind"),
        ("screen", "11-23 07:00", "JOURNEY_WAITING", "cohesive: day 7 screen opens 2026-11-30T07:00:00Z"),
        ("card", "11-30 06:59:59.999999", "SELECTED", ""),
        ("card", "11-30 07:00", "JOURNEY_EXITED", "cohesive: step card is behind"),
        ("screen", "12-07 07:00", "JOURNEY_WAITING", "cohesive: completed, rests until 2027-01-06T07:00:00Z"),
        (
            "hint", "2027-01-06 07:00", "JOURNEY_EXITED",
            "cohesive: completed at 2026-12-07T07:00:00Z, may be entered again from 2027-03-07T07:00:00Z",
        ),
        ("other", "11-23 07:00", "JOURNEY_EXITED", "cohesive: its steps are not in this version"),
    ],
)  # fmt: skip
def test_each_step_in_its_time(step: str, when: str, code: str, detail: str) -> None:
    assert told(step, when, ENTERED) == (code, detail)


def test_who_never_entered() -> None:
    assert told("hint", "11-23 07:00", [event("11-23 07:00")]) == (
        "JOURNEY_NOT_ENTERED", "cohesive: never entered",
    )  # fmt: skip


@pytest.mark.parametrize(("days", "code"), [(4, "JOURNEY_WAITING"), (5, "SELECTED"), (None, "JOURNEY_WAITING")])
def test_a_step_asks_its_rule_when_it_is_shown(days: int | None, code: str) -> None:
    assert told("screen", "11-30 07:00", ENTERED, listening_days=days)[0] == code


def test_a_seen_screen_is_behind() -> None:
    events = [*ENTERED, event("12-01 12:00", SCREEN_SEEN)]

    assert told("screen", "12-01 12:00", events, listening_days=9)[0] == "JOURNEY_EXITED"


def test_subscribing_anywhere_leaves_every_step_in_the_same_instant() -> None:
    events = [*ENTERED, event("11-24 10:00", SUBSCRIBED)]

    for step in ("hint", "card", "screen"):
        assert told(step, "11-24 10:00", events)[0] == "JOURNEY_EXITED"
    assert told("hint", "11-24 09:59:59.999999", ENTERED)[0] == "SELECTED"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(["11-23 06:00", "11-23 07:00"], "11-26 08:00", id="in-time"),
        pytest.param(["11-26 08:00", "11-23 07:00"], "11-23 06:00", id="the-card-first"),
    ],
)
def test_steps_0_and_3_in_one_sync(first: list[str], second: str) -> None:
    """Off-line since the second skip; hint and card were seen from what was loaded before."""
    synced = [
        event(when, SKIP if when < "11-24" else "campaign|card|impression") for when in (*first, second)
    ]  # fmt: skip

    assert told("card", "11-26 09:00", synced)[0] == "SELECTED"
    assert told("hint", "11-26 09:00", synced)[0] == "JOURNEY_EXITED"


@pytest.mark.parametrize(
    ("state", "code"), [("FREE", "SELECTED"), ("ACTIVE", "JOURNEY_NOT_ENTERED"), (None, "JOURNEY_NOT_ENTERED")]
)
def test_the_gate_is_asked_now(state: str | None, code: str) -> None:
    assert told("hint", "11-23 07:00", ENTERED, journey(version(gate=FREE)), subscription_state=state)[0] == code


def test_the_exit_rule_is_asked_now() -> None:
    plan = journey(version(exit_rule=ACTIVE))

    assert told("hint", "11-23 07:00", ENTERED, plan, subscription_state="FREE")[0] == "SELECTED"
    assert told("hint", "11-23 07:00", ENTERED, plan, subscription_state="ACTIVE")[0] == "JOURNEY_EXITED"


def test_paused_and_ended() -> None:
    paused = journey(closed=((at("11-24 00:00"), None),))

    assert told("hint", "11-23 23:59", ENTERED, paused)[0] == "SELECTED"
    assert told("hint", "11-24 00:00", ENTERED, paused) == (
        "JOURNEY_WAITING", "cohesive: paused since 2026-11-24T00:00:00Z",
    )  # fmt: skip
    gone = ready(of_step("hint"))
    assert reason(decided(gone, subject()), "hint") == "JOURNEY_NOT_ENTERED"


def test_another_step_stands_in() -> None:
    steps = (StepDoc(key="card", rule=FREE, otherwise="plain"), StepDoc(key="plain", after=10 * DAY))
    plan = journey(version(steps=steps))

    assert told("card", "11-23 07:00", ENTERED, plan, subscription_state="FREE")[0] == "SELECTED"
    assert told("plain", "11-23 07:00", ENTERED, plan, subscription_state="ACTIVE")[0] == "SELECTED"
    assert told("card", "11-23 07:00", ENTERED, plan, subscription_state="ACTIVE")[0] == "JOURNEY_WAITING"


QUIET = StepDoc(key="hint", prefer=("one",), suppress=("tier|COMMERCIAL", "campaign|house"))


def test_an_answer_lasts_no_longer_than_its_step() -> None:
    release = ready(of_step("hint"), traits=KNOWN, journeys={"cohesive": journey()})
    who = subject(record={"journeys": marks(ENTERED)})
    answer = only(decided(release, who, now=at("11-26 06:59")))

    assert (answer.slots[0].journey, answer.slots[0].step) == ("cohesive", "hint")
    assert answer.valid_until == at("11-26 07:00")
    assert only(decided(release, who, now=at("11-24 07:00"))).valid_until == at("11-24 07:05")


@pytest.mark.parametrize(("own", "lasts"), [(None, 3 * DAY), (DAY, DAY)])
def test_a_step_says_how_long_the_first_offer_stays(own: int | None, lasts: int) -> None:
    plan = journey(version(steps=(StepDoc(key="hint", pin=3 * DAY),)))
    sold = with_offer("hint", journey="cohesive", steps=("hint",), pin=own)
    release = ready(sold, journeys={"cohesive": plan})
    (slot,) = only(decided(release, subject(record={"journeys": marks(ENTERED, plan)}), now=at("11-23 07:00"))).slots

    assert (slot.pin, slot.pinned_until) == ("journey|cohesive", at("11-23 07:00") + lasts)


@pytest.mark.parametrize(
    ("key", "changes", "code"),
    [
        pytest.param("one", {}, "SUPPRESSED", id="its-tier"),
        pytest.param("house", {"tier": "HOUSE"}, "SUPPRESSED", id="by-name"),
        pytest.param("house", {"tier": "HOUSE", "fallback": True}, "SUPPRESSED", id="a-fallback-too"),
        pytest.param("other", {"tier": "HOUSE"}, "SELECTED", id="another-tier"),
        pytest.param("hint", {"journey": "cohesive", "steps": ("hint",)}, "SELECTED", id="never-its-own"),
    ],
)
def test_a_step_keeps_others_quiet(key: str, changes: dict[str, Any], code: str) -> None:
    plan = journey(version(steps=(QUIET, StepDoc(key="card", after=3 * DAY))))
    release = ready(campaign(key, **changes), journeys={"cohesive": plan})
    who = subject(record={"journeys": marks(ENTERED, plan)})
    answer = only(decided(release, who, now=at("11-26 06:59")))

    assert (answer.losses[0].reason if answer.losses else "SELECTED") == code
    if code == "SUPPRESSED":
        assert answer.losses[0].detail == "journey cohesive, step hint"
    assert not only(decided(release, who, now=at("11-26 07:00"))).losses or key == "hint"


def test_a_step_prefers() -> None:
    """``one`` would come last by priority."""
    plan = journey(version(steps=(StepDoc(key="hint", prefer=("one",)), StepDoc(key="card", after=3 * DAY))))
    release = ready(campaign("one", priority=1), campaign("other"), journeys={"cohesive": plan})
    inside = subject(record={"journeys": marks(ENTERED, plan)})

    def shown(who: Subject, when: str) -> str:
        return only(decided(release, who, now=at(when))).slots[0].campaign

    assert shown(inside, "11-26 06:59") == "one"
    assert shown(inside, "11-26 07:00") == "other"
    assert shown(subject(), "11-26 06:59") == "other"


REMINDERS = journey(
    version(
        anchor=AnchorDoc(kind="DATE", trait="student_until", days=-30),
        steps=(
            StepDoc(key="thirty", leaves=(LeaveDoc(cell="campaign|thirty|impression"),)),
            StepDoc(key="seven", after=23 * DAY, leaves=(LeaveDoc(cell="campaign|seven|impression"),)),
            StepDoc(key="one", after=29 * DAY),
        ),
        length=30 * DAY,
        rest=0,
        exits=(),
    )
)
CHRISTMAS = 20_812  # 2026-12-25


@pytest.mark.parametrize(
    ("step", "when", "code"),
    [
        ("thirty", "11-24 22:59:59", "JOURNEY_NOT_ENTERED"),
        ("thirty", "11-24 23:00", "SELECTED"),
        ("seven", "12-17 22:59:59", "JOURNEY_WAITING"),
        ("seven", "12-17 23:00", "SELECTED"),
        ("one", "12-24 22:59:59", "SELECTED"),
        ("one", "12-24 23:00", "JOURNEY_EXITED"),
    ],
)
def test_reminders_before_a_date(step: str, when: str, code: str) -> None:
    assert told(step, when, [], REMINDERS, student_until=CHRISTMAS)[0] == code


def test_a_date_that_moves_begins_another_stay() -> None:
    release = ready(of_step("thirty", tier="SERVICE"), traits=KNOWN, journeys={"cohesive": REMINDERS})
    around = {"journeys": marks([], REMINDERS)}

    assert reason(
        decided(release, subject(record=around, student_until=CHRISTMAS), now=at("12-01 00:00")), "thirty"
    ) == ("SELECTED")
    next_year = subject(record=around, student_until=CHRISTMAS + 365)
    assert reason(decided(release, next_year, now=at("12-01 00:00")), "thirty") == "JOURNEY_NOT_ENTERED"


def test_a_record_that_cannot_be_read_is_in_no_journey() -> None:
    release = ready(of_step("hint"), traits=KNOWN, journeys={"cohesive": journey()})

    assert reason(decided(release, unreadable=True), "hint") == "DEGRADED_NO_SUBJECT"


def test_marks_of_events_are_behaviour_to_the_law() -> None:
    """A date that is contextual is not."""
    release = ready(of_step("hint"), traits=KNOWN, journeys={"cohesive": journey()})
    by_date = ready(of_step("hint"), traits=KNOWN, journeys={"cohesive": REMINDERS})

    assert release.placements["home"].candidates[0].content.legal.profiled
    assert not by_date.placements["home"].candidates[0].content.legal.profiled


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(StepDoc(key="b", then="a"), id="back"),
        pytest.param(StepDoc(key="b", then="b"), id="to-itself"),
        pytest.param(StepDoc(key="b", leaves=(LeaveDoc(cell=SKIP, to="c"),)), id="to-nothing"),
        pytest.param(StepDoc(key="b", otherwise="c"), id="nothing-stands-in"),
    ],
)
def test_branches_lead_forward_or_the_release_is_none(step: StepDoc) -> None:
    with pytest.raises(BadRelease, match="journey cohesive, version 1, b: no"):
        ready(journeys={"cohesive": journey(version(steps=(StepDoc(key="a"), step)))})


def test_a_rule_that_raises_keeps_nobody_in() -> None:
    plan = journey(version(gate={"v": 1, "rule": {"trait": "listening_days", "op": "gte", "value": 1}}))
    release = ready(of_step("hint"), traits=KNOWN, journeys={"cohesive": plan})

    found = decided(
        release, subject(record={"journeys": marks(ENTERED, plan)}, listening_days="many"), now=at("11-23 07:00")
    )

    assert reason(found, "hint") == "JOURNEY_NOT_ENTERED"
    assert found.errors == ("journey: TypeError",)
