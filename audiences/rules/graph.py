"""Which audiences does a rule lean on, and do they end?"""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from audiences.rules.nodes import AudienceLeaf, Rule, leaves
from audiences.rules.problems import Findings

DEEPEST_NEST = 8
MOST_INLINED = 1_000

_THIS = ""  # stands for a rule without a slug; no audience has an empty one


def named(document: object) -> list[str]:
    """The audiences that a decoded document names."""
    return [slug for slug in leaf_slots(document) if slug is not None]


def leaf_slots(document: object) -> list[str | None]:
    """One entry per leaf: the slug of an audience leaf, None for any other. Tolerates broken documents."""
    slots: list[str | None] = []
    waiting = [document.get("rule")] if isinstance(document, dict) else []
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue
        below = node.get("all", node.get("any", [node["not"]] if "not" in node else None))
        if isinstance(below, list):
            waiting.extend(below)
        else:
            slug = node.get("audience")
            slots.append(slug if isinstance(slug, str) else None)
    return slots


def build_order(audiences: Mapping[str, object]) -> list[str]:
    """All slugs, each after those it names. Raises CycleError."""
    return list(TopologicalSorter({slug: named(document) for slug, document in audiences.items()}).static_order())


def check_graph(findings: Findings, rule: Rule, audiences: Mapping[str, object], name: str | None) -> None:
    """Report a circle, too deep a nest, or a rule that grows too large once audiences stand in their places."""
    if not any(isinstance(leaf, AudienceLeaf) for leaf in leaves(rule.node)):
        return
    top = name or _THIS
    slots = _reachable(rule, audiences, top)
    try:
        order = list(
            TopologicalSorter(
                {at: [slug for slug in below if slug is not None] for at, below in slots.items()}
            ).static_order()
        )
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        findings.add("rule.circle", "$.rule", f"The audiences lean on each other: {circle}.", "Take one of them out.")
        return
    height: dict[str, int] = {}
    size: dict[str, int] = {}
    for at in order:
        below = slots.get(at, [None])
        height[at] = 1 + max((height[slug] for slug in below if slug is not None), default=0)
        size[at] = sum(1 if slug is None else size[slug] for slug in below)
    if height[top] - 1 > DEEPEST_NEST:
        findings.add(
            "rule.nested",
            "$.rule",
            f"Audiences stand inside audiences {height[top] - 1} deep.",
            f"At most {DEEPEST_NEST} are allowed.",
        )
    if size[top] > MOST_INLINED:
        findings.add(
            "rule.inlined",
            "$.rule",
            f"With its audiences the rule has {size[top]} conditions.",
            f"At most {MOST_INLINED} are allowed; name fewer or simpler audiences.",
        )


def _reachable(rule: Rule, audiences: Mapping[str, object], top: str) -> dict[str, list[str | None]]:
    """The leaf slots of the rule itself and of every audience below it."""
    own = [leaf.slug if isinstance(leaf, AudienceLeaf) else None for leaf in leaves(rule.node)]
    slots = {top: own}
    waiting = [slug for slug in own if slug is not None]
    while waiting:
        slug = waiting.pop()
        if slug not in slots:
            document = audiences.get(slug)
            # A list audience is one behaviour bit.
            slots[slug] = [None] if document is None else leaf_slots(document)
            waiting.extend(below for below in slots[slug] if below is not None)
    return slots
