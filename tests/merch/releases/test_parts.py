"""Does a process read of the pulse what decisions read, live and from disk, whatever else is in it?"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Campaign
from merch.engine.document import Pulse
from merch.models import PulseHead, PulsePart
from merch.releases import pulse
from merch.releases.parts import digest_of, pulse_of
from merch.releases.serving import Serving
from tests.merch.releases.conftest import NOW

DRAWN = {"items": ["one/hero", "two/hero"], "rows": [[5, 7], [9, 1]]}
PARTS: dict[str, Any] = {
    "budgets": {"spring|SE": 0, "spring|NO": 2_500},
    "empty_pools": ["codes"],
    "bandit:home-hero": DRAWN,
    "of-a-later-version": {"anything": [1]},
}


def read(given: Pulse) -> tuple[Any, ...]:
    rows = given.bandits.get("home-hero")
    return dict(given.budgets), set(given.empty_pools), (rows.digest, rows.items, rows.rows) if rows else None


WHOLE = (
    {"spring|SE": 0, "spring|NO": 2_500},
    {"codes"},
    (digest_of(DRAWN), ("one/hero", "two/hero"), ((5, 7), (9, 1))),
)


def test_every_part_that_decisions_read_is_served_live_and_from_disk(process: Serving) -> None:
    pulse.republish(NOW, PARTS)

    assert read(process.refresh().pulse) == WHOLE
    assert read(Serving(follow=False).current().pulse) == WHOLE


def test_a_kill_leaves_the_other_parts_as_they_are(campaign: Campaign, editor: User, process: Serving) -> None:
    pulse.republish(NOW, PARTS)
    pulse.kill(campaign.key, by=editor, now=NOW)

    state = process.refresh()

    assert state.pulse.kills == {campaign.key}
    assert read(state.pulse) == WHOLE


def test_what_is_given_replaces_and_none_leaves_out(process: Serving) -> None:
    pulse.republish(NOW, PARTS)
    pulse.republish(NOW, {"budgets": {"spring|SE": 10_000}, "bandit:home-hero": None})

    assert read(process.refresh().pulse) == ({"spring|SE": 10_000}, {"codes"}, None)


def test_equal_parts_make_no_new_pulse(transactional_db: None) -> None:
    assert pulse.republish(NOW, PARTS) == pulse.republish(NOW, PARTS) == pulse.republish(NOW)
    assert PulsePart.objects.filter(name="bandit:home-hero").get().digest == digest_of(DRAWN)
    assert PulseHead.objects.count() == 1


def test_a_part_is_fetched_when_it_changed(campaign: Campaign, editor: User, process: Serving) -> None:
    pulse.republish(NOW, PARTS)
    process.refresh()
    pulse.kill(campaign.key, by=editor, now=NOW)

    with CaptureQueriesContext(connection) as asked:
        process.refresh()

    fetched = [query["sql"] for query in asked if "merch_pulsepart" in query["sql"]]
    assert len(fetched) == 1
    assert digest_of(DRAWN) not in fetched[0]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("budgets", {"spring": "much"}),
        ("empty_pools", {"codes": 1}),
        ("bandit:home-hero", {"items": ["one/hero"], "rows": [[1, 2]]}),
        ("bandit:home-hero", {"items": ["one/hero"], "rows": [["high"]]}),
        ("bandit:home-hero", ["nothing"]),
    ],
)
def test_a_part_that_cannot_be_read_keeps_no_kill_away(name: str, body: Any, caplog: pytest.LogCaptureFixture) -> None:
    found = pulse_of(7, {"kills": ["one"], name: body})

    assert found == Pulse(number=7, kills=frozenset({"one"}))
    assert f"passed over the part {name}" in caplog.text
