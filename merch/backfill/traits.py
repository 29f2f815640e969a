"""How do a file's rows become traits and consent?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from audiences.catalogue import trait_types
from audiences.people import TooMuchKnown, TraitChange, apply_changes
from audiences.records import Ref, Written
from audiences.rules import BadValue, TraitType, encode_trait
from audiences.rules.problems import Findings
from merch.backfill.cells import instant_of, ref_of, truth_of, value_of
from merch.backfill.jobs import Job, Row, Wrote
from merch.backfill.mapping import TraitsMapping, columns_of
from merch.backfill.tally import Tally
from merch.intake.refusals import Refusal

PURPOSE = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)


class Traits(Job[TraitChange]):
    """A value never overwrites one that was observed later, so the order of rows and files does not matter."""

    def __init__(self, mapping: TraitsMapping, findings: Findings) -> None:
        self._mapping = mapping
        self._types: dict[str, TraitType] = trait_types()
        self.columns = frozenset(columns_of(mapping))
        self.where = mapping.where
        for name in mapping.traits.keys() - self._types.keys():
            findings.unknown("trait", name, self._types, f"traits.{name}")
        for purpose in mapping.consent:
            if not PURPOSE.fullmatch(purpose):
                findings.add("mapping.consent", f"consent.{purpose}", f"{purpose} is no purpose.", "Write a-z and _.")
        if not mapping.traits and not mapping.consent:
            findings.add("mapping.empty", "traits", "The mapping brings neither traits nor consent.", "Name some.")

    def read(self, number: int, row: Row) -> TraitChange:
        ref = ref_of(row, self._mapping.subject)
        consent = {purpose: truth_of(row, cell) for purpose, cell in self._mapping.consent.items()}
        return TraitChange(
            kind=ref.kind,
            key=ref.key,
            observed_at=instant_of(row, self._mapping.observed_at),
            traits=self._traits(row),
            consent={purpose: granted for purpose, granted in consent.items() if granted is not None},
        )

    def _traits(self, row: Row) -> dict[str, object]:
        """Missing cells say nothing: they remove no trait."""
        found = {}
        for name, cell in self._mapping.traits.items():
            value = value_of(row, cell, self._types[name])
            if value is None:
                continue
            try:
                found[name] = encode_trait(self._types[name], value)
            except BadValue as bad:
                raise Refusal("bad_value", f"{cell.column or name}: {bad}") from bad
        return found

    def named(self, item: TraitChange) -> tuple[Ref, str]:
        return Ref(item.kind, item.key), ""

    def count(self, item: TraitChange, tally: Tally) -> None:
        for name in item.traits:
            tally.add_found(f"trait {name}")
        for purpose in item.consent:
            tally.add_found(f"consent {purpose}")

    def write(self, items: Sequence[tuple[int, TraitChange]], *, now: datetime) -> Wrote:
        before = _newest_version()
        there, refused = _apply([item for _, item in items], now)
        changed = sum(each.version > before for each in there)
        counts = {"records changed": changed, "records as they were": len(there) - changed}
        return Wrote(counts | ({"rows whose account has too many traits": refused} if refused else {}))


def _apply(changes: list[TraitChange], now: datetime) -> tuple[list[Written], int]:
    """What was written, and how many changes would have made a subject's traits too large."""
    try:
        return apply_changes(changes, now=now), 0
    except TooMuchKnown as too_much:
        left = [change for position, change in enumerate(changes) if position not in too_much.positions]
        written, more = _apply(left, now)
        return written, len(too_much.positions) + more


def _newest_version() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM subject_version")
        return int(cursor.fetchone()[0])
