"""What exactly does one run compute? Frozen at its start, so that edits meanwhile change the next run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from audiences.engines.facts import Facts, facts_of
from audiences.rules import IN_AUDIENCES, Problem, Rule, Vocabulary, digest, inline, node_digest, parse, resolve
from audiences.rules.behaviours import behaviours
from audiences.rules.nodes import ListLeaf, Node


class PlannedAudience(Struct, frozen=True):
    id: int
    slug: str
    digest: str  # of its own rule; empty for a list


class PlannedLeaf(Struct, frozen=True):
    position: int
    digest: str
    document: dict[str, Any]


class RunPlan(Struct, frozen=True):
    """``lists``: audience ids by slug. ``compare_to``: the run published before, for who entered and left.

    ``skipped``: audiences that cannot be computed, and why. ``unreadable``: positions whose behaviour cannot be.
    """

    vocabulary: Vocabulary
    audiences: tuple[PlannedAudience, ...]
    leaves: tuple[PlannedLeaf, ...]
    lists: dict[str, int]
    compare_to: int | None = None
    skipped: dict[str, str] = {}
    unreadable: tuple[int, ...] = ()

    @property
    def note(self) -> str:
        """What a person should know of any run of this plan."""
        return " ".join(f"{slug} was left out: {why}" for slug, why in sorted(self.skipped.items()))

    @property
    def width(self) -> int:
        """How many bit positions a subject's bits span."""
        return max((leaf.position for leaf in self.leaves), default=-1) + 1

    @property
    def identity(self) -> str:
        """The same for two runs that compute the same."""
        asked = [self.vocabulary, self.audiences, self.leaves, self.lists]
        return sha256(msgspec.json.encode(asked, order="deterministic")).hexdigest()


class Questions(Struct, frozen=True):
    """The rules of a plan: first those of its audiences, then those of its leaves, in the plan's order."""

    rules: tuple[Rule, ...]
    facts: Facts


def frozen(plan: RunPlan) -> dict[str, Any]:
    """As it is stored in the run's row."""
    document: dict[str, Any] = msgspec.to_builtins(plan, order="deterministic")
    return document | {"identity": plan.identity}


def thawed(document: Mapping[str, Any]) -> RunPlan:
    return msgspec.convert({key: value for key, value in document.items() if key != "identity"}, RunPlan)


def readable(vocabulary: Vocabulary) -> tuple[Vocabulary, dict[str, Rule | None], dict[str, str]]:
    """The vocabulary without audiences that cannot be computed, the others inlined, and why the former cannot."""
    skipped: dict[str, str] = {}
    while True:
        kept = {slug: rule for slug, rule in vocabulary.audiences.items() if slug not in skipped}
        vocabulary = msgspec.structs.replace(vocabulary, audiences=kept)
        found = resolve(vocabulary)
        if isinstance(found, dict):
            return vocabulary, found, skipped
        # Whatever leans on these fails in the next round, by name.
        skipped |= {_slug(problem): f"{problem.sentence} {problem.hint}" for problem in found}


def read_leaf(document: Mapping[str, Any], vocabulary: Vocabulary, audiences: Mapping[str, Rule | None]) -> Node | None:
    """The behaviour of a stored leaf; None when its event or list is gone."""
    rule = parse({"v": 1, "rule": document}, vocabulary, allow=IN_AUDIENCES)
    if isinstance(rule, list):
        return None
    node = inline(rule, audiences).node
    # A list that has become a rule is another behaviour.
    return node if node_digest(node) in behaviours(node) else None


def questions(plan: RunPlan) -> Questions:
    """The plan's rules, parsed again. Raises ValueError when the rule language has changed under an old plan."""
    audiences = resolve(plan.vocabulary)
    if isinstance(audiences, list):
        raise ValueError(_sentence(audiences))
    rules = [_counted(audiences, each.slug) for each in plan.audiences]
    for leaf in plan.leaves:
        node = read_leaf(leaf.document, plan.vocabulary, audiences)
        if node is None:
            raise ValueError(f"The behaviour at position {leaf.position} can no longer be read; start another run.")
        rules.append(Rule(node))
    events = {name: event.fields for name, event in plan.vocabulary.events.items()}
    return Questions(tuple(rules), facts_of(rules, plan.lists, events))


def rule_digest(rule: Rule | None) -> str:
    return "" if rule is None else digest(rule)


def _counted(audiences: Mapping[str, Rule | None], slug: str) -> Rule:
    return audiences[slug] or Rule(ListLeaf(slug))


def _slug(problem: Problem) -> str:
    return problem.where.split(":", 1)[0]


def _sentence(problems: Sequence[Problem]) -> str:
    return "; ".join(f"{problem.where}: {problem.sentence}" for problem in problems)
