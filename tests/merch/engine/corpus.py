"""What does a release look like in which everything meets everything, and who asks it?

Made by chance from a number, the same from the same number in every process: ``python -m tests.merch.engine.corpus``
prints a digest of the answers, so that processes can be compared.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from audiences.hashing import bucket
from merch.engine.clock import DAY
from merch.engine.compiling import compile_release
from merch.engine.decide import decide
from merch.engine.document import (
    ArmDoc,
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
    TermsDoc,
    TraitDoc,
)
from merch.engine.facts import Asked, Decision, HistoryCell, Request, Subject, SubjectRecord, SuppressionFact
from tests.merch.engine.documents import ADULTS, HOUR, LIST_PRICE, NOON, SWEDEN, TRAITS, document, item, offer, request

T = TypeVar("T")

GENRES = ("pop", "jazz", "kpop")
STATES = ("FREE", "ACTIVE", "TRIAL")
TIERS = ("LEGAL", "SERVICE", "LIFECYCLE", "COMMERCIAL", "COMMERCIAL", "HOUSE")
SCOPES = ("CAMPAIGN", "OFFER", "PLACEMENT", "FORMAT", "TIER", "ALL")
LOCALES = ("sv-SE", "sv", "en", "de-DE", "zh-Hant")
LEAVES: tuple[dict[str, Any], ...] = (
    {"trait": "genre", "op": "in", "value": ["pop", "jazz"]},
    {"trait": "subscription_state", "op": "eq", "value": "FREE"},
    {"trait": "minutes", "op": "gte", "value": 100},
    {"trait": "likes", "op": "any_of", "value": ["piano", "drums"]},
    {"ctx": "platform", "op": "eq", "value": "ios"},
    {"ctx": "hour", "op": "lt", "value": 13},
    {"bucket": "draw", "op": "lt", "value": 6000},
    {"history": "campaign", "key": "c1", "of": "impression", "agg": "count", "window": 7, "op": "lt", "value": 2},
    {"history": "all", "of": "impression", "agg": "last", "op": "before_days", "value": 1},
)

ADULTS_ONLY = GuardDoc(
    key="adults", mechanics=("TRIAL",), requires=("birth_date",), rule={"v": 1, "rule": {"all": []}}
)  # fmt: skip
COUNTRIES, WISHES = ("SE", "SE", "NO", "ZZ"), ("sv-SE", "zh-Hant-TW", "en-GB", "fr")
CELLS = ("campaign|c1", "campaign|c2", "tier|COMMERCIAL", "all|", "offer|o1", "format|hero")


class Question(NamedTuple):
    request: Request
    subject: Subject | None
    pulse: Pulse
    now: int


class Chance:
    """Draws by hashing a counter under the seed."""

    def __init__(self, seed: int) -> None:
        self._salt = f"corpus:{seed}"
        self._count = 0

    def below(self, end: int) -> int:
        self._count += 1
        return bucket(self._salt, str(self._count)) % end

    def one(self, of: Sequence[T]) -> T:
        return of[self.below(len(of))]

    def some(self, of: Sequence[T]) -> list[T]:
        return [each for each in of if self.below(2)]

    def once_in(self, times: int) -> bool:
        return self.below(times) == 0


def release_document(seed: int, size: int | None = None) -> ReleaseDoc:
    """Up to 20 campaigns (or ``size``) over three placements, with everything that can keep one from being shown."""
    chance = Chance(seed)
    strict = replace(ADULTS, min_age=18, unknown_age=chance.one(("ALLOW", "CONTEXTUAL", "BLOCK")))
    minors = replace(ADULTS, max_age=18, profiling=False, urgency=False, trial_allowed=False)
    norway = replace(SWEDEN, countries=("NO",), embargoed=chance.once_in(4))
    return document(
        *(_campaign(f"c{number}", chance) for number in range(size or 2 + chance.below(18))),
        traits=TRAITS | {"likes": TraitDoc(type="set")},
        markets={"SE": replace(SWEDEN, legal=(minors, strict)), "NO": norway},
        prices={
            "premium": {"SE": (LIST_PRICE,), "NO": (PriceDoc(id=2, amount=99, period="P1M", start=0, end=NOON + HOUR),)}
        },
        money={locale: document().money["sv-SE"] for locale in LOCALES},
        placements={
            slug: PlacementDoc(
                rank=chance.below(2), format=chance.one(("hero", "hero", "card")), slots=1 + chance.below(3),
                max_age=300, min_app_versions={"ios": "8.9"} if chance.once_in(4) else {},
                when_degraded=chance.one(("UNPRICED", "EMPTY")),
            )
            for slug in ("home", "shelf", "bar")
        },
        guards=(ADULTS_ONLY,) if chance.once_in(3) else (),
        shared_caps=tuple(_cap(chance) for _ in range(chance.below(3))),
        shared_cooldowns=(CooldownDoc(scope="ALL", event="impression", length=HOUR),) if chance.once_in(6) else (),
        pressure=PressureDoc(allowance=chance.below(6)) if chance.once_in(4) else None,
        costs={"hero": chance.below(3), "card": 0},
        experiments={"copy": _experiment(chance)},
        holdouts=tuple(_holdout(scope, key, chance) for scope, key in (("GLOBAL", ""), ("DOMAIN", "growth"))),
    )  # fmt: skip


def _rule(chance: Chance, depth: int = 0) -> dict[str, Any]:
    if depth < 2 and chance.once_in(2):
        below = [_rule(chance, depth + 1) for _ in range(1 + chance.below(3))]
        return chance.one(({"all": below}, {"any": below}, {"not": below[0]}))
    return chance.one(LEAVES)


def _cap(chance: Chance) -> CapDoc:
    return CapDoc(
        scope=chance.one(SCOPES), event="impression", limit=1 + chance.below(3),
        window=chance.one((None, DAY, 7 * DAY)), kind=chance.one(("ROLLING", "ROLLING", "CALENDAR_LOCAL", "SESSION")),
        unit=chance.one(("DAY", "WEEK", "MONTH")), strict=chance.once_in(3),
    )  # fmt: skip


def _experiment(chance: Chance) -> ExperimentDoc:
    return ExperimentDoc(
        key="copy", version=1 + chance.below(2), salt="e", layer_salt="l", running=not chance.once_in(5),
        variants=(("plain", 1 + chance.below(3)), ("loud", 1), ("nothing", 1)),
        ranges=(RangeDoc(start=0, end=chance.one((10_000, 10_000, 4_000)), start_at=0),),
        rule={"v": 1, "rule": _rule(chance)} if chance.once_in(3) else None,
    )  # fmt: skip


def _holdout(scope: str, key: str, chance: Chance) -> HoldoutDoc:
    draw = DrawDoc(
        number=1, salt=f"h{scope}", size=chance.below(4_000), start_at=0, end_at=chance.one((None, NOON + DAY))
    )
    return HoldoutDoc(key=scope.lower(), scope=scope, scope_key=key, tiers=("COMMERCIAL", "LIFECYCLE"), draws=(draw,))


def _creative(key: str, chance: Chance) -> CreativeDoc:
    title = chance.one(("Hej", "Sedan {then}", "{price} {saving}", "{foo} {price"))
    fields = {"title": title, "cta": {"label": key, "tags": [1, 2.5, None, True]}}
    return CreativeDoc(
        key=key, format=chance.one(("hero", "hero", "card")), default_locale=chance.one(("", "en")),
        urgency=chance.once_in(4), locales=dict.fromkeys(chance.some(LOCALES), fields),
    )  # fmt: skip


def _campaign(key: str, chance: Chance) -> CampaignDoc:
    sold = [
        offer(
            f"o{chance.below(4)}", mechanic=chance.one(("TRIAL", "INTRO_PRICE", "REWARD")),
            plan=chance.one(("premium", "premium", None)), redeem_limit=chance.one((None, 1)),
            terms=chance.one((TermsDoc(free_period="P1M"), TermsDoc(percent_off=33, cycles=3), TermsDoc(reward=1))),
        )
        for _ in range(2)
    ]  # fmt: skip
    offers = {f"{each.key}@1": each for each in sold}
    tier = chance.one(TIERS)
    arms = {"loud": ArmDoc(creative="loud", offer=chance.one((None, None, *offers))), "nothing": ArmDoc(nothing=True)}
    tested = chance.once_in(2)
    return CampaignDoc(
        key=key,
        tier=tier,
        priority=chance.below(3),
        starts=chance.one(("2026-01-01T00:00:00", "2026-11-22T12:30:00", "2026-11-22T13:00:00")),
        ends=chance.one((None, "2026-11-22T14:00:00")),
        time_zone=chance.one(("", "Europe/Stockholm")),
        domain=chance.one((None, "growth")),
        markets=chance.one(((), ("SE",), ("NO", "SE"))),
        rule={"v": 1, "rule": _rule(chance)} if chance.below(3) else None,
        fallback=tier == "HOUSE" and chance.once_in(2),
        caps=tuple(_cap(chance) for _ in range(chance.below(2))),
        items=tuple(
            item(slug, placement=slug, offer=chance.one((None, *offers)), creative="plain",
                 experiment="copy" if tested else None, arms=arms if tested else {})
            for slug in chance.some(("home", "shelf", "bar"))
        ),
        offers=offers,
        creatives={"plain": _creative("plain", chance), "loud": _creative("loud", chance)},
    )  # fmt: skip


def questions(seed: int, count: int) -> list[Question]:
    """People of every kind asking for every placement, near the edges of flights."""
    chance = Chance(-seed)
    return [_question(f"acc_{number}", chance) for number in range(count)]


def _question(key: str, chance: Chance) -> Question:
    known: dict[str, Any] = {
        "market": chance.one(("SE", "SE", "SE", "SE", "NO", "XX")),
        "genre": chance.one(GENRES),
        "subscription_state": chance.one(STATES),
        "minutes": chance.below(200),
        "likes": chance.some(("piano", "drums")),
        "birth_date": chance.one((1_000, 1_000, 16_000, 10**7)),
        "time_zone": chance.one(("Europe/Stockholm", "Atlantis")),
    }
    plain = chance.once_in(2)  # half of them are customers of whom everything is known, and who may be shown anything
    if plain:
        known |= {"market": "SE", "birth_date": 1_000, "time_zone": "Europe/Stockholm"}
    observed = NOON - chance.one((0, DAY, 8 * DAY))
    shown = NOON - chance.one((1, DAY, 7 * DAY))
    cells = [f"{cell}|impression" for cell in CELLS] + ["offer|o1|conversion", "offer|o2|conversion"]
    record = SubjectRecord(
        traits={name: (known[name], observed) for name in (known if plain else chance.some(list(known)))},
        consent={"personalisation": (plain or chance.once_in(2), NOON)} if plain or chance.below(3) else {},
        suppressions=(SuppressionFact("case", ("COMMERCIAL",), NOON - DAY, None),) if chance.once_in(6) else (),
        history={cell: HistoryCell(2, shown - 1, shown, (shown - 1, shown), (0, 7)) for cell in chance.some(cells)},
        marks={"experiment|copy": (1, "loud", NOON - DAY)} if chance.once_in(3) else {},
    )
    placements = [Asked(slug, chance.one((None, 1, 20))) for slug in chance.some(("shelf", "home", "bar", "nowhere"))]
    phone = {"platform": "ios", "app_version": chance.one((8 << 48, 9 << 48))}
    asked = request(
        *placements,
        key=key,
        context={
            "country": chance.one(COUNTRIES),
            "locale": chance.one(WISHES),
            **(phone if chance.once_in(2) else {}),
        },
        traits={"minutes": 150} if chance.once_in(5) else {},
        prefetch=chance.once_in(4),
        refused_holds={f"{c}/home": chance.one(("CAPPED", "DEGRADED_NO_COUNTERS")) for c in ("c1", "c2")}
        if chance.once_in(6)
        else {},
    )
    who = None if chance.once_in(8) else Subject(record, bits=chance.below(9_999) << 60)
    kills = frozenset(chance.some(("c1", "c2", "c3")) if chance.once_in(3) else ())
    return Question(
        asked, who, Pulse(number=chance.below(9), kills=kills), NOON + chance.one((-HOUR, 0, HOUR, 2 * HOUR))
    )


def answers(doc: ReleaseDoc, asked: Sequence[Question], *, explain: bool = False) -> list[Decision]:
    release = compile_release(doc)
    return [decide(release, each.pulse, each.request, each.subject, each.now, explain=explain) for each in asked]


def digest(seeds: Sequence[int], people: int) -> str:
    """Of every answer, to the last byte."""
    encoder = msgspec.msgpack.Encoder()
    summed = sha256()
    for seed in seeds:
        for answer in answers(release_document(seed), questions(seed, people), explain=seed % 2 == 0):
            summed.update(encoder.encode(answer))
    return summed.hexdigest()


if __name__ == "__main__":
    print(digest(range(int(sys.argv[1])), int(sys.argv[2])))
