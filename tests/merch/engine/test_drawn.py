"""Do strategies rank inside whole decisions, and is each recorded probability that of what really happens?"""

from __future__ import annotations

from collections import Counter
from math import sqrt
from typing import Any

import pytest
from msgspec.structs import replace

from merch.engine.clock import HOUR
from merch.engine.compiled import Release
from merch.engine.decide import decide
from merch.engine.document import (
    ArmDoc,
    BanditRows,
    CampaignDoc,
    DrawDoc,
    ExperimentDoc,
    HoldoutDoc,
    PlacementDoc,
    Pulse,
    RangeDoc,
    StrategyDoc,
)
from merch.engine.facts import Answer
from tests.merch.engine.documents import NOON, campaign, item, offer, only, ready, request, subject, with_offer

PEOPLE = 2_000
WEIGHTED, BANDIT = StrategyDoc(kind="WEIGHTED"), StrategyDoc(kind="BANDIT", floor=1_000)
ROWS = BanditRows(
    digest="rows", items=("a/hero", "b/hero", "c/hero"),
    rows=tuple((100 + 7 * (n % 13), 100 + 5 * (n % 17), 90 + 11 * (n % 11)) for n in range(1_000)),
)  # fmt: skip
PULSE = Pulse(bandits={"home": ROWS, "shelf": ROWS})
NOTHING = {"nothing": ArmDoc(nothing=True)}


def placements(strategy: StrategyDoc, **home: Any) -> dict[str, PlacementDoc]:
    plain = PlacementDoc(rank=10, format="hero", slots=1, max_age=300, strategy=strategy)
    return {"home": replace(plain, **home), "shelf": replace(plain, rank=20, slots=2)}


def experiment(key: str = "e", **changes: Any) -> ExperimentDoc:
    plain = ExperimentDoc(
        key=key, version=1, salt=f"salt:{key}", layer_salt="l", variants=(("a", 3), ("nothing", 5), ("b", 2)),
        ranges=(RangeDoc(start=0, end=10_000, start_at=0),),
    )  # fmt: skip
    return replace(plain, **changes)


def three(**of_a: Any) -> tuple[CampaignDoc, ...]:
    """a, b and c of weights 5, 3 and 2, and house content below them."""
    return (
        campaign("a", items=(item(weight=5, **of_a),)),
        campaign("b", items=(item(weight=3),)),
        campaign("c", items=(item(weight=2),)),
        campaign("house", tier="HOUSE"),
    )


def outcome(answer: Answer) -> tuple[tuple[str, str | None], float]:
    """What the first slot came to, and its recorded probability."""
    if not answer.slots:
        return ("", None), answer.propensity
    slot = answer.slots[0]
    return (slot.campaign, slot.variant), slot.propensity


def probabilities(release: Release) -> dict[tuple[str, str | None], float]:
    """Of each outcome that happened to any of the people: one probability, near to how often it did."""
    happened: Counter[tuple[str, str | None]] = Counter()
    said: dict[tuple[str, str | None], float] = {}
    for number in range(PEOPLE):
        came, probability = outcome(only(decide(release, PULSE, request(key=f"acc_{number}"), subject(), NOON)))
        assert said.setdefault(came, probability) == pytest.approx(probability, abs=1e-12)
        happened[came] += 1
    for came, probability in said.items():
        spread = sqrt(PEOPLE * probability * (1 - probability))
        assert abs(happened[came] - PEOPLE * probability) <= 4 * spread + 1e-9, (came, probability, happened[came])
    return said


@pytest.mark.parametrize(
    ("strategy", "campaigns", "more", "expected"),
    [
        pytest.param(WEIGHTED, three(), {}, {("a", None): 0.5, ("b", None): 0.3, ("c", None): 0.2}, id="weights"),
        pytest.param(
            WEIGHTED, three(experiment="e", arms=NOTHING), {"experiments": {"e": experiment()}},
            {
                ("a", "a"): 0.15, ("a", "b"): 0.1, ("b", None): 0.5 * 0.3 + 0.5 * 0.6,
                ("c", None): 0.5 * 0.2 + 0.5 * 0.4,
            },
            id="an-arm-that-shows-nothing-gives-its-share-to-the-others",
        ),
        pytest.param(BANDIT, three(), {}, None, id="bandit"),
        pytest.param(
            BANDIT, three(experiment="e", arms=NOTHING), {"experiments": {"e": experiment()}}, None,
            id="bandit-with-an-experiment",
        ),
        pytest.param(StrategyDoc(kind="FORMULA", formula="weight"), three(), {}, {("a", None): 1.0}, id="formula"),
        pytest.param(
            WEIGHTED, (*three(), campaign("quiet", items=(item(creative="", nothing=True, weight=10),))), {},
            {("a", None): 0.25, ("b", None): 0.15, ("c", None): 0.1, ("", None): 0.5}, id="nothing-competes-too",
        ),
        pytest.param(
            WEIGHTED, (campaign("top", tier="LIFECYCLE", items=(item(experiment="e", arms=NOTHING),)), *three()),
            {"experiments": {"e": experiment()}},
            {("top", "a"): 0.3, ("top", "b"): 0.2, ("a", None): 0.25, ("b", None): 0.15, ("c", None): 0.1},
            id="what-the-tier-above-left",
        ),
        pytest.param(
            WEIGHTED, (campaign("a", items=(item(experiment="e", arms=NOTHING),)),),
            {"experiments": {"e": experiment()}}, {("a", "a"): 0.3, ("a", "b"): 0.2, ("", None): 0.5}, id="empty-too",
        ),
    ],
)  # fmt: skip
def test_the_recorded_probabilities_of_a_slot_sum_to_one_and_are_how_often_it_happens(
    strategy: StrategyDoc, campaigns: tuple[CampaignDoc, ...], more: Any, expected: Any
) -> None:
    said = probabilities(ready(*campaigns, placements=placements(strategy), **more))

    assert sum(said.values()) == pytest.approx(1.0, abs=1e-9)
    assert expected is None or said == pytest.approx(expected)


def test_who_is_withheld_is_a_fact_and_no_chance() -> None:
    half = HoldoutDoc(
        key="h", scope="CAMPAIGN", scope_key="a", tiers=("COMMERCIAL",),
        draws=(DrawDoc(number=1, salt="h", size=5_000, start_at=0),),
    )  # fmt: skip
    release = ready(*three(), placements=placements(WEIGHTED), holdouts=(half,))

    found = {outcome(only(decide(release, PULSE, request(key=f"acc_{n}"), subject(), NOON))) for n in range(400)}

    assert {(came[0], round(probability, 9)) for came, probability in found} == {
        ("a", 0.5), ("b", 0.3), ("c", 0.2), ("b", 0.6), ("c", 0.4)
    }  # fmt: skip


def test_the_second_slot_is_drawn_among_those_that_the_first_left() -> None:
    shelf = tuple(replace(each, items=(replace(each.items[0], placement="shelf"),)) for each in three()[:3])
    release = ready(*shelf, placements=placements(WEIGHTED))
    weights = {"a": 5, "b": 3, "c": 2}

    for number in range(300):
        first, second = only(decide(release, PULSE, request("shelf", key=f"acc_{number}"), subject(), NOON)).slots
        assert first.propensity == pytest.approx(weights[first.campaign] / 10)
        assert second.propensity == pytest.approx(weights[second.campaign] / (10 - weights[first.campaign]))


def test_an_offer_that_an_earlier_placement_took_is_out_of_the_draw() -> None:
    home = with_offer("first", offer("one"), items=(item(offer="one@1", placement="home"),))
    again = with_offer("again", offer("one"), items=(item("s", offer="one@1", placement="shelf", weight=5),))
    other = campaign("other", items=(item("s", placement="shelf", weight=1),))
    release = ready(home, again, other, placements=placements(WEIGHTED))

    _, shelf = decide(release, PULSE, request("home", "shelf"), subject(), NOON).answers

    assert [(slot.campaign, slot.propensity) for slot in shelf.slots] == [("other", 1.0)]


def test_a_retry_in_the_same_draw_window_draws_the_same_and_the_next_window_anew() -> None:
    release = ready(*three(), placements=placements(WEIGHTED))

    def drawn(now: int) -> list[str]:
        people = [request(key=f"acc_{number}") for number in range(200)]
        return [outcome(only(decide(release, PULSE, asked, subject(), now)))[0][0] for asked in people]

    start = NOON // HOUR * HOUR
    assert drawn(start) == drawn(start + HOUR - 1)
    assert drawn(start) != drawn(start + HOUR)


# --- placement experiments -----------------------------------------------------------------------------------------

ARMS = {"weighted": WEIGHTED}
TEST = experiment("ranking", variants=(("own", 1), ("weighted", 1)))


def test_a_placement_experiment_ranks_each_arm_by_its_own_strategy_and_exposes_where_winners_differ() -> None:
    tested = placements(StrategyDoc(), experiment="ranking", arms=ARMS)
    release = ready(*three(), placements=tested, experiments={"ranking": TEST})
    shown: dict[str, Counter[str]] = {"own": Counter(), "weighted": Counter(), "": Counter()}

    for number in range(600):
        decision = decide(release, PULSE, request(key=f"acc_{number}"), subject(), NOON)
        arm = decision.exposures[0].arm if decision.exposures else ""
        shown[arm][only(decision).slots[0].campaign] += 1
        assert all(exposure.propensity == 0.5 and not exposure.ghost for exposure in decision.exposures)

    assert set(shown["own"]) == {"a"}  # which comes first by key
    assert set(shown["weighted"]) == {"b", "c"}  # where the lottery drew a, both arms show the same
    assert set(shown[""]) == {"a"}
    assert 0.4 < sum(shown[""].values()) / 600 < 0.6


def test_where_there_is_nothing_to_rank_nobody_is_exposed() -> None:
    tested = placements(StrategyDoc(), experiment="ranking", arms=ARMS)
    release = ready(campaign("a"), placements=tested, experiments={"ranking": TEST})

    assert not any(decide(release, PULSE, request(key=f"acc_{n}"), subject(), NOON).exposures for n in range(50))


def test_asking_what_the_other_arm_would_show_changes_nothing() -> None:
    inner = experiment("inner")
    tested = placements(StrategyDoc(), experiment="ranking", arms=ARMS)
    release = ready(
        *three(experiment="inner", arms=NOTHING), placements=tested, experiments={"ranking": TEST, "inner": inner}
    )

    for number in range(200):
        decision = decide(release, PULSE, request(key=f"acc_{number}"), subject(), NOON)
        tests = [exposure.test for exposure in decision.exposures]
        assert len(tests) == len(set(tests))
        assert decision == decide(release, PULSE, request(key=f"acc_{number}"), subject(), NOON)
