"""Is a change of the release told in words, all of it, and nothing that is not so?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from merch.engine.document import (
    CapDoc,
    DrawDoc,
    ExperimentDoc,
    GuardDoc,
    HoldoutDoc,
    PriceDoc,
    RangeDoc,
    ReleaseDoc,
    canonical,
    parse_release,
)
from merch.releases.diff import diff
from merch.releases.touching import touched
from tests.merch.engine.corpus import release_document
from tests.merch.engine.documents import (
    ADULTS,
    HERO,
    LIST_PRICE,
    NOON,
    SWEDEN,
    TRAITS,
    campaign,
    document,
    item,
    offer,
    with_offer,
)

DAY = 86_400_000_000
SEEDS = st.integers(0, 10_000)


def rule(minutes: int) -> dict[str, Any]:
    return {"v": 1, "rule": {"trait": "minutes", "op": "gte", "value": minutes}}


FIRST = with_offer("first-trial", priority=60, rule=rule(100))
PLAIN = document(FIRST)
COPY = ExperimentDoc(
    key="copy", version=1, salt="s", layer_salt="l", variants=(("a", 1), ("b", 1)),
    ranges=(RangeDoc(start=0, end=5_000, start_at=0),),
)  # fmt: skip
GLOBAL = HoldoutDoc(
    key="global", scope="GLOBAL", tiers=("COMMERCIAL",), draws=(DrawDoc(number=1, salt="h", size=500, start_at=0),)
)
CAP = CapDoc(scope="CAMPAIGN", event="impression", limit=3, window=7 * DAY)
DEARER = (replace(LIST_PRICE, end=NOON + DAY), PriceDoc(id=2, amount=12_900, period="P1M", start=NOON + DAY))


def first(**changes: Any) -> ReleaseDoc:
    return document(replace(FIRST, **changes))


@pytest.mark.parametrize(
    ("after", "said"),
    [
        pytest.param(first(priority=70), ["campaign first-trial: priority 60 -> 70"], id="priority"),
        pytest.param(
            first(rule=rule(50)),
            ['campaign first-trial: for whom "Minutes is at least 100." -> "Minutes is at least 50."'],
            id="rule",
        ),
        pytest.param(
            first(caps=(CAP,)),
            ["campaign first-trial: caps nothing -> at most 3 impression in 7 days per campaign"],
            id="cap",
        ),
        pytest.param(
            first(creatives={"other": replace(HERO, locales={"sv-SE": {"title": "Hallå"}})},
                  items=(item(offer="trial@1", creative="other"),)),
            ["campaign first-trial: creatives, hero, locales, sv-SE, title Hej -> Hallå"],
            id="text-under-a-new-digest",
        ),
        pytest.param(
            first(items=(*FIRST.items, item("second", placement="shelf"))),
            ["campaign first-trial: items, second added: placement shelf; creative hero; weight 1"],
            id="item",
        ),
        pytest.param(
            first(offers={"trial@2": offer(version=2)}, items=(item(offer="trial@2"),)),
            [
                "campaign first-trial: items, hero, offer trial@1 -> trial@2",
                "campaign first-trial: offers, trial, version 1 -> 2",
            ],
            id="offer",
        ),
        pytest.param(document(), ["campaign first-trial removed"], id="campaign-removed"),
        pytest.param(
            replace(PLAIN, prices={"premium": {"SE": DEARER}}),
            ["price SE premium 119.00 -> 129.00 SEK from 2026-11-23T12:00:00Z"],
            id="price",
        ),
        pytest.param(
            replace(PLAIN, prices={}), ["price SE premium 119.00 SEK per P1M from the beginning removed"], id="no-price"
        ),
        pytest.param(
            replace(PLAIN, experiments={"copy": COPY}),
            [("experiment copy added: version 1; salt s; layer salt l; variants a 1; b 1; "
             "share 50 % for ever (buckets 0 to 5000); running yes")],
            id="experiment",
        ),
        pytest.param(
            replace(PLAIN, holdouts=(GLOBAL,)),
            ["holdout global added: scope GLOBAL; tiers COMMERCIAL; withheld 5 % for ever (draw 1)"],
            id="holdout",
        ),
        pytest.param(
            replace(PLAIN, placements=PLAIN.placements | {"home": replace(PLAIN.placements["home"], slots=2)}),
            ["placement home: slots 1 -> 2"],
            id="placement",
        ),
        pytest.param(
            replace(PLAIN, guards=(GuardDoc(key="adults", rule=rule(1)),)),
            ['guard adults added: for whom "Minutes is at least 1."'],
            id="guard",
        ),
        pytest.param(
            replace(PLAIN, traits=TRAITS | {"minutes": replace(TRAITS["minutes"], tolerated_age=DAY)}),
            ["trait minutes: tolerated age 7 days -> 1 day"],
            id="trait",
        ),
        pytest.param(
            replace(PLAIN, markets={"SE": replace(SWEDEN, legal=(replace(ADULTS, urgency=False),))}),
            [("market SE: legal ages 0 to 200: profiling, urgency, trial allowed, unknown age ALLOW, unknown consent "
             "ALLOW -> ages 0 to 200: profiling, trial allowed, unknown age ALLOW, unknown consent ALLOW")],
            id="law",
        ),
        pytest.param(
            replace(PLAIN, exempt_tiers=("LEGAL",)), ["exempt tiers: LEGAL; SERVICE -> LEGAL"], id="exempt-tiers"
        ),
        pytest.param(replace(PLAIN, zones={}), ["time zone tables differ"], id="zones"),
    ],
)  # fmt: skip
def test_a_change_is_told_in_words(after: ReleaseDoc, said: list[str]) -> None:
    assert [change.sentence for change in diff(PLAIN, after)] == said


@given(SEEDS, SEEDS)
def test_releases_that_differ_say_so_and_equal_ones_do_not(one: int, other: int) -> None:
    before, after = release_document(one), release_document(other)

    assert diff(before, parse_release(canonical(before))) == []
    assert bool(diff(before, after)) is (canonical(before) != canonical(after))


def fields_of(doc: ReleaseDoc) -> list[ReleaseDoc]:
    """The document with one campaign's one field taken from another campaign, for every field."""
    one, other = doc.campaigns[0], doc.campaigns[-1]
    taken = [replace(one, **{name: getattr(other, name)}) for name in one.__struct_fields__ if name != "key"]
    return [replace(doc, campaigns=(each, *doc.campaigns[1:])) for each in taken]


@given(SEEDS)
def test_no_field_of_a_campaign_changes_in_silence(seed: int) -> None:
    doc = release_document(seed)

    for changed in fields_of(doc):
        assert bool(diff(doc, changed)) is (changed != doc)


@pytest.mark.parametrize(
    ("after", "campaigns"),
    [
        (replace(PLAIN, prices={"premium": {"SE": DEARER}}), ("first-trial",)),
        (replace(PLAIN, traits=TRAITS | {"minutes": replace(TRAITS["minutes"], tolerated_age=DAY)}), ("first-trial",)),
        (replace(PLAIN, traits=TRAITS | {"genre": replace(TRAITS["genre"], tolerated_age=DAY)}), ()),
        (replace(PLAIN, holdouts=(GLOBAL,)), ("first-trial", "house")),
        (replace(PLAIN, guards=(GuardDoc(key="trials", rule=rule(1), mechanics=("TRIAL",)),)), ("first-trial",)),
        (replace(PLAIN, placements=PLAIN.placements | {"home": replace(PLAIN.placements["home"], slots=2)}),
         ("first-trial",)),
    ],
)  # fmt: skip
def test_who_reads_what_changed_is_touched(after: ReleaseDoc, campaigns: tuple[str, ...]) -> None:
    house = campaign("house", items=(item(placement="shelf", experiment="copy"),))
    before, later = (replace(each, campaigns=(FIRST, house)) for each in (PLAIN, after))

    found = touched(before, later, diff(before, later))

    assert found.campaigns == campaigns
    assert found.experiments == (("copy",) if "house" in campaigns else ())
