"""Is this leaf well formed, and do its names and values exist in the vocabulary?"""

from collections.abc import Callable, Mapping
from typing import Any

from audiences.hashing import BUCKETS
from audiences.rules.instants import MOST_INSTANTS, instants_needed
from audiences.rules.nodes import (
    AudienceLeaf,
    BucketLeaf,
    Condition,
    ContextLeaf,
    EventLeaf,
    HistoryLeaf,
    Leaf,
    Operand,
    TraitLeaf,
    Window,
)
from audiences.rules.operands import MOST_DAYS, WHOLE, keys_fit, read_operand, read_value
from audiences.rules.operators import BUCKETS as BUCKET_OPERATORS
from audiences.rules.operators import COUNTS, EVENT_LAST, HISTORY_LAST, OPERATORS, PRESENCE
from audiences.rules.problems import Findings, shown
from audiences.rules.values import Type, ValueType
from audiences.rules.vocabulary import SCOPES, EventType, Kind, Vocabulary

Raw = Mapping[str, Any]
Reader = Callable[[Findings, Vocabulary, Raw, str], Leaf | None]

LONGEST_WINDOW = 400  # whole days; the event roll-up keeps no more
LONGEST_HOURS = 24 * LONGEST_WINDOW
LONGEST_NAME = 200
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
    window = _days(findings, raw.get("window", 1), f"{where}.window")
    agg = _choice(findings, raw.get("agg", "count"), AGGREGATES, f"{where}.agg")
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
        _not_negative(findings, operand[1], f"{where}.value")
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


def _history(findings: Findings, vocabulary: Vocabulary, raw: Raw, where: str) -> Leaf | None:
    keys_fit(findings, raw, where, required=("history", "agg", "of", "op"), optional=("key", "window", "value"))
    scope = _choice(findings, raw["history"], SCOPES, f"{where}.history")
    agg = _choice(findings, raw.get("agg", "count"), ("count", "last", "first"), f"{where}.agg")
    happening = _choice(findings, raw.get("of", "custom"), sorted(vocabulary.happenings), f"{where}.of")
    key = _key(findings, vocabulary, scope, raw, where) if scope else ""
    window = _window(findings, agg, raw, where)
    operand = read_operand(findings, WHOLE, COUNTS if agg == "count" else HISTORY_LAST, raw, where)
    if scope is None or agg is None or happening is None or operand is None:
        return None
    leaf = HistoryLeaf(scope, key, agg, happening, *operand, window=window)
    if agg == "count":
        _not_negative(findings, leaf.value, f"{where}.value")
    if instants_needed(leaf) > MOST_INSTANTS:
        findings.add(
            "rule.history_bound",
            f"{where}.value",
            f"At most {MOST_INSTANTS} newest happenings are kept per subject.",
            "Ask for fewer, count over a lifetime, or use an event condition, which a run computes.",
        )
    return leaf


def _key(findings: Findings, vocabulary: Vocabulary, scope: str, raw: Raw, where: str) -> str:
    key, at = raw.get("key", ""), f"{where}.key"
    if scope == "all":
        if "key" in raw:
            findings.add("rule.unknown_key", at, "The history of everything has no key.", "Leave key out.")
        return ""
    if not isinstance(key, str) or not 1 <= len(key) <= LONGEST_NAME:
        findings.add("rule.missing_key", at, f"It is not said which {scope}.", f'Add "key": the {scope} to look up.')
        return ""
    known = vocabulary.keys.get(scope)
    if scope == "event":
        known = frozenset(name for name, event in vocabulary.events.items() if event.in_history)
    if known is not None and key not in known:
        findings.unknown("event in history" if scope == "event" else scope.replace("_", " "), key, known, at)
    return key


def _window(findings: Findings, agg: str | None, raw: Raw, where: str) -> Window | None:
    at, window = f"{where}.window", raw.get("window")
    if agg != "count":
        if "window" in raw:
            findings.add("rule.window", at, f"{agg} looks at all history.", "Leave window out.")
        return None
    if window in ("lifetime", "local_day"):
        return Window("lifetime" if window == "lifetime" else "local_day")
    if isinstance(window, dict) and set(window) == {"hours"}:
        hours = window["hours"]
        if isinstance(hours, int) and not isinstance(hours, bool) and 1 <= hours <= LONGEST_HOURS:
            return Window("hours", hours)
        findings.add("rule.window", at, f"{shown(hours)} is not a number of hours.", f"Write 1 to {LONGEST_HOURS}.")
        return None
    return Window("days", _days(findings, window, at, also=', {"hours": n}, "local_day" or "lifetime"'))


def _days(findings: Findings, raw: object, where: str, *, also: str = "") -> int:
    if isinstance(raw, int) and not isinstance(raw, bool) and 1 <= raw <= LONGEST_WINDOW:
        return raw
    findings.add("rule.window", where, f"{shown(raw)} is not a window.", f"Write 1 to {LONGEST_WINDOW} days{also}.")
    return MOST_DAYS  # so that nothing else is reported of it


def _choice(findings: Findings, raw: object, choices: tuple[str, ...] | list[str], where: str) -> Any:
    if isinstance(raw, str) and raw in choices:
        return raw
    findings.add("rule.choice", where, f"{shown(raw)} cannot stand here.", f"Use one of: {', '.join(choices)}.")
    return None


def _not_negative(findings: Findings, value: Operand, where: str) -> None:
    if any(number < 0 for number in (value if isinstance(value, tuple) else (value,))):
        findings.add("rule.value", where, "A count is never negative.", "Write 0 or more.")


READERS: dict[Kind, Reader] = {
    Kind.TRAIT: _trait,
    Kind.CONTEXT: _context,
    Kind.EVENT: _event,
    Kind.HISTORY: _history,
    Kind.AUDIENCE: _audience,
    Kind.BUCKET: _bucket,
}
