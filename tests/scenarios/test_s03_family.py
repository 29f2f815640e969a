"""S3: is Family shown to exactly those who need it, and not one time too often?

What a conversion is worth after its subject has moved to another plan is for who redeems it; here are the impression
that is taken and the decision that comes next.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.scenarios.conftest import NOW
from tests.scenarios.stage import Shown, Stage

SCENARIO = "S3"
FAMILY, MEMBERS = "s3-family-upsell", "s3-manage-members"
INSTANT = timedelta(microseconds=1)
DAY = timedelta(days=1)


def refused(stage: Stage, account: str, *moments: datetime) -> None:
    for at in moments:
        stage.happened(account, "stream_refused", at)


def listener(stage: Stage, at: datetime = NOW, *, refusals: int = 3, **said: Any) -> str:
    """On Individual, billed by us, and just refused so many times, unless it says otherwise."""
    account = stage.somebody(at, **{"subscription_state": "ACTIVE", "plan": "individual", "billed_by": "own"} | said)
    refused(stage, account, *(at - timedelta(hours=each + 1) for each in range(refusals)))
    return account


def eligible(shown: Shown) -> bool:
    """Shown, or not: then for this reason and no other."""
    if shown.campaigns() == [FAMILY]:
        return True
    assert shown.reason(FAMILY) == "NOT_ELIGIBLE"
    return False


def test_a_listener_refused_three_times_is_shown_family_and_its_price(stage: Stage) -> None:
    shown = stage.ask(listener(stage), at=NOW)

    assert shown.campaigns() == [FAMILY]
    quote = shown.slot(FAMILY).quote
    assert quote is not None
    assert (quote.amount, quote.then, quote.currency) == (0, 19_900, "SEK")


@pytest.mark.parametrize(("refusals", "shown"), [(0, False), (2, False), (3, True), (8, True)])
def test_three_refusals_are_needed(stage: Stage, refusals: int, shown: bool) -> None:
    assert eligible(stage.ask(listener(stage, refusals=refusals), at=NOW)) is shown


def test_a_refusal_counts_for_14_days_to_the_microsecond(stage: Stage) -> None:
    account = listener(stage, refusals=0)
    refused(stage, account, NOW, NOW + DAY, NOW + 2 * DAY)

    assert eligible(stage.ask(account, at=NOW + 14 * DAY))
    assert not eligible(stage.ask(account, at=NOW + 14 * DAY + INSTANT))


def test_the_third_refusal_is_seen_by_the_very_next_decision(stage: Stage) -> None:
    account = listener(stage, refusals=2)
    assert not eligible(stage.ask(account, at=NOW))

    refused(stage, account, NOW + INSTANT)

    assert eligible(stage.ask(account, at=NOW + INSTANT))


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"subscription_state": "PARTNER"}, id="partner"),
        pytest.param({"subscription_state": "TRIAL"}, id="trial"),
        pytest.param({"subscription_state": "CANCELLED_PENDING"}, id="cancelled"),
        pytest.param({"billed_by": "partner"}, id="billed-by-a-partner"),
        pytest.param({"billed_by": "app-store"}, id="billed-by-a-store"),
        pytest.param({"plan": "student"}, id="student"),
        pytest.param({"plan": "family"}, id="family-already"),
        pytest.param({"plan": "duo", "plan_role": "member"}, id="member-of-a-duo"),
        pytest.param({"plan": "duo"}, id="role-not-known"),
    ],
)
def test_whoever_does_not_pay_for_an_individual_or_a_duo_is_not_asked(stage: Stage, said: dict[str, Any]) -> None:
    assert not eligible(stage.ask(listener(stage, **said), at=NOW))


def test_the_manager_of_a_duo_is_asked(stage: Stage) -> None:
    assert eligible(stage.ask(listener(stage, plan="duo", plan_role="manager"), at=NOW))


@pytest.mark.parametrize("trait", ["subscription_state", "plan", "billed_by"])
def test_what_is_not_known_blocks(stage: Stage, trait: str) -> None:
    unknown: dict[str, Any] = {trait: None}
    shown = stage.ask(listener(stage, **unknown), at=NOW)

    assert (shown.reason(FAMILY), shown.detail(FAMILY)) == ("NOT_ELIGIBLE", f"{trait} is not known")


@pytest.mark.parametrize(
    ("until", "shown"),
    [
        pytest.param("2026-11-01", True, id="over"),
        pytest.param("2026-11-22", True, id="last-day"),
        pytest.param("2027-01-21", True, id="60-days-left"),
        pytest.param("2027-01-22", False, id="61-days-left"),
        pytest.param("2028-01-01", False, id="a-year-left"),
    ],
)
def test_prepaid_days_left(stage: Stage, until: str, shown: bool) -> None:
    assert eligible(stage.ask(listener(stage, prepaid_until=until), at=NOW)) is shown


def test_prepaid_days_are_counted_where_the_account_lives(stage: Stage) -> None:
    midnight = datetime(2026, 11, 22, 23, tzinfo=UTC)
    account = listener(stage, midnight - DAY, prepaid_until="2027-01-22")

    assert not eligible(stage.ask(account, at=midnight - INSTANT))
    assert eligible(stage.ask(account, at=midnight))


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        pytest.param("2026-12-23", True, id="31-days-ahead"),
        pytest.param("2026-12-22", False, id="30-days-ahead"),
        pytest.param("2026-11-22", False, id="today"),
        pytest.param("2026-10-24", False, id="29-days-ago"),
        pytest.param("2026-10-23", True, id="30-days-ago"),
    ],
)
def test_a_notice_of_a_higher_price_silences_it_for_30_days_on_either_side(
    stage: Stage, told: str, shown: bool
) -> None:
    assert eligible(stage.ask(listener(stage, price_notice_on=told), at=NOW)) is shown


@pytest.mark.parametrize("seen_in", ["home-hero", "home-shelf", "full-screen"])
def test_once_in_any_7_days_wherever_it_was_seen(stage: Stage, seen_in: str) -> None:
    account = listener(stage, NOW)
    stage.saw(stage.ask(account, seen_in, at=NOW), FAMILY, at=NOW)

    for placement in ("home-hero", "home-shelf", "full-screen"):
        before = stage.ask(account, placement, at=NOW + 7 * DAY - INSTANT)
        assert before.reason(FAMILY) == "CAPPED"
        assert before.detail(FAMILY).startswith("1 of 1")
        assert stage.ask(account, placement, at=NOW + 7 * DAY).campaigns() == [FAMILY]


def test_the_week_is_of_real_time_over_a_change_of_clocks(stage: Stage) -> None:
    """Clocks go back in New York on 1 November: seven days are 168 hours, not the same hour of the wall."""
    seen = datetime(2026, 10, 28, 12, tzinfo=UTC)
    account = listener(stage, seen, time_zone="America/New_York")
    stage.saw(stage.ask(account, at=seen), FAMILY, at=seen)

    assert stage.ask(account, at=seen + 7 * DAY - INSTANT).reason(FAMILY) == "CAPPED"
    assert stage.ask(account, at=seen + 7 * DAY).campaigns() == [FAMILY]


def test_three_times_in_any_90_days(stage: Stage) -> None:
    account = listener(stage)
    for week, placement in enumerate(("home-hero", "home-shelf", "full-screen")):
        at = NOW + week * 7 * DAY
        refused(stage, account, at, at, at)
        stage.saw(stage.ask(account, placement, at=at), FAMILY, at=at)
    refused(stage, account, *(NOW + 85 * DAY for _ in range(3)))

    before, after = (stage.ask(account, at=NOW + 90 * DAY - late) for late in (INSTANT, timedelta(0)))

    assert before.reason(FAMILY) == "CAPPED"
    assert before.detail(FAMILY).startswith("3 of 3")
    assert after.campaigns() == [FAMILY]


def test_one_call_for_all_placements_shows_it_once(stage: Stage) -> None:
    shown = stage.ask(listener(stage), "home-hero", "home-shelf", "full-screen", at=NOW)

    assert shown.campaigns("home-hero") == [FAMILY]
    # The hero interrupts, so it counts as seen as soon as it is chosen.
    assert [shown.reason(FAMILY, each) for each in ("home-shelf", "full-screen")] == ["DUPLICATE_OFFER", "CAPPED"]


def test_whoever_closes_it_is_left_alone_for_30_days(stage: Stage) -> None:
    account = listener(stage)
    shown = stage.ask(account, "home-shelf", at=NOW)
    stage.saw(shown, FAMILY, at=NOW)
    closed = NOW + timedelta(minutes=1)
    stage.saw(shown, FAMILY, kind="dismissal", at=closed)
    refused(stage, account, *(NOW + 25 * DAY for _ in range(3)))

    assert stage.ask(account, at=closed + 30 * DAY - INSTANT).reason(FAMILY) == "COOLDOWN"
    assert stage.ask(account, at=closed + 30 * DAY).campaigns() == [FAMILY]


@pytest.mark.parametrize(("accounts", "why"), [(None, "TRAIT_MISSING"), (5, "TARGETING_MISS")])
def test_a_family_with_room_is_sold(stage: Stage, accounts: int | None, why: str) -> None:
    shown = stage.ask(listener(stage, family_accounts=accounts), at=NOW)

    assert (shown.campaigns(), shown.reason(MEMBERS)) == ([FAMILY], why)


@pytest.mark.parametrize("accounts", [6, 7])
def test_a_full_family_is_shown_how_to_manage_its_members(stage: Stage, accounts: int) -> None:
    shown = stage.ask(listener(stage, family_accounts=accounts), at=NOW)

    assert (shown.campaigns(), shown.reason(FAMILY)) == ([MEMBERS], "NOT_ELIGIBLE")


def test_who_manages_a_full_family_has_no_price_to_see_and_a_member_nothing(stage: Stage) -> None:
    manager = stage.ask(listener(stage, plan="family", plan_role="manager", family_accounts=6), at=NOW)
    member = stage.ask(listener(stage, plan="family", plan_role="member", family_accounts=6), at=NOW)

    assert manager.campaigns() == [MEMBERS]
    assert manager.slot(MEMBERS).quote is None
    assert (member.campaigns(), member.reason(MEMBERS)) == ([], "TARGETING_MISS")


def test_managing_members_is_capped_and_rests_alike(stage: Stage) -> None:
    account = listener(stage, family_accounts=6)
    shown = stage.ask(account, at=NOW)
    stage.saw(shown, MEMBERS, at=NOW)

    assert stage.ask(account, "home-shelf", at=NOW + 7 * DAY - INSTANT).reason(MEMBERS) == "CAPPED"
    stage.saw(shown, MEMBERS, kind="dismissal", at=NOW + DAY)
    assert stage.ask(account, "home-shelf", at=NOW + 8 * DAY).reason(MEMBERS) == "COOLDOWN"


@pytest.mark.parametrize("role", ["member", "manager"])
def test_who_becomes_a_duo_after_the_decision(stage: Stage, role: str) -> None:
    """The impression is taken, as it was seen; the next decision is of the Duo, whose refusals begin anew."""
    account = listener(stage)
    shown = stage.ask(account, at=NOW)
    stage.know(account, NOW + timedelta(seconds=1), plan="duo", plan_role=role, plan_since="2026-11-22")

    receipt = stage.saw(shown, FAMILY, at=NOW + timedelta(seconds=2))
    after = stage.ask(account, at=NOW + timedelta(seconds=3))

    assert (receipt.accepted, receipt.rejected) == (1, ())
    assert not eligible(after)
    assert after.campaigns() == []


def test_a_duo_is_asked_again_for_refusals_under_the_duo(stage: Stage) -> None:
    account = listener(stage, plan="duo", plan_role="manager", plan_since="2026-11-22", refusals=0)
    opens = datetime(2026, 12, 5, 23, tzinfo=UTC)
    refused(stage, account, *(opens - DAY for _ in range(3)))

    assert not eligible(stage.ask(account, at=opens - INSTANT))
    assert eligible(stage.ask(account, at=opens))


def test_a_minor_is_not_sold_to(stage: Stage) -> None:
    assert stage.ask(listener(stage, birth_date="2010-01-01"), at=NOW).reason(FAMILY) == "LEGAL_BLOCK"


def test_without_a_record_nothing_is_shown(stage: Stage) -> None:
    shown = stage.ask(listener(stage), at=NOW, unreadable=True)

    assert (shown.campaigns(), "DEGRADED_NO_SUBJECT" in shown.answer().degraded) == ([], True)
