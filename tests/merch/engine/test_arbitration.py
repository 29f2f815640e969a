"""Who wins a slot among those who may, what is withheld, and what does the answer carry?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from audiences.hashing import bucket
from merch.engine.clock import DAY
from merch.engine.composing import money_text
from merch.engine.decide import decide
from merch.engine.document import (
    ArmDoc,
    CapDoc,
    CreativeDoc,
    DrawDoc,
    ExperimentDoc,
    HoldoutDoc,
    MoneyDoc,
    OfferDoc,
    PriceDoc,
    Pulse,
    RangeDoc,
    TermsDoc,
)
from merch.engine.facts import Answer, Asked, Decision
from tests.merch.engine.documents import (
    HERO,
    HOUR,
    KRONOR,
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

MINUTE = HOUR // 60


def winners(answer: Answer) -> list[str]:
    return [slot.campaign for slot in answer.slots]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"tier": "SERVICE", "priority": 1}, {"tier": "COMMERCIAL", "priority": 99}, id="tier-first"),
        pytest.param({"priority": 60}, {"priority": 50}, id="then-priority"),
        pytest.param({"starts": "2026-01-01T00:00:00"}, {"starts": "2026-02-01T00:00:00"}, id="then-the-earlier-start"),
    ],
)
def test_the_written_order(one: dict[str, Any], other: dict[str, Any]) -> None:
    release = ready(campaign("z-first", **one), campaign("a-second", **other))

    decision = decided(release)

    assert winners(only(decision)) == ["z-first"]
    assert reason(decision, "a-second") == "OUTRANKED"


def test_equals_are_ordered_by_key() -> None:
    assert winners(only(decided(ready(campaign("b"), campaign("a"))))) == ["a"]


def test_the_order_of_the_request_does_not_matter() -> None:
    sold = with_offer("sold", items=(item("h", offer="trial@1"), item("s", placement="shelf", offer="trial@1")))
    release = ready(sold)

    there = decided(release, None, request("home", "shelf"))
    back = decided(release, None, request("shelf", "home"))

    assert {a.placement: winners(a) for a in there.answers} == {"home": ["sold"], "shelf": []}
    assert {a.placement: winners(a) for a in back.answers} == {"home": ["sold"], "shelf": []}
    assert [a.placement for a in back.answers] == ["shelf", "home"]


def test_slots_fill_in_order_and_an_offer_is_shown_once_per_call() -> None:
    other = offer("other")
    release = ready(
        with_offer("a", items=(item(placement="shelf", offer="trial@1"),)),
        with_offer("b", items=(item(placement="shelf", offer="trial@1"),)),
        with_offer("c", sold=other, items=(item(placement="shelf", offer="other@1"),)),
    )

    answer = only(decided(release, None, request("shelf")))

    assert winners(answer) == ["a", "c"]
    assert [(loss.campaign, loss.reason) for loss in answer.losses] == [("b", "DUPLICATE_OFFER")]


def test_asking_for_fewer_slots_fills_fewer() -> None:
    release = ready(*(campaign(key, items=(item(placement="shelf"),)) for key in "abc"))

    assert winners(only(decided(release, None, request(Asked("shelf", 2))))) == ["a", "b"]


def test_an_unknown_placement_and_an_empty_one() -> None:
    decision = decided(ready(), None, request("nowhere", "home"))

    assert [answer.reason for answer in decision.answers] == ["UNKNOWN_PLACEMENT", "EMPTY"]


FREE = {"v": 1, "rule": {"trait": "subscription_state", "op": "eq", "value": "FREE"}}
HOUSE = campaign("house", tier="HOUSE", fallback=True, rule={"v": 1, "rule": {"any": []}})


def test_a_fallback_skips_targeting_only_when_nobody_else_won() -> None:
    assert reason(decided(ready(HOUSE)), "house") == "FALLBACK"
    assert reason(decided(ready(HOUSE, campaign("paid"))), "house") == "OUTRANKED"
    assert reason(decided(ready(HOUSE), kills=("house",)), "house") == "KILLED"


def test_a_fallback_needs_no_record_for_what_it_is_not_asked() -> None:
    capped = replace(HOUSE, rule=FREE, caps=(CapDoc(scope="CAMPAIGN", event="impression", limit=1),))
    shared = CapDoc(scope="ALL", event="impression", limit=20, window=DAY)

    decision = decided(ready(capped, shared_caps=(shared,)), unreadable=True)

    assert reason(decision, "house") == "FALLBACK"


def test_serving_names_only_those_who_had_earned_the_slot() -> None:
    release = ready(with_offer("a", items=(item(), item("s", placement="shelf", offer="trial@1"))), campaign("b"))

    served = decide(release, Pulse(), request("home"), subject(), NOON)

    assert only(served).losses == ()


# --- holdouts ------------------------------------------------------------------------------------------------

DRAW = DrawDoc(number=1, salt="holdout:2026Q4", size=10_000, start_at=0)
EVERYBODY = HoldoutDoc(key="all", scope="GLOBAL", tiers=("COMMERCIAL", "LIFECYCLE"), draws=(DRAW,))
NOBODY = replace(EVERYBODY, draws=(replace(DRAW, size=0),))


def exposures(decision: Decision) -> list[tuple[str, str, bool]]:
    return [(each.test, each.arm, each.ghost) for each in decision.exposures]


def test_a_held_out_subject_gives_the_slot_to_the_next_and_leaves_a_ghost() -> None:
    release = ready(campaign("sold"), campaign("house", tier="HOUSE"), holdouts=(EVERYBODY,))

    decision = decided(release)

    assert reason(decision, "sold") == "HOLDOUT_GLOBAL"
    assert winners(only(decision)) == ["house"]
    assert exposures(decision) == [("holdout|all", "held_out", True)]


def test_those_not_held_out_are_exposed_alike() -> None:
    decision = decided(ready(campaign("sold"), holdouts=(NOBODY,)))

    assert exposures(decision) == [("holdout|all", "treated", False)]


def test_who_would_not_have_seen_it_is_not_exposed() -> None:
    never = campaign("sold", starts="2030-01-01T00:00:00")

    assert exposures(decided(ready(never, holdouts=(EVERYBODY,)))) == []


@pytest.mark.parametrize(
    ("holdout", "code"),
    [
        pytest.param(replace(EVERYBODY, scope="DOMAIN", scope_key="growth"), "HOLDOUT_DOMAIN", id="its-domain"),
        pytest.param(replace(EVERYBODY, scope="DOMAIN", scope_key="other"), "SELECTED", id="another-domain"),
        pytest.param(replace(EVERYBODY, scope="CAMPAIGN", scope_key="one"), "HOLDOUT_CAMPAIGN", id="its-campaign"),
        pytest.param(replace(EVERYBODY, tiers=("LIFECYCLE",)), "SELECTED", id="another-tier"),
        pytest.param(replace(EVERYBODY, draws=(replace(DRAW, end_at=NOON),)), "SELECTED", id="its-end-is-exclusive"),
        pytest.param(replace(EVERYBODY, draws=(replace(DRAW, start_at=NOON),)), "HOLDOUT_GLOBAL", id="start-inclusive"),
    ],
)
def test_scopes_and_periods_of_holdouts(holdout: HoldoutDoc, code: str) -> None:
    assert reason(decided(ready(campaign(domain="growth"), holdouts=(holdout,)))) == code


@pytest.mark.parametrize("tier", ["LEGAL", "SERVICE"])
def test_law_and_service_are_never_withheld(tier: str) -> None:
    greedy = replace(EVERYBODY, tiers=("LEGAL", "SERVICE"))

    assert reason(decided(ready(campaign(tier=tier), holdouts=(greedy,)))) == "SELECTED"


def test_the_size_is_a_share_of_buckets() -> None:
    ten_percent = replace(EVERYBODY, draws=(replace(DRAW, size=1_000),))
    release = ready(campaign(), holdouts=(ten_percent,))
    keys = [f"acc_{number}" for number in range(400)]

    held = {key for key in keys if reason(decided(release, None, request(key=key))) == "HOLDOUT_GLOBAL"}

    assert held == {key for key in keys if bucket("holdout:2026Q4", key) < 1_000}


# --- experiments ---------------------------------------------------------------------------------------------

LOUD = CreativeDoc(key="loud", format="hero", locales={"sv-SE": {"title": "HEJ"}})
TEST = ExperimentDoc(
    key="copy",
    version=3,
    salt="exp:copy",
    layer_salt="layer:hero",
    variants=(("control", 1), ("loud", 1)),
    ranges=(RangeDoc(start=0, end=10_000, start_at=0),),
)


def with_arms(arms: dict[str, ArmDoc], **changes: Any) -> Any:
    creatives = {"hero": HERO, "loud": LOUD}
    return campaign("one", items=(item(experiment="copy", arms=arms),), creatives=creatives, **changes)


def arm_of(key: str, release: Any) -> str | None:
    (slot,) = only(decided(release, None, request(key=key))).slots
    return slot.variant


def test_arms_show_their_content_and_are_exposed_with_their_probability() -> None:
    release = ready(with_arms({"loud": ArmDoc(creative="loud")}), experiments={"copy": TEST})
    seen = {}
    for number in range(40):
        decision = decided(release, None, request(key=f"acc_{number}"))
        (slot,) = only(decision).slots
        (exposure,) = decision.exposures
        assert exposure.arm == slot.variant
        assert (exposure.version, exposure.propensity, slot.propensity) == (3, 0.5, 0.5)
        seen[slot.variant] = slot.fields["title"]

    assert seen == {"control": "Hej", "loud": "HEJ"}


def test_an_arm_of_nothing_is_a_ghost_and_the_next_takes_the_slot() -> None:
    nothing = replace(TEST, variants=(("nothing", 1),))
    release = ready(
        with_arms({"nothing": ArmDoc(nothing=True)}), campaign("two", priority=1), experiments={"copy": nothing}
    )

    decision = decided(release)

    assert reason(decision, "one") == "VARIANT_EMPTY"
    assert winners(only(decision)) == ["two"]
    assert exposures(decision) == [("experiment|copy", "nothing", True)]


def test_a_candidate_that_cannot_show_every_arm_wins_unassigned() -> None:
    german = replace(LOUD, locales={"de-DE": {"title": "LAUT"}})
    what = with_arms({"loud": ArmDoc(creative="loud")})
    release = ready(replace(what, creatives={"hero": HERO, "loud": german}), experiments={"copy": TEST})

    decision = decided(release)

    assert [(slot.variant, slot.fields["title"]) for slot in only(decision).slots] == [(None, "Hej")]
    assert decision.exposures == ()


@pytest.mark.parametrize(
    "experiment",
    [
        pytest.param(replace(TEST, running=False), id="paused"),
        pytest.param(replace(TEST, ranges=()), id="no-buckets"),
        pytest.param(replace(TEST, rule={"v": 1, "rule": {"any": []}}), id="its-rule-does-not-hold"),
    ],
)
def test_who_is_not_in_the_experiment_sees_the_item_as_it_is(experiment: ExperimentDoc) -> None:
    release = ready(with_arms({"loud": ArmDoc(creative="loud")}), experiments={"copy": experiment})

    assert arm_of("acc_1", release) is None


def test_after_a_down_ramp_the_mark_keeps_the_arm() -> None:
    ramped_down = replace(TEST, ranges=(RangeDoc(start=0, end=10_000, start_at=0, end_at=NOON),))
    release = ready(with_arms({"loud": ArmDoc(creative="loud")}), experiments={"copy": ramped_down})
    marked = subject(record={"marks": {"experiment|copy": (3, "loud", 1)}})
    of_another_version = subject(record={"marks": {"experiment|copy": (2, "loud", 1)}})

    assert only(decided(release, marked)).slots[0].variant is not None
    assert only(decided(release, of_another_version)).slots[0].variant is None


def test_the_holdout_is_asked_before_the_experiment() -> None:
    release = ready(with_arms({"loud": ArmDoc(creative="loud")}), experiments={"copy": TEST}, holdouts=(EVERYBODY,))

    assert exposures(decided(release)) == [("holdout|all", "held_out", True)]


def test_one_test_leaves_one_exposure_per_call() -> None:
    both = with_arms({})
    both = replace(both, items=(item("h", experiment="copy"), item("s", placement="shelf", experiment="copy")))
    decision = decided(ready(both, experiments={"copy": TEST}), None, request("home", "shelf"))

    assert len(decision.exposures) == 1


# --- the answer ------------------------------------------------------------------------------------------------


def quoted(terms: TermsDoc, mechanic: str = "DISCOUNT_N_CYCLES", text: str = "x") -> Any:
    sold: OfferDoc = offer(mechanic=mechanic, terms=terms)
    creative = CreativeDoc(key="hero", format="hero", locales={"sv-SE": {"title": text}})
    release = ready(with_offer(sold=sold, creatives={"hero": creative}))
    return only(decided(release)).slots[0]


@pytest.mark.parametrize(
    ("terms", "amount", "period", "then", "saving"),
    [
        pytest.param(TermsDoc(free_period="P1M"), 0, "P1M", 11_900, 11_900, id="free-month"),
        pytest.param(TermsDoc(percent_off=50, cycles=2), 5_950, "P1M", 11_900, 11_900, id="half-price-twice"),
        pytest.param(TermsDoc(percent_off=33), 7_973, "P1M", 11_900, 3_927, id="rounded-half-up-once"),
        pytest.param(TermsDoc(amounts={"SE": 11_900}, cycles=3), 11_900, "P1M", 11_900, 23_800, id="three-for-one"),
        pytest.param(TermsDoc(amounts={"SE": 11_900}), 11_900, "P1M", None, None, id="amount-equal-to-list"),
        pytest.param(TermsDoc(amounts={"SE": 9_900}, cycles=3), 9_900, "P1M", 11_900, 25_800, id="three-for-9900"),
        pytest.param(TermsDoc(), 11_900, "P1M", None, None, id="list-price"),
    ],
)
def test_quotes(terms: TermsDoc, amount: int, period: str, then: int | None, saving: int | None) -> None:
    quote = quoted(terms).quote

    assert (quote.amount, quote.period, quote.then, quote.saving) == (amount, period, then, saving)
    assert quote.expires_at == NOON + 15 * MINUTE


def test_amounts_are_written_as_the_locale_does() -> None:
    slot = quoted(TermsDoc(free_period="P1M"), "TRIAL", "{price} nu, sedan {then}")

    assert slot.fields == {"title": "0,00 kr nu, sedan 119,00 kr"}


@pytest.mark.parametrize(
    ("amount", "exponent", "style", "text"),
    [
        pytest.param(123_456_789, 2, KRONOR, "1 234 567,89 kr", id="groups"),
        pytest.param(5, 2, KRONOR, "0,05 kr", id="small"),
        pytest.param(980, 0, MoneyDoc(prefix="¥", suffix="", group=",", decimal="."), "¥980", id="no-minor-unit"),
        pytest.param(
            123_456_700, 2, MoneyDoc(prefix="₹", suffix="", group=",", decimal=".", secondary=2), "₹12,34,567.00",
            id="indian-groups",
        ),
    ],
)  # fmt: skip
def test_money(amount: int, exponent: int, style: MoneyDoc, text: str) -> None:
    assert money_text(amount, exponent, style) == text


@pytest.mark.parametrize(
    ("what", "prices", "seconds"),
    [
        pytest.param(campaign(), (LIST_PRICE,), 300, id="unpriced-as-long-as-the-placement-says"),
        pytest.param(with_offer(), (LIST_PRICE,), 60, id="a-minute-with-a-price"),
        pytest.param(with_offer(), (replace(LIST_PRICE, end=NOON + 10_000_000),), 10, id="not-past-the-price"),
        pytest.param(campaign(ends="2026-11-22T13:00:30"), (LIST_PRICE,), 30, id="not-past-the-flight"),
    ],
)
def test_valid_until(what: Any, prices: tuple[PriceDoc, ...], seconds: int) -> None:
    release = ready(what, prices={"premium": {"SE": prices}})

    assert only(decided(release)).valid_until == NOON + seconds * 1_000_000


def test_a_price_changes_at_its_instant() -> None:
    later = PriceDoc(id=2, amount=12_900, period="P1M", start=NOON)
    release = ready(with_offer(), prices={"premium": {"SE": (replace(LIST_PRICE, end=NOON), later)}})

    before = only(decided(release, now=NOON - 1)).slots[0].quote
    after = only(decided(release, now=NOON)).slots[0].quote

    assert (before and before.then, after and after.then) == (11_900, 12_900)


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1),
    tiers=st.lists(st.sampled_from(["SERVICE", "COMMERCIAL", "HOUSE"]), min_size=8, max_size=8),
    days=st.integers(0, 30),
)
def test_explaining_never_changes_the_answer(keys: list[str], tiers: list[str], days: int) -> None:
    free = {"v": 1, "rule": {"trait": "subscription_state", "op": "eq", "value": "FREE"}}
    campaigns = [
        campaign(key, tier=tiers[number], rule=free if number % 2 else None, priority=number % 3)
        for number, key in enumerate(keys)
    ]
    release = ready(*campaigns, holdouts=(replace(EVERYBODY, draws=(replace(DRAW, size=5_000),)),))
    asked, who, now = request("home", key=f"acc_{days}"), subject(subscription_state="FREE"), NOON + days * DAY

    served = decide(release, Pulse(), asked, who, now)
    explained = decide(release, Pulse(), asked, who, now, explain=True)

    assert [answer.slots for answer in served.answers] == [answer.slots for answer in explained.answers]
    assert served.exposures == explained.exposures
