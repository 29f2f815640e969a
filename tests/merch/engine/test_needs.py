"""Does a decision come out the same, to the last byte, from no more than its candidates may read?"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from audiences.rules import Rule, node_digest, parse
from merch.engine.clock import DAY
from merch.engine.compiled import Release
from merch.engine.compiling import compile_release, vocabulary_of
from merch.engine.decide import decide
from merch.engine.document import (
    BudgetDoc,
    CapDoc,
    CooldownDoc,
    OfferDoc,
    PlacementDoc,
    Pulse,
    ReleaseDoc,
    StrategyDoc,
    TraitDoc,
)
from merch.engine.facts import GrantFact, HistoryCell, JourneyFact, PinFact, Subject, SuppressionFact
from merch.engine.journeydoc import AnchorDoc, StepDoc
from merch.engine.needs import Needs, budgets_read, kills_read, pools_read, request_read, subject_read
from tests.merch.engine import plans
from tests.merch.engine.corpus import Chance, Question, questions, release_document
from tests.merch.engine.documents import CONTEXTS, NOON, TRAITS, campaign, document, item, offer, subject
from tests.merch.engine.test_arbitration import TEST

RELEASES, PEOPLE = 80, 25
GROUP = "main"
JOURNEY = plans.journey(
    plans.version(
        anchor=AnchorDoc(cell="event|skip|custom"),
        gate={"v": 1, "rule": {"trait": "tempo", "op": "gte", "value": 3}},
        steps=(StepDoc(key="hint", suppress=("campaign|c1",), prefer=("c2",)),),
    )
)
INSIDE = JourneyFact(folded=NOON - DAY, version=1, entered=NOON - DAY, step=0, since=NOON - DAY, known=1)
encode = msgspec.msgpack.encode


def rich_release(seed: int) -> ReleaseDoc:
    """That of the corpus, with budgets, pools, pins and a journey that silences a campaign."""
    doc, chance = release_document(seed), Chance(seed + 1_000_000)
    campaigns = tuple(
        replace(
            each,
            budgets=chance.one(((), ("june",), ("june", "july"))),
            pin=chance.one((None, DAY)),
            offers={name: _rich(sold, chance) for name, sold in each.offers.items()},
        )
        for each in doc.campaigns
    )
    return replace(
        doc,
        campaigns=campaigns,
        budgets={"june": BudgetDoc(key="june"), "july": BudgetDoc(key="july", per_market=True)},
        journeys={JOURNEY.key: JOURNEY},
        traits=doc.traits | {name: TraitDoc(type="int") for name in ("tempo", "unread")},
        contexts=doc.contexts | {"theme": "string"},
    )


def _rich(sold: OfferDoc, chance: Chance) -> OfferDoc:
    return replace(sold, pool=chance.one(("", "codes")), plan_group=GROUP, category=chance.one(("", "", "student")))


def rich_question(asked: Question, chance: Chance) -> Question:
    """The same person with pins, grants and a place in the journey; and much that nobody asks for."""
    pulse = Pulse(
        number=asked.pulse.number,
        kills=asked.pulse.kills | {"unknown"},
        budgets=chance.one(({}, {"june|": 0, "july|NO": 5_000, "unread|": 0}, {"july|SE": 5_000})),
        empty_pools=frozenset(chance.some(("codes", "unread"))),
    )
    request = replace(asked.request, context=asked.request.context | {"theme": "dark"})
    if asked.subject is None:
        return Question(request, None, pulse, asked.now)
    record = asked.subject.record
    pins = {f"campaign|c{n}": PinFact(f"c{n}", "home", f"o{n}@1", NOON - DAY, NOON + DAY, 1, GROUP) for n in range(4)}
    grown = replace(
        record,
        traits=record.traits | {"tempo": (chance.below(6), NOON), "unread": (5, NOON)},
        consent=record.consent | {"emails": (True, NOON)},
        history=record.history | {f"campaign|unread{n}|click": HistoryCell(n, 1, 2) for n in range(5)},
        suppressions=(*record.suppressions, SuppressionFact("over", ("HOUSE",), 0, NOON - DAY)),
        grants=tuple(GrantFact(f"g{n}", f"o{n}", 0, None, 100, "SEK") for n in range(9) if chance.once_in(6)),
        marks=record.marks | {"experiment|unread": (1, "a", NOON)},
        pins={name: pin for name, pin in pins.items() if chance.once_in(6)},
        journeys={JOURNEY.key: INSIDE} if chance.once_in(3) else {},
    )
    return Question(request, Subject(grown, asked.subject.bits), pulse, asked.now)


def read(release: Release, asked: Question) -> Question:
    """The question without what nobody reads."""
    needs = release.needs(asked.request)
    pulse = Pulse(
        number=asked.pulse.number,
        kills=frozenset(kills_read(asked.pulse, needs, asked.subject)),
        budgets=budgets_read(asked.pulse, needs),
        empty_pools=frozenset(pools_read(asked.pulse, needs)),
        bandits=asked.pulse.bandits,
    )
    who = asked.subject and subject_read(asked.subject, needs, asked.now)
    return Question(request_read(asked.request, needs), who, pulse, asked.now)


@pytest.mark.parametrize("explain", [False, True], ids=["plain", "explained"])
@pytest.mark.parametrize("rich", [False, True], ids=["corpus", "corpus-and-more"])
def test_the_rest_of_the_inputs_decides_the_same(rich: bool, explain: bool) -> None:
    for seed in range(RELEASES):
        release = compile_release(rich_release(seed) if rich else release_document(seed))
        chance = Chance(seed)
        for asked in questions(seed, PEOPLE):
            full = rich_question(asked, chance) if rich else asked
            kept = read(release, full)

            again = decide(release, kept.pulse, kept.request, kept.subject, kept.now, explain=explain)
            first = decide(release, full.pulse, full.request, full.subject, full.now, explain=explain)

            assert encode(again) == encode(first), (seed, full)


def needs(doc: ReleaseDoc, slug: str = "home") -> Needs:
    return compile_release(doc).placements[slug].needs


def leaf(name: str) -> dict[str, Any]:
    return {"v": 1, "rule": {"trait": name, "op": "present"}}


SOLD = offer(rule=leaf("plan"), requires=("minutes",))
READS = campaign(rule=leaf("genre"), items=(item(offer="trial@1"),), offers={"trial@1": SOLD})
ALWAYS = {"market", "time_zone", "birth_date"}


@pytest.mark.parametrize(
    ("doc", "part", "names"),
    [
        pytest.param(document(campaign()), "traits", ALWAYS, id="always"),
        pytest.param(document(READS), "traits", ALWAYS | {"genre", "plan", "minutes"}, id="rules-and-requires"),
        pytest.param(document(READS), "offers", {"trial"}, id="offers"),
        pytest.param(document(campaign()), "history", set(), id="no-caps"),
        pytest.param(
            document(campaign(caps=(CapDoc(scope="CAMPAIGN", event="impression", limit=1),))),
            "history", {"campaign|one|impression", "surface|one@home|impression"}, id="a-cap",
        ),
        pytest.param(
            document(campaign(cooldowns=(CooldownDoc(scope="ALL", event="dismissal", length=DAY),))),
            "history", {"all||dismissal", "campaign|one|dismissal", "surface|one@home|dismissal"}, id="a-cooldown",
        ),
        pytest.param(document(campaign()), "contexts", {"country", "locale", "session_id"}, id="contexts"),
        pytest.param(
            document(campaign(), placements={"home": PlacementDoc(
                rank=1, format="hero", slots=1, max_age=1,
                strategy=StrategyDoc(kind="FORMULA", formula="2 * trait.minutes"),
            )}),
            "traits", ALWAYS | {"minutes"}, id="a-formula",
        ),
        pytest.param(
            document(campaign(items=(item(experiment="copy"),)), experiments={"copy": TEST}),
            "marks", {"experiment|copy"}, id="an-experiment",
        ),
    ],
)  # fmt: skip
def test_a_placement_needs_what_its_candidates_name(doc: ReleaseDoc, part: str, names: set[str]) -> None:
    assert getattr(needs(doc), part) == names


def test_behaviours_that_rules_read_are_kept() -> None:
    event = {"event": "skip", "agg": "count", "window": 7, "op": "gte", "value": 1}
    rule = parse({"v": 1, "rule": event}, vocabulary_of(document()))
    assert isinstance(rule, Rule)
    doc = document(campaign(rule={"v": 1, "rule": event}), bits={node_digest(rule.node): 5, "unread": 2})

    kept = subject_read(subject(bits=0b1111111), needs(doc), NOON)

    assert kept.bits == 0b100000


def test_only_what_is_asked_for_is_kept() -> None:
    shelf = campaign("two", rule=leaf("genre"), items=(item(placement="shelf"),))
    release = compile_release(
        document(
            campaign(), shelf, traits=TRAITS, contexts=CONTEXTS,
            placements={slug: PlacementDoc(rank=1, format="hero", slots=1, max_age=1) for slug in ("home", "shelf")},
        )
    )  # fmt: skip
    who = subject(genre="pop")

    kept = {slug: subject_read(who, plan.needs, NOON).record.traits for slug, plan in release.placements.items()}

    assert kept["home"].keys() == {"market"}
    assert kept["shelf"].keys() == {"market", "genre"}
    assert release.placements["shelf"].needs.covers(release.placements["home"].needs) is False
