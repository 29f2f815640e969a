"""How is each object of a release laid out as fields with texts, so that two of them can be compared by a person?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from audiences.rules import Rule, Vocabulary, describe, parse
from merch.engine.clock import DAY, MICROSECONDS, instant_text
from merch.engine.compiling import vocabulary_of
from merch.engine.composing import decimal_text
from merch.engine.document import CampaignDoc, Doc, ItemDoc, MarketDoc, PriceDoc, ReleaseDoc

Picture = dict[str, str]  # field -> text, in reading order
SPOKEN = {
    "rule": "for whom",
    "max_age": "shown for at most (seconds)",
    "ranges": "share",
    "draws": "withheld",
    "requires": "facts that must be known",
}
# Areas of a release: the field that holds them, and what one of them is called.
AREAS: tuple[tuple[str, str], ...] = (
    ("campaigns", "campaign"),
    ("journeys", "journey"),
    ("experiments", "experiment"),
    ("holdouts", "holdout"),
    ("placements", "placement"),
    ("guards", "guard"),
    ("markets", "market"),
    ("plan_groups", "plan group"),
    ("budgets", "budget"),
    ("traits", "trait"),
    ("contexts", "context value"),
    ("events", "event"),
)
WHOLE: tuple[tuple[str, str], ...] = (
    ("shared_caps", "shared caps"),
    ("shared_cooldowns", "shared cooldowns"),
    ("pressure", "pressure"),
    ("costs", "interruption costs"),
    ("exempt_tiers", "exempt tiers"),
    ("deployment", "deployment"),
    ("tzdata", "time zone data"),
    ("layout", "layout of behaviours"),
)
UNREAD: tuple[tuple[str, str], ...] = (
    ("zones", "time zone tables"),
    ("zone_tables", "time zone tables"),
    ("bits", "positions of behaviours"),
    ("money", "ways to write amounts"),
)
INSTANTS = frozenset({"start_at", "end_at"})
LENGTHS = frozenset({"window", "length", "tolerated_age", "pin", "redeem_window"})
UNSAID = frozenset({"key", "number"})  # names of the thing itself


class Portrait(NamedTuple):
    """``summary`` is for what came into being; ``fields`` for what changed."""

    summary: str
    fields: Picture


class _Teller(NamedTuple):
    """Says values; a rule by its sentence."""

    vocabulary: Vocabulary
    markets: Mapping[str, MarketDoc]

    def amount(self, market: str, minor: int) -> str:
        law = self.markets.get(market)
        return f"{decimal_text(minor, law.exponent)} {law.currency}" if law else str(minor)

    def rule(self, document: Any) -> str:
        parsed = parse(document, self.vocabulary)
        return f'"{describe(parsed)}"' if isinstance(parsed, Rule) else "a rule that cannot be read"

    def value(self, name: str, value: Any) -> str:
        if value is None or value == "" or value == () or value == {}:
            return ""
        if name in INSTANTS:
            return instant(value)
        if name in LENGTHS:
            return length(value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        return str(value)


def of(document: ReleaseDoc, other: ReleaseDoc) -> dict[str, dict[str, Portrait]]:
    """Area -> key -> portrait of what stands otherwise, or not at all, in ``other``. Prices are told by ``prices``."""
    vocabulary = vocabulary_of(document)
    found: dict[str, dict[str, Portrait]] = {}
    for field, area in AREAS:
        known = _keyed(other, field)
        found[area] = {
            key: _portrait(each, _Teller(vocabulary, document.markets))
            for key, each in _keyed(document, field).items()
            if known.get(key) != each
        }
    for field, area in WHOLE:
        laid = _lay(getattr(document, field), _Teller(vocabulary, document.markets), "", field)
        found[area] = {"": Portrait(", ".join(laid.values()), laid)}
    return found


def _keyed(document: ReleaseDoc, field: str) -> Mapping[str, Any]:
    objects = getattr(document, field, {})
    return objects if isinstance(objects, Mapping) else {each.key: each for each in objects}


def _portrait(thing: Any, teller: _Teller) -> Portrait:
    known = replace(teller.vocabulary, audiences=dict(getattr(thing, "audiences", {})))
    teller = teller._replace(vocabulary=known)
    if isinstance(thing, CampaignDoc):
        thing = by_names(thing)
    fields = _lay(thing, teller, "")
    return Portrait(said(fields), fields)


def said(fields: Picture) -> str:
    """All of it in one line, without what is not so."""
    return "; ".join(f"{name} {text}" for name, text in fields.items() if text not in ("", "no"))


def by_names(campaign: CampaignDoc) -> CampaignDoc:
    """The campaign with creatives under their names instead of digests, so that an edited text is told as that."""
    names = {digest: creative.key for digest, creative in campaign.creatives.items()}

    def named(item: ItemDoc) -> ItemDoc:
        arms = {
            variant: replace(arm, creative=names.get(arm.creative or "", arm.creative))
            for variant, arm in item.arms.items()
        }
        return replace(item, creative=names.get(item.creative, item.creative), arms=arms)

    return replace(
        campaign,
        items=tuple(named(item) for item in campaign.items),
        creatives={creative.key: creative for creative in campaign.creatives.values()},
        offers={offer.key: offer for offer in campaign.offers.values()},
    )


def _lay(value: Any, teller: _Teller, path: str, name: str = "") -> Picture:
    """The leaves of a value as texts, under the names that lead to them."""
    if _is_rule(value):
        return {path: teller.rule(value)}
    if isinstance(value, Doc):
        fields = ((field, getattr(value, field)) for field in value.__struct_fields__ if field not in UNSAID)
        return _joined(fields, teller, path)
    if name == "amounts" and isinstance(value, Mapping):
        return {f"{path}, {market}": teller.amount(market, minor) for market, minor in value.items()}
    if isinstance(value, Mapping):
        return _joined(value.items(), teller, path)
    if isinstance(value, list | tuple):
        return _listed(value, teller, path, name)
    return {path: teller.value(name or path, value)}


def _joined(pairs: Iterable[tuple[str, Any]], teller: _Teller, path: str) -> Picture:
    laid: Picture = {}
    for name, below in pairs:
        spoken = SPOKEN.get(name, name.replace("_", " "))
        laid |= _lay(below, teller, f"{path}, {spoken}" if path else spoken, name)
    return laid


def _listed(values: Iterable[Any], teller: _Teller, path: str, name: str) -> Picture:
    """Things with a key each under it; all others as one text."""
    members = list(values)
    if members and all(hasattr(each, "key") for each in members):
        return _joined(((each.key, each) for each in members), teller, path)
    return {path: "; ".join(_one(each, teller, name) for each in members)}


def _one(value: Any, teller: _Teller, name: str) -> str:
    say = _SAYINGS.get(type(value).__name__)
    if say is not None:
        return say(value)
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    laid = _lay(value, teller, "", name)
    return ", ".join(f"{field} {text}".strip() for field, text in laid.items() if text)


def _is_rule(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() == {"v", "rule"}


def _cap(cap: Any) -> str:
    within = {"CALENDAR_LOCAL": f"a local {cap.unit.lower()}", "SESSION": "a session", "LIFETIME": "a lifetime"}.get(
        cap.kind, "a lifetime" if cap.window is None else length(cap.window or 0)
    )
    strict = ", strictly" if cap.strict else ""
    return f"at most {cap.limit} {cap.event} in {within} per {_scope(cap)}{strict}"


def _cooldown(cooldown: Any) -> str:
    return f"{length(cooldown.length)} without after the last {cooldown.event} per {_scope(cooldown)}"


def _scope(limit: Any) -> str:
    return f"{limit.scope.lower()}{f' {limit.scope_key}' if limit.scope_key else ''}"


def _range(share: Any) -> str:
    return f"{(share.end - share.start) / 100:g} % {_span(share)} (buckets {share.start} to {share.end})"


def _draw(draw: Any) -> str:
    return f"{draw.size / 100:g} % {_span(draw)} (draw {draw.number})"


def _span(dated: Any) -> str:
    since = "" if dated.start_at == 0 else f"from {instant(dated.start_at)}"
    until = "" if dated.end_at is None else f"until {instant(dated.end_at)}"
    return " ".join(part for part in (since, until) if part) or "for ever"


def _legal(band: Any) -> str:
    allowed = [word for word in ("profiling", "urgency", "trial_allowed") if getattr(band, word)]
    said = ", ".join(word.removesuffix("_allowed").replace("_", " ") for word in allowed) or "nothing"
    return (
        f"ages {band.min_age} to {band.max_age}: {said} allowed, unknown age {band.unknown_age}, "
        f"unknown consent {band.unknown_consent}"
    )


_SAYINGS: Mapping[str, Callable[[Any], str]] = {
    "CapDoc": _cap,
    "CooldownDoc": _cooldown,
    "RangeDoc": _range,
    "DrawDoc": _draw,
    "LegalDoc": _legal,
}


def instant(value: int) -> str:
    """UTC microseconds; the beginning of time is "the beginning"."""
    return instant_text(value) if value else "the beginning"


def length(value: int) -> str:
    """Microseconds in the largest unit that fits exactly."""
    for size, unit in ((DAY, "day"), (3_600 * MICROSECONDS, "hour"), (60 * MICROSECONDS, "minute")):
        if value and value % size == 0:
            count = value // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{value / MICROSECONDS:g} seconds"


def prices(document: ReleaseDoc) -> dict[str, dict[int, str]]:
    """ "SE individual" -> start -> "119.00 SEK per P1M"; what ends with nothing after it says so."""
    found: dict[str, dict[int, str]] = {}
    for plan, by_market in document.prices.items():
        for market, listed in by_market.items():
            found[f"{market} {plan}"] = _timeline(listed, market, document)
    return found


def _timeline(listed: tuple[PriceDoc, ...], market: str, document: ReleaseDoc) -> dict[int, str]:
    law = document.markets.get(market)
    exponent, currency = (law.exponent, law.currency) if law else (0, "")
    starts = {price.start for price in listed}
    told: dict[int, str] = {}
    for price in listed:
        gone = price.end is not None and price.end not in starts
        until = f" until {instant(price.end or 0)}" if gone else ""
        told[price.start] = f"{decimal_text(price.amount, exponent)} {currency} per {price.period}{until}"
    return told


def parts_of_price(told: str) -> tuple[str, str]:
    """The amount, and the rest: currency, period, end."""
    amount, _, rest = told.partition(" ")
    return amount, rest
