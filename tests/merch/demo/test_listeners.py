"""Are the demo's listeners plausible, and the same for everybody who makes them up?"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from audiences.moments import DAY, micros
from merch.demo.behaviour import DAYS, deeds
from merch.demo.listeners import PAYING, listener, listeners

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PEOPLE = list(listeners(2_000, "tonika", NOW))


def test_the_same_seed_makes_the_same_listeners_and_another_seed_others() -> None:
    assert listener(7, "tonika", NOW) == PEOPLE[6]
    assert listener(7, "another", NOW) != PEOPLE[6]
    assert list(deeds(PEOPLE[6], "tonika", micros(NOW))) == list(deeds(PEOPLE[6], "tonika", micros(NOW)))


def test_every_market_and_every_state_is_there() -> None:
    assert set(Counter(person.market for person in PEOPLE)) == {"SE", "GB", "US", "BR"}
    states = Counter(person.state for person in PEOPLE)
    assert len(states) == 9
    assert 0.4 < states["FREE"] / len(PEOPLE) < 0.55


def test_some_facts_are_unknown_old_or_refused_as_in_life() -> None:
    unknown_age = [person for person in PEOPLE if "birth_date" not in person.traits]
    stale_scores = [
        person
        for person in PEOPLE
        if "churn_risk" in person.traits and micros(NOW) - person.traits["churn_risk"][1] > 30 * DAY
    ]
    consents = Counter(person.consent.get("personalisation", [None])[0] for person in PEOPLE)

    assert 0.05 < len(unknown_age) / len(PEOPLE) < 0.13
    assert stale_scores
    assert consents[True] > consents[None] > consents[False] > 0


def test_only_those_who_pay_have_a_plan() -> None:
    assert all((person.plan is not None) == (person.state in PAYING) for person in PEOPLE)


def test_nobody_did_anything_before_joining_or_after_now() -> None:
    now = micros(NOW)
    for person in PEOPLE[:300]:
        found = list(deeds(person, "tonika", now))
        assert len({deed.id for deed in found}) == len(found)
        assert all(now - (DAYS + 1) * DAY <= deed.at < now for deed in found)
        assert all(deed.at // DAY >= person.traits["joined_on"][0] for deed in found if deed.app)
