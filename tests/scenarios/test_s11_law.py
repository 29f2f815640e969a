"""S11: is the law obeyed where age, consent or market say so, where they are unknown, and where they cannot be read?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from audiences.moments import micros
from merch.engine.decide import decide
from merch.engine.facts import Subject
from merch.subjects.store import store
from tests.scenarios.conftest import NOW
from tests.scenarios.stage import Stage

SCENARIO = "S11"
TRIAL, JAZZ, HURRY, HOUSE, TERMS = "s11-trial", "s11-jazz", "s11-hurry", "s11-house", "s11-terms"
EVERYWHERE = ("home-hero", "home-shelf", "account-page")
INSTANT = timedelta(microseconds=1)
ADULT, MINOR = "1990-05-04", "2012-01-01"


def reasons(stage: Stage, account: str, at: datetime = NOW, **context: Any) -> dict[str, str]:
    shown = stage.ask(account, *EVERYWHERE, at=at, **context)
    where = {TRIAL: "home-hero", HURRY: "home-hero", HOUSE: "home-hero", JAZZ: "home-shelf", TERMS: "account-page"}
    return {campaign: shown.reason(campaign, placement) for campaign, placement in where.items()}


def somebody(stage: Stage, birth_date: str | None = ADULT, *, consent: bool | None = True, market: str = "SE") -> str:
    return stage.somebody(
        subscription_state="FREE", birth_date=birth_date, consent=consent, market=market, genres=["jazz"]
    )


def test_a_grown_up_who_agreed_sees_everything(stage: Stage) -> None:
    found = reasons(stage, somebody(stage))

    assert (found[TRIAL], found[JAZZ], found[TERMS]) == ("SELECTED", "SELECTED", "SELECTED")


def test_a_minor_gets_no_trial_no_profiling_and_no_urgency(stage: Stage) -> None:
    assert reasons(stage, somebody(stage, MINOR)) == {
        TRIAL: "LEGAL_BLOCK", JAZZ: "LEGAL_BLOCK", HURRY: "LEGAL_BLOCK", HOUSE: "SELECTED", TERMS: "SELECTED"
    }  # fmt: skip


def test_an_unknown_age_is_treated_as_the_strict_market_says(stage: Stage) -> None:
    swedish = reasons(stage, somebody(stage, None))
    french = reasons(stage, somebody(stage, None, market="FR"), country="FR", locale="en-GB")

    assert (swedish[TRIAL], swedish[JAZZ], swedish[HOUSE]) == ("LEGAL_BLOCK", "LEGAL_BLOCK", "SELECTED")
    assert {french[TRIAL], french[JAZZ], french[HURRY], french[HOUSE]} == {"LEGAL_BLOCK"}
    assert french[TERMS] == "SELECTED"


def test_refused_consent_leaves_contextual_house_content(stage: Stage) -> None:
    assert reasons(stage, somebody(stage, consent=False)) == {
        TRIAL: "CONSENT_MISSING", JAZZ: "CONSENT_MISSING", HURRY: "CONSENT_MISSING", HOUSE: "SELECTED",
        TERMS: "SELECTED",
    }  # fmt: skip


def test_consent_that_was_never_asked_is_not_consent(stage: Stage) -> None:
    found = reasons(stage, somebody(stage, consent=None))

    assert (found[TRIAL], found[JAZZ], found[HOUSE]) == ("CONSENT_MISSING", "CONSENT_MISSING", "SELECTED")


def test_consent_given_is_seen_by_the_very_next_decision(stage: Stage) -> None:
    account = somebody(stage, consent=False)
    stage.know(account, NOW + timedelta(seconds=1), consent=True)

    assert reasons(stage, account, NOW + timedelta(seconds=1))[JAZZ] == "SELECTED"


def test_an_embargoed_market_gets_nothing_at_all(stage: Stage) -> None:
    account = somebody(stage, market="KP")
    shown = stage.ask(account, *EVERYWHERE, "full-screen", at=NOW, country="KP", locale="en-GB")

    assert [answer.slots for answer in shown.decision.answers] == [()] * 4
    assert {loss.reason for answer in shown.decision.answers for loss in answer.losses} == {"LEGAL_BLOCK"}


def test_an_embargoed_country_blocks_an_account_from_elsewhere(stage: Stage) -> None:
    assert set(reasons(stage, somebody(stage), country="KP").values()) == {"LEGAL_BLOCK"}


def test_of_the_accounts_market_and_the_requests_country_the_stricter_holds(stage: Stage) -> None:
    """By a tunnel out of a strict market, or into one."""
    ageless_swede, ageless_french = somebody(stage, None), somebody(stage, None, market="FR")

    assert reasons(stage, ageless_swede, country="FR")[HOUSE] == "LEGAL_BLOCK"
    assert reasons(stage, ageless_french, country="SE")[HOUSE] == "LEGAL_BLOCK"
    assert reasons(stage, ageless_swede, country="SE")[HOUSE] == "SELECTED"


@pytest.mark.parametrize("zone", ["Europe/Stockholm", "Pacific/Honolulu", "Pacific/Auckland"])
def test_the_eighteenth_birthday_begins_at_local_midnight(stage: Stage, zone: str) -> None:
    account = stage.somebody(subscription_state="FREE", birth_date="2008-12-05", time_zone=zone, genres=["jazz"])
    midnight = datetime(2026, 12, 5, tzinfo=ZoneInfo(zone))

    before, after = reasons(stage, account, midnight - INSTANT), reasons(stage, account, midnight)

    assert (before[TRIAL], before[JAZZ]) == ("LEGAL_BLOCK", "LEGAL_BLOCK")
    assert (after[TRIAL], after[JAZZ]) == ("SELECTED", "SELECTED")


def test_born_on_a_leap_day_one_is_of_age_on_the_first_of_march(stage: Stage) -> None:
    account = stage.somebody(subscription_state="FREE", birth_date="2012-02-29", genres=["jazz"])
    first_of_march = datetime(2030, 3, 1, tzinfo=ZoneInfo("Europe/Stockholm"))

    assert reasons(stage, account, first_of_march - INSTANT)[JAZZ] == "LEGAL_BLOCK"
    assert reasons(stage, account, first_of_march)[JAZZ] == "SELECTED"


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"birth_date": "last year"}, id="age"),
        pytest.param({"market": 7}, id="market"),
        pytest.param({"market": "ATLANTIS"}, id="a-market-nobody-knows"),
    ],
)
def test_what_cannot_be_read_blocks_everything_fallbacks_too(stage: Stage, broken: dict[str, Any]) -> None:
    account = somebody(stage)
    subject = store.read("a", account, stage.release.doc.layout)
    assert subject is not None
    traits = dict(subject.record.traits) | {name: (value, micros(NOW)) for name, value in broken.items()}
    unreadable = Subject(replace(subject.record, traits=traits), subject.bits)
    request = stage.ask(account, *EVERYWHERE, "full-screen", at=NOW).request

    decision = decide(stage.release, stage.pulse, request, unreadable, micros(NOW), explain=True)

    assert all(answer.slots == () for answer in decision.answers)
    assert {loss.reason for answer in decision.answers for loss in answer.losses} == {"LEGAL_BLOCK"}


def test_fallbacks_obey_an_unknown_age_in_a_strict_market(stage: Stage) -> None:
    strict = stage.ask(somebody(stage, None, market="FR"), "full-screen", at=NOW, country="FR", locale="en-GB")
    mild = stage.ask(somebody(stage, None), "full-screen", at=NOW)

    assert strict.reason("s11-hurry-fallback") == "LEGAL_BLOCK"
    assert mild.reason("s11-hurry-fallback") == "FALLBACK"


def test_a_record_that_was_not_read_is_of_unknown_age_and_consent(stage: Stage) -> None:
    shown = stage.ask(somebody(stage), *EVERYWHERE, at=NOW, unreadable=True)

    assert shown.campaigns("home-hero") == [HOUSE]
    assert shown.reason(JAZZ, "home-shelf") in ("LEGAL_BLOCK", "CONSENT_MISSING")
