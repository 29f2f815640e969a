"""What do we learn about a subject, and how is it written down?

Each verb is one transaction and gives back what must now be published (merch.subjects.publish).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from msgspec import Struct, to_builtins

from audiences.models import Grant, Revision, Suppression
from audiences.moments import micros
from audiences.records import Record, Ref, Written, ids_of, locked, write

LONGEST_ID = 200
MOST_TRAITS = 4 * 1024  # packed bytes of one subject's traits: those that were read are kept with each decision
_PLAIN = re.compile(r"[!-~]{1,200}")
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # control, invisible, surrogate, private, unassigned


def normalise_id(text: str) -> str:
    """The one form of an id: Unicode NFC, 1 to 200 characters, no invisible ones, no space at either end.

    Raises ValueError with a sentence that says the way out.
    """
    if _PLAIN.fullmatch(text):
        return text
    normal = unicodedata.normalize("NFC", text)
    if not 1 <= len(normal) <= LONGEST_ID:
        raise ValueError(f"An id has 1 to {LONGEST_ID} characters; this one has {len(normal)}.")
    if normal != normal.strip():
        raise ValueError("An id neither begins nor ends with a space; trim it.")
    if any(unicodedata.category(letter) in _REFUSED for letter in normal):
        raise ValueError("An id holds no control or invisible characters; leave them out.")
    return normal


class TraitChange(Struct, frozen=True, kw_only=True):
    """What one system says of one subject. ``traits`` holds stored forms; None removes a trait. ``observed_at`` in
    UTC microseconds; a value never overwrites one that was observed later."""

    kind: str
    key: str
    observed_at: int
    traits: Mapping[str, Any] = {}
    consent: Mapping[str, bool] = {}


class TooMuchKnown(ValueError):
    """``positions``: the changes that would bring a subject's traits over MOST_TRAITS. Nothing was written."""

    def __init__(self, positions: Sequence[int]) -> None:
        super().__init__(f"The traits of one subject take at most {MOST_TRAITS} bytes together; remove some first.")
        self.positions = tuple(positions)


def apply_changes(changes: Sequence[TraitChange], *, now: datetime) -> list[Written]:
    """Write traits and consent, in the order given. A subject that nothing changed keeps its version, and is given back
    as well: an earlier publication of it may have failed. Raises TooMuchKnown."""
    latest = micros(now)
    with transaction.atomic():
        ids = ids_of((Ref(change.kind, change.key) for change in changes), now=now)
        records = locked(ids.values())
        changed: dict[int, Record] = {}
        too_much = []
        for position, change in enumerate(changes):
            record = records[ids[Ref(change.kind, change.key)]]
            if _apply(record, change, latest):
                changed[record.id] = record
                if _adds(change) and _size(record) > MOST_TRAITS:
                    too_much.append(position)
        if too_much:
            raise TooMuchKnown(too_much)
        written = write(list(changed.values()), now=now)
    return written + [record.as_written() for id_, record in records.items() if id_ not in changed]


def _apply(record: Record, change: TraitChange, latest: int) -> bool:
    # A moment in the future would shut out every later observation.
    observed_at = min(change.observed_at, latest)
    traits = _newer(record.traits, change.traits, observed_at)
    consent = _newer(record.consent, change.consent, observed_at)
    return traits or consent


def _adds(change: TraitChange) -> bool:
    return any(value is not None for value in change.traits.values())


def _size(record: Record) -> int:
    """Packed, as in the serving record: what was removed is not there."""
    return len(msgspec.msgpack.encode({name: held for name, held in record.traits.items() if held[0] is not None}))


def _newer(held: dict[str, list[Any]], said: Mapping[str, Any], observed_at: int) -> bool:
    """Merge ``said`` into ``held``. A removed value leaves [null, moment], or an older one would come back."""
    changed = False
    for name, value in said.items():
        before = held.get(name)
        if before is not None and (before[1] > observed_at or before == [value, observed_at]):
            continue
        held[name] = [value, observed_at]
        changed = True
    return changed


def suppress(
    kind: str,
    key: str,
    suppression_key: str,
    *,
    tiers: Sequence[str],
    starts_at: datetime,
    expires_at: datetime | None,
    reason: str,
    source: str,
    now: datetime,
) -> Written:
    """Put a suppression in force, or change it; half-open [starts_at, expires_at)."""
    with transaction.atomic():
        record = _one(Ref(kind, key), now)
        Suppression.objects.update_or_create(
            subject_id=record.id,
            key=suppression_key,
            defaults={
                "tiers": list(tiers),
                "starts_at": starts_at,
                "expires_at": expires_at,
                "reason": reason,
                "source": source,
            },
        )
        return write([record], now=now)[0]


def unsuppress(kind: str, key: str, suppression_key: str, *, now: datetime) -> Written:
    """Remove a suppression; removing one that is not there changes nothing."""
    with transaction.atomic():
        record = _one(Ref(kind, key), now)
        removed, _ = Suppression.objects.filter(subject_id=record.id, key=suppression_key).delete()
        return write([record], now=now)[0] if removed else record.as_written()


class Allowance(Struct, frozen=True, kw_only=True):
    """What a person allows: an offer by its key, in [starts_at, expires_at), at most ``amount`` minor units first."""

    key: str
    offer: str
    reason: str
    granted_by: str
    starts_at: datetime
    expires_at: datetime | None = None
    amount: int | None = None
    currency: str = ""
    source: str = ""


def grant(kind: str, key: str, allowed: Allowance, *, now: datetime) -> Written:
    """Allow a subject an offer, or change what was allowed under this key; the log says who did."""
    with transaction.atomic():
        record = _one(Ref(kind, key), now)
        values = to_builtins(allowed, builtin_types=(datetime,))
        Grant.objects.update_or_create(subject_id=record.id, key=values.pop("key"), defaults=values)
        Revision.objects.record(
            actor=None, verb="granted", object_type="subject", object_key=f"{kind}:{key}", before=None,
            after=to_builtins(allowed), now=now, why=allowed.reason,
        )  # fmt: skip
        return write([record], now=now)[0]


def withdraw(kind: str, key: str, grant_key: str, *, source: str, now: datetime) -> Written:
    """Take a grant back; taking back one that is not there changes nothing."""
    with transaction.atomic():
        record = _one(Ref(kind, key), now)
        removed, _ = Grant.objects.filter(subject_id=record.id, key=grant_key).delete()
        if not removed:
            return record.as_written()
        Revision.objects.record(
            actor=None, verb="grant withdrawn", object_type="subject", object_key=f"{kind}:{key}", before=None,
            after={"key": grant_key, "source": source}, now=now,
        )  # fmt: skip
        return write([record], now=now)[0]


def _one(ref: Ref, now: datetime) -> Record:
    # The row's lock also orders two writers of the same suppression.
    id_ = ids_of([ref], now=now)[ref]
    return locked([id_])[id_]
