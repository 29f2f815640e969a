"""How would a person say this rule?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from audiences.rules.canonical import json_operand
from audiences.rules.nodes import (
    All,
    AnyOf,
    AudienceLeaf,
    BucketLeaf,
    ContextLeaf,
    EventLeaf,
    HistoryLeaf,
    ListLeaf,
    Member,
    Node,
    Not,
    Rule,
    TraitLeaf,
    Window,
)
from audiences.rules.operators import COMPLEMENTS, OPERATORS, PRESENCE, Shape
from audiences.rules.values import Type, decode_trait

MOST_SHOWN = 8

_OPPOSITES = {**COMPLEMENTS, **{positive: complement for complement, positive in COMPLEMENTS.items()}}

# {x} is what is asked about, {v} the value or the list, {a} and {b} the two ends of a range.
_SINCE = {
    "within_days": "{x} was in the last {v}",
    "within_months": "{x} was in the last {v}",
    "before_days": "{x} was at least {v} ago",
    "before_months": "{x} was at least {v} ago",
    "in_next_days": "{x} comes in the next {v}",
    "present": "{x} is known",
    "absent": "{x} is unknown",
}
_PLAIN = _SINCE | {
    "eq": "{x} is {v}",
    "ne": "{x} is not {v} (or unknown)",
    "in": "{x} is {v}",
    "nin": "{x} is {v} (or unknown)",
    "prefix": '{x} begins with "{v}"',
    "lt": "{x} is below {v}",
    "lte": "{x} is at most {v}",
    "gt": "{x} is above {v}",
    "gte": "{x} is at least {v}",
    "between": "{x} is from {a} to {b}",
    "contains": "{x} include {v}",
    "ncontains": "{x} do not include {v} (or are unknown)",
    "any_of": "{x} include {v}",
    "all_of": "{x} include {v}",
    "none_of": "{x} include {v} (or are unknown)",
}
_BY_TYPE = {
    Type.DATE: _PLAIN | {"lt": "{x} is before {v}", "gte": "{x} is {v} or later"},
    Type.TIMESTAMP: _PLAIN | {"lt": "{x} is before {v}", "gte": "{x} is {v} or later"},
    Type.VERSION: _PLAIN | {"lt": "{x} is older than {v}", "gte": "{x} is {v} or newer"},
}
_AMOUNTS = {
    "eq": "exactly {v}",
    "ne": "not exactly {v}",
    "lt": "fewer than {v}",
    "lte": "at most {v}",
    "gt": "more than {v}",
    "gte": "at least {v}",
    "between": "from {a} to {b}",
}
_HAPPENINGS = {"paid": "paid period"}
_JOINED_BY = {"in": "or", "any_of": "or", "all_of": "and", "nin": "neither", "none_of": "neither"}


class Labels(Struct, frozen=True):
    """What people call things; a name without a label is said with blanks for underscores."""

    traits: Mapping[str, str] = {}
    contexts: Mapping[str, str] = {}
    events: Mapping[str, str] = {}
    audiences: Mapping[str, str] = {}
    keys: Mapping[tuple[str, str], str] = {}  # (scope, slug) of a history key


PLAIN_LABELS = Labels()


def describe(rule: Rule, labels: Labels = PLAIN_LABELS) -> str:
    """One English sentence. An inlined audience is said by its name."""
    sentence = _Teller(labels).say(rule.node)
    return f"{sentence[0].upper()}{sentence[1:]}."


class _Teller(Struct, frozen=True):
    labels: Labels

    def say(self, node: Node, *, inner: bool = False) -> str:
        if isinstance(node, All | AnyOf):
            return self.group(node, inner)
        if isinstance(node, Not):
            return self.negation(node.node)
        if isinstance(node, Member | ListLeaf):
            return self.audience(AudienceLeaf(node.slug, "in"))
        return str(_TELLERS[type(node)](self, node))

    def group(self, node: All | AnyOf, inner: bool) -> str:
        if not node.nodes:
            return "they are anybody" if isinstance(node, All) else "they are nobody"
        if len(node.nodes) == 1:
            return self.say(node.nodes[0], inner=inner)
        word = ", and " if isinstance(node, All) else ", or "
        text = word.join(self.say(below, inner=True) for below in node.nodes)
        return f"({text})" if inner else text

    def negation(self, node: Node) -> str:
        """By the complement where there is one; it means exactly the negation."""
        if isinstance(node, Not):
            return self.say(node.node)
        if isinstance(node, Member | ListLeaf):
            return self.audience(AudienceLeaf(node.slug, "nin"))
        if isinstance(node, AudienceLeaf):
            return self.audience(AudienceLeaf(node.slug, "nin" if node.op == "in" else "in"))
        if isinstance(node, TraitLeaf):
            opposite = _OPPOSITES.get(node.op)
            if opposite is not None:
                return self.trait(TraitLeaf(node.name, node.type, opposite, node.value))
        return f"it is not so that {self.say(node, inner=True)}"

    def trait(self, leaf: TraitLeaf) -> str:
        return _question(_label(self.labels.traits, leaf.name), leaf)

    def context(self, leaf: ContextLeaf) -> str:
        return _question(f"the request's {_label(self.labels.contexts, leaf.name)}", leaf)

    def audience(self, leaf: AudienceLeaf) -> str:
        name = _label(self.labels.audiences, leaf.slug)
        return f"they are {'' if leaf.op == 'in' else 'not '}in the audience {name}"

    def bucket(self, leaf: BucketLeaf) -> str:
        if leaf.op == "lt":
            return f"they are in the first {leaf.value / 100:g} % of the random split {leaf.salt}"
        low, high = leaf.value
        return f"they are from {low / 100:g} % to {(high + 1) / 100:g} % of the random split {leaf.salt}"

    def event(self, leaf: EventLeaf) -> str:
        event = _label(self.labels.events, leaf.event)
        if leaf.where:
            parts = [f"{_words(part.field)} {_shown(decode_trait(part.type, part.value))}" for part in leaf.where]
            event = f"{event} with {_listed(parts, 'and')}"
        days = _size(leaf.window, "day")
        if leaf.agg == "last":
            return _last_event(leaf, event, days)
        amount = _amount(leaf)
        if leaf.agg == "sum":
            return f"{_words(leaf.field or '')} of {event} add up to {_less(amount)} in the last {days}"
        if leaf.agg == "days":
            return f"{event} happened on {amount} of the last {days}"
        return f"{_happened(event, leaf)} in the last {days}"

    def history(self, leaf: HistoryLeaf) -> str:
        what = self.happening((leaf.scope, leaf.key, leaf.of))
        if leaf.window is not None:
            return f"{_happened(what, leaf)} {self.back(leaf.window)}"
        if leaf.op in PRESENCE:
            return f"{what} {'has' if leaf.op == 'present' else 'has never'} happened"
        return _question(f"the {leaf.agg} {what}", leaf)

    def happening(self, cell: tuple[str, str, str]) -> str:
        scope, key, of = cell
        if scope == "event":
            return _label(self.labels.events, key)
        what = _label(_HAPPENINGS, of)
        if scope == "all":
            return f"{what} of anything"
        return f"{what} of {_words(scope)} {self.labels.keys.get((scope, key), key)}"

    def back(self, window: Window) -> str:
        if window.since is not None:
            return f"since the last {self.happening(window.since)}"
        if window.unit == "lifetime":
            return "ever"
        if window.unit == "local_day":
            return "today, the account's day"
        return f"in the last {_size(window.size, window.unit.removesuffix('s'))}"


def _question(asked: str, leaf: TraitLeaf | ContextLeaf | HistoryLeaf) -> str:
    if isinstance(leaf, HistoryLeaf):
        unit = "day" if leaf.op.endswith("days") else "month"
        return _SINCE[leaf.op].format(x=asked, v=_size(leaf.value, unit))
    kind = leaf.type.type
    shape = (OPERATORS[kind] | PRESENCE)[leaf.op]
    template = _BY_TYPE.get(kind, _PLAIN)[leaf.op]
    if shape is Shape.NOTHING:
        return template.format(x=asked)
    if shape in (Shape.DAYS, Shape.MONTHS):
        return template.format(x=asked, v=_size(leaf.value, "day" if shape is Shape.DAYS else "month"))
    said = json_operand(leaf.type, shape, leaf.value)
    if shape is Shape.RANGE:
        return template.format(x=asked, a=_shown(said[0]), b=_shown(said[1]))
    if shape is Shape.LIST:
        return template.format(x=asked, v=_listed([_shown(each) for each in said], _JOINED_BY[leaf.op]))
    return template.format(x=asked, v=said if leaf.op == "prefix" else _shown(said))


def _amount(leaf: EventLeaf | HistoryLeaf) -> str:
    shape = Shape.RANGE if leaf.op == "between" else Shape.ONE
    said = json_operand(leaf.number, shape, leaf.value) if isinstance(leaf, EventLeaf) else leaf.value
    if shape is Shape.RANGE:
        return _AMOUNTS["between"].format(a=_shown(said[0]), b=_shown(said[1]))
    return _AMOUNTS[leaf.op].format(v=_shown(said))


def _happened(what: str, leaf: EventLeaf | HistoryLeaf) -> str:
    if (leaf.op, leaf.value) in (("eq", 0), ("lt", 1), ("lte", 0)):
        return f"{what} did not happen"
    if (leaf.op, leaf.value) in (("gte", 1), ("gt", 0), ("ne", 0)):
        return f"{what} happened at least once"
    return f"{what} happened {_amount(leaf)} {'time' if leaf.value == 1 else 'times'}"


def _last_event(leaf: EventLeaf, event: str, days: str) -> str:
    if leaf.op in PRESENCE:
        return f"{event} {'happened' if leaf.op == 'present' else 'did not happen'} in the last {days}"
    if leaf.op == "within_days":
        return f"{event} last happened in the last {_size(leaf.value, 'day')}"
    return f"{event} happened in the last {days} but not in the last {_size(leaf.value, 'day')}"


def _size(number: int, unit: str) -> str:
    return unit if number == 1 else f"{number} {unit}s"


def _less(amount: str) -> str:
    return amount.replace("fewer", "less")


def _listed(parts: Sequence[str], word: str) -> str:
    """ "a, b or c"; a long list is cut short."""
    shown = list(parts[:MOST_SHOWN])
    if len(parts) > MOST_SHOWN:
        shown.append(f"{len(parts) - MOST_SHOWN} more")
    start, joint = ("neither ", "nor") if word == "neither" else ("", word)
    if len(shown) == 1:
        return f"not {shown[0]}" if start else shown[0]
    return f"{start}{', '.join(shown[:-1])} {joint} {shown[-1]}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value != "" else '""'


def _words(name: str) -> str:
    return name.replace("_", " ")


def _label(labels: Mapping[str, str], name: str) -> str:
    return labels.get(name) or _words(name)


_TELLERS: dict[type, Callable[[_Teller, Any], str]] = {
    TraitLeaf: _Teller.trait,
    ContextLeaf: _Teller.context,
    AudienceLeaf: _Teller.audience,
    BucketLeaf: _Teller.bucket,
    EventLeaf: _Teller.event,
    HistoryLeaf: _Teller.history,
}
