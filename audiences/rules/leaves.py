"""Is this leaf well formed, and do its names and values exist in the vocabulary?"""

from collections.abc import Callable, Mapping
from typing import Any

from audiences.hashing import BUCKETS
from audiences.rules.historyleaf import read_history
from audiences.rules.nodes import (
    AudienceLeaf,
    BucketLeaf,
    Condition,
    ContextLeaf,
    EventLeaf,
    Leaf,
    TraitLeaf,
)
from audiences.rules.operands import (
    LONGEST_NAME,
    WHOLE,
    Raw,
    choice,
    days_window,
    keys_fit,
    not_negative,
    read_operand,
    read_value,
)
from audiences.rules.operators import BUCKETS as BUCKET_OPERATORS
from audiences.rules.operators import COUNTS, EVENT_LAST, OPERATORS, PRESENCE
from audiences.rules.problems import Findings, shown
from audiences.rules.values import Type, ValueType
from audiences.rules.vocabulary import EventType, Kind, Vocabulary

Reader = Callable[[Findings, Vocabulary, Raw, str], Leaf | None]

NUMBERS = (Type.INT, Type.DECIMAL)
AGGREGATES = ("count", "days", "sum", "last")


def _known(findings: Findings, what: str, names: Mapping[str, Any], name: object, where: str) -> Any:
    """What the vocabulary says of the name; None after reporting that it says nothing."""
    if isinstance(name, str) and name in names:
        return names[name]
    findings.unknown(what, name, names, where)
    return None


def _trait(findings: Findings, vocabulary: Vocabulary, raw: Raw, where: str) -> Leaf | None:
    keys_fit(findings, raw, where, required=("trait", "op"), optional=("value",))
    of = _known(findings, "trait", vocabulary.traits, raw["trait"], f"{where}.trait")
    if of is None:
        return None
    # A value that can neither be absent nor go stale needs no such question.
    shapes = OPERATORS[of.type] | (PRESENCE if of.nullable or of.expires is not None else {})
    operand = read_operand(findings, of, shapes, raw, where)
    return TraitLeaf(raw["trait"], of, *operand) if operand else None


def _context(findings: Findings, vocabulary: Vocabulary, raw: Raw, where: str) -> Leaf | None:
    keys_fit(findings, raw, where, required=("ctx", "op"), optional=("value",))
    of = _known(findings, "context value", vocabulary.contexts, raw["ctx"], f"{where}.ctx")
    operand = read_operand(findings, of, OPERATORS[of.type] | PRESENCE, raw, where) if of else None
    return ContextLeaf(raw["ctx"], of, *operand) if operand else None


def _audience(findings: Findings, vocabulary: Vocabulary, raw: Raw, where: str) -> Leaf | None:
    keys_fit(findings, raw, where, required=("audience", "op"))
    slug, op = raw["audience"], raw.get("op")
    if not isinstance(slug, str) or slug not in vocabulary.audiences:
        findings.unknown("audience", slug, vocabulary.audiences, f"{where}.audience")
    if "op" in raw and op not in ("in", "nin"):
        findings.add("rule.operator", f"{where}.op", f"{shown(op)} cannot be asked of an audience.", "Use in or nin.")
    return AudienceLeaf(slug, "in" if op == "in" else "nin")


def _bucket(findings: Findings, vocabulary: Vocabulary, raw: Raw, where: str) -> Leaf | None:
    keys_fit(findings, raw, where, required=("bucket", "op"), optional=("value",))
    salt = raw["bucket"]
    if not isinstance(salt, str) or not 1 <= len(salt) <= LONGEST_NAME or "\0" in salt:
        findings.add("rule.salt", f"{where}.bucket", f"{shown(salt)} cannot salt a split.", "Use 1 to 200 letters.")
    operand = read_operand(findings, WHOLE, BUCKET_OPERATORS, raw, where)
    if operand is None:
        return None
    op, value = operand
    low, high = value if op == "between" else (0, value - 1)
    if not 0 <= low <= high < BUCKETS:
        findings.add(
            "rule.value",
            f"{where}.value",
            "The buckets are numbered 0 to 9999.",
            "100 buckets are one per cent.",
        )
    return BucketLeaf(salt, "lt" if op == "lt" else "between", value)


def _event(findings: Findings, vocabulary: Vocabulary, raw: Raw, where: str) -> Leaf | None:
    keys_fit(findings, raw, where, required=("event", "agg", "window", "op"), optional=("field", "where", "value"))
    of = _known(findings, "event", vocabulary.events, raw["event"], f"{where}.event")
    window = days_window(findings, raw.get("window", 1), f"{where}.window")
    agg = choice(findings, raw.get("agg", "count"), AGGREGATES, f"{where}.agg")
    if of is None or agg is None:
        return None
    number = _summed(findings, of, agg, raw, where)
    conditions = _conditions(findings, of, raw.get("where", {}), f"{where}.where")
    operand = read_operand(findings, number, EVENT_LAST if agg == "last" else COUNTS, raw, where)
    if operand is None:
        return None
    if agg == "last" and operand[1] is not None and operand[1] > window:
        findings.add(
            "rule.value",
            f"{where}.value",
            "The window is shorter than that.",
            "Ask for at most as many days.",
        )
    if agg in ("count", "days"):
        not_negative(findings, operand[1], f"{where}.value")
    field = raw.get("field") if agg == "sum" else None
    return EventLeaf(raw["event"], agg, window, number, *operand, field=field, where=conditions)


def _summed(findings: Findings, of: EventType, agg: str, raw: Raw, where: str) -> ValueType:
    """The type of the field that is summed; whole numbers for every other aggregate."""
    if agg != "sum":
        if "field" in raw:
            findings.add("rule.field", f"{where}.field", f"{agg} reads no field.", "Leave field out, or use sum.")
        return WHOLE
    numbers = {name: type_ for name, type_ in of.fields.items() if type_.type in NUMBERS}
    if "field" not in raw:
        findings.add("rule.missing_key", where, "sum needs a field.", 'Add "field": the name of a number field.')
        return WHOLE
    found = _known(findings, "number field", numbers, raw["field"], f"{where}.field")
    return WHOLE if found is None else ValueType(found.type, scale=found.scale)


def _conditions(findings: Findings, of: EventType, raw: object, where: str) -> tuple[Condition, ...]:
    if not isinstance(raw, dict) or len(raw) > 10:
        findings.add("rule.where", where, "where is not a list of field values.", 'Write {"field": value}, at most 10.')
        return ()
    scalars = {name: type_ for name, type_ in of.fields.items() if type_.type is not Type.SET}
    conditions = []
    for name in sorted(raw):
        at = f"{where}.{name[:60]}"
        type_ = _known(findings, "field", scalars, name, at)
        if type_ is not None:
            conditions.append(Condition(name, type_, read_value(findings, type_, raw[name], at)))
    return tuple(conditions)


READERS: dict[Kind, Reader] = {
    Kind.TRAIT: _trait,
    Kind.CONTEXT: _context,
    Kind.EVENT: _event,
    Kind.HISTORY: read_history,
    Kind.AUDIENCE: _audience,
    Kind.BUCKET: _bucket,
}
