"""What does this rule ask once every audience in it stands in its place?"""

from collections.abc import Mapping

from audiences.rules.graph import build_order
from audiences.rules.nodes import All, AnyOf, AudienceLeaf, ListLeaf, Member, Node, Not, Rule
from audiences.rules.parse import KnownLeaves, parse
from audiences.rules.problems import Problem
from audiences.rules.vocabulary import IN_AUDIENCES, Vocabulary

# An inlined rule by slug; None for a list audience.
Audiences = Mapping[str, Rule | None]


def resolve(vocabulary: Vocabulary, known: KnownLeaves | None = None) -> dict[str, Rule | None] | list[Problem]:
    """Every audience of the vocabulary, parsed and inlined; or every problem, its place beginning with the slug."""
    parsed: dict[str, Rule | None] = {}
    problems: list[Problem] = []
    for slug, document in vocabulary.audiences.items():
        found = None if document is None else parse(document, vocabulary, allow=IN_AUDIENCES, name=slug, known=known)
        if isinstance(found, list):
            problems += [Problem(each.id, f"{slug}: {each.where}", each.sentence, each.hint) for each in found]
        else:
            parsed[slug] = found
    if problems:
        return problems
    resolved: dict[str, Rule | None] = {}
    for slug in build_order(vocabulary.audiences):
        rule = parsed[slug]
        resolved[slug] = None if rule is None else inline(rule, resolved)
    return resolved


def inline(rule: Rule, audiences: Audiences) -> Rule:
    """The rule with each audience leaf replaced. ``audiences`` are inlined already; KeyError: an unknown slug."""
    return Rule(_inlined(rule.node, audiences))


def _inlined(node: Node, audiences: Audiences) -> Node:
    if isinstance(node, All):
        return All(tuple(_inlined(below, audiences) for below in node.nodes))
    if isinstance(node, AnyOf):
        return AnyOf(tuple(_inlined(below, audiences) for below in node.nodes))
    if isinstance(node, Not):
        return Not(_inlined(node.node, audiences))
    if isinstance(node, AudienceLeaf):
        rule = audiences[node.slug]
        member: Node = ListLeaf(node.slug) if rule is None else Member(node.slug, rule.node)
        return member if node.op == "in" else Not(member)
    return node
