"""Which exposures do the tokens of a call carry?"""

from __future__ import annotations

from msgspec.structs import replace

from merch.answering import body_of
from merch.engine.document import ArmDoc, DrawDoc, ExperimentDoc, HoldoutDoc, RangeDoc
from merch.tokens import verify
from tests.merch.engine.documents import campaign, decided, item, ready, request

EVERYBODY = RangeDoc(start=0, end=10_000, start_at=0)
COPY = ExperimentDoc(
    key="copy", version=1, salt="s", layer_salt="l", variants=(("nothing", 1),), ranges=(EVERYBODY,)
)  # fmt: skip
HERE, THERE, BOTH = "experiment|here", "experiment|there", "holdout|both"
NOBODY_HELD = HoldoutDoc(
    key="both", scope="GLOBAL", tiers=("COMMERCIAL",), draws=(DrawDoc(number=1, salt="h", size=0, start_at=0),)
)


def carried(*, prefetch: bool) -> dict[str, list[set[str]]]:
    """placement -> the tests named by its own token, then by each slot's."""
    nothing = {"nothing": ArmDoc(nothing=True)}
    release = ready(
        campaign("a", priority=90, items=(item(experiment="here", arms=nothing),)),
        campaign("b", priority=90, items=(item(placement="shelf", experiment="there", arms=nothing),)),
        campaign("c", items=(item(), item("s", placement="shelf"))),
        experiments={key: replace(COPY, key=key) for key in ("here", "there")},
        holdouts=(NOBODY_HELD,),
    )  # fmt: skip
    asked = request("home", "shelf", prefetch=prefetch)

    placements = body_of(decided(release, None, asked), asked)["placements"]

    return {
        name: [
            {test for test, *_ in verify(token).exposures}
            for token in (body["token"], *(slot["token"] for slot in body["slots"]))
        ]
        for name, body in placements.items()
    }


def test_a_placements_own_token_carries_what_it_tested_and_no_more() -> None:
    assert carried(prefetch=False) == {"home": [{HERE, BOTH}, set()], "shelf": [{THERE, BOTH}, set()]}


def test_of_a_prefetched_call_every_token_carries_what_its_placement_tested() -> None:
    assert carried(prefetch=True) == {"home": [{HERE, BOTH}] * 2, "shelf": [{THERE, BOTH}] * 2}


def test_the_decision_itself_has_each_exposure_once() -> None:
    release = ready(
        campaign("c", items=(item(), item("s", placement="shelf"))), holdouts=(NOBODY_HELD,)
    )  # fmt: skip

    decision = decided(release, None, request("home", "shelf"))

    assert [each.test for each in decision.exposures] == [BOTH]
    assert [answer.tests for answer in decision.answers] == [(BOTH,), (BOTH,)]
