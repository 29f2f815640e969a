"""Does what is kept of a decision come back as it was, and does one bad record leave the others alone?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from merch import metrics
from merch.engine.decide import decide
from merch.engine.document import CreativeDoc, Pulse
from merch.engine.facts import Asked, Subject
from merch.models import DecisionRecord
from merch.recording import Entry, Inputs, Recorder, pack_inputs, unpack_inputs
from tests.merch.engine.documents import NOON, campaign, ready, request, subject


def inputs(**changes: Any) -> Inputs:
    return replace(Inputs(request=request(), subject=subject(), now=NOON, kills=("one",)), **changes)


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(inputs(subject=None), id="a-record-that-could-not-be-read"),
        pytest.param(inputs(subject=Subject()), id="a-new-subject"),
        pytest.param(inputs(subject=subject(bits=1)), id="one-behaviour"),
        pytest.param(inputs(subject=subject(bits=1 << 63)), id="a-word-of-behaviours"),
        pytest.param(inputs(subject=subject(bits=1 << 64)), id="more-behaviours-than-fit-a-word"),
        pytest.param(inputs(subject=subject(bits=(1 << 3000) | 5)), id="thousands-of-behaviours"),
        pytest.param(inputs(request=request(Asked("home", 3), "shelf", prefetch=True)), id="slots-and-prefetch"),
        pytest.param(inputs(subject=subject(genre=["jazz", "pop"], minutes=-5)), id="sets-and-numbers"),
    ],
)
def test_inputs_come_back_as_they_were(kept: Inputs) -> None:
    assert unpack_inputs(pack_inputs(kept)) == kept


def entry(number: int, **fields: Any) -> Entry:
    creative = CreativeDoc(key="hero", format="hero", locales={"sv-SE": {"title": "Hej"} | fields})
    asked = request(decision_id=str(UUID(int=number)))
    decision = decide(ready(campaign(creatives={"hero": creative})), Pulse(), asked, subject(), NOON)
    return Entry(inputs(request=asked), decision)


def test_a_record_that_cannot_be_packed_costs_only_itself(transactional_db: None) -> None:
    before = metrics.DECISION_RECORDS_LOST._value.get()
    recorder = Recorder(follow=False)
    for each in (entry(1), entry(2, stars=10**30), entry(3)):
        recorder.record(each)

    recorder.flush()

    kept = DecisionRecord.objects.filter(decided_at=datetime(2026, 11, 22, 12, tzinfo=UTC))
    assert sorted(row.decision_id.int for row in kept) == [1, 3]
    assert metrics.DECISION_RECORDS_LOST._value.get() == before + 1
