"""Which situation shows each reason code, and its edge? (The part of the corpus that was written by hand.)"""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec.structs import replace

from merch.engine.clock import DAY, HOUR
from merch.engine.document import (
    ArmDoc,
    BanditRows,
    BudgetDoc,
    CampaignDoc,
    CapDoc,
    CooldownDoc,
    CreativeDoc,
    DrawDoc,
    ExperimentDoc,
    GuardDoc,
    HoldoutDoc,
    PlacementDoc,
    PressureDoc,
    PriceDoc,
    Pulse,
    RangeDoc,
    ReleaseDoc,
    StrategyDoc,
    TermsDoc,
)
from merch.engine.facts import (
    Asked,
    GrantFact,
    HistoryCell,
    JourneyFact,
    PinFact,
    Request,
    Subject,
    SubjectRecord,
    SuppressionFact,
)
from merch.engine.journeydoc import StepDoc
from tests.merch.engine.documents import (
    ADULTS,
    LIST_PRICE,
    NOON,
    SWEDEN,
    campaign,
    document,
    item,
    offer,
    request,
    subject,
    with_offer,
)
from tests.merch.engine.plans import journey, version

UNREADABLE = None
SOMEBODY, HOME = subject(), request()


class Ask(NamedTuple):
    """One question, and the code that campaign ``key`` or the placement must show."""

    code: str
    subject: Subject | None = SOMEBODY
    request: Request = HOME
    pulse: Pulse = Pulse(number=7)
    now: int = NOON
    key: str = "one"


class Situation(NamedTuple):
    name: str
    release: ReleaseDoc
    asks: tuple[Ask, ...]


def rule(leaf: dict[str, Any]) -> dict[str, Any]:
    return {"v": 1, "rule": leaf}


FREE = rule({"trait": "subscription_state", "op": "eq", "value": "FREE"})
MINUTES = rule({"trait": "minutes", "op": "gte", "value": 60})
NOTHING_BUT_LEAF: dict[str, Any] = {"all": []}
HOUSE = campaign("house", tier="HOUSE", fallback=True)
PHONE = request(context={"country": "SE", "locale": "sv-SE", "platform": "ios", "app_version": 8 << 48})
FRENCH = request(context={"country": "SE", "locale": "fr"})
TRAVELLING = request(context={"country": "NO", "locale": "sv-SE"})
BOTH = request("home", Asked("shelf", 3))
MINORS = replace(ADULTS, max_age=18, profiling=False, urgency=False, trial_allowed=False)
STRICT = replace(ADULTS, min_age=18, unknown_age="BLOCK", unknown_consent="CONTEXTUAL")
BORN_2008_11_23 = 14_206


def card(**changes: Any) -> PlacementDoc:
    return replace(PlacementDoc(rank=10, format="hero", slots=1, max_age=300), **changes)


def shown(*ago: int, cell: str = "campaign|one|impression") -> dict[str, HistoryCell]:
    instants = tuple(sorted(NOON - each for each in ago))
    return {cell: HistoryCell(len(instants), instants[0], instants[-1], instants, (0,) * len(instants))}


def traits(**known: tuple[Any, int]) -> Subject:
    return Subject(SubjectRecord(traits={"market": ("SE", NOON)} | known))


def consenting(*, given: bool) -> dict[str, Any]:
    return {"consent": {"personalisation": (given, NOON)}}


def tested(*variants: tuple[str, int]) -> ExperimentDoc:
    return ExperimentDoc(
        key="copy", version=2, salt="e", layer_salt="l", variants=variants,
        ranges=(RangeDoc(start=0, end=10_000, start_at=0),),
    )  # fmt: skip


def held(scope: str, key: str, size: int = 10_000) -> HoldoutDoc:
    draw = DrawDoc(number=3, salt="h", size=size, start_at=0, end_at=NOON + HOUR)
    return HoldoutDoc(key=f"held-{scope.lower()}", scope=scope, scope_key=key, tiers=("COMMERCIAL",), draws=(draw,))


def half() -> CampaignDoc:
    sold = offer("half", mechanic="DISCOUNT_N_CYCLES", terms=TermsDoc(percent_off=50, cycles=3))
    return with_offer("half", sold, priority=90)


def of_category(key: str, sold: str, terms: TermsDoc) -> CampaignDoc:
    bought = offer(sold, mechanic="INTRO_PRICE", category="ACQUISITION", terms=terms)
    return with_offer(key, bought, items=(item(placement="shelf", offer=f"{sold}@1"),))


LOSING = (
    Situation("killed", document(campaign()), (
        Ask("KILLED", pulse=Pulse(number=8, kills=frozenset({"one"}))),
        Ask("SELECTED", pulse=Pulse(number=8, kills=frozenset({"other"}))),
    )),
    Situation("law-of-age", document(
        with_offer(), markets={"SE": replace(SWEDEN, legal=(MINORS, replace(STRICT, unknown_consent="ALLOW")))}
    ), (
        Ask("LEGAL_BLOCK"),
        Ask("LEGAL_BLOCK", subject(birth_date=BORN_2008_11_23), now=NOON + 11 * HOUR - 1),
        Ask("SELECTED", subject(birth_date=BORN_2008_11_23), now=NOON + 11 * HOUR),
        Ask("LEGAL_BLOCK", subject(market="XX", birth_date=1_000)),
        Ask("LEGAL_BLOCK", subject(market=None), request(context={"locale": "sv-SE"})),
    )),
    Situation("law-of-two-markets", document(
        campaign(), markets={"SE": SWEDEN, "NO": replace(SWEDEN, countries=("NO",), embargoed=True)}
    ), (Ask("LEGAL_BLOCK", request=TRAVELLING), Ask("SELECTED"))),
    Situation("consent", document(
        campaign(), markets={"SE": replace(SWEDEN, legal=(replace(ADULTS, unknown_consent="CONTEXTUAL"),))}
    ), (
        Ask("CONSENT_MISSING"),
        Ask("CONSENT_MISSING", subject(record=consenting(given=False))),
        Ask("SELECTED", subject(record=consenting(given=True))),
    )),
    Situation("unreadable-record", document(with_offer(), HOUSE), (
        Ask("DEGRADED_NO_SUBJECT", UNREADABLE),
        Ask("FALLBACK", UNREADABLE, key="house"),
        Ask("SELECTED", Subject()),
    )),
    Situation("unreadable-counters", document(
        campaign(caps=(CapDoc(scope="CAMPAIGN", event="impression", limit=1, strict=True),))
    ), (
        Ask("DEGRADED_NO_COUNTERS", request=request(refused_holds={"one/hero": "DEGRADED_NO_COUNTERS"})),
        Ask("CAPPED", request=request(refused_holds={"one/hero": "CAPPED"})),
        Ask("SELECTED"),
    )),
    Situation("degraded-to-empty", document(campaign(), placements={"home": card(when_degraded="EMPTY")}), (
        Ask("EMPTY", UNREADABLE, key=""), Ask("SELECTED"),
    )),
    Situation("stale-release", document(campaign()), (
        Ask("DEGRADED_STALE_RELEASE", request=request(stale_release=True), key=""),
    )),
    Situation("suppressed", document(campaign()), (
        Ask("SUPPRESSED", subject(record={"suppressions": (SuppressionFact("case", ("COMMERCIAL",), NOON, None),)})),
        Ask("SELECTED", subject(record={"suppressions": (SuppressionFact("case", ("COMMERCIAL",), 0, NOON),)})),
    )),
    Situation("granted", document(with_offer(rule=FREE)), (
        Ask("SELECTED", subject(record={
            "suppressions": (SuppressionFact("case", ("COMMERCIAL",), NOON, None),),
            "grants": (GrantFact("goodwill", "trial", 0, None, 5_000, "SEK"),),
        })),
        Ask("SUPPRESSED", subject(record={
            "suppressions": (SuppressionFact("case", ("COMMERCIAL",), NOON, None),),
            "grants": (GrantFact("goodwill", "another", 0),),
        })),
    )),
    Situation("flight", document(campaign(starts="2026-11-22T13:00:00", ends="2026-11-22T14:00:00")), (
        Ask("OUT_OF_SCHEDULE", now=NOON - 1),
        Ask("SELECTED"),
        Ask("SELECTED", now=NOON + HOUR - 1),
        Ask("OUT_OF_SCHEDULE", now=NOON + HOUR),
    )),
    Situation("price-changes", document(with_offer(), prices={"premium": {"SE": (
        replace(LIST_PRICE, end=NOON), PriceDoc(id=2, amount=12_900, period="P1M", start=NOON, end=NOON + HOUR),
    )}}), (
        Ask("SELECTED", now=NOON - 10_000_000),
        Ask("SELECTED"),
        Ask("NOT_IN_MARKET", now=NOON + HOUR),
    )),
    Situation("another-market", document(campaign(markets=("NO",))), (Ask("NOT_IN_MARKET"),)),
    Situation("format", document(campaign(creatives={"hero": CreativeDoc(key="hero", format="card")})), (
        Ask("FORMAT_MISMATCH"),
    )),
    Situation("old-client", document(campaign(), placements={"home": card(min_app_versions={"ios": "8.9"})}), (
        Ask("CLIENT_TOO_OLD", request=PHONE),
        Ask("SELECTED", request=replace(PHONE, context=PHONE.context | {"app_version": 9 << 48})),
        Ask("SELECTED"),
    )),
    Situation("locales", document(campaign(creatives={"hero": CreativeDoc(
        key="hero", format="hero", locales={"sv": {"title": "Hej"}, "zh-Hant-HK": {"title": "\u4f60\u597d"}}
    )})), (
        Ask("LOCALE_MISSING", request=FRENCH),
        Ask("SELECTED", request=request(context={"country": "SE", "locale": "sv_FI"})),
        Ask("SELECTED", request=request(context={"country": "SE", "locale": "zh-Hant-TW"})),
    )),
    Situation("amounts", document(
        with_offer(creatives={"hero": CreativeDoc(
            key="hero", format="hero",
            locales={"sv-SE": {"title": "{price}, sedan {then}: {saving}"}, "en": {"title": "{price}"}},
        )})
    ), (Ask("SELECTED"), Ask("CONTENT_MISSING", request=request(context={"country": "SE", "locale": "en"})))),
    Situation("targeting", document(campaign(rule=MINUTES)), (
        Ask("TRAIT_STALE", traits(minutes=(100, NOON - 7 * DAY - 1))),
        Ask("SELECTED", traits(minutes=(100, NOON - 7 * DAY))),
        Ask("TRAIT_MISSING", traits()),
        Ask("TARGETING_MISS", traits(minutes=(10, NOON))),
        Ask("SELECTED", traits(), request(traits={"minutes": 60})),
    )),
    Situation("audience", document(
        campaign(rule=rule({"audience": "free", "op": "in"}), audiences={"free": FREE})
    ), (
        Ask("AUDIENCE_MISS", subject(subscription_state="ACTIVE")),
        Ask("SELECTED", subject(subscription_state="FREE")),
    )),
    Situation("offer-policy", document(
        with_offer(sold=offer(requires=("minutes",), redeem_limit=1, redeem_window=30 * DAY))
    ), (
        Ask("NOT_ELIGIBLE", traits()),
        Ask("SELECTED", traits(minutes=(1, NOON))),
        Ask("ALREADY_REDEEMED", subject(shown(DAY, cell="offer|trial|conversion"), minutes=1)),
        Ask("SELECTED", subject(shown(30 * DAY, cell="offer|trial|conversion"), minutes=1)),
    )),
    Situation("guard", document(with_offer(), guards=(
        GuardDoc(key="adults", mechanics=("TRIAL",), requires=("birth_date",), rule=rule(NOTHING_BUT_LEAF)),
    )), (Ask("GUARD_BLOCK"), Ask("SELECTED", subject(birth_date=1_000)))),
)  # fmt: skip

STAYS = journey(version(steps=(StepDoc(key="hint"), StepDoc(key="card", after=3 * DAY))))
ENTERED = NOON - DAY


def inside(**changes: Any) -> Subject:
    fact = JourneyFact(folded=ENTERED, version=1, entered=ENTERED, step=0, since=ENTERED, known=1)
    return subject(record={"journeys": {"cohesive": replace(fact, **changes)}})


COUNTED = (
    Situation("journey", document(campaign(journey="cohesive", steps=("card",)), journeys={"cohesive": STAYS}), (
        Ask("JOURNEY_NOT_ENTERED"),
        Ask("JOURNEY_WAITING", inside()),
        Ask("SELECTED", inside(), now=ENTERED + 3 * DAY),
        Ask("JOURNEY_EXITED", inside(left=NOON - 1, why="exited")),
    )),
    Situation("cap", document(
        campaign(caps=(CapDoc(scope="CAMPAIGN", event="impression", limit=2, window=7 * DAY),))
    ), (
        Ask("CAPPED", subject(shown(DAY, 7 * DAY - 1))),
        Ask("SELECTED", subject(shown(DAY, 7 * DAY))),
        Ask("SELECTED", subject(shown(DAY))),
    )),
    Situation("cap-of-a-local-day", document(
        campaign(caps=(CapDoc(scope="CAMPAIGN", event="impression", limit=1, kind="CALENDAR_LOCAL", unit="DAY"),))
    ), (Ask("CAPPED", subject(shown(13 * HOUR))), Ask("SELECTED", subject(shown(13 * HOUR + 1))))),
    Situation("strict-cap", document(
        campaign(caps=(CapDoc(scope="CAMPAIGN", event="impression", limit=2, strict=True),))
    ), (Ask("SELECTED", subject(shown(DAY))), Ask("CAPPED", subject(shown(DAY, 2 * DAY))))),
    Situation("cooldown", document(
        campaign(cooldowns=(CooldownDoc(scope="CAMPAIGN", event="dismissal", length=30 * DAY),))
    ), (
        Ask("COOLDOWN", subject(shown(30 * DAY - 1, cell="campaign|one|dismissal"))),
        Ask("SELECTED", subject(shown(30 * DAY, cell="campaign|one|dismissal"))),
    )),
    Situation("pressure", document(campaign(), pressure=PressureDoc(allowance=3, shrink=1), costs={"hero": 1}), (
        Ask("PRESSURE", subject(shown(1, 2, 3, cell="format|hero|impression"))),
        Ask("SELECTED", subject(shown(1, 2, cell="format|hero|impression"))),
        Ask("PRESSURE", subject(shown(1, 2, cell="format|hero|impression") | shown(1, cell="all||dismissal"))),
    )),
    Situation("budget", document(campaign(budgets=("spring",)), budgets={"spring": BudgetDoc(key="spring")}), (
        Ask("BUDGET_EXHAUSTED", pulse=Pulse(number=9, budgets={"spring|": 0})),
        Ask("BUDGET_PACED", pulse=Pulse(number=9, budgets={"spring|": 1})),
        Ask("SELECTED", pulse=Pulse(number=9, budgets={"spring|": 10_000})),
        Ask("SELECTED", pulse=Pulse(number=9)),
    )),
    Situation("code-pool", document(with_offer(sold=offer(pool="partner"))), (
        Ask("BUDGET_EXHAUSTED", pulse=Pulse(number=9, empty_pools=frozenset({"partner"}))),
        Ask("SELECTED"),
    )),
)  # fmt: skip

PIN = PinFact(
    campaign="one", item="hero", offer="trial@1", start=NOON - HOUR, end=NOON + HOUR, price_id=1, plan_group="main"
)
CHOSEN = (
    Situation("pin", document(with_offer(priority=1), half()), (
        Ask("PINNED_ELSEWHERE", subject(record={"pins": {"campaign|one": PIN}}), key="half"),
        Ask("SELECTED", subject(record={"pins": {"campaign|one": PIN}})),
        Ask("SELECTED", subject(record={"pins": {"campaign|one": PIN}}), now=NOON + HOUR, key="half"),
    )),
    Situation("pin-begins", document(with_offer(pin=72 * HOUR)), (Ask("SELECTED"),)),
    Situation("one-offer-once", document(
        with_offer(items=(item(offer="trial@1"), item("s", placement="shelf", offer="trial@1")))
    ), (Ask("DUPLICATE_OFFER", request=BOTH),)),
    Situation("category", document(
        of_category("one", "dear", TermsDoc(percent_off=10, cycles=1)),
        of_category("cheap", "cheap", TermsDoc(percent_off=90, cycles=3)),
    ), (
        Ask("EXCLUDED_BY_CATEGORY", request=request("shelf")),
        Ask("SELECTED", request=request("shelf"), key="cheap"),
        Ask("SELECTED", request=request("shelf"), pulse=Pulse(number=2, kills=frozenset({"cheap"}))),
    )),
    Situation("holdout-global", document(campaign(), HOUSE, holdouts=(held("GLOBAL", ""),)), (
        Ask("HOLDOUT_GLOBAL"), Ask("SELECTED", now=NOON + HOUR), Ask("FALLBACK", key="house"),
    )),
    Situation("holdout-domain", document(campaign(domain="growth"), holdouts=(held("DOMAIN", "growth"),)), (
        Ask("HOLDOUT_DOMAIN"),
    )),
    Situation("holdout-campaign", document(campaign(), holdouts=(held("CAMPAIGN", "one"),)), (
        Ask("HOLDOUT_CAMPAIGN"),
    )),
    Situation("holdout-of-nobody", document(campaign(), holdouts=(held("GLOBAL", "", 0),)), (Ask("SELECTED"),)),
    Situation("variant-empty", document(
        campaign(items=(item(experiment="copy", arms={"none": ArmDoc(nothing=True)}),)), HOUSE,
        experiments={"copy": tested(("none", 1))},
    ), (Ask("VARIANT_EMPTY"), Ask("FALLBACK", request=request(prefetch=True), key="house"))),
    Situation("variants", document(
        campaign(items=(item(experiment="copy", arms={"loud": ArmDoc(creative="loud")}),), creatives={
            "hero": CreativeDoc(key="hero", format="hero", locales={"sv-SE": {"title": "Hej"}}),
            "loud": CreativeDoc(key="loud", format="hero", locales={"sv-SE": {"title": "HEJ"}}),
        }), experiments={"copy": tested(("plain", 2), ("loud", 1))},
    ), tuple(Ask("SELECTED", request=request(key=f"acc_{number}", prefetch=number == 3)) for number in range(6))),
    Situation("outranked", document(campaign(priority=1), campaign("loud", priority=2)), (
        Ask("OUTRANKED"), Ask("SELECTED", key="loud"),
    )),
    Situation("nothing-wins", document(
        campaign(items=(item(nothing=True, creative=""),), creatives={}, priority=99), campaign("loud"), HOUSE
    ), (Ask("EMPTY", key=""),)),
    Situation("fallback", document(campaign(rule=FREE), HOUSE), (
        Ask("FALLBACK", subject(subscription_state="ACTIVE"), key="house"),
    )),
    Situation("empty-and-unknown", document(), (
        Ask("EMPTY", key=""), Ask("UNKNOWN_PLACEMENT", request=request("nowhere"), key=""),
    )),
    Situation("broken-record", document(campaign()), (
        Ask("ERROR", subject(record={"pins": {"campaign|one": "no pin"}}), key=""),
    )),
    Situation("weighted", document(
        *(campaign(key, items=(item(weight=weight),)) for key, weight in (("one", 1), ("two", 3), ("three", 6))),
        placements={"home": card(strategy=StrategyDoc(kind="WEIGHTED"))},
    ), tuple(Ask("", request=request(key=f"acc_{number}"), key="") for number in range(6))),
    Situation("bandit", document(
        campaign(), campaign("two"), placements={"home": card(strategy=StrategyDoc(kind="BANDIT", floor=1_000))}
    ), tuple(
        Ask("", request=request(key=f"acc_{number}"), key="", pulse=Pulse(number=3, bandits={"home": BanditRows(
            digest="rows", items=("one/hero", "two/hero"), rows=((500_000, 400_000), (1, 2), (300_000, 600_000))
        )})) for number in range(6)
    )),
)  # fmt: skip

ALL = (*LOSING, *COUNTED, *CHOSEN)
