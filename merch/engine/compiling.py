"""How does a release document become something that can decide?"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import msgspec
from msgspec.structs import replace

from audiences.hashing import BUCKETS
from audiences.rules import (
    BadValue,
    EventType,
    KnownLeaves,
    Reads,
    Rule,
    TraitType,
    Type,
    ValueType,
    Vocabulary,
    encode_trait,
    inline,
    parse,
    reads,
    resolve,
)
from audiences.tiers import Tier
from campaigns.formula import Formula
from campaigns.formula import read as read_formula
from experiments.assignment import Allocation, ExperimentSpec, HoldoutScope, HoldoutSpec, Variant, withholds_from
from merch.engine.caps import Limits, limits_of
from merch.engine.clock import wall_microseconds
from merch.engine.compiled import (
    Candidate,
    Content,
    Flight,
    Journeys,
    PlacementPlan,
    ReadyExperiment,
    ReadyGuard,
    ReadyHoldout,
    ReadyOffer,
    ReadyRule,
    Release,
)
from merch.engine.composing import placeholders
from merch.engine.document import (
    ArmDoc,
    CampaignDoc,
    CreativeDoc,
    ExperimentDoc,
    HoldoutDoc,
    ItemDoc,
    PlacementDoc,
    ReleaseDoc,
    canonical,
)
from merch.engine.document import Rule as RuleDocument
from merch.engine.facts import Exposure
from merch.engine.index import Index
from merch.engine.journeyplans import bad_branch, ready_journeys
from merch.engine.journeyplans import rules_of as rules_of_journeys
from merch.engine.law import Traits as LegalTraits
from merch.engine.reading import needs_of

VERSION = ValueType(Type.VERSION)
NOTHING = CreativeDoc(key="", format="")
SCOPE_ORDER = {"GLOBAL": 0, "DOMAIN": 1, "CAMPAIGN": 2}


class BadRelease(ValueError):
    """A document that cannot decide; says which part and why."""


def digest_of(document: ReleaseDoc) -> str:
    """The release's name: that of its canonical JSON."""
    return name_of(canonical(document))


def name_of(data: bytes) -> str:
    """ "sha256:" and 64 hexadecimal digits. Of bytes as they were stored: a later version writes more fields."""
    return f"sha256:{sha256(data).hexdigest()}"


def compile_release(document: ReleaseDoc, digest: str | None = None) -> Release:
    """Raises BadRelease naming the campaign, guard or experiment that does not fit the rest."""
    with _no_search_for_rubbish():
        return _Compiler(document).release(digest or digest_of(document))


@contextmanager
def _no_search_for_rubbish() -> Iterator[None]:
    """Everything that is made stays: looking through it again and again while it grows takes a third of the time."""
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()


def vocabulary_of(document: ReleaseDoc) -> Vocabulary:
    """The names that rules of this release may use; audiences come with each campaign, as they were approved."""
    return Vocabulary(
        traits={
            name: TraitType(
                Type(trait.type), frozenset(trait.values), trait.decimal_places,
                tolerance=trait.tolerated_age, when_stale="keep" if trait.keep_stale else "missing",
            )
            for name, trait in document.traits.items()
        },
        contexts={name: ValueType(Type(type_)) for name, type_ in document.contexts.items()},
        events={
            name: EventType(
                {field: ValueType(Type(type_)) for field, type_ in event.get("fields", {}).items()},
                bool(event.get("in_history")),
            )
            for name, event in document.events.items()
        },
    )  # fmt: skip


class _Compiler:
    """One pass over one document."""

    def __init__(self, document: ReleaseDoc) -> None:
        self.doc = document
        self.plain = vocabulary_of(document)
        self._rules: dict[bytes, ReadyRule] = {}
        self._leaves: KnownLeaves = {}
        self.guards = [
            ReadyGuard(guard, self.rule(guard.rule, guard.audiences, guard.key)) for guard in document.guards
        ]
        self.experiments = {key: self._experiment(each) for key, each in document.experiments.items()}
        self.journeys = self._journeys()
        self.min_versions = {slug: _min_versions(slug, each) for slug, each in document.placements.items()}

    def release(self, digest: str) -> Release:
        by_placement: dict[str, list[Candidate]] = {slug: [] for slug in self.doc.placements}
        for campaign in self.doc.campaigns:
            for candidate in self._candidates(campaign):
                by_placement[candidate.item.placement].append(candidate)
        placements = {slug: self._plan(slug, found) for slug, found in by_placement.items()}
        return Release(
            doc=self.doc, digest=digest, placements=placements, experiments=self.experiments, vocabulary=self.plain,
            journeys=self.journeys,
        )  # fmt: skip

    def _journeys(self) -> Journeys:
        for key, journey in self.doc.journeys.items():
            for version in journey.versions:
                bad = bad_branch(version)
                if bad is not None:
                    raise BadRelease(f"journey {key}, version {version.number}, {bad}")
        return ready_journeys(self.doc.journeys, self.doc.traits, self.rule)

    def rule(self, document: RuleDocument, audiences: Mapping[str, RuleDocument | None], owner: str) -> ReadyRule:
        """Raises BadRelease. Campaigns share audiences and offers, so equal rules are read once."""
        name = msgspec.json.encode((document, audiences), order="sorted")
        ready = self._rules.get(name)
        if ready is None:
            ready = self._rules[name] = self._read(document, audiences, owner)
        return ready

    def _read(self, document: RuleDocument, audiences: Mapping[str, RuleDocument | None], owner: str) -> ReadyRule:
        vocabulary = replace(self.plain, audiences=dict(audiences))
        parsed = parse(document, vocabulary, known=self._leaves)
        if not isinstance(parsed, Rule):
            raise BadRelease(f"{owner}: {parsed[0].sentence} {parsed[0].hint} (at {parsed[0].where})")
        resolved = resolve(vocabulary, self._leaves)
        if isinstance(resolved, list):
            raise BadRelease(f"{owner}: {resolved[0].sentence} (at {resolved[0].where})")
        ready = inline(parsed, resolved)
        found = reads(ready)
        missing = set(found.behaviours) - set(self.doc.bits)
        if missing:
            raise BadRelease(f"{owner}: a behaviour that its rule reads has no bit in layout {self.doc.layout}")
        return ReadyRule(ready, self.doc.bits, found, reads_record=_reads_record(found), profiles=self._profiles(found))

    def _profiles(self, found: Reads) -> bool:
        """By today's definitions: a trait may have become profiling after the campaign was approved."""
        return bool(found.history or found.behaviours) or any(self.doc.traits[name].profiling for name in found.traits)

    def _optional(
        self, document: RuleDocument | None, audiences: Mapping[str, RuleDocument | None], owner: str
    ) -> ReadyRule | None:
        return self.rule(document, audiences, owner) if document else None

    def _experiment(self, doc: ExperimentDoc) -> ReadyExperiment:
        spec = ExperimentSpec(
            key=doc.key, version=doc.version, salt=doc.salt, layer_salt=doc.layer_salt,
            ranges=tuple(Allocation(each.start, each.end, each.start_at, each.end_at) for each in doc.ranges),
            variants=tuple(Variant(key, weight) for key, weight in doc.variants),
        )  # fmt: skip
        return ReadyExperiment(spec, self._optional(doc.rule, doc.audiences, doc.key), doc.running)

    def _candidates(self, campaign: CampaignDoc) -> list[Candidate]:
        unknown = [key for key in campaign.budgets if key not in self.doc.budgets]
        if unknown:
            raise BadRelease(f"{campaign.key}: there is no budget {unknown[0]}")
        rule = self._optional(campaign.rule, campaign.audiences, campaign.key)
        offers = {
            name: ReadyOffer(offer, self._optional(offer.rule, campaign.audiences, f"{campaign.key}: offer {name}"))
            for name, offer in campaign.offers.items()
        }
        fixed = None
        if campaign.time_zone:
            fixed = self.doc.zone_tables[self.doc.zones[campaign.time_zone]]
        flight = Flight(
            wall_microseconds(campaign.starts), wall_microseconds(campaign.ends) if campaign.ends else None, fixed
        )
        holdouts = self._holdouts(campaign)
        return [
            self._candidate(campaign, item, rule, offers, flight, holdouts)
            for item in campaign.items
            if item.placement in self.doc.placements
        ]

    def _candidate(
        self, campaign: CampaignDoc, item: ItemDoc, rule: ReadyRule | None, offers: Mapping[str, ReadyOffer],
        flight: Flight, holdouts: tuple[ReadyHoldout, ...],
    ) -> Candidate:  # fmt: skip
        content = self._content(campaign, item, ArmDoc(), rule, offers)
        experiment = self.experiments.get(item.experiment) if item.experiment else None
        arms = {
            variant: None if arm.nothing else self._content(campaign, item, arm, rule, offers)
            for variant, arm in item.arms.items()
        }
        if experiment is not None:
            arms = {variant.key: arms.get(variant.key, content) for variant in experiment.spec.variants}
        return Candidate(
            campaign=campaign, item=item, placement=self.doc.placements[item.placement],
            min_versions=self.min_versions[item.placement], content=content, rule=rule, flight=flight,
            experiment=experiment, arms=arms, holdouts=holdouts,
        )  # fmt: skip

    def _content(
        self, campaign: CampaignDoc, item: ItemDoc, arm: ArmDoc, rule: ReadyRule | None,
        offers: Mapping[str, ReadyOffer],
    ) -> Content:  # fmt: skip
        offer_key = arm.offer or item.offer
        creative_key = arm.creative or item.creative
        shown = NOTHING if item.nothing else campaign.creatives.get(creative_key)
        if shown is None or (offer_key and offer_key not in offers):
            raise BadRelease(f"{campaign.key}/{item.key}: its creative or offer is not in the campaign")
        offer, creative = offers[offer_key] if offer_key else None, shown
        guards = tuple(guard for guard in self.guards if _applies(guard, campaign, offer))
        # A fallback is asked neither targeting nor caps, so it needs no record for them either.
        free = campaign.fallback or item.nothing
        limits = Limits() if free else limits_of(self.doc, campaign, item.placement, offer_key)
        targeting = None if campaign.fallback else rule
        rules = [each for each in (rule, offer.rule if offer else None) if each]
        return Content(
            creative=creative, offer=offer, priced=bool(offer and offer.doc.plan),
            placeholders={locale: placeholders(fields) for locale, fields in creative.locales.items()},
            legal=LegalTraits(
                tier=campaign.tier,
                profiled=campaign.profiled
                or self._journey_profiles(campaign)
                or bool(offer and offer.doc.profiled)
                or any(each.profiles for each in rules),
                urgent=creative.urgency,
                trial=bool(offer and offer.doc.mechanic == "TRIAL"),
            ),
            guards=guards, limits=limits,
            needs_record=limits.need_record or bool(targeting and targeting.reads_record) or _offer_needs_record(offer)
            or campaign.journey is not None,
        )  # fmt: skip

    def _journey_profiles(self, campaign: CampaignDoc) -> bool:
        journey = self.journeys.by_key.get(campaign.journey or "")
        return journey is not None and journey.profiles

    def _holdouts(self, campaign: CampaignDoc) -> tuple[ReadyHoldout, ...]:
        found = [
            ReadyHoldout(each, each.draws, _exposures(each))
            for each in self.doc.holdouts
            if withholds_from(_holdout_spec(each), Tier(campaign.tier), campaign.domain, campaign.key)
        ]
        return tuple(sorted(found, key=lambda each: (SCOPE_ORDER[each.doc.scope], each.doc.key)))

    def _plan(self, slug: str, found: list[Candidate]) -> PlacementPlan:
        ordered = sorted(found, key=_arbitration_order)
        regular = [candidate for candidate in ordered if not candidate.campaign.fallback]
        doc = self.doc.placements[slug]
        by_tier = {tier: [each for each in regular if each.tier is tier] for tier in Tier}
        alone = doc.strategy.kind == "PRIORITY" and doc.experiment is None
        experiment = self._strategy_test(slug, doc)
        return PlacementPlan(
            slug=slug,
            doc=doc,
            tiers={tier: tuple(found) for tier, found in by_tier.items()},
            fallbacks=tuple(each for each in ordered if each.campaign.fallback),
            plain={tier: alone and not any(each.category for each in found) for tier, found in by_tier.items()},
            indexed=Index({tier: [each.piece for each in found] for tier, found in by_tier.items()}, self.doc.bits),
            experiment=experiment,
            formulas=self._formulas(slug, doc),
            needs=needs_of(self.doc, slug, found, experiment, self.journeys),
        )

    def _formulas(self, slug: str, doc: PlacementDoc) -> dict[str, Formula]:
        found = {}
        for strategy in (doc.strategy, *doc.arms.values()):
            if strategy.kind == "FORMULA":
                formula = read_formula(strategy.formula, self.plain)
                if not isinstance(formula, Formula):
                    raise BadRelease(f"placement {slug}: {formula[0].sentence} {formula[0].hint}")
                found[strategy.formula] = formula
        return found

    def _strategy_test(self, slug: str, doc: PlacementDoc) -> ReadyExperiment | None:
        if doc.experiment is None:
            return None
        if doc.experiment not in self.experiments:
            raise BadRelease(f"placement {slug}: its experiment {doc.experiment} is not in the release")
        return self.experiments[doc.experiment]


def _min_versions(slug: str, placement: PlacementDoc) -> dict[str, int]:
    found = {}
    for platform, text in placement.min_app_versions.items():
        try:
            found[platform] = encode_trait(VERSION, text)
        except BadValue as wrong:
            raise BadRelease(f"placement {slug}, first version on {platform}: {wrong}") from wrong
    return found


def _arbitration_order(candidate: Candidate) -> tuple[Any, ...]:
    campaign = candidate.campaign
    return (-campaign.priority, campaign.starts, campaign.key, candidate.item.key)


def _applies(guard: ReadyGuard, campaign: CampaignDoc, offer: ReadyOffer | None) -> bool:
    """Tiers and mechanics are known now; markets only with the request."""
    doc = guard.doc
    if doc.tiers and campaign.tier not in doc.tiers:
        return False
    return not doc.mechanics or (offer is not None and offer.doc.mechanic in doc.mechanics)


def _offer_needs_record(offer: ReadyOffer | None) -> bool:
    """Priced, or its policy asks for facts: what it requires, its rule, how often it was redeemed."""
    if offer is None:
        return False
    doc = offer.doc
    asks = doc.plan is not None or bool(doc.requires) or doc.redeem_limit is not None
    return asks or (offer.rule is not None and offer.rule.reads_record)


def _reads_record(found: Reads) -> bool:
    return bool(found.traits or found.history or found.behaviours)


def _exposures(doc: HoldoutDoc) -> dict[tuple[int, bool], Exposure]:
    """Of each draw, for those whom it withholds (ghosts) and for all others."""
    found = {}
    for draw in doc.draws:
        share, test = draw.size / BUCKETS, f"holdout|{doc.key}"
        found[draw.number, True] = Exposure(
            test=test, version=draw.number, arm="held_out", ghost=True, propensity=share
        )
        found[draw.number, False] = Exposure(
            test=test, version=draw.number, arm="treated", ghost=False, propensity=1 - share
        )
    return found


def _holdout_spec(doc: HoldoutDoc) -> HoldoutSpec:
    return HoldoutSpec(doc.key, HoldoutScope(doc.scope), doc.scope_key, frozenset(Tier(tier) for tier in doc.tiers), ())


def behaviours_read(release: Release) -> frozenset[str]:
    """Digests of the behaviour bits that any rule of the release reads."""
    rules: list[ReadyRule] = [each.rule for each in release.experiments.values() if each.rule]
    rules += rules_of_journeys(release.journeys)
    for plan in release.placements.values():
        for candidate in plan.candidates:
            contents = [candidate.content, *(arm for arm in candidate.arms.values() if arm)]
            rules += [rule for content in contents for rule in _rules_of(candidate, content)]
    return frozenset(digest for rule in rules for digest in reads(rule.rule).behaviours)


def _rules_of(candidate: Candidate, content: Content) -> list[ReadyRule]:
    offer = content.offer.rule if content.offer else None
    return [rule for rule in (candidate.rule, offer, *(guard.rule for guard in content.guards)) if rule]
