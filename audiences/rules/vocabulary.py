"""Which names may a rule use, and of what type is each?

Frozen values, handed in by the caller: models above, fixtures in tests. Two vocabularies never mix inside one rule.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from audiences.rules.values import ValueType


class Kind(StrEnum):
    """Kinds of leaf, by the key that decides them in a document."""

    TRAIT = "trait"
    CONTEXT = "ctx"
    EVENT = "event"
    HISTORY = "history"
    AUDIENCE = "audience"
    BUCKET = "bucket"


EVERYWHERE = frozenset(Kind)
# A request or a live record has no column in a run over all subjects.
IN_AUDIENCES = EVERYWHERE - {Kind.CONTEXT, Kind.HISTORY}

# What a conversion began; counted for its plan and its group only.
BEGINNINGS = frozenset({"trial", "paid"})
BEGUN_IN = frozenset({"plan", "plan_group"})
HAPPENINGS = BEGINNINGS | {
    "impression", "viewed", "click", "dismissal", "conversion", "redemption", "exposure", "custom",
}  # fmt: skip
SCOPES = ("campaign", "offer", "mechanic", "plan", "plan_group", "placement", "event", "all")


class TraitType(ValueType, frozen=True):
    """A trait's type. ``tolerance``: age in microseconds beyond which a value is stale; None: never."""

    nullable: bool = True
    tolerance: int | None = None
    when_stale: Literal["missing", "keep"] = "missing"

    @property
    def expires(self) -> int | None:
        """The age in microseconds beyond which a value counts as missing; None: never."""
        return None if self.when_stale == "keep" else self.tolerance


class EventType(Struct, frozen=True):
    """An event's fields by name; ``in_history``: folded into the subject's record as it arrives."""

    fields: Mapping[str, ValueType] = {}
    in_history: bool = False


class Vocabulary(Struct, frozen=True):
    """All names. ``audiences`` maps a slug to its rule document, None for a list audience.

    ``keys`` maps a history scope to its known slugs; a scope that is absent is not checked.
    """

    traits: Mapping[str, TraitType] = {}
    contexts: Mapping[str, ValueType] = {}
    events: Mapping[str, EventType] = {}
    audiences: Mapping[str, object] = {}
    keys: Mapping[str, frozenset[str]] = {}
    happenings: frozenset[str] = HAPPENINGS
