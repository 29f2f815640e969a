"""Does what is kept of a decision come back as it was, and does one bad record leave the others alone?"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from audiences.hashing import bucket
from audiences.moments import moment
from audiences.people import MOST_TRAITS
from merch import metrics
from merch.api.rest.limits import ASKED_BYTES
from merch.engine.decide import decide
from merch.engine.document import CapDoc, CreativeDoc, Pulse
from merch.engine.facts import Asked, HistoryCell, Subject
from merch.inputs import MOST_BYTES, Entry, Inputs, inputs_of, pack_inputs, unpack_decision, unpack_inputs
from merch.intake.receiving import RECORD_BOUND
from merch.models import DecisionRecord
from merch.recording import Recorder, write
from merch.subjects.packing import packed_size
from tests.merch.engine.documents import CONTEXTS, NOON, campaign, ready, request, subject

NOON_DAY = date(2026, 11, 22)


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
        pytest.param(
            inputs(kills=(), budgets={"june|SE": 0}, empty_pools=("codes",), bandits={"home": "sha256:1"}), id="pulse"
        ),
        pytest.param(inputs(subject=subject(genre="x" * 5_000)), id="large-enough-to-be-squeezed"),
    ],
)
def test_inputs_come_back_as_they_were(kept: Inputs) -> None:
    assert unpack_inputs(pack_inputs(kept)) == kept


def entry(number: int, **fields: Any) -> Entry:
    creative = CreativeDoc(key="hero", format="hero", locales={"sv-SE": {"title": "Hej"} | fields})
    asked = request(decision_id=str(UUID(int=number)))
    release, who = ready(campaign(creatives={"hero": creative})), subject()
    return Entry(release, Pulse(), asked, who, decide(release, Pulse(), asked, who, NOON))


def test_a_record_that_cannot_be_packed_costs_only_itself(transactional_db: None) -> None:
    before = metrics.DECISION_RECORDS_LOST._value.get()
    recorder = Recorder(follow=False)
    for each in (entry(1), entry(2, stars=10**30), entry(3)):
        recorder.record(each)

    recorder.flush()

    kept = DecisionRecord.objects.filter(decided_at=datetime(2026, 11, 22, 12, tzinfo=UTC))
    assert sorted(row.decision_id.int for row in kept) == [1, 3]
    assert metrics.DECISION_RECORDS_LOST._value.get() == before + 1


@pytest.mark.parametrize("key", ["plain", "back\\slash", "\\N", "\\.", "ünï 'quoted' \"x\""])
def test_a_record_comes_back_whoever_it_is_about(transactional_db: None, key: str) -> None:
    asked = request(decision_id=str(UUID(int=7)), key=key)
    release, who = ready(campaign()), subject(genre=key)
    decision = decide(release, Pulse(), asked, who, NOON + 1)

    write([Entry(release, Pulse(), asked, who, decision)])

    row = DecisionRecord.objects.get(decision_id=UUID(int=7))
    assert (row.subject, row.day, row.decided_at) == (f"a:{key}", NOON_DAY, moment(NOON + 1))
    assert (row.release, row.pulse, row.randomised) == (release.digest, 0, False)
    assert unpack_inputs(bytes(row.inputs)).request.key == key
    assert unpack_decision(bytes(row.result)) == decision


def test_what_the_doors_let_in_fits_into_ten_kilobytes() -> None:
    """A call and traits of nothing but chance, and a history as long as it may get."""
    noise = "".join(chr(33 + bucket("noise", str(each)) % 90) for each in range(6_000))
    rule = {"all": [{"trait": "genre", "op": "ne", "value": "x"}, {"ctx": "screen", "op": "ne", "value": "x"}]}
    caps = tuple(CapDoc(scope="CAMPAIGN", event=f"event-{each}", limit=1) for each in range(40))
    release = ready(campaign(rule={"v": 1, "rule": rule}, caps=caps), contexts=CONTEXTS | {"screen": "string"})
    instants = tuple(sorted(NOON - bucket("instant", str(each)) * 1_234_567 for each in range(9)))
    cells = {f"campaign|one|event-{each}": HistoryCell(9, instants[0], NOON, instants, (7,) * 9) for each in range(30)}
    who = subject(cells, bits=(1 << 800) | 1, genre=noise[:MOST_TRAITS])
    asked = request(context={"screen": noise[MOST_TRAITS:][: ASKED_BYTES - 150]})
    size = packed_size(who.record)

    packed = pack_inputs(inputs_of(Entry(release, Pulse(), asked, who, decide(release, Pulse(), asked, who, NOON))))

    assert RECORD_BOUND * 0.95 < size <= RECORD_BOUND
    assert unpack_inputs(packed).subject is not None
    assert len(packed) <= MOST_BYTES
