"""How do markets with their legal profiles, and domains, come in from a file?"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from campaigns import money, operations, schedule
from campaigns.importing.definitions import fixed
from campaigns.importing.desk import Desk, Skipped
from campaigns.importing.entries import BandEntry, MarketEntry, NamedEntry, given
from campaigns.importing.lines import Difference
from campaigns.importing.shaping import Placed, read
from campaigns.models import Domain, LegalProfile, Market


def market(desk: Desk, at: Placed, entry: MarketEntry) -> None:
    row = Market.objects.filter(code=entry.code).first() or Market(code=entry.code)
    new = row.pk is None
    wanted: dict[str, Any] = {"name": entry.code, "countries": [entry.code]} if new else {}
    wanted |= given(entry, but=frozenset({"code", "legal"}))
    fixed(desk, at, row, wanted, "currency")
    _check(desk, at, wanted)
    changed = desk.save(row, wanted, at)
    if isinstance(entry.legal, list):
        changed = (*changed, *_legal(desk, at, row, entry.legal))
    desk.line(at, new, changed)


def domain(desk: Desk, at: Placed, entry: NamedEntry) -> None:
    row = Domain.objects.filter(key=entry.key).first() or Domain(key=entry.key, name=entry.key)
    new = row.pk is None
    desk.line(at, new, desk.save(row, given(entry, but=frozenset({"key"})), at))


def _check(desk: Desk, at: Placed, wanted: dict[str, Any]) -> None:
    if "time_zone" in wanted and not schedule.known(wanted["time_zone"]):
        sentence = f'"{wanted["time_zone"]}" is no time zone.'
        desk.wrong("market.zone", f"{at.where}.time_zone", sentence, "Use a name such as Europe/Stockholm.")
        raise Skipped
    if "currency" in wanted and not money.known_currency(wanted["currency"]):
        sentence = f'"{wanted["currency"]}" is no currency.'
        desk.wrong("market.currency", f"{at.where}.currency", sentence, "Use an ISO 4217 code such as SEK.")
        raise Skipped


def _legal(desk: Desk, at: Placed, row: Market, raw: list[Any]) -> list[Difference]:
    """The list is the whole: bands that it leaves out are removed."""
    bands: list[BandEntry | None] = [
        read(BandEntry, each, f"{at.where}.legal[{number}]", desk.findings) for number, each in enumerate(raw)
    ]
    wanted = [band for band in bands if band is not None]
    if len(wanted) < len(bands) or _overlap(desk, at, wanted):
        raise Skipped
    held = {profile.min_age: profile for profile in row.legal_profiles.all()}
    found: list[Difference] = []
    for age in held.keys() - {band.min_age for band in wanted}:
        found.append(Difference(f"legal from {age}", "there", "removed"))
        operations.remove(held[age], by=desk.by, now=desk.now, why=desk.why)
    for band in wanted:
        profile = held.get(band.min_age) or LegalProfile(market=row, min_age=band.min_age)
        changed = desk.save(profile, given(band, but=frozenset({"min_age"})), at)
        found += [Difference(f"legal from {band.min_age}: {each.field}", each.before, each.after) for each in changed]
    return found


def _overlap(desk: Desk, at: Placed, bands: list[BandEntry]) -> bool:
    """Two profiles for one age would leave open which law holds."""
    ordered = sorted(bands, key=lambda band: band.min_age)
    for one, other in pairwise(ordered):
        if other.min_age < one.max_age:
            sentence = f"Ages {one.min_age} to {one.max_age} and {other.min_age} to {other.max_age} overlap."
            desk.wrong("legal.overlap", f"{at.where}.legal", sentence, "Let each band end where the next begins.")
            return True
    return False
