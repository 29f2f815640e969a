"""Whom of those that a campaign targets do the guards of the house stop?

Asked of generated subjects that stand at every edge of the rules (audiences.rules.probing): campaign, offer and guards.
The decision asks the same guards again of every real one; this is so that nobody learns of it only then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec.structs import replace

from audiences.moments import micros
from audiences.rules import Rule, TraitType, Type, Vocabulary, decode_trait, env_at, inline, parse, resolve
from audiences.rules.boundaries import Fact, Value, facts_of
from audiences.rules.nodes import All, AnyOf, Node, Not, TraitLeaf, leaves
from audiences.rules.probing import Facts, Prober
from campaigns.models import Campaign, Guard, OfferVersion
from campaigns.problems import Problem
from campaigns.profiling import audiences_named

MARKET = "market"
MOST_EXAMPLE_FACTS = 4

Document = Mapping[str, Any]


class Target(NamedTuple):
    """What is shown on the same terms: "item hero, item card", and the offer's version."""

    name: str
    version: OfferVersion | None


class Stop(NamedTuple):
    """One guard and one target: how many of how many it stops, and whom first."""

    guard: Guard
    blocked: int
    example: str


class Finding(NamedTuple):
    """``targeted`` generated subjects fulfil the rules; ``passable``: some get past all guards."""

    target: Target
    targeted: int
    passable: bool
    stops: tuple[Stop, ...] = ()


def look(campaign: Campaign, targets: Iterable[Target], words: Vocabulary, *, now: datetime) -> list[Finding]:
    """Each target against every guard that speaks about it. Rules that do not parse are left out: others say so."""
    guards = list(Guard.objects.filter(active=True).prefetch_related("markets").order_by("key"))
    markets = sorted(market.code for market in campaign.markets.all())
    reader = _Reader(words, [campaign.rule, *(guard.rule for guard in guards)])
    found = []
    for target in targets:
        speaking = [guard for guard in guards if _speaks(guard, campaign, target.version)]
        nodes = {guard.key: reader.passes(guard) for guard in speaking}
        wanted = reader.wanted(campaign, target.version, markets)
        known = [(guard, node) for guard in speaking if (node := nodes[guard.key]) is not None]
        if wanted is not None:
            found.append(_finding(target, wanted, known, words, now))
    return found


def stopped_for_all(findings: Iterable[Finding]) -> Iterator[Problem]:
    """What no one whom it targets would ever be shown."""
    for each in findings:
        if each.targeted and not each.passable:
            names = ", ".join(f"“{stop.guard}”" for stop in each.stops)
            sentence = (
                f"Nobody can be shown {each.target.name}: all {each.targeted} generated subjects whom it targets are "
                f"stopped by {names}."
            )
            yield Problem("guard.stops_all", sentence, "Change the rule of the campaign or of the offer, or the guard.")


def stopped_for_some(findings: Iterable[Finding]) -> Iterator[Problem]:
    """For people who approve: whom the guards will stop, with counts and an example."""
    for each in findings:
        if not each.targeted:
            sentence = f"No generated subject fulfils the rules of {each.target.name}."
            yield Problem("rule.nobody", sentence, "Do its conditions contradict each other?")
        for stop in each.stops:
            sentence = (
                f"The guard “{stop.guard}” stops {stop.blocked} of {each.targeted} generated subjects whom "
                f"{each.target.name} targets. The first: {stop.example}."
            )
            yield Problem("guard.stops", sentence, "Ask the same in the campaign's rule if that is not meant.")


def lets_unknown_through(guard: Guard, words: Vocabulary, *, now: datetime) -> list[Problem]:
    """Traits that the guard's rule reads, does not require, and lets pass where they are not known."""
    reader = _Reader(words, [guard.rule])
    rule = reader.node(guard.rule)
    if rule is None:
        return []
    prober = Prober([rule], env_at(micros(now), key=""))
    names = sorted({leaf.name for leaf in leaves(rule) if isinstance(leaf, TraitLeaf)} - set(guard.requires))
    passing = prober.fulfilling(rule)
    return [
        Problem(
            "guard.unknown_passes",
            f"People whose {name.replace('_', ' ')} is not known can pass.",
            f"Add {name} to what must be known, if not knowing must block.",
        )
        for name in names
        if any(facts["trait", name] is None for facts in passing)
    ]


def _speaks(guard: Guard, campaign: Campaign, version: OfferVersion | None) -> bool:
    """As the release's compiler asks it; markets are part of the question itself."""
    if guard.tiers and campaign.tier not in guard.tiers:
        return False
    return not guard.mechanics or (version is not None and version.offer.mechanic in guard.mechanics)


class _Reader:
    """Rule documents as inlined nodes, with the audiences that they lean on."""

    def __init__(self, words: Vocabulary, documents: Sequence[Document]) -> None:
        named: dict[str, Any] = {}
        for document in documents:
            named |= audiences_named(document, words.audiences)  # type: ignore[arg-type]
        self._all = words.audiences
        self._words = words
        self._named = named

    def node(self, document: Document) -> Node | None:
        """None for a rule that cannot be asked."""
        if not document:
            return All(())
        named = self._named | audiences_named(document, self._all)  # type: ignore[arg-type]
        words = replace(self._words, audiences=named)
        resolved, rule = resolve(words), parse(document, words)
        return inline(rule, resolved).node if isinstance(rule, Rule) and isinstance(resolved, dict) else None

    def wanted(self, campaign: Campaign, version: OfferVersion | None, markets: Sequence[str]) -> Node | None:
        """Whom it targets: rule, market and what the offer asks. A fallback is not asked its rule."""
        parts = [All(()) if campaign.fallback else self.node(campaign.rule)]
        if version is not None:
            parts += [self.node(version.rule), *self._known(version.requires)]
        if markets and MARKET in self._words.traits:
            parts.append(TraitLeaf(MARKET, self._words.traits[MARKET], "in", tuple(markets)))
        return None if None in parts else All(tuple(part for part in parts if part is not None))

    def passes(self, guard: Guard) -> Node | None:
        """Who gets past the guard: those it does not speak about, and those of whom all is known and its rule holds."""
        rule = self.node(guard.rule)
        if rule is None:
            return None
        law = All((*self._known(guard.requires), rule))
        markets = tuple(sorted(market.code for market in guard.markets.all()))
        if not markets or MARKET not in self._words.traits:
            return law
        return AnyOf((Not(TraitLeaf(MARKET, self._words.traits[MARKET], "in", markets)), law))

    def _known(self, names: Iterable[str]) -> list[Node]:
        return [TraitLeaf(name, self._words.traits[name], "present") for name in names if name in self._words.traits]


def _finding(
    target: Target, wanted: Node, guards: Sequence[tuple[Guard, Node]], words: Vocabulary, now: datetime
) -> Finding:
    prober = Prober([wanted, *(node for _, node in guards)], env_at(micros(now), key=""))
    targeted = prober.fulfilling(wanted)
    stops = []
    for guard, node in guards:
        blocked = [facts for facts in targeted if not prober.holds(node, facts)]
        if blocked:
            stops.append(Stop(guard, len(blocked), _example(node, blocked[0], words)))
    everything = All((wanted, *(node for _, node in guards)))
    return Finding(target, len(targeted), bool(prober.fulfilling(everything, most=1)), tuple(stops))


def _example(node: Node, facts: Facts, words: Vocabulary) -> str:
    """The subject's facts that this guard reads."""
    read = dict.fromkeys(fact for leaf in leaves(node) for fact in facts_of(leaf))
    said = [_told(fact, facts[fact], words) for fact in read]
    return ", ".join(said[:MOST_EXAMPLE_FACTS])


def _told(fact: Fact, value: Value, words: Vocabulary) -> str:
    kind, *name = fact
    if kind == "history":
        scope, key, happening = name
        return f"{happening} of {f'{scope} {key}'.strip()} {'never' if value is None else f'{value.count} times'}"
    if kind == "bit":
        return f"a condition on events {'holds' if value else 'does not hold'}"
    if kind == "key":
        return f"the id {value}"
    label = name[0].replace("_", " ")
    if value is None:
        return f"{label} not known"
    if kind == "ctx":
        return f"{label} {decode_trait(words.contexts[name[0]], value)}"
    of: TraitType = words.traits[name[0]]
    stale = " (too old to count)" if of.expires is not None and value[1] > of.expires else ""
    shown = list(value[0]) if of.type is Type.SET else value[0]
    return f"{label} {decode_trait(of, shown)}{stale}"
