"""What stands in this release that can never show, or shows by accident?

Findings with their proofs: docs/algorithms/lint.md. Reads a compiled release, and what was counted elsewhere; no
database stands below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

import msgspec

from audiences.rules import EVERYONE, Rule, describe
from audiences.rules.logic import contradiction, possible
from audiences.rules.nodes import All, Member, Node
from audiences.tiers import Tier
from merch.engine.clock import HOUR, wall_microseconds
from merch.engine.compiled import Candidate, PlacementPlan, ReadyRule, Release
from merch.releases.shadows import shadows

CONTRADICTING, DEAD, SHADOWED, COLLIDING, STARVED = "contradicting", "dead", "shadowed", "colliding", "starved"
LAST_ZONE = 12 * HOUR  # west of UTC: there a day ends last
FEWEST_LOSSES = 20  # before somebody who never won is called starved


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """``proof`` is the implication, or the count on replayed decisions."""

    kind: str
    campaign: str
    placement: str = ""
    other: str = ""
    sentence: str
    proof: str


class Counted(NamedTuple):
    """What is known besides the release: sizes of audiences; by (placement, campaign) wins and losses by rank alone."""

    sizes: Mapping[str, int] = {}
    decisions: int = 0
    won: Mapping[tuple[str, str], int] = {}
    outranked: Mapping[tuple[str, str], int] = {}


def lint(release: Release, now: int, counted: Counted) -> list[Finding]:
    """Everything found, what can never show first. ``now`` in UTC microseconds."""
    found = [*_contradicting(release), *_dead(release, now, counted)]
    gone = {finding.campaign for finding in found}
    for plan in release.placements.values():
        found += [finding for finding in _in_placement(plan, release) if finding.campaign not in gone]
    silent = gone | {finding.campaign for finding in found if finding.kind == SHADOWED}
    return [*found, *(each for each in _starved(counted) if each.campaign not in silent)]


def _contradicting(release: Release) -> Iterator[Finding]:
    for campaign, candidate in _campaigns(release):
        offer = candidate.content.offer
        asked = [each.rule for each in (candidate.rule, offer.rule if offer else None) if each]
        proof = _proof(contradiction(_together(asked)))
        if proof:
            yield Finding(
                kind=CONTRADICTING, campaign=campaign, sentence=f"{campaign}: nobody can meet its conditions",
                proof=proof,
            )  # fmt: skip
    others = [(f"experiment {key}", each.rule) for key, each in release.experiments.items()]
    others += [(f"guard {guard.doc.key}", guard.rule) for guard in _guards(release)]
    for name, rule in others:
        proof = _proof(contradiction(rule.rule)) if rule else ""
        if proof:
            yield Finding(kind=CONTRADICTING, campaign="", sentence=f"{name}: nobody can meet its rule", proof=proof)


def _campaigns(release: Release) -> Iterator[tuple[str, Candidate]]:
    """Each campaign once, by its first candidate of each offer."""
    seen: set[tuple[str, str]] = set()
    for plan in release.placements.values():
        for candidate in plan.candidates:
            offer = candidate.content.offer
            name = candidate.campaign.key, offer.doc.key if offer else ""
            if name not in seen:
                seen.add(name)
                yield candidate.campaign.key, candidate


def _guards(release: Release) -> list[Any]:
    found = {
        guard.doc.key: guard
        for plan in release.placements.values()
        for candidate in plan.candidates
        for guard in candidate.content.guards
    }
    return list(found.values())


def _together(rules: Iterable[Rule]) -> Rule:
    return Rule(All(tuple(rule.node for rule in rules)))


def _proof(parts: tuple[Rule, ...] | None) -> str:
    return " excludes ".join(f'"{describe(part)}"' for part in parts or ())


def _dead(release: Release, now: int, counted: Counted) -> Iterator[Finding]:
    for campaign in release.doc.campaigns:
        candidates = [
            each for plan in release.placements.values() for each in plan.candidates
            if each.campaign.key == campaign.key
        ]  # fmt: skip
        for why, proof in _why_dead(candidates, release, now, counted, campaign.ends):
            yield Finding(kind=DEAD, campaign=campaign.key, sentence=f"{campaign.key}: {why}", proof=proof)
            break


def _why_dead(
    candidates: list[Candidate], release: Release, now: int, counted: Counted, ends: str | None
) -> Iterator[tuple[str, str]]:
    if not candidates:
        yield "no item of it stands in a placement", "none of its items' placements is in the release"
    if ends is not None and wall_microseconds(ends) + LAST_ZONE <= now:
        yield "its flight is over", f"it ended at {ends}, everywhere"
    if candidates and all(_unsold(each, release, now) for each in candidates):
        yield "none of its offers has a price in any market", f"markets: {_markets(candidates[0], release)}"
    for candidate in candidates[:1]:
        for slug in _must_be_in(candidate.rule):
            if counted.sizes.get(slug) == 0:
                yield f"nobody is in the audience {slug}", "the newest audience run counted 0"


def _markets(candidate: Candidate, release: Release) -> str:
    return ", ".join(candidate.campaign.markets or sorted(release.markets))


def _unsold(candidate: Candidate, release: Release, now: int) -> bool:
    offer = candidate.content.offer
    if offer is None or offer.doc.plan is None:
        return False
    listed = release.doc.prices.get(offer.doc.plan, {})
    markets = candidate.campaign.markets or tuple(release.markets)
    prices = [
        price
        for market in markets
        if offer.doc.terms.amounts is None or market in offer.doc.terms.amounts
        for price in listed.get(market, ())
    ]
    return not any(price.end is None or price.end > now for price in prices)


def _must_be_in(rule: ReadyRule | None) -> list[str]:
    return [] if rule is None else _members(rule.rule.node)


def _members(node: Node) -> list[str]:
    if isinstance(node, All):
        return [slug for below in node.nodes for slug in _members(below)]
    return [node.slug] if isinstance(node, Member) else []


def _in_placement(plan: PlacementPlan, release: Release) -> Iterator[Finding]:
    for tier in Tier:
        if plan.plain[tier]:
            yield from _in_order(plan, plan.tiers[tier], release)
    yield from _in_order(plan, plan.fallbacks, release)


def _in_order(plan: PlacementPlan, ordered: tuple[Candidate, ...], release: Release) -> Iterator[Finding]:
    shadowed = set()
    for at, lower in enumerate(ordered):
        above = [upper for upper in ordered[:at] if upper not in shadowed and shadows(upper, lower, release)]
        if len(above) >= plan.doc.slots:
            shadowed.add(lower)
            yield _shadow(plan, above[: plan.doc.slots], lower)
    standing = [each for each in ordered if each not in shadowed]
    for one, other in combinations(standing, 2):
        if one.campaign.priority == other.campaign.priority and _collide(one, other):
            crowd = sum(1 for each in standing if each.campaign.priority == one.campaign.priority)
            if crowd > plan.doc.slots:
                yield _collision(plan, one, other)


def _shadow(plan: PlacementPlan, above: list[Candidate], lower: Candidate) -> Finding:
    rivals = ", ".join(each.campaign.key for each in above)
    implied = "; ".join(f'"{_said(lower)}" implies "{_said(each)}" of {each.campaign.key}' for each in above)
    return Finding(
        kind=SHADOWED, campaign=lower.campaign.key, placement=plan.slug, other=rivals,
        sentence=f"{lower.campaign.key} can never win in {plan.slug}: {rivals} stands above it, with weaker conditions",
        proof=implied,
    )  # fmt: skip


def _collision(plan: PlacementPlan, one: Candidate, other: Candidate) -> Finding:
    first, second = one.campaign, other.campaign
    return Finding(
        kind=COLLIDING, campaign=second.key, placement=plan.slug, other=first.key,
        sentence=f"{first.key} and {second.key} meet in {plan.slug} at {first.tier} {first.priority}; "
        f"{first.key} goes first by its {'start' if first.starts != second.starts else 'key'} alone",
        proof=f'some meet both "{_said(one)}" and "{_said(other)}"',
    )  # fmt: skip


def _said(candidate: Candidate) -> str:
    return describe(candidate.rule.rule if candidate.rule else EVERYONE)


def _collide(one: Candidate, other: Candidate) -> bool:
    """Two campaigns that somebody may see at one time in one market, with nothing but chance of names between them."""
    first, second = one.campaign, other.campaign
    if first.key == second.key or (one.category and one.category == other.category):
        return False
    if first.markets and second.markets and not set(first.markets) & set(second.markets):
        return False
    if (first.ends and first.ends <= second.starts) or (second.ends and second.ends <= first.starts):
        return False
    if first.journey == second.journey and first.steps and second.steps and not set(first.steps) & set(second.steps):
        return False
    return possible(holding=[each.rule.rule for each in (one, other) if each.rule]) is True


def _starved(counted: Counted) -> Iterator[Finding]:
    for (placement, campaign), lost in sorted(counted.outranked.items()):
        if lost >= FEWEST_LOSSES and not counted.won.get((placement, campaign)):
            yield Finding(
                kind=STARVED, campaign=campaign, placement=placement,
                sentence=f"{campaign} never won in {placement}, though it could have been shown there",
                proof=f"{lost} times only outranked in {counted.decisions} replayed decisions, shown in none",
            )  # fmt: skip
