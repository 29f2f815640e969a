"""Does one person get one story: pins, grants, exclusive categories, budgets, and slots left empty on purpose?"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from audiences.hashing import bucket
from merch.engine.clock import DAY, HOUR
from merch.engine.decide import decide
from merch.engine.document import (
    ArmDoc,
    BudgetDoc,
    CapDoc,
    CreativeDoc,
    DrawDoc,
    ExperimentDoc,
    HoldoutDoc,
    OfferDoc,
    PriceDoc,
    Pulse,
    RangeDoc,
    TermsDoc,
)
from merch.engine.facts import Answer, Decision, GrantFact, HistoryCell, PinFact, Subject, SuppressionFact
from tests.merch.engine.documents import (
    LIST_PRICE,
    NOON,
    campaign,
    decided,
    item,
    offer,
    only,
    ready,
    reason,
    request,
    subject,
    with_offer,
)

NOBODY = {"v": 1, "rule": {"any": []}}
ONE_EVER = CapDoc(scope="CAMPAIGN", event="impression", limit=1)
SEEN_ONCE = {"campaign|trial|impression": HistoryCell(1, NOON - DAY, NOON - DAY, (NOON - DAY,), (0,))}


def pinned(**changes: Any) -> Subject:
    pin = PinFact(
        campaign="trial", item="hero", offer="trial@1", start=NOON - HOUR, end=NOON + 71 * HOUR, price_id=LIST_PRICE.id,
        plan_group="main",
    )  # fmt: skip
    return subject(SEEN_ONCE, {"pins": {"campaign|trial": replace(pin, **changes)}})


def half() -> OfferDoc:
    return offer("half", mechanic="DISCOUNT_N_CYCLES", terms=TermsDoc(percent_off=50, cycles=3))


def places(decision: Decision) -> dict[str, list[str]]:
    return {answer.placement: [slot.campaign for slot in answer.slots] for answer in decision.answers}


# --- pins ----------------------------------------------------------------------------------------------------------


def test_a_pinned_offer_goes_before_all_others_of_its_tier_and_ignores_targeting_caps_and_rank() -> None:
    release = ready(
        with_offer("trial", priority=1, rule=NOBODY, caps=(ONE_EVER,)), campaign("loud", priority=99), with_offer(
            "half", half(), priority=90
        ),
    )  # fmt: skip

    assert [slot.campaign for slot in only(decided(release, pinned())).slots] == ["trial"]
    assert [slot.campaign for slot in only(decided(release, subject(SEEN_ONCE))).slots] == ["loud"]


def test_another_offer_of_the_same_plans_is_pinned_elsewhere() -> None:
    release = ready(
        with_offer("trial", priority=1), with_offer("half", half(), priority=90), campaign("plain", tier="HOUSE")
    )

    assert reason(decided(release, pinned()), "half") == "PINNED_ELSEWHERE"


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        pytest.param({"start": NOON, "end": NOON + 1}, "trial", id="its-start-belongs-to-it"),
        pytest.param({"end": NOON}, "half", id="its-end-does-not"),
        pytest.param({"start": NOON + 1}, "half", id="not-begun"),
    ],
)
def test_a_pin_holds_from_its_start_until_its_end(changes: dict[str, int], shown: str) -> None:
    release = ready(with_offer("trial", priority=1), with_offer("half", half(), priority=90))

    assert [slot.campaign for slot in only(decided(release, pinned(**changes))).slots] == [shown]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"ends": "2026-11-22T13:00:00"}, "OUT_OF_SCHEDULE", id="flight-over"),
        pytest.param({"markets": ("NO",)}, "NOT_IN_MARKET", id="not-sold-here"),
        pytest.param({"budgets": ("b",)}, "BUDGET_EXHAUSTED", id="nothing-left"),
    ],
)
def test_every_other_row_still_loses(changes: dict[str, Any], code: str) -> None:
    release = ready(with_offer("trial", **changes), budgets={"b": BudgetDoc(key="b")})
    decision = decide(release, Pulse(budgets={"b|": 0}), request(), pinned(), NOON, explain=True)

    assert reason(decision, "trial") == code


def test_the_pin_of_a_killed_campaign_holds_nobody() -> None:
    release = ready(with_offer("trial"), with_offer("half", half(), priority=1))

    killed = decided(release, pinned(), kills=("trial",))

    assert reason(killed, "trial") == "KILLED"
    assert reason(killed, "half") == "SELECTED"


def test_a_pinned_price_outlives_a_change_of_price() -> None:
    old = replace(LIST_PRICE, end=NOON - 1)
    new = PriceDoc(id=77, amount=14_900, period="P1M", start=NOON - 1)
    release = ready(with_offer("trial"), prices={"premium": {"SE": (old, new)}})

    (held,) = only(decided(release, pinned())).slots
    (fresh,) = only(decided(release)).slots

    assert held.quote
    assert fresh.quote
    assert (held.quote.then, held.quote.price_id) == (LIST_PRICE.amount, LIST_PRICE.id)
    assert held.quote.expires_at == NOON + 71 * HOUR
    assert (fresh.quote.then, fresh.quote.price_id) == (14_900, 77)


def test_what_a_first_impression_will_pin_says_so_and_keeps_its_quote_as_long() -> None:
    release = ready(with_offer("trial", pin=72 * HOUR))

    (slot,) = only(decided(release)).slots

    assert (slot.pin, slot.pinned_until) == ("campaign|trial", NOON + 72 * HOUR)
    assert slot.quote
    assert slot.quote.expires_at == NOON + 72 * HOUR


def test_a_pin_stands_in_every_placement_of_the_call() -> None:
    both = with_offer("trial", items=(item("hero", offer="trial@1"), item("shelf", placement="shelf", offer="trial@1")))
    release = ready(both, with_offer("half", half(), priority=90))

    assert places(decided(release, pinned(), request("home", "shelf"))) == {"home": ["trial"], "shelf": ["trial"]}


def test_nobody_is_withheld_from_what_is_pinned_and_it_is_not_learnt_from() -> None:
    everybody = HoldoutDoc(
        key="all", scope="GLOBAL", tiers=("COMMERCIAL",), draws=(DrawDoc(number=1, salt="s", size=10_000, start_at=0),)
    )
    release = ready(with_offer("trial"), holdouts=(everybody,))

    (slot,) = only(decided(release, pinned())).slots

    assert (slot.propensity, slot.learnable) == (1.0, False)
    assert reason(decided(release), "trial") == "HOLDOUT_GLOBAL"


# --- grants --------------------------------------------------------------------------------------------------------


def granted(**changes: Any) -> dict[str, Any]:
    return {
        "grants": (replace(GrantFact(key="goodwill", offer="trial", start=NOON - HOUR, end=NOON + HOUR), **changes),),
        "suppressions": (SuppressionFact("case", ("COMMERCIAL",), NOON - HOUR),),
    }


def test_a_grant_passes_suppression_targeting_and_the_offers_rule_and_nothing_else() -> None:
    sold = offer(rule=NOBODY)
    release = ready(with_offer("trial", sold, rule=NOBODY))

    assert reason(decided(release, subject(record=granted())), "trial") == "SELECTED"
    assert reason(decided(release, subject(record=granted(end=NOON))), "trial") == "SUPPRESSED"
    assert reason(decided(release, subject(record=granted(offer="other"))), "trial") == "SUPPRESSED"
    assert reason(decided(release, subject(record=granted()), kills=("trial",)), "trial") == "KILLED"


def test_a_granted_amount_lowers_the_first_price_and_never_raises_it() -> None:
    release = ready(with_offer("half", half()))

    def first(**changes: Any) -> tuple[int, int | None, int | None]:
        grant = granted(offer="half", **changes) | {"suppressions": ()}
        (slot,) = only(decided(release, subject(record=grant))).slots
        assert slot.quote
        return slot.quote.amount, slot.quote.then, slot.quote.saving

    assert first() == (5_950, 11_900, 17_850)
    assert first(amount=4_900, currency="SEK") == (4_900, 11_900, 18_900)
    assert first(amount=9_900, currency="SEK") == (5_950, 11_900, 17_850)
    assert first(amount=4_900, currency="EUR") == (5_950, 11_900, 17_850)


# --- categories ----------------------------------------------------------------------------------------------------


def acquisition(key: str, terms: TermsDoc, mechanic: str = "INTRO_PRICE") -> OfferDoc:
    return offer(key, mechanic=mechanic, terms=terms, category="acquisition")


MONTH_FREE = acquisition("month", TermsDoc(free_period="P1M"), "TRIAL")
THREE_FOR_ONE = acquisition("three", TermsDoc(amounts={"SE": 11_900}, cycles=3))
TWO_FREE_OF_TWELVE = acquisition("year", TermsDoc(amounts={"SE": 119_000}, cycles=12), "PREPAID")


def test_an_exclusive_category_competes_at_its_best_members_rank_and_shows_the_cheapest_over_12_months() -> None:
    release = ready(
        with_offer("month", MONTH_FREE, priority=90), campaign("between", priority=50), with_offer(
            "three", THREE_FOR_ONE, priority=10
        ),
    )  # fmt: skip
    decision = decided(release)

    assert reason(decision, "three") == "SELECTED"
    assert reason(decision, "month") == "EXCLUDED_BY_CATEGORY"
    assert reason(decision, "between") == "OUTRANKED"


def test_equally_cheap_the_longer_goes_first() -> None:
    release = ready(
        with_offer("three", THREE_FOR_ONE, priority=90), with_offer("year", TWO_FREE_OF_TWELVE, priority=10)
    )

    assert reason(decided(release), "year") == "SELECTED"


def test_the_next_of_a_category_only_if_the_cheaper_is_blocked_or_withheld() -> None:
    arm = {"nothing": ArmDoc(nothing=True)}
    test = ExperimentDoc(
        key="e", version=1, salt="s", layer_salt="l", variants=(("nothing", 1),),
        ranges=(RangeDoc(start=0, end=10_000, start_at=0),),
    )  # fmt: skip
    three = with_offer("three", THREE_FOR_ONE, items=(item(offer="three@1", experiment="e", arms=arm),))
    month = with_offer("month", MONTH_FREE, priority=1)

    assert reason(decided(ready(three, month, experiments={"e": test})), "month") == "SELECTED"
    assert reason(decided(ready(three, month, experiments={"e": test}), kills=("three",)), "month") == "SELECTED"


def test_in_one_call_a_category_is_shown_once() -> None:
    release = ready(
        with_offer("three", THREE_FOR_ONE), with_offer(
            "month", MONTH_FREE, items=(item("shelf", placement="shelf", offer="month@1"),)
        ),
    )  # fmt: skip
    decision = decided(release, asked=request("home", "shelf"))

    assert places(decision) == {"home": ["three"], "shelf": []}
    assert [loss.reason for answer in decision.answers for loss in answer.losses] == ["EXCLUDED_BY_CATEGORY"]


# --- budgets -------------------------------------------------------------------------------------------------------

HOLIDAY = {"holiday": BudgetDoc(key="holiday", per_market=True)}


@pytest.mark.parametrize(
    ("budgets", "code"),
    [
        pytest.param({}, "SELECTED", id="nothing-said-is-open"),
        pytest.param({"holiday|DE": 0}, "SELECTED", id="another-market"),
        pytest.param({"holiday|SE": 0}, "BUDGET_EXHAUSTED", id="exhausted-here"),
        pytest.param({"holiday|SE": 10_000}, "SELECTED", id="everybody-let-in"),
    ],
)
def test_a_budget_is_asked_in_the_billing_market(budgets: dict[str, int], code: str) -> None:
    release = ready(campaign(budgets=("holiday",)), budgets=HOLIDAY)

    assert reason(decide(release, Pulse(budgets=budgets), request(), subject(), NOON, explain=True)) == code


def test_a_paced_budget_lets_in_its_share_of_each_hour_and_a_retry_gets_the_same() -> None:
    release = ready(campaign(budgets=("holiday",)), budgets=HOLIDAY)
    pulse = Pulse(budgets={"holiday|SE": 3_000})

    def let_in(now: int) -> set[str]:
        who = [f"acc_{number}" for number in range(2_000)]
        return {
            key
            for key in who
            if reason(decide(release, pulse, request(key=key), subject(), now, explain=True)) == "SELECTED"
        }

    first = let_in(NOON)
    expected = {
        f"acc_{number}" for number in range(2_000) if bucket(f"pace:holiday:{NOON // HOUR}", f"acc_{number}") < 3_000
    }

    assert first == expected == let_in(NOON + HOUR - 1)
    assert 540 < len(first) < 660
    assert let_in(NOON + HOUR) != first


def test_an_empty_pool_of_codes_stops_its_offers() -> None:
    release = ready(with_offer("trial", offer(pool="partner")))

    empty = decide(release, Pulse(empty_pools=frozenset({"partner"})), request(), subject(), NOON, explain=True)

    assert reason(empty, "trial") == "BUDGET_EXHAUSTED"
    assert reason(decided(release), "trial") == "SELECTED"


# --- showing nothing -----------------------------------------------------------------------------------------------


def silence(key: str = "quiet", **changes: Any) -> Any:
    return campaign(key, **({"items": (item(creative="", nothing=True),), "creatives": {}} | changes))


def test_where_nothing_wins_the_slot_stays_empty_and_no_house_content_follows() -> None:
    release = ready(
        silence(priority=60), campaign("offer", priority=50), campaign("house", tier="HOUSE"), campaign(
            "last", tier="HOUSE", fallback=True
        ),
    )  # fmt: skip
    answer = only(decided(release))

    assert (answer.reason, answer.slots) == ("EMPTY", ())
    assert {loss.campaign: loss.reason for loss in answer.losses} == {
        "offer": "OUTRANKED", "house": "OUTRANKED", "last": "OUTRANKED"
    }  # fmt: skip


def test_it_leaves_one_slot_of_several_empty() -> None:
    shelf = {"items": (item("shelf", placement="shelf"),)}
    quiet = silence(priority=60, items=(item("shelf", placement="shelf", creative="", nothing=True),))
    release = ready(quiet, campaign("a", **shelf), campaign("b", **shelf), campaign("c", **shelf))

    assert places(decided(release, asked=request("shelf"))) == {"shelf": ["a", "b"]}


# --- what goes wrong -----------------------------------------------------------------------------------------------


def test_what_cannot_be_composed_costs_its_own_candidate_the_slot() -> None:
    fields: dict[str, Any] = {"title": "{price}"}
    own = CreativeDoc(key="own", format="hero", locales={"sv-SE": fields})
    at_full_price = offer(mechanic="UPGRADE", terms=TermsDoc())
    release = ready(with_offer("broken", at_full_price, priority=90, creatives={"hero": own}), campaign("next"))
    fields["title"] = "{then}"  # behind the back of what was compiled

    decision = decided(release)

    assert reason(decision, "next") == "SELECTED"
    assert reason(decision, "broken") == "CONTENT_MISSING"
    assert decision.errors == ("broken/hero: KeyError",)


def test_a_record_that_nothing_can_be_made_of_answers_error_by_name() -> None:
    broken = Subject(record=replace(subject().record, pins={"campaign|trial": "no pin"}))

    decision = decide(ready(campaign()), Pulse(), request("home", "elsewhere"), broken, NOON)

    assert [answer.reason for answer in decision.answers] == ["ERROR", "ERROR"]
    assert decision.errors == ("AttributeError",)


def test_an_error_in_one_placement_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = campaign("shelf", items=(item("shelf", placement="shelf"),))
    release = ready(campaign(), shelf)
    plan = release.placements["home"]
    broken = dict(release.placements) | {"home": plan._replace(tiers={})}
    monkeypatch.setattr(release, "placements", broken)

    decision = decided(release, asked=request("home", "shelf"))

    assert {answer.placement: answer.reason for answer in decision.answers} == {"home": "ERROR", "shelf": "SELECTED"}
    assert decision.errors == ("home: KeyError",)


# --- propensity ----------------------------------------------------------------------------------------------------


def three_arms(**changes: Any) -> ExperimentDoc:
    plain = ExperimentDoc(
        key="e", version=1, salt="s", layer_salt="l", variants=(("a", 3), ("b", 2), ("nothing", 5)),
        ranges=(RangeDoc(start=0, end=10_000, start_at=0),),
    )  # fmt: skip
    return replace(plain, **changes)


ARMS = {"nothing": ArmDoc(nothing=True)}


def outcomes(release: Any, **asked: Any) -> dict[tuple[str, str | None], float]:
    """The recorded probability of each outcome that any of 500 subjects came to."""
    found: dict[tuple[str, str | None], float] = {}
    for number in range(500):
        answer: Answer = only(decided(release, asked=request(key=f"acc_{number}", **asked)))
        said = {(slot.campaign, slot.variant): slot.propensity for slot in answer.slots} or {
            ("", None): answer.propensity
        }
        for outcome, probability in said.items():
            assert found.setdefault(outcome, probability) == probability
    return found


def test_probabilities_over_all_outcomes_of_a_slot_sum_to_one_empty_too() -> None:
    tested = campaign("tested", items=(item(experiment="e", arms=ARMS),), priority=90)

    alone = outcomes(ready(tested, experiments={"e": three_arms()}))
    with_house = outcomes(ready(tested, campaign("house", tier="HOUSE"), experiments={"e": three_arms()}))

    assert alone == {("tested", "a"): 0.3, ("tested", "b"): 0.2, ("", None): 0.5}
    assert with_house == {("tested", "a"): 0.3, ("tested", "b"): 0.2, ("house", None): 0.5}


def test_an_experiment_shared_by_two_candidates_is_drawn_once() -> None:
    one = campaign("one", items=(item(experiment="e", arms=ARMS),), priority=90)
    two = campaign("two", items=(item(experiment="e", arms={"a": ArmDoc(nothing=True)}),), priority=50)

    assert outcomes(ready(one, two, experiments={"e": three_arms()})) == {
        ("one", "a"): 0.3, ("one", "b"): 0.2, ("two", "nothing"): 0.5
    }  # fmt: skip


def test_given_what_an_earlier_placement_showed_the_arm_is_no_chance_any_more() -> None:
    tested = campaign(
        "tested", items=(item(experiment="e", arms=ARMS), item("shelf", placement="shelf", experiment="e", arms=ARMS))
    )
    decision = decided(
        ready(tested, experiments={"e": three_arms(variants=(("a", 3), ("b", 2)))}), asked=request("home", "shelf")
    )

    assert [slot.propensity for answer in decision.answers for slot in answer.slots] == [
        {"a": 0.6, "b": 0.4}[str(decision.answers[0].slots[0].variant)], 1.0
    ]  # fmt: skip
