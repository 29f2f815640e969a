"""Does a rule read what counts as profiling?

Pure. Works on rule documents, also on those that do not parse: what cannot be read counts as profiling, so that a
mistake in a rule never makes it look harmless to the law.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Audiences = Mapping[str, Mapping[str, Any] | None]


def leaves(document: object) -> Iterator[Mapping[str, Any]]:
    """Every leaf of a rule document; an empty document has none. What is no leaf at all comes out as {}."""
    waiting = [document.get("rule", document)] if isinstance(document, Mapping) and document else []
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Mapping):
            yield {}
            continue
        below = node.get("all", node.get("any", [node["not"]] if "not" in node else None))
        if isinstance(below, list):
            waiting.extend(below)
        else:
            yield node


def audiences_named(document: object, audiences: Audiences) -> dict[str, Mapping[str, Any] | None]:
    """The audiences that a rule leans on, transitively; None is a list. Unknown names are left out."""
    found: dict[str, Mapping[str, Any] | None] = {}
    waiting = [leaf.get("audience") for leaf in leaves(document)]
    while waiting:
        slug = waiting.pop()
        if not isinstance(slug, str) or slug in found or slug not in audiences:
            continue
        found[slug] = audiences[slug]
        waiting.extend(leaf.get("audience") for leaf in leaves(audiences[slug]))
    return found


def profiled(document: object, audiences: Audiences, contextual: frozenset[str]) -> bool:
    """Whether a rule, its audiences included, reads more than contextual traits, context and chance.

    ``contextual`` names the traits of contextual sensitivity; an unknown trait counts as profiling.
    """
    named = audiences_named(document, audiences)
    if any(rule is None for rule in named.values()):
        return True  # an uploaded list is behaviour
    rules = [document, *named.values()]
    return any(not _harmless(leaf, named, contextual) for rule in rules for leaf in leaves(rule))


def _harmless(leaf: Mapping[str, Any], named: Audiences, contextual: frozenset[str]) -> bool:
    if "trait" in leaf:
        return leaf["trait"] in contextual
    if "audience" in leaf:
        return leaf["audience"] in named
    return "ctx" in leaf or "bucket" in leaf
