"""Can these rules ever hold together, and does one follow from another?

Answers are proofs: what is called impossible is so for every subject at every moment. What would take too long, or
cannot be seen from the conditions themselves, is left open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from audiences.rules.domains import Term, alternatives, met
from audiences.rules.nodes import All, AnyOf, Member, Node, Not, Rule

MOST_TERMS = 2_000  # alternatives that are followed at once


class TooMany(Exception):
    """The rules branch too much to be followed."""


def possible(*, holding: Iterable[Rule] = (), failing: Iterable[Rule] = ()) -> bool | None:
    """Whether some subject at some moment meets all that hold and none that fail; None: left open."""
    asked = [*((rule.node, True) for rule in holding), *((rule.node, False) for rule in failing)]
    try:
        return bool(_all_of(asked))
    except TooMany:
        return None


def implies(one: Iterable[Rule], other: Rule) -> bool:
    """Proved that whoever meets all of ``one`` meets ``other``."""
    return possible(holding=one, failing=(other,)) is False


def exclusive(one: Rule, other: Rule) -> bool:
    """Proved that nobody meets both."""
    return possible(holding=(one, other)) is False


def contradiction(rule: Rule) -> tuple[Rule, ...] | None:
    """Why nobody can meet the rule: the first one or two of its conditions that exclude each other, else the whole.

    None: somebody may, or it is left open.
    """
    if possible(holding=(rule,)) is not False:
        return None
    parts = [Rule(part) for part in _parts(rule.node)]
    for index, part in enumerate(parts):
        if possible(holding=(part,)) is False:
            return (part,)
        for later in parts[index + 1 :]:
            if exclusive(part, later):
                return part, later
    return (rule,)


def _parts(node: Node) -> list[Node]:
    """Conditions that must all hold."""
    if isinstance(node, All):
        return [part for below in node.nodes for part in _parts(below)]
    return [node]


def _terms(node: Node, want: bool) -> list[Term]:
    if isinstance(node, Not):
        return _terms(node.node, not want)
    if isinstance(node, Member):
        return _terms(node.node, want)
    if isinstance(node, All | AnyOf):
        below = [(each, want) for each in node.nodes]
        return _all_of(below) if want is isinstance(node, All) else _any_of(below)
    return alternatives(node, want)


def _any_of(asked: Sequence[tuple[Node, bool]]) -> list[Term]:
    return _bounded([term for node, want in asked for term in _terms(node, want)])


def _all_of(asked: Sequence[tuple[Node, bool]]) -> list[Term]:
    found: list[Term] = [{}]
    for node, want in asked:
        terms = _terms(node, want)
        if len(found) * len(terms) > MOST_TERMS * MOST_TERMS:
            raise TooMany
        found = _bounded([both for one in found for other in terms if (both := met(one, other)) is not None])
        if not found:
            return []
    return found


def _bounded(terms: list[Term]) -> list[Term]:
    if len(terms) > MOST_TERMS:
        raise TooMany
    return terms
