"""What does a release of N candidates look like, and who asks it?

Plausible rather than easy: five conditions a campaign over four attributes, caps on every third, priced offers on every
second, tiers mixed; the subject matches some and misses most.
"""

from __future__ import annotations

from typing import Any

from audiences.hashing import bucket
from merch.engine.clock import DAY
from merch.engine.compiled import Release
from merch.engine.compiling import compile_release
from merch.engine.document import (
    CampaignDoc,
    CapDoc,
    CreativeDoc,
    DrawDoc,
    HoldoutDoc,
    ItemDoc,
    LegalDoc,
    MarketDoc,
    MoneyDoc,
    OfferDoc,
    PlacementDoc,
    PriceDoc,
    ReleaseDoc,
    TermsDoc,
    TraitDoc,
    ZoneTable,
)
from merch.engine.facts import Asked, HistoryCell, Request, Subject, SubjectRecord

NOW = 1_795_348_800_000_000  # 2026-11-22T12:00:00Z
MARKETS = ("SE", "GB", "US", "BR")
GENRES = ("pop", "rock", "jazz", "kpop", "metal", "folk")
STATES = ("FREE", "ACTIVE", "TRIAL", "CHURNED_VOLUNTARY")
TIERS = ("SERVICE", "LIFECYCLE", "COMMERCIAL", "COMMERCIAL", "COMMERCIAL", "HOUSE")


def release(candidates: int) -> Release:
    """A compiled release with one placement of ``candidates`` campaigns."""
    return compile_release(document(candidates))


def document(candidates: int) -> ReleaseDoc:
    """The same before compiling."""
    legal = LegalDoc(
        min_age=0, max_age=200, profiling=True, urgency=True, trial_allowed=True,
        unknown_age="ALLOW", unknown_consent="ALLOW",
    )  # fmt: skip
    return ReleaseDoc(
        deployment="bench",
        tzdata="bench",
        traits={
            name: TraitDoc(type=type_, profiling=False)
            for name, type_ in (
                ("market", "string"), ("genre", "string"), ("subscription_state", "string"), ("minutes", "int"),
                ("time_zone", "string"),
            )
        },
        contexts={"country": "string", "locale": "string", "platform": "string", "app_version": "version"},
        markets={
            code: MarketDoc(
                currency="EUR", exponent=2, time_zone="UTC", countries=(code,), default_locale="en", legal=(legal,)
            )
            for code in MARKETS
        },
        zones={"UTC": 0},
        zone_tables=(ZoneTable(instants=(0,), offsets=(0,)),),
        money={"en": {"EUR": MoneyDoc(prefix="€", suffix="", group=",", decimal=".")}},
        plan_groups={"main": ("premium",)},
        prices={"premium": {code: (PriceDoc(id=1, amount=1_099, period="P1M", start=0),) for code in MARKETS}},
        placements={"home": PlacementDoc(rank=1, format="hero", slots=1, max_age=300)},
        campaigns=tuple(_campaign(number) for number in range(candidates)),
        holdouts=(
            HoldoutDoc(
                key="all", scope="GLOBAL", tiers=("COMMERCIAL", "LIFECYCLE"),
                draws=(DrawDoc(number=1, salt="holdout", size=200, start_at=0),),
            ),
        ),
    )  # fmt: skip


def _campaign(number: int) -> CampaignDoc:
    drawn = [bucket("bench", f"{number}:{part}") for part in range(6)]
    conditions: list[dict[str, Any]] = [
        {"trait": "market", "op": "in", "value": [MARKETS[drawn[0] % 4], MARKETS[drawn[1] % 4]]},
        {"trait": "genre", "op": "eq", "value": GENRES[drawn[2] % len(GENRES)]},
        {"trait": "subscription_state", "op": "eq", "value": STATES[drawn[3] % len(STATES)]},
        {"trait": "minutes", "op": "gte", "value": drawn[4] % 500},
        {"ctx": "platform", "op": "in", "value": ["ios", "android"]},
    ]
    priced = number % 2 == 0
    sold = OfferDoc(
        key=f"offer-{number}", version=1, mechanic="TRIAL", plan="premium", plan_group="main",
        terms=TermsDoc(free_period="P1M"),
    )  # fmt: skip
    title = "Free for a month, then {then}" if priced else "Listen"
    caps = (CapDoc(scope="CAMPAIGN", event="impression", limit=3, window=7 * DAY),) if number % 3 == 0 else ()
    return CampaignDoc(
        key=f"campaign-{number:05d}",
        tier=TIERS[drawn[5] % len(TIERS)],
        priority=drawn[5] % 100,
        starts="2026-01-01T00:00:00",
        rule={"v": 1, "rule": {"all": conditions}},
        caps=caps,
        items=(ItemDoc(key="hero", placement="home", creative="c", offer=f"{sold.key}@1" if priced else None),),
        offers={f"{sold.key}@1": sold} if priced else {},
        creatives={"c": CreativeDoc(key="c", format="hero", locales={"en": {"title": title}})},
    )


def subjects(count: int) -> list[Subject]:
    """People who differ in what the rules ask."""
    return [_subject(number) for number in range(count)]


def _subject(number: int) -> Subject:
    traits = {
        "market": MARKETS[bucket("market", str(number)) % 4],
        "genre": GENRES[bucket("genre", str(number)) % len(GENRES)],
        "subscription_state": STATES[bucket("state", str(number)) % len(STATES)],
        "minutes": bucket("minutes", str(number)) % 500,
    }
    shown = {f"campaign|campaign-{number:05d}|impression": HistoryCell(1, NOW - DAY, NOW - DAY, (NOW - DAY,), (0,))}
    return Subject(
        record=SubjectRecord(traits={name: (value, NOW - DAY) for name, value in traits.items()}, history=shown)
    )


def request(number: int) -> Request:
    """One placement, as a phone asks."""
    return Request(
        decision_id="00000000-0000-7000-8000-000000000000",
        kind="a",
        key=f"acc_{number}",
        placements=(Asked("home"),),
        context={"country": "SE", "locale": "en", "platform": "ios"},
    )
