"""Which rows are fallbacks asked, and does everybody carry the first code that holds?"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from merch.engine.decide import decide
from merch.engine.document import ArmDoc, CapDoc, CreativeDoc, DrawDoc, ExperimentDoc, HoldoutDoc, Pulse, RangeDoc
from merch.engine.facts import HistoryCell, SuppressionFact
from tests.merch.engine.documents import (
    HERO,
    NOON,
    campaign,
    decided,
    item,
    only,
    ready,
    reason,
    request,
    subject,
    with_offer,
)

HOUSE = campaign("house", tier="HOUSE", fallback=True)
NOBODY = {"v": 1, "rule": {"any": []}}
EVERYBODY = HoldoutDoc(
    key="all",
    scope="GLOBAL",
    tiers=("HOUSE", "COMMERCIAL"),
    draws=(DrawDoc(number=1, salt="h", size=10_000, start_at=0),),
)
ONE_EVER = CapDoc(scope="CAMPAIGN", event="impression", limit=1)
SHOWN = {"campaign|house|impression": HistoryCell(1, 1, 1, (1,), (0,))}
COPY = ExperimentDoc(
    key="copy", version=1, salt="s", layer_salt="l", variants=(("loud", 1),),
    ranges=(RangeDoc(start=0, end=10_000, start_at=0),),
)  # fmt: skip


def test_fallbacks_skip_rule_and_caps() -> None:
    assert reason(decided(ready(replace(HOUSE, rule=NOBODY))), "house") == "FALLBACK"
    assert reason(decided(ready(replace(HOUSE, caps=(ONE_EVER,))), subject(SHOWN)), "house") == "FALLBACK"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"starts": "2030-01-01T00:00:00"}, "OUT_OF_SCHEDULE", id="flight"),
        pytest.param({"markets": ("NO",)}, "NOT_IN_MARKET", id="market"),
        pytest.param({"creatives": {"hero": replace(HERO, format="card")}}, "FORMAT_MISMATCH", id="format"),
        pytest.param({"creatives": {"hero": replace(HERO, locales={"de": {}})}}, "LOCALE_MISSING", id="locale"),
    ],
)
def test_fallbacks_are_asked_every_other_row(changes: dict[str, object], code: str) -> None:
    assert reason(decided(ready(replace(HOUSE, **changes))), "house") == code


def test_fallbacks_are_suppressed_and_withheld_like_the_others() -> None:
    case = SuppressionFact("case", ("HOUSE",), NOON - 1, None)

    assert reason(decided(ready(HOUSE), subject(record={"suppressions": (case,)})), "house") == "SUPPRESSED"

    decision = decided(ready(HOUSE, holdouts=(EVERYBODY,)))

    assert reason(decision, "house") == "HOLDOUT_GLOBAL"
    assert [(each.test, each.ghost) for each in decision.exposures] == [("holdout|all", True)]


def test_fallbacks_enter_experiments() -> None:
    loud = CreativeDoc(key="loud", format="hero", locales={"sv-SE": {"title": "HEJ"}})
    shown = replace(
        HOUSE,
        items=(item(experiment="copy", arms={"loud": ArmDoc(creative="loud")}),),
        creatives={"hero": HERO, "loud": loud},
        caps=(ONE_EVER,),
    )

    decision = decided(ready(shown, experiments={"copy": COPY}), subject(SHOWN))

    (slot,) = only(decision).slots
    assert (only(decision).reason, slot.variant, slot.fields) == ("FALLBACK", "loud", {"title": "HEJ"})
    assert [each.test for each in decision.exposures] == ["experiment|copy"]


def test_the_next_fallback_takes_the_place_of_one_that_lost() -> None:
    release = ready(HOUSE, replace(HOUSE, key="second", priority=1), replace(HOUSE, key="third", priority=0))

    decision = decided(release, kills=("house",))

    assert [reason(decision, key) for key in ("house", "second", "third")] == ["KILLED", "FALLBACK", "OUTRANKED"]


def test_who_came_too_late_still_carries_the_first_code_that_holds() -> None:
    release = ready(
        with_offer("a", priority=90), with_offer("b"), campaign("c", rule=NOBODY), campaign("d"),
        HOUSE, replace(HOUSE, key="killed"),
    )  # fmt: skip

    decision = decided(release, kills=("killed",))

    assert {key: reason(decision, key) for key in ("a", "b", "c", "d", "house", "killed")} == {
        "a": "SELECTED",
        "b": "DUPLICATE_OFFER",
        "c": "TARGETING_MISS",
        "d": "OUTRANKED",
        "house": "OUTRANKED",
        "killed": "KILLED",
    }


def test_serving_names_a_fallback_that_was_withheld() -> None:
    served = decide(ready(HOUSE, holdouts=(EVERYBODY,)), Pulse(), request("home"), subject(), NOON)

    assert [(loss.campaign, loss.reason) for loss in only(served).losses] == [("house", "HOLDOUT_GLOBAL")]
