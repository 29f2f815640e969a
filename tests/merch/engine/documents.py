"""What is the smallest release that can decide, and how is it varied?

Dull by default: one market without restrictions, one placement, one creative; tests name only what matters to them.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from merch.engine.clock import DAY
from merch.engine.compiled import Release
from merch.engine.compiling import compile_release
from merch.engine.decide import decide
from merch.engine.document import (
    CampaignDoc,
    CreativeDoc,
    ItemDoc,
    LegalDoc,
    MarketDoc,
    MoneyDoc,
    OfferDoc,
    PlacementDoc,
    PriceDoc,
    Pulse,
    ReleaseDoc,
    TermsDoc,
    TraitDoc,
    ZoneTable,
)
from merch.engine.facts import Answer, Asked, Decision, HistoryCell, Request, Subject, SubjectRecord

NOON = 1_795_348_800_000_000  # 2026-11-22T12:00:00Z
HOUR = 3_600_000_000

ADULTS = LegalDoc(
    min_age=0,
    max_age=200,
    profiling=True,
    urgency=True,
    trial_allowed=True,
    unknown_age="ALLOW",
    unknown_consent="ALLOW",
)
SWEDEN = MarketDoc(
    currency="SEK",
    exponent=2,
    time_zone="Europe/Stockholm",
    countries=("SE",),
    default_locale="sv-SE",
    legal=(ADULTS,),
)
STOCKHOLM = ZoneTable(
    instants=(1_767_225_600, 1_774_746_000, 1_792_890_000, 1_806_195_600), offsets=(3600, 7200, 3600, 7200)
)
KRONOR = MoneyDoc(prefix="", suffix=" kr", group=" ", decimal=",")
HERO = CreativeDoc(key="hero", format="hero", locales={"sv-SE": {"title": "Hej"}})
LIST_PRICE = PriceDoc(id=1, amount=11_900, period="P1M", start=0)

TRAITS = {
    "market": TraitDoc(type="string", profiling=False),
    "time_zone": TraitDoc(type="string", profiling=False),
    "birth_date": TraitDoc(type="date"),
    "subscription_state": TraitDoc(type="string", profiling=False),
    "plan": TraitDoc(type="string", profiling=False),
    "genre": TraitDoc(type="string"),
    "minutes": TraitDoc(type="int", tolerated_age=7 * DAY),
}
CONTEXTS = {
    "country": "string",
    "locale": "string",
    "platform": "string",
    "app_version": "version",
    "time_zone": "string",
    "hour": "int",
}


def item(key: str = "hero", **changes: Any) -> ItemDoc:
    return replace(ItemDoc(key=key, placement="home", creative="hero"), **changes)


def campaign(key: str = "one", **changes: Any) -> CampaignDoc:
    """COMMERCIAL, priority 50, running since January, one unpriced item in ``home``."""
    plain = CampaignDoc(
        key=key,
        tier="COMMERCIAL",
        priority=50,
        starts="2026-01-01T00:00:00",
        items=(item(),),
        creatives={"hero": HERO},
    )
    return replace(plain, **changes)


def offer(key: str = "trial", **changes: Any) -> OfferDoc:
    """A free month of the plan ``premium``."""
    plain = OfferDoc(
        key=key,
        version=1,
        mechanic="TRIAL",
        plan="premium",
        plan_group="main",
        terms=TermsDoc(free_period="P1M"),
    )
    return replace(plain, **changes)


def with_offer(key: str = "one", sold: OfferDoc | None = None, **changes: Any) -> CampaignDoc:
    """A campaign whose one item sells ``sold`` (default: the trial)."""
    sold = sold or offer()
    name = f"{sold.key}@{sold.version}"
    return campaign(key, **({"items": (item(offer=name),), "offers": {name: sold}} | changes))


def document(*campaigns: CampaignDoc, **changes: Any) -> ReleaseDoc:
    plain = ReleaseDoc(
        deployment="test",
        tzdata="test",
        traits=TRAITS,
        contexts=CONTEXTS,
        events={"skip": {"fields": {}, "in_history": True}},
        markets={"SE": SWEDEN},
        zones={"Europe/Stockholm": 0},
        zone_tables=(STOCKHOLM,),
        money={"sv-SE": {"SEK": KRONOR}},
        plan_groups={"main": ("premium",)},
        prices={"premium": {"SE": (LIST_PRICE,)}},
        placements={
            "home": PlacementDoc(rank=10, format="hero", slots=1, max_age=300),
            "shelf": PlacementDoc(rank=20, format="hero", slots=3, max_age=300),
        },
        campaigns=campaigns,
    )
    return replace(plain, **changes)


def subject(
    history: dict[str, HistoryCell] | None = None, record: dict[str, Any] | None = None, bits: int = 0, **traits: Any
) -> Subject:
    """An account billed in SE, every trait observed at NOON."""
    known = {"market": "SE"} | traits
    facts = {name: (value, NOON) for name, value in known.items() if value is not None}
    return Subject(record=SubjectRecord(traits=facts, history=history or {}, **(record or {})), bits=bits)


def request(*placements: str | Asked, key: str = "acc_1", kind: str = "a", **changes: Any) -> Request:
    asked = tuple(Asked(each) if isinstance(each, str) else each for each in placements or ("home",))
    plain = Request(
        decision_id="00000000-0000-7000-8000-000000000000",
        kind=kind,
        key=key,
        placements=asked,
        context={"country": "SE", "locale": "sv-SE"},
    )
    return replace(plain, **changes)


def ready(*campaigns: CampaignDoc, **changes: Any) -> Release:
    return compile_release(document(*campaigns, **changes))


def decided(
    release: Release,
    who: Subject | None = None,
    asked: Request | None = None,
    *,
    now: int = NOON,
    kills: tuple[str, ...] = (),
    unreadable: bool = False,
) -> Decision:
    """The explained decision; ``unreadable``: the record could not be read."""
    known = None if unreadable else (who or subject())
    return decide(release, Pulse(kills=frozenset(kills)), asked or request(), known, now, explain=True)


def only(decision: Decision) -> Answer:
    """The answer of a call for one placement."""
    (answer,) = decision.answers
    return answer


def reason(decision: Decision, key: str = "one") -> str:
    """The reason of a campaign in a call for one placement: SELECTED, or the code it lost by."""
    answer = only(decision)
    if any(slot.campaign == key for slot in answer.slots):
        return answer.reason
    return next(loss.reason for loss in answer.losses if loss.campaign == key)
