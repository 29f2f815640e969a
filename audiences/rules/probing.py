"""Which few subjects show what a rule does at its edges?

A rule is taken apart into ways to fulfil it; in each way every fact keeps the boundary values that fulfil it, and the
rest take any. Values are then put together in pairs: every two values of two facts meet in some subject. No chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from audiences.rules.boundaries import Fact, Value, boundaries, env_of, facts_of
from audiences.rules.environment import Env
from audiences.rules.evaluate import holds
from audiences.rules.nodes import All, AnyOf, Leaf, Member, Node, Not, Rule
from audiences.rules.reads import reads

# Facts and the values among which each may vary.
Domains = Mapping[Fact, tuple[Value, ...]]
Facts = dict[Fact, Value]
Row = dict[Fact, int]  # numbers of values

MOST_WAYS = 24
MOST_PAIRED = 8  # values of one fact that meet all others; the rest come once
MOST_SUBJECTS = 400


class Prober:
    """Subjects for some inlined rules at the moment of ``env``; all of them are asked about the same facts."""

    def __init__(self, nodes: Sequence[Node], env: Env) -> None:
        self._env = env
        self.domains: Domains = boundaries(nodes, env)
        digests = sorted({digest for node in nodes for digest in reads(Rule(node)).behaviours})
        self.positions = {digest: at for at, digest in enumerate(digests)}

    def holds(self, node: Node, facts: Facts) -> bool:
        """Whether a subject with these facts fulfils the rule."""
        return holds(Rule(node), env_of(facts, self._env, self.positions), self.positions)

    def fulfilling(self, node: Node, most: int = MOST_SUBJECTS) -> list[Facts]:
        """Subjects that fulfil the rule, at the edges of all facts; none: no combination of edges does."""
        rows = (self._paired(way) for way in self._ways(node, want=True))
        # By turns, so that each way is seen however many there may be.
        found: list[Facts] = []
        for each in zip_longest(*rows):
            for facts in each:
                if facts is not None and facts not in found and self.holds(node, facts):
                    found.append(facts)
            if len(found) >= most:
                break
        return found[:most]

    def _ways(self, node: Node, *, want: bool) -> list[Domains]:
        if isinstance(node, Not):
            return self._ways(node.node, want=not want)
        if isinstance(node, Member):
            return self._ways(node.node, want=want)
        if isinstance(node, All | AnyOf):
            below = [self._ways(each, want=want) for each in node.nodes]
            if isinstance(node, All) is want:
                return _together(below)
            return [way for ways in zip_longest(*below) for way in ways if way is not None][:MOST_WAYS]
        return self._turned(node, want)

    def _turned(self, leaf: Leaf, want: bool) -> list[Domains]:
        """The values of what the condition is about for which it answers as wanted, all else unknown."""
        fact = facts_of(leaf)[0]
        kept = tuple(value for value in self.domains[fact] if self.holds(leaf, {fact: value}) is want)
        return [{fact: kept}] if kept else []

    def _paired(self, way: Domains) -> Iterator[Facts]:
        domains = {fact: way.get(fact, values) for fact, values in self.domains.items()}
        yield from _pairwise({fact: _thinned(values) for fact, values in domains.items()})
        plain = {fact: values[0] for fact, values in domains.items()}
        for fact, values in domains.items():
            for value in values[1:]:
                yield plain | {fact: value}


def _together(parts: Sequence[Sequence[Domains]]) -> list[Domains]:
    """One way out of each part at once, where they do not contradict each other."""
    found: list[Domains] = [{}]
    for ways in parts:
        merged = (_merged(one, other) for one in found for other in ways)
        found = [way for way in merged if way is not None][:MOST_WAYS]
    return found


def _merged(one: Domains, other: Domains) -> Domains | None:
    merged = dict(one)
    for fact, values in other.items():
        both = tuple(value for value in merged.get(fact, values) if value in values)
        if not both:
            return None
        merged[fact] = both
    return merged


def _thinned(values: tuple[Value, ...]) -> tuple[Value, ...]:
    """At most so many, from the first to the last."""
    if len(values) <= MOST_PAIRED:
        return values
    last = len(values) - 1
    return tuple(values[at * last // (MOST_PAIRED - 1)] for at in range(MOST_PAIRED))


def _pairwise(domains: Domains) -> list[Facts]:
    """Rows in which any two values of any two facts meet; facts are added one after the other, rows as needed."""
    facts = sorted(domains, key=lambda fact: (-len(domains[fact]), fact))
    rows: list[Row] = [{}]
    for at, fact in enumerate(facts):
        sizes = {other: len(domains[other]) for other in facts[:at]}
        rows = _widened(rows, fact, len(domains[fact]), sizes)[:MOST_SUBJECTS]
    return [{fact: domains[fact][at] for fact, at in row.items()} for row in rows]


def _widened(rows: Sequence[Row], fact: Fact, size: int, sizes: Mapping[Fact, int]) -> list[Row]:
    """The rows with one more fact, and new ones for the pairs that did not find a place."""
    if not sizes:
        return [{fact: value} for value in range(size)]
    owed = {(other, at, value) for other in sizes for at in range(sizes[other]) for value in range(size)}
    wide: list[Row] = []
    for row in rows:
        met = [{(other, at, value) for other, at in row.items()} & owed for value in range(size)]
        best = max(range(size), key=lambda value: len(met[value]))
        owed -= met[best]
        wide.append({**row, fact: best})
    for value in range(size):
        missing = [[at for at in range(sizes[other]) if (other, at, value) in owed] for other in sizes]
        for together in zip_longest(*missing, fillvalue=0):
            wide.append({**dict(zip(sizes, together, strict=True)), fact: value})
    return wide
