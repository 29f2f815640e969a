"""Are people protected where age, consent, market or record are unknown, broken, or read by an experiment?"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from audiences.rules import Type, ValueType, encode_trait
from merch.engine.clock import DAY
from merch.engine.document import (
    CapDoc,
    CreativeDoc,
    ExperimentDoc,
    GuardDoc,
    LegalDoc,
    RangeDoc,
    ReleaseDoc,
    TermsDoc,
    TraitDoc,
)
from merch.engine.facts import HistoryCell
from tests.merch.engine.documents import (
    ADULTS,
    NOON,
    SWEDEN,
    TRAITS,
    campaign,
    decided,
    document,
    item,
    offer,
    ready,
    reason,
    request,
    subject,
    with_offer,
)

URGENT = {"hero": CreativeDoc(key="hero", format="hero", urgency=True, locales={"sv-SE": {"title": "Nu!"}})}
GENRE = {"v": 1, "rule": {"trait": "genre", "op": "present"}}
ABSENT = {"v": 1, "rule": {"trait": "genre", "op": "absent"}}
FREE = {"v": 1, "rule": {"trait": "subscription_state", "op": "eq", "value": "FREE"}}
REWARD = offer(mechanic="REWARD", plan=None, plan_group=None, terms=TermsDoc(reward=5))
EVERY_CAP = CapDoc(scope="ALL", event="impression", limit=5, window=DAY)
HOUSE = campaign("house", tier="HOUSE", fallback=True)


def by_law(*legal: LegalDoc) -> dict[str, Any]:
    return {"markets": {"SE": replace(SWEDEN, legal=legal)}}


@pytest.mark.parametrize(
    ("forbids", "what"),
    [
        pytest.param({"urgency": False}, campaign(creatives=URGENT), id="urgency"),
        pytest.param({"profiling": False}, campaign(rule=GENRE, profiled=True), id="profiling"),
        pytest.param({"trial_allowed": False}, with_offer(), id="trials"),
    ],
)
def test_what_the_law_forbids_at_every_age_it_forbids_at_an_unknown_one(forbids: dict[str, Any], what: Any) -> None:
    band = replace(ADULTS, **forbids)
    minors, adults = replace(band, max_age=18), replace(ADULTS, min_age=18)
    who = subject(genre="jazz")

    assert reason(decided(ready(what, **by_law(band)), who)) == "LEGAL_BLOCK"
    assert reason(decided(ready(what, **by_law(minors, adults)), who)) == "SELECTED"


def test_an_unknown_age_that_counts_as_contextual_gets_no_trial_in_any_tier() -> None:
    law = by_law(replace(ADULTS, unknown_age="CONTEXTUAL"))

    assert reason(decided(ready(with_offer(tier="HOUSE"), **law))) == "LEGAL_BLOCK"
    assert reason(decided(ready(campaign(tier="HOUSE"), **law))) == "SELECTED"


def test_an_age_known_too_long_ago_is_unknown() -> None:
    traits = TRAITS | {"birth_date": TraitDoc(type="date", tolerated_age=DAY)}
    release = ready(campaign(), traits=traits, **by_law(replace(ADULTS, unknown_age="BLOCK")))
    born = encode_trait(ValueType(Type.DATE), "1980-01-01")

    assert reason(decided(release, subject(birth_date=born), now=NOON + DAY)) == "SELECTED"
    assert reason(decided(release, subject(birth_date=born), now=NOON + DAY + 1)) == "LEGAL_BLOCK"


@pytest.mark.parametrize(
    "traits",
    [
        pytest.param({"birth_date": "1980"}, id="an-age-of-another-type"),
        pytest.param({"birth_date": -(10**9)}, id="an-age-before-the-calendar"),
        pytest.param({"market": ["SE"]}, id="a-market-of-another-type"),
        pytest.param({"market": 7}, id="a-market-that-is-a-number"),
    ],
)
def test_what_cannot_be_read_of_age_or_market_blocks(traits: dict[str, Any]) -> None:
    assert reason(decided(ready(campaign(tier="SERVICE")), subject(**traits))) == "LEGAL_BLOCK"


@pytest.mark.parametrize("zone", [["Europe/Stockholm"], 5, "Atlantis/Capital"])
def test_a_zone_that_cannot_be_read_is_the_markets(zone: Any) -> None:
    assert reason(decided(ready(campaign()), subject(time_zone=zone))) == "SELECTED"


@pytest.mark.parametrize(
    ("country", "code"),
    [
        pytest.param("NO", "LEGAL_BLOCK", id="embargoed"),
        pytest.param("no", "LEGAL_BLOCK", id="in-small-letters"),
        pytest.param(["NO"], "LEGAL_BLOCK", id="of-another-type"),
        pytest.param("ZZ", "SELECTED", id="of-no-market-of-ours"),
    ],
)
def test_the_country_of_the_request(country: Any, code: str) -> None:
    norway = replace(SWEDEN, countries=("NO",), embargoed=True)
    release = ready(campaign(), markets={"SE": SWEDEN, "NO": norway})

    assert reason(decided(release, None, request(context={"country": country, "locale": "sv-SE"}))) == code


@pytest.mark.parametrize(
    ("what", "changes", "code"),
    [
        pytest.param(
            with_offer(sold=replace(REWARD, redeem_limit=1)), {}, "DEGRADED_NO_SUBJECT", id="redeemed-how-often"
        ),
        pytest.param(
            with_offer(sold=replace(REWARD, requires=("genre",))), {}, "DEGRADED_NO_SUBJECT", id="requires-a-fact"
        ),
        pytest.param(with_offer(sold=REWARD), {}, "SELECTED", id="a-reward-for-everybody"),
        pytest.param(HOUSE, {"shared_caps": (EVERY_CAP,)}, "FALLBACK", id="a-fallback-obeys-no-cap"),
        pytest.param(replace(HOUSE, rule=FREE), {}, "FALLBACK", id="nor-asks-its-rule"),
        pytest.param(
            HOUSE, {"guards": (GuardDoc(key="g", rule=ABSENT),)}, "DEGRADED_NO_SUBJECT", id="and-guards-are-asked"
        ),
        pytest.param(
            HOUSE, {"guards": (GuardDoc(key="g", rule=ABSENT, markets=("NO",)),)}, "FALLBACK", id="where-they-apply"
        ),
    ],
)  # fmt: skip
def test_without_a_record_nothing_that_needs_it_is_shown(what: Any, changes: dict[str, Any], code: str) -> None:
    assert reason(decided(ready(what, **changes), unreadable=True), what.key) == code


def test_a_trait_that_became_profiling_after_the_approval_is_profiling() -> None:
    approved = campaign(rule=GENRE, profiled=False)
    refused = {"consent": {"personalisation": (False, NOON)}}
    for profiling, code in ((True, "CONSENT_MISSING"), (False, "SELECTED")):
        traits = TRAITS | {"genre": TraitDoc(type="string", profiling=profiling)}
        release = ready(replace(approved, tier="HOUSE"), traits=traits)

        assert reason(decided(release, subject(record=refused, genre="jazz"))) == code


def in_a_test(**changes: Any) -> ReleaseDoc:
    """A HOUSE campaign for everybody, with an experiment for some."""
    copy = ExperimentDoc(
        key="copy", version=1, salt="s", layer_salt="l", variants=(("loud", 1),),
        ranges=(RangeDoc(start=0, end=10_000, start_at=0),),
    )  # fmt: skip
    shown = campaign(tier="HOUSE", items=(item(experiment="copy"),))
    return document(shown, experiments={"copy": replace(copy, **changes)})


def variant(doc: ReleaseDoc, who: Any = None, *, unreadable: bool = False) -> str | None:
    release = ready(*doc.campaigns, experiments=doc.experiments)
    (slot,) = decided(release, who, unreadable=unreadable).answers[0].slots
    return slot.variant


@pytest.mark.parametrize(
    ("rule", "consent", "expected"),
    [
        pytest.param(None, False, "loud", id="chance-alone-profiles-nobody"),
        pytest.param(GENRE, True, "loud", id="profiled-and-consenting"),
        pytest.param(GENRE, False, None, id="profiled-and-refused"),
        pytest.param(FREE, False, "loud", id="contextual-facts-are-not-profiling"),
    ],
)
def test_an_experiment_whose_rule_profiles_needs_consent(rule: Any, consent: bool, expected: str | None) -> None:
    record = {"consent": {"personalisation": (consent, NOON)}}

    assert variant(in_a_test(rule=rule), subject(record=record, genre="jazz", subscription_state="FREE")) == expected


def test_nobody_enters_by_a_rule_over_a_record_that_could_not_be_read() -> None:
    assert variant(in_a_test(rule=ABSENT), unreadable=True) is None
    assert variant(in_a_test(), unreadable=True) == "loud"


def test_an_experiment_whose_rule_raises_is_not_entered() -> None:
    number = {"v": 1, "rule": {"trait": "minutes", "op": "gte", "value": 1}}
    doc = in_a_test(rule=number)
    release = ready(*doc.campaigns, experiments=doc.experiments)

    decision = decided(release, subject(minutes="many"))

    assert reason(decision) == "SELECTED"
    assert decision.exposures == ()
    assert decision.errors == ("one/hero: TypeError",)


def test_redeeming_is_counted_over_what_was_redeemed() -> None:
    cell = HistoryCell(1, NOON, NOON, (NOON,), (0,))
    what = with_offer(sold=replace(REWARD, redeem_limit=1))

    assert reason(decided(ready(what), subject({"offer|trial|conversion": cell}))) == "ALREADY_REDEEMED"
