"""What may stand in a catalogue file? (One type per section; a field that is left out keeps what is there.)"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

Text = str | UnsetType
Flag = bool | UnsetType
Number = Annotated[int, Meta(ge=0, le=10**9)] | UnsetType
Names = list[str] | UnsetType
Object = dict[str, Any] | UnsetType


class Entry(Struct, kw_only=True):
    """Base of every entry; the first field is its key."""


class TraitEntry(Entry, kw_only=True):
    name: str
    label: Text = UNSET
    type: Text = UNSET
    decimal_places: Number = UNSET
    values: Names = UNSET
    source: Text = UNSET
    tolerated_age: Text | None = UNSET
    when_stale: Text = UNSET
    sensitivity: Text = UNSET
    description: Text = UNSET


class ContextEntry(Entry, kw_only=True):
    name: str
    label: Text = UNSET
    type: Text = UNSET
    values: Names = UNSET
    description: Text = UNSET


class EventEntry(Entry, kw_only=True):
    name: str
    label: Text = UNSET
    fields: dict[str, str] | UnsetType = UNSET
    in_history: Flag = UNSET
    from_clients: Flag = UNSET
    money: Flag = UNSET
    description: Text = UNSET


class MarketEntry(Entry, kw_only=True):
    code: str
    name: Text = UNSET
    currency: Text = UNSET
    time_zone: Text = UNSET
    countries: Names = UNSET
    default_locale: Text = UNSET
    embargoed: Flag = UNSET
    legal: list[Any] | UnsetType = UNSET


class BandEntry(Entry, kw_only=True):
    """One age band of a market's ``legal``."""

    min_age: Annotated[int, Meta(ge=0, le=200)] = 0
    max_age: Annotated[int, Meta(ge=0, le=200)] = 200
    profiling: bool = True
    urgency: bool = True
    trial_allowed: bool = True
    unknown_age: str = "CONTEXTUAL"
    unknown_consent: str = "CONTEXTUAL"


class NamedEntry(Entry, kw_only=True):
    """A plan group or a domain."""

    key: str
    name: Text = UNSET


class PlanEntry(Entry, kw_only=True):
    key: str
    name: Text = UNSET
    group: Text = UNSET
    rank: Number = UNSET


class PriceEntry(Entry, kw_only=True):
    """``amount`` as people write it ("119.00"); from and until are moments, or days of the market."""

    plan: str
    market: str
    amount: str
    period: str = "P1M"
    starts: str | None = None
    ends: str | None = None


class FormatEntry(Entry, kw_only=True):
    key: str
    name: Text = UNSET
    fields: list[Any] | UnsetType = UNSET
    interruption_cost: Number = UNSET
    min_app_versions: dict[str, str] | UnsetType = UNSET


class PlacementEntry(Entry, kw_only=True):
    slug: str
    name: Text = UNSET
    format: Text = UNSET
    rank: Number = UNSET
    slots: Number = UNSET
    strategy: Text = UNSET
    formula: Text = UNSET
    draw_window: Text = UNSET
    exploration: Number = UNSET
    objective: Text | None = UNSET
    max_age: Number = UNSET
    when_degraded: Text = UNSET


class AudienceEntry(Entry, kw_only=True):
    slug: str
    name: Text = UNSET
    description: Text = UNSET
    kind: Text = UNSET
    rule: Object = UNSET


class OfferEntry(Entry, kw_only=True):
    key: str
    name: Text = UNSET
    mechanic: Text = UNSET
    plan: Text | None = UNSET
    category: Text = UNSET
    terms: Object = UNSET
    rule: Object = UNSET
    requires: Names = UNSET
    redeem_limit: Number | None = UNSET
    redeem_window_days: Number | None = UNSET
    redeem_window_months: Number | None = UNSET


class CreativeEntry(Entry, kw_only=True):
    key: str
    name: Text = UNSET
    format: Text = UNSET
    default_locale: Text = UNSET
    urgency: Flag = UNSET
    locales: dict[str, dict[str, Any]] | UnsetType = UNSET


class GuardEntry(Entry, kw_only=True):
    key: str
    name: Text = UNSET
    tiers: Names = UNSET
    mechanics: Names = UNSET
    markets: Names = UNSET
    requires: Names = UNSET
    rule: Object = UNSET
    active: Flag = UNSET


# In the order in which they are written: whatever an entry names stands above it.
SECTIONS: dict[str, type[Entry]] = {
    "traits": TraitEntry,
    "contexts": ContextEntry,
    "events": EventEntry,
    "markets": MarketEntry,
    "domains": NamedEntry,
    "plan_groups": NamedEntry,
    "plans": PlanEntry,
    "prices": PriceEntry,
    "formats": FormatEntry,
    "placements": PlacementEntry,
    "audiences": AudienceEntry,
    "offers": OfferEntry,
    "creatives": CreativeEntry,
    "guards": GuardEntry,
}


def given(entry: Entry, *, but: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The fields that the file names, without those in ``but``."""
    values = {name: getattr(entry, name) for name in entry.__struct_fields__ if name not in but}
    return {name: value for name, value in values.items() if value is not UNSET}
