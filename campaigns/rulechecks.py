"""Do the rules of what would be shown say something that can be answered?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from audiences import catalogue
from audiences.models import Audience, BehaviourLeaf
from audiences.rules import Rule, Vocabulary, inline, parse, reads, resolve
from campaigns.models import Campaign, Mechanic, Offer, Placement, Plan, PlanGroup
from campaigns.problems import Problem
from campaigns.profiling import leaves


def rule_problems(document: Mapping[str, Any], known: Vocabulary, of: str) -> list[Problem]:
    """Why this rule cannot be asked, each with its place in the document; an empty rule asks nothing."""
    if not document:
        return []
    found = parse(document, known)
    if isinstance(found, Rule):
        return []
    return [Problem(problem.id, f"In {of}, at {problem.where}: {problem.sentence}", problem.hint) for problem in found]


def requires_problems(names: Iterable[str], known: Vocabulary, of: str) -> list[Problem]:
    """A trait that nobody declared is never known, so that whatever requires it is always refused."""
    return [
        Problem("requires.unknown", f"{of} requires the trait {name}, which is not declared.", "Declare it or drop it.")
        for name in names
        if name not in known.traits
    ]


def archived_problems(documents: Iterable[Mapping[str, Any] | None]) -> list[Problem]:
    """Audiences that these rules name and that somebody put away."""
    named = {leaf["audience"] for document in documents for leaf in leaves(document or {}) if "audience" in leaf}
    slugs = [slug for slug in named if isinstance(slug, str)]
    archived = Audience.objects.filter(slug__in=slugs, archived=True).order_by("slug").values_list("slug", flat=True)
    return [
        Problem("audience.archived", f"The audience {slug} is archived.", "Bring it back, or take it out of the rule.")
        for slug in archived
    ]


def not_computed(
    documents: Iterable[Mapping[str, Any] | None], known: Vocabulary, audiences: Mapping[str, Any]
) -> list[Problem]:
    """Event conditions and lists that no published run has answered yet; rules that do not parse are left out.

    ``audiences`` are those that the rules lean on: a broken one elsewhere must not hide what is missing here.
    """
    words = replace(known, audiences=audiences)
    resolved = resolve(words)
    if isinstance(resolved, list):
        return []
    asked: set[str] = set()
    for document in documents:
        rule = parse(document, words) if document else None
        if isinstance(rule, Rule):
            asked |= set(reads(inline(rule, resolved)).behaviours)
    filled = BehaviourLeaf.objects.filter(digest__in=asked, filled_by__isnull=False).values_list("digest", flat=True)
    missing = len(asked - set(filled))
    if not missing:
        return []
    conditions = "One condition on events or lists was" if missing == 1 else f"{missing} conditions on events were"
    return [Problem("audience.not_computed", f"{conditions} never computed.", "Run recompute_audiences and try again.")]


def words() -> Vocabulary:
    """The names that rules may use now; history conditions may name what exists here."""
    return catalogue.vocabulary(
        keys={
            "campaign": frozenset(Campaign.objects.values_list("key", flat=True)),
            "offer": frozenset(Offer.objects.values_list("key", flat=True)),
            "mechanic": frozenset(Mechanic.values),
            "plan": frozenset(Plan.objects.values_list("key", flat=True)),
            "plan_group": frozenset(PlanGroup.objects.values_list("key", flat=True)),
            "placement": frozenset(Placement.objects.values_list("slug", flat=True)),
        }
    )
