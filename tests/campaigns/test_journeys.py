"""Does a version of a journey begin only as it was written, signed by somebody else, and never change after that?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, transaction

from audiences.models import Revision
from campaigns import journeychecks, journeydocs, journeys, proposal, readiness, records
from campaigns.admin.journey_words import sentences
from campaigns.editing import edited
from campaigns.models import Journey, JourneyVersion, Step
from campaigns.problems import Refused
from tests.factories import CampaignFactory, ready_campaign
from tests.factories.journeys import drafted, published
from tests.factories.people import grant

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NONSENSE = {"v": 1, "rule": {"trait": "nope", "op": "eq", "value": 1}}


@pytest.fixture
def signer(approver: User) -> User:
    grant(approver, "approve_journey", wanted=True)
    return approver


def ids(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [problem.id for problem in refused.value.problems]


def test_an_ordinary_life(author: User, signer: User, launcher: User, now: datetime) -> None:
    grant(launcher, "launch_journey", wanted=True)
    version = journeys.approve(journeys.submit(drafted(), by=author, now=now), by=signer, now=now)
    journey = Journey.objects.get()

    assert (journey.state, version.state, version.start_at) == ("LIVE", "PUBLISHED", now)
    journeys.pause(journey, by=launcher, now=now + DAY)
    journeys.resume(journey, by=launcher, now=now + 2 * DAY)
    (carried,) = journeydocs.carried()
    assert [end - start for start, end in carried["closed"]] == [24 * 3_600_000_000]
    journeys.end(journey, by=launcher, now=now + 3 * DAY)
    assert journeydocs.carried() == []
    verbs = Revision.objects.filter(object_type="journey", object_key="cohesive").order_by("number")
    assert [each.verb for each in verbs] == ["submitted", "published", "paused", "resumed", "ended"]


def test_nobody_approves_their_own(signer: User, now: datetime) -> None:
    version = journeys.submit(drafted(), by=signer, now=now)

    with pytest.raises(Refused) as refused:
        journeys.approve(version, by=signer, now=now)

    assert ids(refused) == ["approval.requester"]


def test_nor_what_they_edited(author: User, signer: User, now: datetime) -> None:
    version = drafted()
    step = Step.objects.get(key="card")
    before = records.values(step)
    step.after = 4 * DAY
    step.save()
    edited(step, before, by=signer, now=now)

    with pytest.raises(Refused) as refused:
        journeys.approve(journeys.submit(version, by=author, now=now), by=signer, now=now)

    assert ids(refused) == ["approval.editor"]


def test_approval_needs_the_permission(author: User, approver: User, now: datetime) -> None:
    with pytest.raises(Refused) as refused:
        journeys.approve(journeys.submit(drafted(), by=author, now=now), by=approver, now=now)

    assert ids(refused) == ["journey.permission"]


def test_what_was_edited_since_is_not_published(author: User, signer: User, now: datetime) -> None:
    version = journeys.submit(drafted(), by=author, now=now)
    Step.objects.filter(key="card").update(after=4 * DAY)

    with pytest.raises(Refused) as refused:
        journeys.approve(version, by=signer, now=now)

    assert ids(refused) == ["journey.outdated"]
    assert JourneyVersion.objects.get().state == "DRAFT"


@pytest.mark.parametrize("what", ["version", "step", "new step", "deletion", "step deletion"])
def test_a_published_version_never_changes(what: str, now: datetime) -> None:
    version = published(drafted(), now)
    acts: dict[str, Any] = {
        "version": lambda: JourneyVersion.objects.update(length=DAY),
        "step": lambda: Step.objects.filter(key="hint").update(after=DAY),
        "new step": lambda: Step.objects.create(version=version, key="more"),
        "deletion": lambda: version.delete(),
        "step deletion": lambda: Step.objects.get(key="hint").delete(),
    }

    with pytest.raises(DatabaseError), transaction.atomic():
        acts[what]()


def test_the_database_refuses_a_version_that_one_person_signed_alone(author: User, now: datetime) -> None:
    version = journeys.submit(drafted(), by=author, now=now)

    with pytest.raises(IntegrityError), transaction.atomic():
        JourneyVersion.objects.filter(pk=version.pk).update(state="PUBLISHED", decided_by=author, start_at=now)


def test_the_next_version_begins_as_a_copy(author: User, now: datetime) -> None:
    first = published(drafted(policy="LEAVE"), now)

    second = journeys.new_version(first.journey, by=author, now=now)

    assert (second.number, second.state, second.policy, second.content) == (2, "DRAFT", "STAY", None)
    assert [step.key for step in second.steps.all()] == ["hint", "card", "screen"]
    assert second.exits == first.exits
    assert journeys.new_version(first.journey, by=author, now=now) == second


@pytest.mark.parametrize(
    ("changes", "steps", "problem"),
    [
        pytest.param({"anchor_cell": "skip"}, None, "journey.event", id="no-event"),
        pytest.param({"anchor_cell": "event|skip_limit|click"}, None, "journey.event", id="not-of-its-scope"),
        pytest.param({"anchor_cell": "event|sikp|custom"}, None, "journey.event_unknown", id="no-such-event"),
        pytest.param({"anchor_window": DAY}, None, "journey.window", id="two-windows"),
        pytest.param({"anchor": "DATE", "anchor_trait": "market"}, None, "journey.date", id="no-date"),
        pytest.param({"exits": []}, None, "journey.no_exit", id="no-exit"),
        pytest.param({"exits": ["plan_group|x|conversion"]}, None, "journey.event_unknown", id="exit-by-nothing"),
        pytest.param({"gate": NONSENSE}, None, "rule.unknown_trait", id="a-gate-that-says-nothing"),
        pytest.param({}, {}, "journey.no_steps", id="no-steps"),
        pytest.param({}, {"end": {}}, "journey.step_key", id="reserved"),
        pytest.param({}, {"a": {"after": 14 * DAY}}, "journey.step_late", id="opens-when-it-is-over"),
        pytest.param({}, {"a": {"closes": timedelta(0)}}, "journey.step_empty", id="closes-at-once"),
        pytest.param({}, {"a": {"then": "b"}}, "journey.branch", id="to-nothing"),
        pytest.param({}, {"a": {}, "b": {"then": "a"}}, "journey.branch", id="back"),
        pytest.param({}, {"a": {"leaves": ["all||click > a"]}}, "journey.branch", id="to-itself"),
        pytest.param({}, {"a": {"otherwise": "b"}}, "journey.step_unknown", id="nothing-stands-in"),
        pytest.param({}, {"a": {"prefer": ["x"]}}, "journey.campaign", id="prefers-nothing"),
        pytest.param({}, {"a": {"suppress": ["tier|ALL"]}}, "journey.suppress", id="silences-nothing"),
        pytest.param({}, {"a": {"suppress": ["tier|LEGAL"]}}, "journey.suppress_protected", id="silences-the-law"),
    ],
)
def test_what_is_in_the_way_is_told(changes: dict[str, Any], steps: dict[str, Any] | None, problem: str) -> None:
    found = journeychecks.problems(drafted(steps=steps, **changes))

    assert [each.id for each in found] == [problem]


def test_nothing_is_in_the_way_of_a_good_one() -> None:
    assert journeychecks.problems(drafted()) == []


@pytest.mark.parametrize(
    ("live", "steps", "problems"),
    [
        pytest.param(True, ["card"], [], id="a-step-of-it"),
        pytest.param(True, [], [], id="each-step"),
        pytest.param(True, ["later"], ["journey.step_unknown"], id="no-step-of-it"),
        pytest.param(False, ["card"], ["journey.not_live"], id="a-draft"),
        pytest.param(None, ["card"], ["journey.steps_alone"], id="no-journey"),
    ],
)
def test_a_campaign_leans_on_a_journey(live: bool | None, steps: list[str], problems: list[str], now: datetime) -> None:
    version = drafted()
    if live:
        published(version, now)
    campaign = ready_campaign(journey=None if live is None else Journey.objects.get(), steps=steps)

    assert [each.id for each in readiness.problems(campaign, now=now)] == problems


def test_what_is_approved_of_a_campaign_names_its_journey(now: datetime) -> None:
    published(drafted(), now)
    campaign = CampaignFactory(journey=Journey.objects.get(), steps=["card"], pin_hours=72)

    said = proposal.content(campaign)

    assert (said["journey"], said["steps"], said["pin"]) == ("cohesive", ["card"], 72 * 3_600_000_000)


def test_a_version_reads_back_in_sentences() -> None:
    steps: dict[str, dict[str, Any]] = {
        "hint": {"leaves": ["all||click > deal"], "suppress": ["tier|HOUSE"]},
        "deal": {"after": 2 * DAY},
    }

    assert sentences(drafted(steps=steps)) == [
        "One enters by “skip_limit”, 2 times in one local day.",
        "hint: opens at the entry; left by click of anything for deal; keeps tier HOUSE quiet.",
        "deal: opens 2 days after the entry.",
        "It is over after 14 days, then rests for 30 days.",
        "It ends at once by conversion of plan group music.",
        "It may be entered again 90 days after leaving.",
    ]


def test_a_form_that_was_opened_earlier_brings_no_state_back(now: datetime) -> None:
    version = drafted()
    opened = Journey.objects.get()
    published(version, now)

    opened.name = "Renamed"
    opened.save()

    assert (Journey.objects.get().state, Journey.objects.get().name) == ("LIVE", "Renamed")
