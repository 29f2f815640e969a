"""What is different between two releases, in words?

Every object of both is laid out as fields with texts; what differs is told field by field, rules as sentences, prices
as amounts and dates. Reads documents only: no database stands below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from merch.engine.document import ReleaseDoc
from merch.releases import portraits
from merch.releases.portraits import Picture, Portrait

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that differs. ``field`` is empty for what came or went as a whole."""

    area: str  # "campaign", "price", "placement" ...
    key: str
    verb: str  # added, removed or changed
    field: str = ""
    before: str = ""
    after: str = ""
    sentence: str = ""


def diff(before: ReleaseDoc, after: ReleaseDoc) -> list[Change]:
    """Every change, area by area in the order of a release; an empty list for equal documents."""
    was, becomes = portraits.of(before, after), portraits.of(after, before)
    found = [change for area in {**was, **becomes} for change in _area(area, was.get(area, {}), becomes.get(area, {}))]
    found += [*_prices(before, after), *_unread(before, after)]
    if not found and before != after:
        found.append(Change(area="release", key="", verb=CHANGED, sentence="release: only numbers of rows differ"))
    return found


def as_json(changes: list[Change]) -> list[dict[str, Any]]:
    """Plain values, for machines."""
    return [msgspec.to_builtins(change) for change in changes]


def _area(area: str, was: Mapping[str, Portrait], becomes: Mapping[str, Portrait]) -> Iterator[Change]:
    for key in sorted({*was, *becomes}):
        name = f"{area} {key}" if key else area
        if key not in was:
            yield Change(area=area, key=key, verb=ADDED, sentence=f"{name} added: {becomes[key].summary}")
        elif key not in becomes:
            yield Change(area=area, key=key, verb=REMOVED, sentence=f"{name} removed")
        else:
            yield from _fields(area, key, name, was[key].fields, becomes[key].fields)


def _fields(area: str, key: str, name: str, was: Picture, becomes: Picture) -> Iterator[Change]:
    parts = {part: fields for part in _parts({**was, **becomes}) if (fields := _whole(part, was, becomes))}
    for part, (old, new) in parts.items():
        verb, said = (ADDED, new) if new else (REMOVED, old)
        yield Change(
            area=area, key=key, verb=CHANGED, field=part, before=old, after=new,
            sentence=f"{name}: {part} {verb}: {said}",
        )  # fmt: skip
    for field in {**was, **becomes}:
        old, new = was.get(field, ""), becomes.get(field, "")
        if old != new and _part(field) not in parts:
            yield Change(
                area=area, key=key, verb=CHANGED, field=field, before=old, after=new,
                sentence=f"{name}:{field and f' {field}'} {old or 'nothing'} -> {new or 'nothing'}",
            )  # fmt: skip


def _parts(fields: Iterable[str]) -> list[str]:
    return [*dict.fromkeys(part for field in fields if (part := _part(field)))]


def _part(field: str) -> str:
    """ "items, hero" of "items, hero, weight"; empty for a field of the object itself."""
    names = field.split(", ")
    return ", ".join(names[:2]) if len(names) > 2 else ""


def _whole(part: str, was: Picture, becomes: Picture) -> tuple[str, str] | None:
    """A part that stands on one side only, as one text beside nothing."""
    old, new = (
        {field.removeprefix(f"{part}, "): text for field, text in side.items() if _part(field) == part}
        for side in (was, becomes)
    )
    return None if bool(old) is bool(new) else (portraits.said(old), portraits.said(new))


def _unread(before: ReleaseDoc, after: ReleaseDoc) -> Iterator[Change]:
    """What people never read, told as a whole."""
    for field, area in portraits.UNREAD:
        if getattr(before, field) != getattr(after, field):
            yield Change(area=area, key="", verb=CHANGED, sentence=f"{area} differ")


def _prices(before: ReleaseDoc, after: ReleaseDoc) -> Iterator[Change]:
    """By market and plan: "SE individual 119.00 -> 129.00 SEK from 2026-12-01T00:00:00Z"."""
    was, becomes = portraits.prices(before), portraits.prices(after)
    for key in sorted({*was, *becomes}):
        old, new = was.get(key, {}), becomes.get(key, {})
        for start in sorted({*old, *new}):
            if old.get(start) != new.get(start):
                yield _price(key, start, old, new)


def _price(key: str, start: int, old: Mapping[int, str], new: Mapping[int, str]) -> Change:
    """Beside a new price stands what would have been asked at its start without it."""
    earlier = [at for at in old if at <= start]
    before, after = old[max(earlier)] if earlier else "", new.get(start, "")
    since = portraits.instant(start)
    if not after:
        return Change(
            area="price", key=key, verb=REMOVED, before=before, sentence=f"price {key} {before} from {since} removed"
        )
    verb = CHANGED if before else ADDED
    told = after
    if before:
        amount, rest = portraits.parts_of_price(after)
        old_amount, old_rest = portraits.parts_of_price(before)
        told = f"{old_amount} -> {amount} {rest if rest != old_rest else rest.partition(' ')[0]}"
    return Change(
        area="price", key=key, verb=verb, field=f"from {since}", before=before, after=after,
        sentence=f"price {key} {told} from {since}",
    )  # fmt: skip
