"""Is every decision in which chance had a part known as one that learning needs?"""

from __future__ import annotations

import pytest

from merch.engine.decide import decide
from merch.engine.document import PlacementDoc, Pulse, StrategyDoc
from merch.recording import randomised
from tests.merch.engine.documents import NOON, campaign, item, ready, request, subject


@pytest.mark.parametrize(
    ("kind", "others", "expected"),
    [("PRIORITY", 1, False), ("WEIGHTED", 1, True), ("WEIGHTED", 0, False), ("BANDIT", 1, False)],
)
def test_a_drawn_choice_is_randomised_where_it_might_have_been_another(kind: str, others: int, expected: bool) -> None:
    home = PlacementDoc(rank=10, format="hero", slots=1, max_age=300, strategy=StrategyDoc(kind=kind))
    rivals = [campaign(f"rival-{number}") for number in range(others)]

    decision = decide(
        ready(campaign(), *rivals, placements={"home": home}), Pulse(), request(), subject(), NOON
    )  # fmt: skip

    assert randomised(decision) is expected


def test_a_slot_that_a_draw_left_empty_is_randomised() -> None:
    home = PlacementDoc(rank=10, format="hero", slots=1, max_age=300, strategy=StrategyDoc(kind="WEIGHTED"))
    nothing = campaign("none", items=(item(nothing=True, weight=10**9),))

    decision = decide(ready(campaign(), nothing, placements={"home": home}), Pulse(), request(), subject(), NOON)

    assert decision.answers[0].slots == ()
    assert randomised(decision)
