"""By which code does a candidate lose, at every edge of every row?"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from audiences.rules import Type, ValueType, encode_trait
from merch.engine.clock import DAY
from merch.engine.document import (
    CapDoc,
    CreativeDoc,
    GuardDoc,
    LegalDoc,
    PlacementDoc,
    PriceDoc,
    TermsDoc,
)
from merch.engine.facts import HistoryCell, SuppressionFact
from tests.merch.engine.documents import (
    ADULTS,
    HOUR,
    LIST_PRICE,
    NOON,
    SWEDEN,
    campaign,
    decided,
    item,
    offer,
    ready,
    reason,
    request,
    subject,
    with_offer,
)


def rule(leaf: dict[str, Any]) -> dict[str, Any]:
    return {"v": 1, "rule": leaf}


FREE = rule({"trait": "subscription_state", "op": "eq", "value": "FREE"})


def test_without_objections_it_is_selected() -> None:
    assert reason(decided(ready(campaign()))) == "SELECTED"


def test_killed() -> None:
    assert reason(decided(ready(campaign()), kills=("one",))) == "KILLED"
    assert reason(decided(ready(campaign()), kills=("other",))) == "SELECTED"


STRICT = replace(ADULTS, unknown_age="BLOCK", unknown_consent="CONTEXTUAL")
MINORS = replace(ADULTS, min_age=0, max_age=18, profiling=False, urgency=False, trial_allowed=False)
GROWN = replace(STRICT, min_age=18, max_age=200)


@pytest.mark.parametrize(
    ("legal", "who", "tier", "code"),
    [
        pytest.param((ADULTS,), subject(), "COMMERCIAL", "SELECTED", id="everything-allowed"),
        pytest.param((STRICT,), subject(), "COMMERCIAL", "LEGAL_BLOCK", id="unknown-age-blocks"),
        pytest.param((STRICT,), subject(), "HOUSE", "LEGAL_BLOCK", id="unknown-age-blocks-house"),
        pytest.param((STRICT,), subject(), "SERVICE", "SELECTED", id="service-passes-a-block"),
        pytest.param(
            (replace(ADULTS, unknown_age="CONTEXTUAL"),), subject(), "HOUSE", "SELECTED", id="contextual-shows-house"
        ),
        pytest.param(
            (replace(ADULTS, unknown_age="CONTEXTUAL"),), subject(), "COMMERCIAL", "LEGAL_BLOCK",
            id="contextual-not-more",
        ),
        pytest.param(
            (replace(ADULTS, unknown_consent="CONTEXTUAL"),), subject(), "COMMERCIAL", "CONSENT_MISSING",
            id="unknown-consent",
        ),
        pytest.param(
            (ADULTS,), subject(record={"consent": {"personalisation": (False, 0)}}), "COMMERCIAL", "CONSENT_MISSING",
            id="refused-consent-is-contextual-anywhere",
        ),
        pytest.param(
            (replace(ADULTS, unknown_consent="BLOCK"),),
            subject(record={"consent": {"personalisation": (True, 0)}}), "COMMERCIAL", "SELECTED", id="given-consent",
        ),
        pytest.param((), subject(), "COMMERCIAL", "LEGAL_BLOCK", id="a-market-without-a-profile-blocks"),
    ],
)  # fmt: skip
def test_law(legal: tuple[LegalDoc, ...], who: Any, tier: str, code: str) -> None:
    release = ready(campaign(tier=tier), markets={"SE": replace(SWEDEN, legal=legal)})

    assert reason(decided(release, who)) == code


@pytest.mark.parametrize(
    ("birthday", "code"),
    [
        pytest.param("2008-11-22", "SELECTED", id="eighteen-since-local-midnight"),
        pytest.param("2008-11-23", "LEGAL_BLOCK", id="eighteen-tomorrow"),
        pytest.param("2026-11-23", "LEGAL_BLOCK", id="born-in-the-future-is-unknown"),
    ],
)
def test_age_bands(birthday: str, code: str) -> None:
    release = ready(
        with_offer(), markets={"SE": replace(SWEDEN, legal=(MINORS, replace(GROWN, unknown_consent="ALLOW")))}
    )
    who = subject(birth_date=encode_trait(ValueType(Type.DATE), birthday))

    assert reason(decided(release, who)) == code


def test_a_birthday_begins_at_local_midnight() -> None:
    legal = (MINORS, replace(GROWN, unknown_consent="ALLOW"))
    release = ready(with_offer(), markets={"SE": replace(SWEDEN, legal=legal)})
    who = subject(birth_date=encode_trait(ValueType(Type.DATE), "2008-11-23"))
    midnight_in_stockholm = NOON + 11 * HOUR

    assert reason(decided(release, who, now=midnight_in_stockholm - 1)) == "LEGAL_BLOCK"
    assert reason(decided(release, who, now=midnight_in_stockholm)) == "SELECTED"


def test_the_stricter_of_two_markets_wins() -> None:
    strict = replace(SWEDEN, countries=("NO",), legal=(STRICT,))
    release = ready(campaign(), markets={"SE": SWEDEN, "NO": strict})
    travelling = request(context={"country": "NO", "locale": "sv-SE"})

    assert reason(decided(release, subject(market="SE"), travelling)) == "LEGAL_BLOCK"
    assert reason(decided(release, subject(market="SE"))) == "SELECTED"


@pytest.mark.parametrize(
    ("who", "country"),
    [
        pytest.param(subject(market=None), None, id="nothing-known"),
        pytest.param(subject(market="XX"), "SE", id="an-account-of-an-unknown-market"),
        pytest.param(subject(market=None), "XX", id="a-request-from-nowhere"),
    ],
)
def test_no_known_market_blocks(who: Any, country: str | None) -> None:
    context = {"locale": "sv-SE"} | ({"country": country} if country else {})

    assert reason(decided(ready(campaign()), who, request(context=context))) == "LEGAL_BLOCK"


def test_an_embargo_blocks_service_too() -> None:
    release = ready(campaign(tier="LEGAL"), markets={"SE": replace(SWEDEN, embargoed=True)})

    assert reason(decided(release)) == "LEGAL_BLOCK"


def test_law_forbids_urgency_to_those_it_protects() -> None:
    urgent = CreativeDoc(key="hero", format="hero", urgency=True, locales={"sv-SE": {"title": "Nu!"}})
    release = ready(
        campaign(creatives={"hero": urgent}), markets={"SE": replace(SWEDEN, legal=(replace(ADULTS, urgency=False),))}
    )

    who = subject(birth_date=encode_trait(ValueType(Type.DATE), "2000-01-01"))
    assert reason(decided(release, who)) == "LEGAL_BLOCK"


@pytest.mark.parametrize(
    ("what", "code"),
    [
        pytest.param(campaign(), "SELECTED", id="needs-nothing"),
        pytest.param(with_offer(), "DEGRADED_NO_SUBJECT", id="priced"),
        pytest.param(campaign(rule=FREE), "DEGRADED_NO_SUBJECT", id="reads-a-trait"),
        pytest.param(
            campaign(caps=(CapDoc(scope="CAMPAIGN", event="impression", limit=1),)), "DEGRADED_NO_SUBJECT", id="capped"
        ),
        pytest.param(campaign(rule=rule({"ctx": "platform", "op": "absent"})), "SELECTED", id="reads-only-the-request"),
    ],
)
def test_an_unreadable_record_costs_those_who_need_it(what: Any, code: str) -> None:
    decision = decided(ready(what), unreadable=True)

    assert reason(decision) == code
    assert decision.answers[0].degraded == ("DEGRADED_NO_SUBJECT",)


def test_a_placement_may_promise_to_be_empty_when_degraded() -> None:
    placement = PlacementDoc(rank=1, format="hero", slots=1, max_age=300, when_degraded="EMPTY")
    decision = decided(ready(campaign(), placements={"home": placement}), unreadable=True)

    assert decision.answers[0].reason == "EMPTY"


@pytest.mark.parametrize(
    ("fact", "code"),
    [
        pytest.param(SuppressionFact("case", ("COMMERCIAL",), NOON - 1, NOON + 1), "SUPPRESSED", id="running"),
        pytest.param(SuppressionFact("case", ("COMMERCIAL",), NOON, None), "SUPPRESSED", id="start-is-inclusive"),
        pytest.param(SuppressionFact("case", ("COMMERCIAL",), NOON - 9, NOON), "SELECTED", id="end-is-exclusive"),
        pytest.param(SuppressionFact("case", ("HOUSE",), NOON - 1, None), "SELECTED", id="another-tier"),
    ],
)
def test_suppression(fact: SuppressionFact, code: str) -> None:
    assert reason(decided(ready(campaign()), subject(record={"suppressions": (fact,)}))) == code


@pytest.mark.parametrize(
    ("starts", "ends", "code"),
    [
        pytest.param("2026-11-22T13:00:00", None, "SELECTED", id="starts-now-in-stockholm"),
        pytest.param("2026-11-22T13:00:01", None, "OUT_OF_SCHEDULE", id="starts-in-a-second"),
        pytest.param("2026-01-01T00:00:00", "2026-11-22T13:00:00", "OUT_OF_SCHEDULE", id="end-is-exclusive"),
        pytest.param("2026-01-01T00:00:00", "2026-11-22T13:00:01", "SELECTED", id="ends-in-a-second"),
    ],
)
def test_flight_by_the_wall_of_the_account(starts: str, ends: str | None, code: str) -> None:
    assert reason(decided(ready(campaign(starts=starts, ends=ends)))) == code


PRICE_FROM_NOON = PriceDoc(id=2, amount=12_900, period="P1M", start=NOON)


@pytest.mark.parametrize(
    ("what", "prices", "who", "code"),
    [
        pytest.param(with_offer(), {"SE": (LIST_PRICE,)}, subject(), "SELECTED", id="sold"),
        pytest.param(with_offer(), {}, subject(), "NOT_IN_MARKET", id="no-price-row"),
        pytest.param(
            with_offer(), {"SE": (replace(LIST_PRICE, end=NOON),)}, subject(), "NOT_IN_MARKET", id="price-ended-now"
        ),
        pytest.param(with_offer(), {"SE": (PRICE_FROM_NOON,)}, subject(), "SELECTED", id="price-begins-now"),
        pytest.param(
            campaign(markets=("NO",)), {}, subject(), "NOT_IN_MARKET", id="campaign-of-another-market"
        ),
        pytest.param(
            with_offer(sold=offer(terms=TermsDoc(amounts={"NO": 100}, cycles=3))), {"SE": (LIST_PRICE,)}, subject(),
            "NOT_IN_MARKET", id="terms-name-no-amount-here",
        ),
    ],
)  # fmt: skip
def test_sold_here(what: Any, prices: Any, who: Any, code: str) -> None:
    assert reason(decided(ready(what, prices={"premium": prices}), who)) == code


def test_a_creative_of_another_format_and_one_without_its_amount() -> None:
    card = CreativeDoc(key="hero", format="card", locales={"sv-SE": {"title": "x"}})
    priced = CreativeDoc(key="hero", format="hero", locales={"sv-SE": {"title": "{price}"}})

    assert reason(decided(ready(campaign(creatives={"hero": card})))) == "FORMAT_MISMATCH"
    assert reason(decided(ready(campaign(creatives={"hero": priced})))) == "CONTENT_MISSING"


STALE = {"minutes": (100, NOON - 7 * DAY - 1)}
FRESH = {"minutes": (100, NOON - 7 * DAY)}
MINUTES = rule({"trait": "minutes", "op": "gte", "value": 60})


def with_traits(**traits: tuple[Any, int]) -> Any:
    """An account of SE with these traits, each with its own moment."""
    plain = subject()
    return replace(plain, record=replace(plain.record, traits={"market": ("SE", NOON)} | traits))


@pytest.mark.parametrize(
    ("who", "code"),
    [
        pytest.param(with_traits(**FRESH), "SELECTED", id="exactly-as-old-as-tolerated"),
        pytest.param(with_traits(**STALE), "TRAIT_STALE", id="a-microsecond-older"),
        pytest.param(with_traits(), "TRAIT_MISSING", id="missing"),
        pytest.param(with_traits(minutes=(10, NOON)), "TARGETING_MISS", id="too-few"),
    ],
)
def test_targeting(who: Any, code: str) -> None:
    assert reason(decided(ready(campaign(rule=MINUTES)), who)) == code


def test_an_audience_that_is_missed_is_named_so() -> None:
    what = campaign(rule=rule({"audience": "free", "op": "in"}), audiences={"free": FREE})

    assert reason(decided(ready(what), subject(subscription_state="ACTIVE"))) == "AUDIENCE_MISS"
    assert reason(decided(ready(what), subject(subscription_state="FREE"))) == "SELECTED"


NEVER_PAID = rule({"history": "plan_group", "key": "main", "agg": "count", "of": "conversion", "window": "lifetime",
                   "op": "eq", "value": 0})  # fmt: skip


SUMMER_END = NOON - 30 * DAY - 14 * HOUR  # 22 October 22:00Z: midnight in Stockholm, whose clocks still are in summer


@pytest.mark.parametrize(
    ("sold", "who", "code"),
    [
        pytest.param(offer(requires=("minutes",)), with_traits(**FRESH), "SELECTED", id="known-and-fresh"),
        pytest.param(offer(requires=("minutes",)), with_traits(**STALE), "NOT_ELIGIBLE", id="required-but-stale"),
        pytest.param(offer(requires=("minutes",)), with_traits(), "NOT_ELIGIBLE", id="required-but-missing"),
        pytest.param(offer(rule=NEVER_PAID), subject(), "SELECTED", id="never-had-a-plan-of-the-group"),
        pytest.param(
            offer(rule=NEVER_PAID), subject({"plan_group|main|conversion": HistoryCell(1, NOON, NOON, (NOON,))}),
            "NOT_ELIGIBLE", id="had-one",
        ),
        pytest.param(
            offer(redeem_limit=1), subject({"offer|trial|conversion": HistoryCell(1, 1, 1, (1,))}), "ALREADY_REDEEMED",
            id="redeemed-ever",
        ),
        pytest.param(
            offer(redeem_limit=1, redeem_window=30 * DAY),
            subject({"offer|trial|conversion": HistoryCell(1, 1, NOON - 30 * DAY, (NOON - 30 * DAY,))}), "SELECTED",
            id="exactly-a-window-ago-is-over",
        ),
        pytest.param(
            offer(redeem_limit=1, redeem_window=30 * DAY),
            subject({"offer|trial|conversion": HistoryCell(1, 1, NOON - 30 * DAY + 1, (NOON - 30 * DAY + 1,))}),
            "ALREADY_REDEEMED", id="a-microsecond-less",
        ),
        pytest.param(
            offer(redeem_limit=1, redeem_window_months=1),
            subject({"offer|trial|conversion": HistoryCell(1, 1, SUMMER_END - 1, (SUMMER_END - 1,))}), "SELECTED",
            id="a-month-ago-by-the-calendar",
        ),
        pytest.param(
            offer(redeem_limit=1, redeem_window_months=1),
            subject({"offer|trial|conversion": HistoryCell(1, 1, SUMMER_END, (SUMMER_END,))}), "ALREADY_REDEEMED",
            id="the-next-local-midnight-is-less",
        ),
    ],
)  # fmt: skip
def test_offer_policy(sold: Any, who: Any, code: str) -> None:
    assert reason(decided(ready(with_offer(sold=sold)), who)) == code


ADULT_GUARD = GuardDoc(
    key="no-trial-for-minors",
    mechanics=("TRIAL",),
    requires=("birth_date",),
    rule=rule({"not": {"trait": "birth_date", "op": "in_next_days", "value": 1}}),
)


@pytest.mark.parametrize(
    ("what", "who", "code"),
    [
        pytest.param(with_offer(), subject(), "GUARD_BLOCK", id="a-fact-it-requires-is-unknown"),
        pytest.param(with_offer(), subject(birth_date=10_000), "SELECTED", id="holds"),
        pytest.param(campaign(), subject(), "SELECTED", id="speaks-about-trials-only"),
    ],
)
def test_guards(what: Any, who: Any, code: str) -> None:
    assert reason(decided(ready(what, guards=(ADULT_GUARD,)), who)) == code


def impressions(*ago: int) -> dict[str, HistoryCell]:
    instants = tuple(sorted(NOON - each for each in ago))
    return {"campaign|one|impression": HistoryCell(len(instants), instants[0], instants[-1], instants)}


WEEKLY = CapDoc(scope="CAMPAIGN", event="impression", limit=2, window=7 * DAY)


@pytest.mark.parametrize(
    ("cap", "history", "code"),
    [
        pytest.param(WEEKLY, {}, "SELECTED", id="never-shown"),
        pytest.param(WEEKLY, impressions(DAY), "SELECTED", id="one-left"),
        pytest.param(WEEKLY, impressions(DAY, 2 * DAY), "CAPPED", id="spent"),
        pytest.param(WEEKLY, impressions(DAY, 7 * DAY), "SELECTED", id="exactly-a-week-ago-is-over"),
        pytest.param(WEEKLY, impressions(DAY, 7 * DAY - 1), "CAPPED", id="a-microsecond-less"),
        pytest.param(
            CapDoc(scope="CAMPAIGN", event="impression", limit=3), {"campaign|one|impression": HistoryCell(3, 1, 2)},
            "CAPPED", id="ever",
        ),
        pytest.param(
            CapDoc(scope="PLACEMENT", event="dismissal", limit=1, window=DAY),
            {"placement|home|dismissal": HistoryCell(1, NOON, NOON, (NOON,))}, "CAPPED", id="dismissed-here-just-now",
        ),
    ],
)  # fmt: skip
def test_caps(cap: CapDoc, history: dict[str, HistoryCell], code: str) -> None:
    assert reason(decided(ready(campaign(caps=(cap,))), subject(history))) == code


@pytest.mark.parametrize(("tier", "code"), [("COMMERCIAL", "CAPPED"), ("SERVICE", "SELECTED")])
def test_shared_caps_and_the_tiers_exempt_from_them(tier: str, code: str) -> None:
    shared = CapDoc(scope="ALL", event="impression", limit=1, window=DAY)
    who = subject({"all||impression": HistoryCell(1, NOON, NOON, (NOON,))})

    assert reason(decided(ready(campaign(tier=tier), shared_caps=(shared,)), who)) == code


def test_the_first_code_in_the_order_of_the_rows_is_given() -> None:
    hopeless = with_offer(rule=FREE, starts="2030-01-01T00:00:00", markets=("NO",), items=(item(offer="trial@1"),))

    assert reason(decided(ready(hopeless), kills=("one",))) == "KILLED"
    assert reason(decided(ready(hopeless))) == "OUT_OF_SCHEDULE"


def test_a_rule_that_raises_costs_only_its_own_campaign() -> None:
    release = ready(
        campaign("broken", priority=90, rule=rule({"trait": "minutes", "op": "gte", "value": 1})), campaign("sound")
    )
    wrong_type = with_traits(minutes=("many", NOON))

    decision = decided(release, wrong_type)

    assert reason(decision, "broken") == "TARGETING_MISS"
    assert reason(decision, "sound") == "SELECTED"
    assert decision.errors == ("broken/hero: TypeError",)


def detail(release: Any, who: Any = None, asked: Any = None) -> str:
    (loss,) = decided(release, who, asked).answers[0].losses
    return str(loss.detail)


def test_who_asks_why_is_told_which_condition_stood_in_the_way() -> None:
    both = {"all": [{"ctx": "country", "op": "eq", "value": "SE"}, FREE["rule"]]}
    of_free = campaign(rule={"v": 1, "rule": {"audience": "free", "op": "in"}}, audiences={"free": FREE})
    phone = PlacementDoc(rank=1, format="hero", slots=1, max_age=300, min_app_versions={"ios": "8.9.0"})
    on_ios = request(context={"country": "SE", "locale": "sv-SE", "platform": "ios"})

    assert detail(ready(campaign(rule=rule(both))), subject(subscription_state="ACTIVE")) == (
        "needs: Subscription state is FREE."
    )
    assert "free" in detail(ready(of_free), subject(subscription_state="ACTIVE"))
    assert detail(ready(campaign(starts="2027-01-01T00:00:00"))) == (
        "runs from 2026-12-31T23:00:00Z until further notice"
    )
    assert detail(ready(campaign(), placements={"home": phone}), None, on_ios) == "needs 8.9.0 on ios"
