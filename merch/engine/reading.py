"""What may the candidates of one placement read? (Worked out once, when a release is compiled.)

Never too little; the caps of a campaign count as if its tier were both exempt and not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from audiences.rules import Reads
from merch.engine.call import BIRTH_DATE, MARKET, PERSONALISATION, TIME_ZONE
from merch.engine.compiled import Candidate, Content, Journeys, ReadyExperiment, ReadyRule
from merch.engine.document import CampaignDoc, CapDoc, CooldownDoc, PlacementDoc, ReleaseDoc
from merch.engine.journeyplans import rules_of
from merch.engine.needs import Needs

ALWAYS_TRAITS = frozenset({MARKET, TIME_ZONE, BIRTH_DATE})
ALWAYS_CONTEXTS = frozenset({"country", "locale", "session_id"})  # the last for tokens, too
PLATFORM, APP_VERSION = "platform", "app_version"
CONSENTS = frozenset({PERSONALISATION})

Counted = tuple[str, str]  # scope, event

_WORD = re.compile(r"\w+")


def needs_of(
    release: ReleaseDoc,
    slug: str,
    candidates: Iterable[Candidate],
    experiment: ReadyExperiment | None,
    journeys: Journeys,
) -> Needs:
    """What deciding ``slug`` may read. ``experiment``: of its strategy. Any journey may keep any campaign quiet."""
    reading = _Reading(release, release.placements[slug])
    for candidate in candidates:
        reading.candidate(candidate)
    for rule in rules_of(journeys):
        reading.rule(rule)
    reading.traits.update(_dates(journeys))
    if experiment is not None:
        reading.experiment(experiment)
    return reading.needs()


class _Reading:
    """Gathers; everything is met many times and asked once."""

    def __init__(self, release: ReleaseDoc, placement: PlacementDoc) -> None:
        self.release = release
        self.bits = release.bits
        self.shared = _named(release.shared_caps, release.shared_cooldowns)
        self.rules: dict[int, Reads] = {}
        self.traits = set(ALWAYS_TRAITS)
        self.contexts = set(ALWAYS_CONTEXTS)
        self.history: set[str] = set(_shared_cells(release, placement))
        self.marks: set[str] = set()
        self.offers: set[str] = set()
        self.pools: set[str] = set()
        self.campaigns: dict[str, CampaignDoc] = {}
        if placement.min_app_versions:
            self.contexts |= {PLATFORM, APP_VERSION}
        for strategy in (placement.strategy, *placement.arms.values()):
            self.formula(strategy.formula)

    def formula(self, text: str) -> None:
        """Every word of it that is a name."""
        words = set(_WORD.findall(text))
        self.traits |= words & self.release.traits.keys()
        self.contexts |= words & self.release.contexts.keys()

    def candidate(self, candidate: Candidate) -> None:
        self.rule(candidate.rule)
        self.campaigns[candidate.campaign.key] = candidate.campaign
        for content in (candidate.content, *candidate.arms.values()):
            if content is not None:
                self.content(candidate, content)
        if candidate.experiment is not None:
            self.experiment(candidate.experiment)

    def content(self, candidate: Candidate, content: Content) -> None:
        for guard in content.guards:
            self.rule(guard.rule)
            self.traits.update(guard.doc.requires)
        key = None
        if content.offer is not None:
            offer = content.offer.doc
            key = offer.key
            self.rule(content.offer.rule)
            self.traits.update(offer.requires)
            self.offers.add(key)
            self.pools.add(offer.pool)
            self.history.add(f"offer|{key}|conversion")
        self.history.update(_own_cells(candidate, key, self.shared))
        if content.limits.strict:  # the key of its hold
            self.history.add(f"campaign|{candidate.campaign.key}|impression")

    def experiment(self, experiment: ReadyExperiment) -> None:
        self.marks.add(f"experiment|{experiment.spec.key}")
        self.rule(experiment.rule)

    def rule(self, rule: ReadyRule | None) -> None:
        if rule is not None:
            self.rules[id(rule.reads)] = rule.reads

    def needs(self) -> Needs:
        behaviours = 0
        for reads in self.rules.values():
            self.traits |= reads.traits
            self.contexts |= reads.contexts
            self.history.update("|".join(cell) for cell in reads.history)
            for digest in reads.behaviours:
                behaviours |= 1 << self.bits[digest]
        campaigns = self.campaigns.values()
        return Needs(
            traits=frozenset(self.traits), contexts=frozenset(self.contexts), consents=CONSENTS,
            history=frozenset(self.history), behaviours=behaviours, marks=frozenset(self.marks),
            offers=frozenset(self.offers), tiers=frozenset(campaign.tier for campaign in campaigns),
            campaigns=frozenset(self.campaigns),
            budgets=frozenset(key for campaign in campaigns for key in campaign.budgets),
            pools=frozenset(self.pools - {""}),
        )  # fmt: skip


def _dates(journeys: Journeys) -> Iterator[str]:
    """Traits whose date begins a journey."""
    for journey in journeys.by_key.values():
        yield from (version.anchor.trait for version in journey.doc.versions if version.anchor.kind == "DATE")


def _shared_cells(release: ReleaseDoc, placement: PlacementDoc) -> Iterator[str]:
    """Cells that pressure counts."""
    if release.pressure is not None:
        yield "all||dismissal"
        for format_ in {*release.costs, placement.format}:
            yield f"format|{format_}|impression"


def _own_cells(candidate: Candidate, offer: str | None, shared: frozenset[Counted]) -> Iterator[str]:
    """Cells of one candidate that caps and cooldowns count."""
    counted = shared | _counted(candidate.campaign)
    if not counted:
        return
    campaign, placement = candidate.campaign, candidate.item.placement
    keys = {
        "CAMPAIGN": campaign.key,
        "OFFER": offer,
        "PLACEMENT": placement,
        "FORMAT": candidate.placement.format,
        "TIER": campaign.tier,
        "ALL": "",
        "INTERRUPT": "",
        "SURFACE": f"{campaign.key}@{placement}",
    }
    for scope, event in counted:
        if keys[scope] is not None:
            yield f"{scope.lower()}|{keys[scope]}|{event}"


def _counted(campaign: CampaignDoc) -> frozenset[Counted]:
    """By scope and event; where its tier is exempt, what is the campaign's own is counted instead."""
    own = _named(campaign.caps, campaign.cooldowns)
    return frozenset(own | {(scope, event) for _, event in own for scope in ("CAMPAIGN", "SURFACE")})


def _named(caps: Iterable[CapDoc], cooldowns: Iterable[CooldownDoc]) -> frozenset[Counted]:
    return frozenset({(cap.scope, cap.event) for cap in caps} | {(each.scope, each.event) for each in cooldowns})
