"""What exactly stands in a release and in a pulse?

Plain frozen values, encoded as canonical JSON (keys sorted, no white space); the sha256 of those bytes is the
release's name. Instants are UTC microseconds, money is minor units, wall times are ISO without a zone.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from merch.engine.journeydoc import JourneyDoc
from merch.engine.plain import Doc as Doc
from merch.engine.plain import Rule as Rule

FORMAT: Final = 1


class TraitDoc(Doc, frozen=True, kw_only=True):
    type: str
    decimal_places: int = 2
    values: tuple[str, ...] = ()
    tolerated_age: int | None = None  # microseconds
    keep_stale: bool = False
    profiling: bool = True


class LegalDoc(Doc, frozen=True, kw_only=True):
    min_age: int
    max_age: int
    profiling: bool
    urgency: bool
    trial_allowed: bool
    unknown_age: str
    unknown_consent: str


class MarketDoc(Doc, frozen=True, kw_only=True):
    currency: str
    exponent: int
    time_zone: str
    countries: tuple[str, ...]
    default_locale: str
    embargoed: bool = False
    legal: tuple[LegalDoc, ...] = ()


class ZoneTable(Doc, frozen=True, kw_only=True):
    """UTC instants (seconds) from which an offset (seconds east of UTC) holds; the table begins at the first."""

    instants: tuple[int, ...]
    offsets: tuple[int, ...]


class MoneyDoc(Doc, frozen=True, kw_only=True):
    """How a locale writes a currency: sv-SE writes 119,00 kr with group and decimal marks; sizes of digit groups."""

    prefix: str
    suffix: str
    group: str
    decimal: str
    primary: int = 3
    secondary: int = 3


class PriceDoc(Doc, frozen=True, kw_only=True):
    id: int
    amount: int
    period: str
    start: int
    end: int | None = None


class FieldDoc(Doc, frozen=True, kw_only=True):
    name: str
    type: str = "text"
    required: bool = True
    max_length: int | None = None


class StrategyDoc(Doc, frozen=True, kw_only=True):
    """How the candidates of one tier are ranked in a placement. See docs/algorithms/ranking.md."""

    kind: str = "PRIORITY"  # PRIORITY, WEIGHTED, FORMULA, BANDIT
    formula: str = ""
    window: int = 3_600_000_000  # microseconds of the draw window: within it a retry draws the same
    floor: int = 0  # of 10,000 draws of a BANDIT, those that explore


class PlacementDoc(Doc, frozen=True, kw_only=True):
    rank: int
    format: str
    slots: int
    max_age: int  # seconds
    fields: tuple[FieldDoc, ...] = ()
    min_app_versions: dict[str, str] = {}
    when_degraded: str = "UNPRICED"
    interruption_cost: int = 0
    strategy: StrategyDoc = StrategyDoc()
    experiment: str | None = None  # a placement experiment; its arms are strategies
    arms: dict[str, StrategyDoc] = {}


class TermsDoc(Doc, frozen=True, kw_only=True):
    """What the customer gets; which fields a mechanic needs is in campaigns/terms.py."""

    free_period: str | None = None
    percent_off: int | None = None
    cycles: int | None = None
    amounts: dict[str, int] | None = None  # market -> minor units, for all the cycles together
    reward: int | None = None
    difficulty: int | None = None
    duration_hours: int | None = None
    channels: tuple[str, ...] = ()
    instead_of: str | None = None  # a plan: what it costs over the same time is what the offer saves on
    least_saving: int | None = None  # percent of that, or it is not shown


class OfferDoc(Doc, frozen=True, kw_only=True):
    key: str
    version: int
    mechanic: str
    plan: str | None = None
    plan_group: str | None = None
    terms: TermsDoc = TermsDoc()
    rule: Rule | None = None
    requires: tuple[str, ...] = ()
    redeem_limit: int | None = None
    redeem_window: int | None = None  # microseconds
    redeem_window_months: int | None = None  # instead: calendar months where the account lives
    profiled: bool = False
    category: str = ""  # of an exclusive category one offer is shown per call, the cheapest over 12 months first
    pool: str = ""  # of its codes; an empty pool stops it


class CreativeDoc(Doc, frozen=True, kw_only=True):
    key: str
    format: str
    default_locale: str = ""
    urgency: bool = False
    locales: dict[str, dict[str, Any]] = {}


class CapDoc(Doc, frozen=True, kw_only=True):
    """At most ``limit`` of an event in a window: ROLLING (its length), CALENDAR_LOCAL (its unit), SESSION, LIFETIME."""

    scope: str
    event: str
    limit: int
    kind: str = "ROLLING"  # a rolling window without a length is LIFETIME
    window: int | None = None  # microseconds of a rolling window
    unit: str = ""  # of a calendar window: DAY, WEEK (from Monday) or MONTH, where the account lives
    scope_key: str = ""
    strict: bool = False  # takes a hold in the serving store before it is shown


class CooldownDoc(Doc, frozen=True, kw_only=True):
    """Nothing of the scope for ``length`` microseconds after the last such event."""

    scope: str
    event: str
    length: int
    scope_key: str = ""


class PressureDoc(Doc, frozen=True, kw_only=True):
    """How much interruption a subject bears in ``window`` microseconds; each dismissal in it takes ``shrink`` away."""

    allowance: int
    window: int = 604_800_000_000
    shrink: int = 0
    least: int = 0  # what is left whatever is dismissed


class ArmDoc(Doc, frozen=True, kw_only=True):
    """What a variant shows instead of the item's own content."""

    nothing: bool = False
    creative: str | None = None  # digest in the campaign's creatives
    offer: str | None = None  # key@version


class ItemDoc(Doc, frozen=True, kw_only=True):
    key: str
    placement: str
    creative: str  # digest in the campaign's creatives; empty where it shows nothing
    offer: str | None = None
    weight: int = 1
    nothing: bool = False  # competes, and where it wins the slot stays empty
    experiment: str | None = None
    arms: dict[str, ArmDoc] = {}


class CampaignDoc(Doc, frozen=True, kw_only=True):
    """A campaign as approved, with everything that it shows; self-contained."""

    key: str
    tier: str
    priority: int
    starts: str
    ends: str | None = None
    time_zone: str = ""
    domain: str | None = None
    markets: tuple[str, ...] = ()
    rule: Rule | None = None
    audiences: dict[str, Rule | None] = {}  # every audience the rules name, transitively; None is a list
    fallback: bool = False
    caps: tuple[CapDoc, ...] = ()
    cooldowns: tuple[CooldownDoc, ...] = ()
    budgets: tuple[str, ...] = ()
    journey: str | None = None
    steps: tuple[str, ...] = ()  # of the journey at which it may be shown; none: at each
    pin: int | None = None  # microseconds that its first impression keeps offer and price the same everywhere
    items: tuple[ItemDoc, ...] = ()
    offers: dict[str, OfferDoc] = {}  # key@version
    creatives: dict[str, CreativeDoc] = {}
    profiled: bool = False


class GuardDoc(Doc, frozen=True, kw_only=True):
    key: str
    rule: Rule
    tiers: tuple[str, ...] = ()
    mechanics: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    audiences: dict[str, Rule | None] = {}


class RangeDoc(Doc, frozen=True, kw_only=True):
    start: int
    end: int
    start_at: int
    end_at: int | None = None


class ExperimentDoc(Doc, frozen=True, kw_only=True):
    key: str
    version: int
    salt: str
    layer_salt: str
    variants: tuple[tuple[str, int], ...]
    ranges: tuple[RangeDoc, ...] = ()
    rule: Rule | None = None
    audiences: dict[str, Rule | None] = {}
    running: bool = True


class DrawDoc(Doc, frozen=True, kw_only=True):
    number: int
    salt: str
    size: int
    start_at: int
    end_at: int | None = None


class HoldoutDoc(Doc, frozen=True, kw_only=True):
    key: str
    scope: str
    tiers: tuple[str, ...]
    scope_key: str = ""
    draws: tuple[DrawDoc, ...] = ()


class ReleaseDoc(Doc, frozen=True, kw_only=True):
    """Everything that decides. ``v`` is the document's format; the digest covers it.

    A field added with a default lets a later version read what an earlier one wrote; a default never changes its
    meaning. What an earlier version would misread raises ``v``.
    """

    v: Literal[1] = FORMAT
    deployment: str
    tzdata: str
    layout: int = 1
    bits: dict[str, int] = {}  # behaviour leaf digest -> bit position
    traits: dict[str, TraitDoc] = {}
    contexts: dict[str, str] = {}
    events: dict[
        str, dict[str, Any]
    ] = {}  # name -> {"fields": {...}, "in_history": bool, "money": bool, "from_clients": bool}
    markets: dict[str, MarketDoc] = {}
    zones: dict[str, int] = {}
    zone_tables: tuple[ZoneTable, ...] = ()
    money: dict[str, dict[str, MoneyDoc]] = {}  # locale -> currency -> how it is written
    plan_groups: dict[str, tuple[str, ...]] = {}
    prices: dict[str, dict[str, tuple[PriceDoc, ...]]] = {}  # plan -> market -> prices in time order
    placements: dict[str, PlacementDoc] = {}
    campaigns: tuple[CampaignDoc, ...] = ()
    guards: tuple[GuardDoc, ...] = ()
    shared_caps: tuple[CapDoc, ...] = ()
    shared_cooldowns: tuple[CooldownDoc, ...] = ()
    pressure: PressureDoc | None = None
    costs: dict[str, int] = {}  # format -> interruption cost of one impression
    budgets: dict[str, BudgetDoc] = {}
    exempt_tiers: tuple[str, ...] = ("LEGAL", "SERVICE")
    experiments: dict[str, ExperimentDoc] = {}
    holdouts: tuple[HoldoutDoc, ...] = ()
    journeys: dict[str, JourneyDoc] = {}


class BudgetDoc(Doc, frozen=True, kw_only=True):
    """A limit that campaigns share; what is left of it travels in the pulse."""

    key: str
    per_market: bool = False


class BanditRows(Doc, frozen=True, kw_only=True):
    """Drawn scores of one bandit placement: each row one draw, aligned with ``items`` ("campaign/item"), in 1e-6."""

    digest: str
    items: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]


class Pulse(Doc, frozen=True, kw_only=True):
    """What changes faster than a release. ``keys`` is read at the door, never by the decision.

    ``budgets``: "KEY|MARKET" (no market where the budget is not per market) -> how many of 10,000 subjects are let in
    per draw window; 0 is exhausted, absent is all. ``empty_pools``: code pools without a code.
    ``bandits``: by placement.
    """

    number: int = 0
    kills: frozenset[str] = frozenset()
    budgets: dict[str, int] = {}
    empty_pools: frozenset[str] = frozenset()
    bandits: dict[str, BanditRows] = {}


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(ReleaseDoc)


def canonical(document: Doc) -> bytes:
    """The one spelling of a document: equal documents give equal bytes."""
    return _encoder.encode(document)


def parse_release(data: bytes) -> ReleaseDoc:
    """Raises msgspec.ValidationError on anything that is not a release of this format."""
    return _decoder.decode(data)
