"""Would what explain says have helped really have helped, and is no part of it idle?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from merch.engine.compiled import Release
from merch.engine.compiling import compile_release
from merch.engine.decide import decide
from merch.engine.document import (
    CapDoc,
    CooldownDoc,
    DrawDoc,
    GuardDoc,
    HoldoutDoc,
    PlacementDoc,
    PressureDoc,
    Pulse,
    TermsDoc,
)
from merch.engine.edits import Given, edited
from merch.engine.facts import HistoryCell, SuppressionFact
from merch.engine.smallest import MOST_DECISIONS, MOST_EDITS, Smallest, as_json, smallest_change
from tests.merch.engine.corpus import Question, questions, release_document
from tests.merch.engine.documents import (
    ADULTS,
    HERO,
    HOUR,
    NOON,
    SWEDEN,
    campaign,
    item,
    offer,
    ready,
    request,
    subject,
    with_offer,
)

DAY = 24 * HOUR
SEEDS = st.integers(0, 10_000)


def rule(node: dict[str, Any]) -> dict[str, Any]:
    return {"v": 1, "rule": node}


def wins(release: Release, pulse: Pulse, inputs: Given, placement: str, key: str) -> bool:
    decision = decide(release, pulse, inputs.request, inputs.subject, inputs.now)
    return any(
        slot.campaign == key for answer in decision.answers if answer.placement == placement for slot in answer.slots
    )


def changed(release: Release, who: Any = None, *, key: str = "one", **more: Any) -> Smallest:
    inputs = Given(more.pop("asked", request()), who or subject(), more.pop("now", NOON))
    found = smallest_change(release, Pulse(kills=frozenset(more.pop("kills", ()))), inputs, "home", key)
    assert found is not None
    return found


def sentences(release: Release, who: Any = None, **more: Any) -> list[str]:
    asked, now = more.get("asked", request()), more.get("now", NOON)
    told = as_json(changed(release, who, **more), Given(asked, who or subject(), now), release)
    assert "blocked_by" not in told
    return [each["sentence"] for each in told["changes"]]


SHOWN = {"history": "campaign", "key": "one", "of": "impression"}
IMPRESSIONS = HistoryCell(3, NOON - 3 * DAY, NOON - HOUR, (NOON - 3 * DAY, NOON - DAY, NOON - HOUR), (0, 0, 0))


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"trait": "minutes", "op": "gte", "value": 100}, "trait minutes is 100 instead of 20"),
        ({"trait": "minutes", "op": "lt", "value": 20}, "trait minutes is 19 instead of 20"),
        ({"trait": "minutes", "op": "between", "value": [30, 40]}, "trait minutes is 30 instead of 20"),
        ({"trait": "genre", "op": "in", "value": ["jazz", "kpop"]}, "trait genre is jazz instead of pop"),
        ({"not": {"trait": "genre", "op": "eq", "value": "pop"}}, "trait genre is unknown instead of pop"),
        ({"trait": "plan", "op": "eq", "value": "duo"}, "trait plan is duo instead of unknown"),
        ({"trait": "plan", "op": "present"}, "trait plan is any instead of unknown"),
        ({"trait": "birth_date", "op": "before_days", "value": 2}, "trait birth_date is 2026-11-20 instead of unknown"),
        ({"ctx": "platform", "op": "eq", "value": "ios"}, "the request's platform is ios instead of unknown"),
        (
            SHOWN | {"agg": "count", "window": 2, "op": "lt", "value": 1},
            "impression of campaign one happened 1 times instead of 3",
        ),
        (
            {"history": "event", "key": "skip", "of": "custom", "agg": "count", "window": 2, "op": "gte", "value": 2},
            "custom of event skip happened 2 times instead of 0",
        ),
        (
            SHOWN | {"agg": "last", "op": "before_days", "value": 2},
            "the last impression of campaign one was at 2026-11-20T12:00:00Z, not at 2026-11-22T11:00:00Z",
        ),
        (
            {"any": [{"bucket": "never", "op": "lt", "value": 1}, {"trait": "minutes", "op": "eq", "value": 7}]},
            "trait minutes is 7 instead of 20",
        ),
    ],
)  # fmt: skip
def test_the_boundary_of_the_leaf_that_failed(node: dict[str, Any], said: str) -> None:
    who = subject(minutes=20, genre="pop", history={"campaign|one|impression": IMPRESSIONS})

    assert sentences(ready(campaign(rule=rule(node))), who) == [said]


def test_a_stale_value_needs_only_be_seen_again() -> None:
    release = ready(campaign(rule=rule({"trait": "minutes", "op": "gte", "value": 100})))
    who = subject()
    old = replace(who, record=replace(who.record, traits=who.record.traits | {"minutes": (150, NOON - 8 * DAY)}))

    assert sentences(release, old) == ["trait minutes was observed now, not at 2026-11-14T12:00:00Z"]


def test_two_conditions_of_one_fact_are_one_edit() -> None:
    two = {"all": [{"trait": "minutes", "op": "gte", "value": 50}, {"trait": "minutes", "op": "gte", "value": 100}]}

    assert sentences(ready(campaign(rule=rule(two))), subject(minutes=20)) == ["trait minutes is 100 instead of 20"]


def test_three_facts_at_most() -> None:
    four = {"all": [{"trait": name, "op": "eq", "value": "x"} for name in ("genre", "plan", "subscription_state")]}
    release = ready(campaign(rule=rule(four)))
    more = ready(campaign(rule=rule({"all": [*four["all"], {"ctx": "platform", "op": "eq", "value": "ios"}]})))

    assert len(sentences(release)) == MOST_EDITS
    found = changed(more)
    assert found.blocked is not None
    assert (found.blocked.by, found.edits) == ("configuration", ())


REDEEMED = {"offer|trial|conversion": HistoryCell(1, NOON - DAY, NOON - DAY, (NOON - DAY,), (0,))}
MINORS = replace(ADULTS, max_age=18, trial_allowed=False)
ASKING = replace(SWEDEN, legal=(replace(ADULTS, unknown_consent="BLOCK"),))
STRICT = replace(SWEDEN, legal=(MINORS, replace(ADULTS, min_age=18, unknown_age="BLOCK")))


@pytest.mark.parametrize(
    ("release", "who", "said"),
    [
        pytest.param(
            ready(campaign(starts="2026-11-22T14:00:00")), subject(),
            "it is 2026-11-22T13:00:00Z, not 2026-11-22T12:00:00Z", id="flight-begins",
        ),
        pytest.param(
            ready(campaign(ends="2026-11-22T12:00:00")), subject(),
            "it is 2026-11-22T10:59:59.999999Z, not 2026-11-22T12:00:00Z", id="flight-is-over",
        ),
        pytest.param(
            ready(campaign(markets=("SE",))), subject(market="NO"), "trait market is SE instead of NO", id="market",
        ),
        pytest.param(
            ready(with_offer(), markets={"SE": STRICT}), subject(birth_date=16_000),
            "trait birth_date is 2008-11-22 instead of 2013-10-22", id="of-age-today",
        ),
        pytest.param(
            ready(campaign(profiled=True), markets={"SE": ASKING}),
            subject(), "consent to personalisation is given", id="consent",
        ),
        pytest.param(
            ready(campaign()), subject(record={"suppressions": (SuppressionFact("case", ("COMMERCIAL",), 0),)}),
            "suppression case is removed", id="suppression",
        ),
        pytest.param(
            ready(with_offer(sold=offer(redeem_limit=1))), subject(history=REDEEMED),
            "conversion of offer trial happened 0 times instead of 1", id="redeemed",
        ),
        pytest.param(
            ready(campaign(caps=(CapDoc(scope="CAMPAIGN", event="impression", limit=3, window=7 * DAY),))),
            subject(history={"campaign|one|impression": IMPRESSIONS}),
            "impression of campaign one happened 2 times instead of 3", id="capped",
        ),
        pytest.param(
            ready(campaign(cooldowns=(CooldownDoc(scope="CAMPAIGN", event="impression", length=7 * DAY),))),
            subject(history={"campaign|one|impression": IMPRESSIONS}),
            "impression of campaign one happened 0 times instead of 3", id="cooldown",
        ),
        pytest.param(
            ready(campaign(), costs={"hero": 2}, pressure=PressureDoc(allowance=6)),
            subject(history={"format|hero|impression": IMPRESSIONS}),
            "impression of format hero happened 2 times instead of 3", id="pressure",
        ),
        pytest.param(
            ready(campaign(), guards=(GuardDoc(key="law", rule=rule({"all": []}), requires=("genre",)),)), subject(),
            "trait genre is any instead of unknown", id="guard-requires",
        ),
        pytest.param(
            ready(with_offer(sold=offer(rule=rule({"trait": "genre", "op": "eq", "value": "pop"})))), subject(),
            "trait genre is pop instead of unknown", id="offer",
        ),
        pytest.param(
            ready(campaign(creatives={"hero": replace(HERO, locales={"en": {"title": "Hi"}})})), subject(),
            "the request's locale is en instead of sv-SE", id="locale",
        ),
        pytest.param(
            ready(campaign(), placements={"home": PlacementDoc(
                rank=1, format="hero", slots=1, max_age=300, min_app_versions={"ios": "8.9"})}), subject(),
            "the request's app_version is 8.9.0 instead of 8.8.0", id="app-version",
        ),
    ],
)  # fmt: skip
def test_each_row_has_its_edit(release: Release, who: Any, said: str) -> None:
    asked = request()
    phone = {"platform": "ios", "app_version": 8 << 48 | 8 << 34}

    assert sentences(release, who, asked=replace(asked, context=asked.context | phone)) == [said]


def test_whoever_wins_in_order_to_show_nothing_has_won() -> None:
    quiet = campaign("quiet", priority=60, items=(item(nothing=True, creative=""),))
    inputs = Given(request(), subject(), NOON)

    assert smallest_change(ready(quiet), Pulse(), inputs, "home", "quiet") is None
    picky = replace(quiet, rule=rule({"trait": "minutes", "op": "gte", "value": 100}))
    assert sentences(ready(picky), subject(minutes=20), key="quiet") == ["trait minutes is 100 instead of 20"]
    found = changed(ready(quiet, campaign("one")))
    assert found.blocked is not None
    assert (found.blocked.by, found.blocked.edit) == ("rivals", "raise its priority above quiet's 60")


def test_nobody_is_told_about_a_campaign_that_was_shown() -> None:
    assert smallest_change(ready(campaign()), Pulse(), Given(request(), subject(), NOON), "home", "one") is None


EVERYBODY = HoldoutDoc(
    key="global", scope="GLOBAL", tiers=("COMMERCIAL",), draws=(DrawDoc(number=1, salt="h", size=10_000, start_at=0),)
)


@pytest.mark.parametrize(
    ("release", "more", "by", "edit"),
    [
        pytest.param(
            ready(campaign(), campaign("first-trial", priority=60)), {}, "rivals",
            "raise its priority above first-trial's 60", id="outranked",
        ),
        pytest.param(
            ready(campaign(), campaign("law", tier="LEGAL", priority=3)), {}, "rivals",
            "move it to tier LEGAL and raise its priority above law's 3", id="outranked-by-a-tier",
        ),
        pytest.param(
            ready(campaign(), holdouts=(EVERYBODY,)), {}, "holdout",
            "take COMMERCIAL out of the holdout global, or end the holdout", id="holdout",
        ),
        pytest.param(ready(campaign()), {"kills": ("one",)}, "configuration", "lift the kill of one", id="killed"),
        pytest.param(
            ready(with_offer(sold=offer(terms=TermsDoc(amounts={}))), prices={}), {}, "configuration",
            "sell it there (no price in market SE)", id="no-price",
        ),
        pytest.param(
            ready(campaign(rule=rule({"bucket": "never", "op": "lt", "value": 1}))), {}, "configuration",
            "change its targeting (needs: They are in the first 0.01 % of the random split never.)", id="chance",
        ),
        pytest.param(
            ready(campaign(items=(item(placement="shelf"),))), {}, "configuration",
            "give one an item in the placement home", id="elsewhere",
        ),
    ],
)  # fmt: skip
def test_what_no_fact_would_change(release: Release, more: dict[str, Any], by: str, edit: str) -> None:
    found = changed(release, **more)

    assert found.blocked is not None
    assert (found.blocked.by, found.blocked.edit) == (by, edit)


def test_an_unread_record_is_no_fact() -> None:
    release = ready(campaign(rule=rule({"trait": "genre", "op": "present"})))
    found = smallest_change(release, Pulse(), Given(request(), None, NOON), "home", "one")

    assert found is not None
    assert found.blocked is not None
    assert (found.blocked.by, found.edits) == ("record", ())


def test_the_rival_is_named_after_the_facts_that_lead_to_it() -> None:
    student = campaign("student", rule=rule({"trait": "minutes", "op": "gte", "value": 100}))
    found = changed(ready(student, campaign("first-trial", priority=60)), subject(minutes=20), key="student")

    assert found.blocked is not None
    assert (found.blocked.by, len(found.edits)) == ("rivals", 1)


def losing(release: Release, question: Question) -> Iterator[tuple[Given, str, str]]:
    inputs = Given(question.request, question.subject, question.now)
    decision = decide(release, question.pulse, *inputs, explain=True)
    for answer in decision.answers:
        shown = {slot.campaign for slot in answer.slots}
        for key in dict.fromkeys(loss.campaign for loss in answer.losses if loss.campaign not in shown):
            yield inputs, answer.placement, key


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_applied_it_wins_and_no_part_of_it_alone_does(seed: int) -> None:
    release = compile_release(release_document(seed))
    for question in questions(seed, 2):
        for inputs, placement, key in [*losing(release, question)][:6]:
            found = smallest_change(release, question.pulse, inputs, placement, key)
            assert found is not None
            assert len(found.edits) <= MOST_EDITS
            assert found.decisions <= MOST_DECISIONS + 2**MOST_EDITS
            if found.blocked is None:
                assert wins(release, question.pulse, edited(inputs, found.edits), placement, key)
                for size in range(len(found.edits)):
                    for part in combinations(found.edits, size):
                        assert not wins(release, question.pulse, edited(inputs, part), placement, key)


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_a_rival_named_with_its_priority_is_overcome_by_it(seed: int) -> None:
    doc = release_document(seed)
    release = compile_release(doc)
    for question in questions(seed, 2):
        for inputs, placement, key in [*losing(release, question)][:6]:
            found = smallest_change(release, question.pulse, inputs, placement, key)
            if found is None or found.blocked is None or not found.blocked.edit.startswith("raise its priority above"):
                continue
            above = int(found.blocked.edit.rsplit(" ", 1)[1]) + 1
            raised = [replace(each, priority=above) if each.key == key else each for each in doc.campaigns]
            request_, who, now = edited(inputs, found.edits)
            again = decide(
                compile_release(replace(doc, campaigns=tuple(raised))), question.pulse, request_, who, now, explain=True
            )
            answer = next(each for each in again.answers if each.placement == placement)
            assert [loss for loss in answer.losses if (loss.campaign, loss.reason) == (key, "OUTRANKED")] == []
