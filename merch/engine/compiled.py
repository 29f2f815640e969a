"""What does a release look like when it is ready to decide?

Compiled once per process and release: rules are predicates, candidates stand in arbitration order, caps are history
cells. Nothing here changes afterwards, except memos of pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any, NamedTuple, Protocol, TypeAlias

from audiences.rules import BitPositions, Predicate, Reads, Rule, ValueType, Vocabulary, compile_rule
from audiences.tiers import Tier
from campaigns.formula import Formula
from experiments.assignment import ExperimentSpec
from merch.engine.caps import Limits
from merch.engine.clock import DAY, HOUR, LocalDay, day_start, offset_at, resolve
from merch.engine.document import (
    CampaignDoc,
    CreativeDoc,
    DrawDoc,
    GuardDoc,
    HoldoutDoc,
    ItemDoc,
    MarketDoc,
    OfferDoc,
    PlacementDoc,
    ReleaseDoc,
    TraitDoc,
    ZoneTable,
)
from merch.engine.facts import Exposure, Request
from merch.engine.index import Asker, Found, Index, Piece
from merch.engine.journeydoc import JourneyDoc, StepDoc
from merch.engine.journeys import Unit
from merch.engine.law import Law, law_in, law_of
from merch.engine.law import Traits as LegalTraits
from merch.engine.memo import Memo
from merch.engine.needs import Needs, union


class ReadyRule:
    """A rule in both forms: the predicate answers, the tree says why not. What it reads, as law and 2b ask it."""

    __slots__ = ("_bits", "_holds", "profiles", "reads", "reads_record", "rule")

    def __init__(self, rule: Rule, bits: BitPositions, reads: Reads, *, reads_record: bool, profiles: bool) -> None:
        self.rule = rule
        self.reads = reads
        self.reads_record = reads_record
        self.profiles = profiles
        self._bits = bits
        self._holds: Predicate | None = None

    @property
    def holds(self) -> Predicate:
        """Made when it is first asked: the index answers for most rules."""
        made = self._holds
        if made is None:
            made = self._holds = compile_rule(self.rule, self._bits)
        return made


class ReadyOffer(NamedTuple):
    doc: OfferDoc
    rule: ReadyRule | None


class ReadyGuard(NamedTuple):
    doc: GuardDoc
    rule: ReadyRule

    @property
    def needs_record(self) -> bool:
        return bool(self.doc.requires) or self.rule.reads_record


class Content(NamedTuple):
    """What a candidate, or one arm of its experiment, would show."""

    creative: CreativeDoc
    offer: ReadyOffer | None
    priced: bool
    placeholders: Mapping[str, frozenset[str]]  # locale -> amounts its text needs
    legal: LegalTraits
    guards: tuple[ReadyGuard, ...]
    limits: Limits
    needs_record: bool  # guards apart: whether one applies is known only with the request


class ReadyExperiment(NamedTuple):
    spec: ExperimentSpec
    rule: ReadyRule | None
    running: bool


class ReadyHoldout(NamedTuple):
    """``exposures``: what being withheld by a draw, or not, leaves in the record, by its number."""

    doc: HoldoutDoc
    draws: tuple[DrawDoc, ...]
    exposures: Mapping[tuple[int, bool], Exposure]


class ReadyStep(NamedTuple):
    """``alternates``: the step, and those that stand in while its rule does not hold, each with its own."""

    doc: StepDoc
    alternates: tuple[tuple[StepDoc, ReadyRule | None], ...]


class ReadyVersion(NamedTuple):
    gate: ReadyRule | None
    exit_rule: ReadyRule | None
    steps: tuple[ReadyStep, ...]


class ReadyJourney(NamedTuple):
    """``profiles``: standing in it says what somebody did, or what a profiling trait says."""

    doc: JourneyDoc
    versions: Mapping[int, ReadyVersion]
    profiles: bool


class Journeys(NamedTuple):
    """All journeys of a release; ``dated``: of which units a date alone can be the entry."""

    by_key: Mapping[str, ReadyJourney] = {}
    units: tuple[Unit, ...] = ()
    dated: tuple[Unit, ...] = ()


NO_OFFERS: Set[str] = frozenset()

# What an amount is written from: locale, currency, exponent, price, then, saving.
Said: TypeAlias = tuple[str, str, int, int, int | None, int | None]


class Flight:
    """A campaign's wall times, and their instants per zone table as they are asked for."""

    __slots__ = ("_ends", "_instants", "_starts", "fixed")

    def __init__(self, starts: int, ends: int | None, fixed: ZoneTable | None) -> None:
        self._starts = starts
        self._ends = ends
        self.fixed = fixed
        self._instants: dict[int, tuple[int, int | None]] = {}

    def instants(self, table: ZoneTable) -> tuple[int, int | None]:
        """[start, end) in UTC microseconds by the flight's fixed zone, else by ``table``; end None: open."""
        zone = self.fixed or table
        known = self._instants.get(id(zone))
        if known is None:
            end = None if self._ends is None else resolve(zone, self._ends, last=True)
            known = self._instants[id(zone)] = (resolve(zone, self._starts, last=False), end)
        return known


class Candidate:
    """One campaign item in one placement."""

    __slots__ = (
        "arms",
        "campaign",
        "category",
        "content",
        "experiment",
        "flight",
        "holdouts",
        "item",
        "min_versions",
        "placement",
        "rule",
        "strict",
        "tier",
    )

    def __init__(
        self,
        *,
        campaign: CampaignDoc,
        item: ItemDoc,
        placement: PlacementDoc,
        min_versions: Mapping[str, int],
        content: Content,
        rule: ReadyRule | None,
        flight: Flight,
        experiment: ReadyExperiment | None,
        arms: Mapping[str, Content | None],
        holdouts: tuple[ReadyHoldout, ...],
    ) -> None:
        self.campaign = campaign
        self.item = item
        self.placement = placement
        self.min_versions = min_versions  # platform -> the first app version that can show it, as a stored version
        self.content = content
        self.rule = rule
        self.flight = flight
        self.experiment = experiment
        self.arms = arms  # variant -> what it shows; None: nothing
        self.holdouts = holdouts
        self.tier = Tier(campaign.tier)
        contents = (content, *arms.values())
        self.strict = any(cap.strict for each in contents if each for cap in each.limits.caps)
        self.category = content.offer.doc.category if content.offer else ""  # an exclusive one

    @property
    def piece(self) -> Piece:
        """What the index needs of it."""
        return Piece(
            rule=self.rule,
            legal=self.content.legal,
            markets=self.campaign.markets,
            needs_record=self.content.needs_record,
            offer=self.content.offer.doc.key if self.content.offer else None,
        )

    @property
    def name(self) -> str:
        """campaign/item, as traces and errors show it."""
        return f"{self.campaign.key}/{self.item.key}"


class Caller(Asker, Protocol):
    """What a plan reads of a call: merch.engine.call.Call. What was found for a placement is kept there."""

    found: dict[str, Found]


class PlacementPlan(NamedTuple):
    """A placement and its candidates, each tier in arbitration order."""

    slug: str
    doc: PlacementDoc
    tiers: Mapping[Tier, tuple[Candidate, ...]]
    fallbacks: tuple[Candidate, ...]
    plain: Mapping[Tier, bool]  # by arbitration order alone: no strategy, category or experiment has a say
    indexed: Index  # of the candidates in tiers
    experiment: ReadyExperiment | None = None  # varies the strategy
    formulas: Mapping[str, Formula] = {}  # by their text
    needs: Needs = Needs()  # what any candidate may read

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All of them, fallbacks last."""
        return (*(candidate for tier in self.tiers.values() for candidate in tier), *self.fallbacks)

    def matching(self, tier: Tier, call: Caller, offers: Set[str] = NO_OFFERS) -> Iterable[Candidate]:
        """In arbitration order, the candidates of a tier that neither law, market nor rule refuses, and those whose
        rule raises: they are asked again in their row, where the failure gets its name. Those that sell one of
        ``offers`` are among them whatever they demand."""
        return map(self.tiers[tier].__getitem__, self.indexed.among(self.found(call), tier, call, offers))

    def found(self, call: Caller) -> Found:
        """Who may match, looked for once per call."""
        found = call.found.get(self.slug)
        if found is None:
            found = call.found[self.slug] = self.indexed.find(call)
        return found


class Memos:
    """What a release is asked again and again: bounded, and nothing but what follows from it."""

    __slots__ = ("amounts", "days", "fields", "laws", "locales", "strictest")

    def __init__(self) -> None:
        self.laws: Memo[tuple[str, int | None, bool | None], Law] = Memo()
        self.strictest: Memo[tuple[str | None, str | None, int | None, bool | None], Law] = Memo()
        self.days: Memo[tuple[int, int], int] = Memo()  # id of a zone table and a day -> when it began
        self.locales: Memo[tuple[int, str], str] = Memo()  # id of a creative and what is wanted -> what there is
        self.amounts: Memo[Said, dict[str, str]] = Memo()
        self.fields: Memo[tuple[int, Said | None], dict[str, Any]] = Memo()  # id of fields and amounts -> filled


class Release:
    """A release, ready to decide. Equal digests decide equally."""

    __slots__ = (
        "context_types",
        "digest",
        "doc",
        "experiments",
        "journeys",
        "market_of_country",
        "markets",
        "memos",
        "placements",
        "tables",
        "trait_types",
        "traits",
    )

    def __init__(
        self, *, doc: ReleaseDoc, digest: str, placements: Mapping[str, PlacementPlan],
        experiments: Mapping[str, ReadyExperiment], vocabulary: Vocabulary, journeys: Journeys,
    ) -> None:  # fmt: skip
        self.doc = doc
        self.digest = digest
        self.placements = placements
        self.experiments = experiments
        self.journeys = journeys
        self.markets: Mapping[str, MarketDoc] = doc.markets
        self.memos = Memos()
        self.market_of_country: Mapping[str, str] = {
            country: code for code in sorted(doc.markets) for country in doc.markets[code].countries
        }
        self.tables: Mapping[str, ZoneTable] = {name: doc.zone_tables[index] for name, index in doc.zones.items()}
        self.traits: Mapping[str, TraitDoc] = doc.traits
        self.trait_types: Mapping[str, ValueType] = vocabulary.traits
        self.context_types: Mapping[str, ValueType] = vocabulary.contexts

    @property
    def candidates(self) -> int:
        """How many candidates it holds over all placements."""
        return sum(len(plan.candidates) for plan in self.placements.values())

    @property
    def residual(self) -> int:
        """How many of them have a condition that no index table answers, so that their rule is asked."""
        return sum(plan.indexed.residual for plan in self.placements.values())

    def needs(self, request: Request) -> Needs:
        """What any candidate of the placements asked may read; of unknown ones nothing."""
        plans = (self.placements.get(asked.placement) for asked in request.placements)
        return union(plan.needs for plan in plans if plan)

    def law_for(self, account: str | None, visited: str | None, age: int | None, consent: bool | None) -> Law:
        """The strictest of the account's market and the one that the request comes from; neither known blocks."""
        asked = account, visited, age, consent
        known = self.memos.strictest.get(asked)
        if known is not None:
            return known
        codes = {code for code in (account, visited) if code is not None}
        return self.memos.strictest.keep(asked, law_of(self.law_in(code, age, consent) for code in codes))

    def local_day(self, table: ZoneTable, instant: int) -> LocalDay:
        """The day that holds an instant in one of its zones. Within a day only the hour differs."""
        day, since_midnight = divmod(instant + offset_at(table, instant), DAY)
        start = self.memos.days.get((id(table), day))
        if start is None:
            start = self.memos.days.keep((id(table), day), day_start(table, day))
        return LocalDay(day, start, since_midnight // HOUR)

    def law_in(self, market: str, age: int | None, consent: bool | None) -> Law:
        """What this market's law says to a person of this age and consent; a market that nobody knows blocks."""
        asked = market, age, consent
        known = self.memos.laws.get(asked)
        if known is None:
            if market not in self.markets:
                return Law(blocked=True)
            known = self.memos.laws.keep(asked, law_in(self.markets[market], age, consent))
        return known
