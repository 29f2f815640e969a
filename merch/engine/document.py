"""What exactly stands in a release and in a pulse?

Plain frozen values, encoded as canonical JSON (keys sorted, no white space); the sha256 of those bytes is the
release's name. Instants are UTC microseconds, money is minor units, wall times are ISO without a zone.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

Rule = dict[str, Any]

FORMAT: Final = 1


class Doc(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything inside a release: immutable, named fields only, unknown ones refused."""


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


class PlacementDoc(Doc, frozen=True, kw_only=True):
    rank: int
    format: str
    slots: int
    max_age: int  # seconds
    fields: tuple[FieldDoc, ...] = ()
    min_app_versions: dict[str, str] = {}
    when_degraded: str = "UNPRICED"


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
    profiled: bool = False


class CreativeDoc(Doc, frozen=True, kw_only=True):
    key: str
    format: str
    default_locale: str = ""
    urgency: bool = False
    locales: dict[str, dict[str, Any]] = {}


class CapDoc(Doc, frozen=True, kw_only=True):
    scope: str
    event: str
    limit: int
    window: int | None = None  # microseconds of a rolling window; None is lifetime
    scope_key: str = ""


class ArmDoc(Doc, frozen=True, kw_only=True):
    """What a variant shows instead of the item's own content."""

    nothing: bool = False
    creative: str | None = None  # digest in the campaign's creatives
    offer: str | None = None  # key@version


class ItemDoc(Doc, frozen=True, kw_only=True):
    key: str
    placement: str
    creative: str
    offer: str | None = None
    weight: int = 1
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
    exempt_tiers: tuple[str, ...] = ("LEGAL", "SERVICE")
    experiments: dict[str, ExperimentDoc] = {}
    holdouts: tuple[HoldoutDoc, ...] = ()


class Pulse(Doc, frozen=True, kw_only=True):
    """What changes faster than a release. ``keys`` is read at the door, never by the decision."""

    number: int = 0
    kills: frozenset[str] = frozenset()


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(ReleaseDoc)


def canonical(document: Doc) -> bytes:
    """The one spelling of a document: equal documents give equal bytes."""
    return _encoder.encode(document)


def parse_release(data: bytes) -> ReleaseDoc:
    """Raises msgspec.ValidationError on anything that is not a release of this format."""
    return _decoder.decode(data)
