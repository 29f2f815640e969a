"""Does an approver hear whom guards and law would have stopped in decisions that were really made?"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse
from msgspec.structs import replace

from campaigns.models import Campaign
from merch import reexecution
from merch.engine.compiling import compile_release
from merch.engine.document import GuardDoc, ReleaseDoc
from merch.engine.facts import Subject
from merch.models import DecisionRecord
from merch.replay.guarding import Stopped, in_words, stopped
from tests.factories.people import UserFactory
from tests.factories.whole import ready_campaign
from tests.merch.engine.documents import ADULTS, SWEDEN, campaign, document, request, subject, with_offer
from tests.merch.recorded import recorded, stored

BACKEND = "django.contrib.auth.backends.ModelBackend"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TRIAL = with_offer("trial", rule={"v": 1, "rule": {"trait": "minutes", "op": "gte", "value": 100}})
# What was served asked everybody's age and minutes, so that both were recorded.
OLDER = campaign(
    "older",
    rule={"v": 1, "rule": {"any": [{"trait": "minutes", "op": "present"}, {"trait": "birth_date", "op": "present"}]}},
)
SERVED = document(OLDER, with_offer("sold"))
ADULT = GuardDoc(
    key="adults", requires=("birth_date",),
    rule={"v": 1, "rule": {"trait": "birth_date", "op": "before_months", "value": 216}},
)  # fmt: skip
BORN = {"child": 18_000, "adult": 3_000}


def proposed(**changes: object) -> ReleaseDoc:
    return replace(document(OLDER, with_offer("sold"), TRIAL, guards=(ADULT,)), **changes)


def asked_again(release: ReleaseDoc, *people: Subject) -> tuple[Stopped, list[UUID]]:
    stored(SERVED, NOW)
    ids = [recorded(SERVED, request(decision_id=str(uuid4())), who, NOW) for who in people]
    by_id = {row.decision_id: row for row in DecisionRecord.objects.all()}
    records = [reexecution.unpack(by_id[each]) for each in ids]
    return stopped(records, compile_release(release), "trial"), ids


@pytest.mark.django_db
def test_each_decision_is_counted_by_what_would_have_stopped_it() -> None:
    child = subject(minutes=500, birth_date=BORN["child"])
    found, ids = asked_again(
        proposed(), child, subject(minutes=500, birth_date=BORN["adult"]), subject(minutes=500), subject(minutes=5)
    )

    # The one who listens too little never got as far as the guards.
    assert (found.asked, found.reached) == (4, 3)
    assert found.by_guard == {"adults": 2}
    assert found.first["adults"] == ids[0]
    assert in_words(found)[1] == f"The guard adults would have stopped it in 2; the first is {ids[0]}."


@pytest.mark.django_db
def test_what_the_law_stops_is_counted_apart() -> None:
    no_trials = replace(SWEDEN, legal=(replace(ADULTS, trial_allowed=False),))

    found, ids = asked_again(proposed(markets={"SE": no_trials}), subject(minutes=500, birth_date=BORN["adult"]))

    assert (found.by_law, found.by_guard) == ({"LEGAL_BLOCK": 1}, {})
    assert str(ids[0]) in in_words(found)[1]


@pytest.mark.django_db
def test_what_was_not_recorded_is_not_guessed() -> None:
    reads_more = replace(TRIAL, rule={"v": 1, "rule": {"trait": "genre", "op": "present"}})
    release = document(OLDER, with_offer("sold"), reads_more)

    found, _ = asked_again(release, subject(minutes=500))

    assert found.asked == 0
    assert in_words(found) == ["No decision of the last 7 days asked its placements and can be made again with it."]


def test_all_is_well_is_said_too() -> None:
    quiet = stopped([], compile_release(proposed()), "trial")._replace(asked=7, reached=3)

    assert in_words(quiet)[-1] == "Neither guards nor law would have stopped it in any of them."


@pytest.mark.django_db(transaction=True)
def test_the_fragment_is_for_who_may_see_the_campaign(live_campaign: Campaign) -> None:
    where = reverse("admin-guarded", args=[live_campaign.pk])
    root, nobody = (Client(), Client())
    root.force_login(UserFactory(username="root", is_staff=True, is_superuser=True), backend=BACKEND)
    nobody.force_login(UserFactory(username="nobody", is_staff=True), backend=BACKEND)

    assert "No decision of the last 7 days" in root.get(where).content.decode()
    assert nobody.get(where).status_code == 404
    assert Client().get(where).status_code == 302


@pytest.fixture
def live_campaign(transactional_db: None) -> Campaign:
    return ready_campaign()
