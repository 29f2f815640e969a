"""Is a decision explained also where what was known makes no sense?"""

from __future__ import annotations

import msgspec
import pytest

from merch import explaining, reexecution
from merch.api.rest.shown_why import PlacementWhy
from merch.inputs import Inputs
from merch.models import DecisionRecord, PulsePart
from merch.reexecution import Recorded, ReleaseGone, pulse_of
from merch.releases import parts
from tests.merch.engine.documents import NOON, campaign, decided, ready, request, subject


@pytest.mark.parametrize(
    ("stored", "shown", "reason"),
    [
        pytest.param(10_000, "1997-05-19", "SELECTED", id="a-date"),
        pytest.param("1980", "1980", "LEGAL_BLOCK", id="a-text-where-a-date-belongs"),
        pytest.param(-(10**9), -(10**9), "LEGAL_BLOCK", id="a-day-before-the-calendar"),
    ],
)
def test_facts_are_shown_as_they_were(
    monkeypatch: pytest.MonkeyPatch, stored: object, shown: object, reason: str
) -> None:
    release, who = ready(campaign()), subject(birth_date=stored)
    monkeypatch.setattr(reexecution, "release_named", lambda digest: release)
    kept = Recorded(DecisionRecord(), Inputs(request(), who, NOON, ()), decided(release, who))

    told = explaining.explain(kept)

    assert told["facts"]["record"]["traits"]["birth_date"]["value"] == shown
    reasons = [each["reason"] for each in told["placements"][0]["candidates"]] or ["SELECTED"]
    assert reasons == [reason]


def test_one_campaign_is_told_what_would_have_changed_its_fate(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = {"v": 1, "rule": {"trait": "minutes", "op": "gte", "value": 100}}
    release, who = ready(campaign("student", rule=rule), campaign("rival", priority=1)), subject(minutes=20)
    monkeypatch.setattr(reexecution, "release_named", lambda digest: release)
    kept = Recorded(DecisionRecord(), Inputs(request(), who, NOON, ()), decided(release, who))

    told = explaining.explain(kept, campaign="student")["placements"][0]
    rival = explaining.explain(kept, campaign="rival")["placements"][0]

    assert told["smallest_change"] == {
        "campaign": "student",
        "changes": [
            {
                "kind": "trait",
                "name": "minutes",
                "from": 20,
                "to": 100,
                "sentence": "trait minutes is 100 instead of 20",
            }
        ],
    }
    assert "smallest_change" not in rival
    msgspec.convert(told, PlacementWhy)


def test_drawn_scores_come_from_the_part_of_the_pulse_that_the_record_names(db: None) -> None:
    body = {"items": ["one/hero"], "rows": [[900_000], [100_000]]}
    rows = parts.rows_of(body)
    PulsePart.objects.create(name="bandit:home", digest=rows.digest, body=body)
    inputs = Inputs(request(), None, NOON, ("one",), {"june|SE": 0}, ("codes",), {"home": rows.digest})
    release = ready(campaign())

    pulse = pulse_of(Recorded(DecisionRecord(), inputs, decided(release)))

    assert pulse.bandits == {"home": rows}
    assert (sorted(pulse.kills), pulse.budgets, sorted(pulse.empty_pools)) == (["one"], {"june|SE": 0}, ["codes"])
    with pytest.raises(ReleaseGone):
        pulse_of(Recorded(DecisionRecord(), Inputs(request(), None, NOON, bandits={"home": "2"}), decided(release)))
