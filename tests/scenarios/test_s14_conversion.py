"""S14: does a journey lead a free listener from the skip limit to one offer at one price, and then leave them alone?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from audiences import membership
from audiences.membership.execution import execute
from audiences.models import AudienceRun
from campaigns.models import JourneyVersion
from merch import journeymoves
from merch.demo import planning
from merch.demo.staff import hire
from merch.intake.refolding import refold_all
from merch.subjects.publish import sweep
from tests.scenarios.stage import Shown, Stage

SCENARIO = "S14"
HINT, CARD, SCREEN, RIVAL, OTHER = "s14-hint", "s14-card", "s14-screen", "s14-yearly", "s14-discover"
HOME, PLAYER, CHECKOUT, FULL = "home-shelf", "now-playing-card", "checkout-banner", "full-screen"
DAY, INSTANT = timedelta(days=1), timedelta(microseconds=1)
ENTERED = datetime(2026, 11, 23, 7, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 22, 23, tzinfo=UTC)  # in Stockholm


def skip(stage: Stage, account: str, *moments: datetime) -> None:
    for at in moments:
        stage.happened(account, "skip_limit", at)


def inside(stage: Stage, at: datetime = ENTERED) -> str:
    """Entered at this moment: two skips in a day."""
    account = stage.somebody(subscription_state="FREE")
    skip(stage, account, at - timedelta(minutes=5), at)
    return account


def listener(stage: Stage, days: int, at: datetime = ENTERED) -> str:
    """Inside, and listened on so many days before."""
    account = inside(stage, at)
    for number in range(days):
        stage.happened(account, "listen", at - number * DAY, minutes=20)
    run = execute(membership.start_run(at + 7 * DAY - timedelta(hours=1)), "test")
    assert run.state == AudienceRun.State.PUBLISHED
    sweep(now=at + 7 * DAY)
    return account


def cost(shown: Shown, placement: str) -> tuple[int, int | None]:
    quote = shown.slot(CARD, placement).quote
    assert quote is not None
    return quote.amount, quote.then


# --- who enters ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skips", "code"),
    [
        pytest.param((MIDNIGHT,), "JOURNEY_NOT_ENTERED", id="once"),
        pytest.param((MIDNIGHT - INSTANT, MIDNIGHT), "JOURNEY_NOT_ENTERED", id="two-days"),
        pytest.param((MIDNIGHT, MIDNIGHT + DAY - INSTANT), "SELECTED", id="one-local-day"),
        pytest.param((MIDNIGHT, MIDNIGHT + DAY), "JOURNEY_NOT_ENTERED", id="next-midnight"),
    ],
)
def test_the_skip_limit_twice_in_one_local_day_enters(stage: Stage, skips: tuple[datetime, ...], code: str) -> None:
    account = stage.somebody(subscription_state="FREE")
    skip(stage, account, *skips)

    assert stage.ask(account, at=skips[-1]).reason(HINT) == code


@pytest.mark.parametrize("state", ["TRIAL", "ACTIVE", "GRACE", "ON_HOLD", "CANCELLED_PENDING", "PARTNER"])
def test_only_a_free_listener_is_led(stage: Stage, state: str) -> None:
    account = stage.somebody(subscription_state=state)
    skip(stage, account, ENTERED, ENTERED)

    expected = "GUARD_BLOCK" if state in ("GRACE", "ON_HOLD") else "JOURNEY_NOT_ENTERED"
    assert stage.ask(account, at=ENTERED).reason(HINT) == expected


# --- the steps -----------------------------------------------------------------------------------------------------


def test_the_hint_gives_way_to_the_card_to_the_microsecond_of_day_3(stage: Stage) -> None:
    account = inside(stage)

    before = stage.ask(account, at=ENTERED + 3 * DAY - INSTANT)
    after = stage.ask(account, at=ENTERED + 3 * DAY)

    assert (before.campaigns(), before.reason(CARD)) == ([HINT], "JOURNEY_WAITING")
    assert (after.campaigns(), after.reason(HINT)) == ([CARD], "JOURNEY_EXITED")


def test_an_answer_before_a_step_opens_is_not_valid_past_it(stage: Stage) -> None:
    account = inside(stage)

    shown = stage.ask(account, at=ENTERED + 3 * DAY - timedelta(seconds=5))

    assert shown.answer().valid_until == int((ENTERED + 3 * DAY).timestamp() * 1_000_000)


@pytest.mark.parametrize(("days", "code"), [(4, "JOURNEY_WAITING"), (5, "SELECTED")])
def test_the_screen_comes_on_day_7_to_whoever_listened_on_5_days(stage: Stage, days: int, code: str) -> None:
    account = listener(stage, days)

    assert stage.ask(account, FULL, at=ENTERED + 7 * DAY - INSTANT).reason(SCREEN) == "JOURNEY_WAITING"
    shown = stage.ask(account, FULL, at=ENTERED + 7 * DAY)
    assert shown.reason(SCREEN) == code
    if code == "JOURNEY_WAITING":
        assert "stands in for screen" in shown.detail(SCREEN)
        assert stage.ask(account, at=ENTERED + 7 * DAY).campaigns() == [CARD]


def test_the_screen_comes_once(stage: Stage) -> None:
    account = listener(stage, 5)
    at = ENTERED + 8 * DAY
    stage.saw(stage.ask(account, FULL, at=at), SCREEN, at=at)

    shown = stage.ask(account, FULL, at=at + INSTANT)

    assert shown.reason(SCREEN) == "JOURNEY_EXITED"
    assert "screen is behind" in shown.detail(SCREEN)


def test_after_day_14_it_rests_30_days_and_may_begin_again_after_90(stage: Stage) -> None:
    account = inside(stage)
    left = ENTERED + 14 * DAY

    def at(moment: datetime) -> tuple[str, str]:
        shown = stage.ask(account, at=moment)
        return shown.reason(CARD), shown.detail(CARD) if CARD not in shown.campaigns() else ""

    assert at(left - INSTANT)[0] == "SELECTED"
    assert at(left)[0] == "JOURNEY_WAITING"
    assert "rests until 2027-01-06T07:00:00Z" in at(left + 30 * DAY - INSTANT)[1]
    assert at(left + 30 * DAY)[0] == "JOURNEY_EXITED"
    assert "may be entered again from 2027-03-07T07:00:00Z" in at(left + 30 * DAY)[1]


def test_it_is_entered_again_from_90_days_after_it_ended_and_not_before(stage: Stage) -> None:
    account = inside(stage)
    again = ENTERED + (14 + 90) * DAY

    skip(stage, account, again - timedelta(hours=2), again - INSTANT)
    early = stage.ask(account, at=again - INSTANT)
    skip(stage, account, again)

    assert early.reason(HINT) == "JOURNEY_EXITED"
    assert stage.ask(account, at=again).campaigns() == [HINT]


# --- one price -----------------------------------------------------------------------------------------------------


def pinned(stage: Stage, at: datetime) -> str:
    """The card was seen at home at this moment, when it first could be."""
    account = inside(stage, at - 3 * DAY)
    stage.saw(stage.ask(account, HOME, at=at), CARD, at=at)
    return account


def test_home_player_and_checkout_quote_the_price_that_was_shown_first(stage: Stage) -> None:
    """The list price rises on 1 February; whoever saw the card the evening before keeps the old one for 72 hours."""
    seen = datetime(2027, 1, 31, 18, tzinfo=UTC)
    account, other = pinned(stage, seen), inside(stage, seen - 3 * DAY)
    later = seen + 72 * timedelta(hours=1) - INSTANT

    for at in (seen + INSTANT, seen + DAY, later):
        shown = stage.ask(account, HOME, PLAYER, CHECKOUT, at=at)
        assert {cost(shown, each) for each in (HOME, PLAYER, CHECKOUT)} == {(0, 11_900)}
    assert cost(stage.ask(other, HOME, at=later), HOME) == (0, 12_900)
    assert cost(stage.ask(account, HOME, at=later + INSTANT), HOME) == (0, 12_900)


def test_the_quote_at_checkout_lasts_as_long_as_the_pin(stage: Stage) -> None:
    seen = ENTERED + 3 * DAY
    quote = stage.ask(pinned(stage, seen), CHECKOUT, at=seen + DAY).slot(CARD).quote

    assert quote is not None
    assert quote.expires_at == int((seen + timedelta(hours=72)).timestamp() * 1_000_000)


def test_while_the_pin_lives_no_other_offer_on_the_plan_is_shown(stage: Stage) -> None:
    seen = ENTERED + 3 * DAY
    account = pinned(stage, seen)

    during = stage.ask(account, CHECKOUT, at=seen + timedelta(hours=72) - INSTANT)
    after = stage.ask(account, CHECKOUT, at=seen + timedelta(hours=72))

    assert (during.campaigns(), during.reason(RIVAL)) == ([CARD], "PINNED_ELSEWHERE")
    assert after.campaigns() == [RIVAL]


def test_a_price_first_seen_on_the_full_screen_is_still_quoted_when_the_screen_is_gone(stage: Stage) -> None:
    account = listener(stage, 5)
    at = ENTERED + 7 * DAY
    stage.saw(stage.ask(account, FULL, at=at), SCREEN, at=at)

    later = at + timedelta(hours=72) - INSTANT
    assert stage.ask(account, CHECKOUT, at=later).campaigns() == [CARD]
    assert stage.ask(account, CHECKOUT, at=later + INSTANT).reason(CARD) == "JOURNEY_EXITED"


# --- out of it -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", ["individual", "family", "student"])
def test_whoever_subscribes_anywhere_is_out_of_everything_at_once(stage: Stage, plan: str) -> None:
    seen = ENTERED + 3 * DAY
    account = pinned(stage, seen)

    stage.happened(account, "subscribe", seen + timedelta(hours=1), kind="conversion", plan=plan)
    shown = stage.ask(account, HOME, PLAYER, CHECKOUT, FULL, at=seen + timedelta(hours=1))

    assert shown.reason(HINT, PLAYER) == "JOURNEY_EXITED"
    assert [shown.reason(CARD, each) for each in (HOME, PLAYER, CHECKOUT)] == ["NOT_ELIGIBLE"] * 3
    assert shown.reason(SCREEN, FULL) == "NOT_ELIGIBLE"


def test_a_reward_that_begins_no_subscription_ends_it_too_where_it_is_of_the_plan(stage: Stage) -> None:
    account = inside(stage)
    stage.happened(account, "subscribe", ENTERED + DAY, kind="conversion", plan="individual", begins="nothing")

    shown = stage.ask(account, at=ENTERED + 4 * DAY)

    assert shown.reason(CARD) == "JOURNEY_EXITED"
    assert "plan_group|music|conversion" in shown.detail(CARD)


# --- how much ------------------------------------------------------------------------------------------------------


def test_one_full_screen_in_7_days_whatever_the_campaign(stage: Stage) -> None:
    account = listener(stage, 5)
    seen = ENTERED + 2 * DAY
    stage.saw(stage.ask(account, FULL, at=seen), OTHER, at=seen)

    before = stage.ask(account, FULL, at=ENTERED + 7 * DAY)
    last = stage.ask(account, FULL, at=seen + 7 * DAY - INSTANT)
    after = stage.ask(account, FULL, at=seen + 7 * DAY)

    assert (before.reason(SCREEN), before.reason(OTHER)) == ("CAPPED", "CAPPED")
    assert last.reason(SCREEN) == "CAPPED"
    assert "full-screen" in last.detail(SCREEN)
    assert after.campaigns() == [SCREEN]


def test_two_interruptions_in_a_session_at_most(stage: Stage) -> None:
    account = stage.somebody(subscription_state="FREE")

    def look(*placements: str, minutes: int, session: str = "one") -> Shown:
        return stage.ask(account, *placements, at=ENTERED + timedelta(minutes=minutes), session_id=session)

    stage.saw(look("home-hero", minutes=0), OTHER, at=ENTERED)
    assert look(FULL, minutes=1).campaigns() == [OTHER]
    stage.saw(look("home-hero", minutes=1), OTHER, at=ENTERED + timedelta(minutes=1))

    third = look(FULL, minutes=2)
    assert third.reason(OTHER) == "CAPPED"
    assert third.detail(OTHER) == "2 of 2 impressions of what interrupts per session; resets with the next session"
    assert look(FULL, minutes=3, session="two").campaigns() == [OTHER]


def test_what_does_not_interrupt_is_shown_all_the_same(stage: Stage) -> None:
    account = inside(stage)
    for number in range(2):
        at = ENTERED + timedelta(minutes=number)
        stage.saw(stage.ask(account, "home-hero", at=at, session_id="one"), OTHER, at=at)

    at = ENTERED + timedelta(minutes=5)
    for _ in range(3):
        stage.saw(stage.ask(account, at=at, session_id="one"), HINT, at=at)
        at += INSTANT

    assert stage.ask(account, at=at, session_id="one").campaigns() == [HINT]


def test_one_call_does_not_fill_more_than_the_session_bears(stage: Stage) -> None:
    """One interruption seen, two placements asked: the second of them would be the third."""
    account = stage.somebody(subscription_state="FREE")
    stage.saw(stage.ask(account, "home-hero", at=ENTERED, session_id="one"), OTHER, at=ENTERED)

    shown = stage.ask(account, "home-hero", FULL, at=ENTERED + INSTANT, session_id="one")

    assert (shown.campaigns("home-hero"), shown.reason(OTHER, FULL)) == ([OTHER], "CAPPED")


# --- offline, and version 2 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", permutations(range(3)))
def test_whoever_was_offline_meets_the_card_and_not_the_hint_again(stage: Stage, order: tuple[int, ...]) -> None:
    """Steps 0 and 3 in one sync: the phone was away for three days; whatever order the events come in."""
    account = stage.somebody(subscription_state="FREE")
    synced = ENTERED + 3 * DAY + timedelta(hours=2)
    moments = (ENTERED - timedelta(hours=1), ENTERED, ENTERED + 3 * DAY + timedelta(hours=1))
    events = [
        {"type": "custom", "name": "skip_limit", "account_id": account, "event_id": f"{account}-{number}",
         "occurred_at": at.isoformat()}
        for number, at in enumerate(moments)
    ]  # fmt: skip

    stage.send(*(events[number] for number in order), at=synced)
    shown = stage.ask(account, HOME, PLAYER, at=synced)

    assert shown.campaigns(HOME) == [CARD]
    assert (shown.reason(HINT, PLAYER), shown.reason(CARD, PLAYER)) == ("JOURNEY_EXITED", "DUPLICATE_OFFER")


@pytest.fixture
def published_back(stage: Stage) -> Iterator[None]:
    """What a test publishes is gone with its transaction; so is what the stage took up of it."""
    before = stage.release, stage.pulse
    yield
    stage.release, stage.pulse = before


def second_version(stage: Stage, policy: str) -> JourneyVersion:
    """Hint and screen alone, without the card between them."""
    (raw,) = stage.document["journeys"]
    steps = [dict(step) for step in raw["steps"] if step["key"] != "card"]
    steps[1].pop("otherwise")
    said = raw | {"steps": steps, "policy": policy}
    return planning.write_version(said, staff=hire(), now=ENTERED + 4 * DAY)


@pytest.mark.parametrize(
    ("policy", "sentence", "hint", "card"),
    [
        ("STAY", "4 stay in their version, 0 move, 0 leave", "SELECTED", "SELECTED"),
        ("MOVE", "0 stay in their version, 2 move, 2 leave", "SELECTED", "JOURNEY_EXITED"),
        ("LEAVE", "0 stay in their version, 0 move, 4 leave", "JOURNEY_EXITED", "JOURNEY_EXITED"),
    ],
)
def test_a_version_published_while_people_are_inside_says_and_does_what_becomes_of_them(
    stage: Stage, published_back: None, policy: str, sentence: str, hint: str, card: str
) -> None:
    """Two at the hint, two at the card: one of them is the scenario's own, who entered as it was put on stage."""
    starts = ENTERED + 4 * DAY
    at_hint, at_card = inside(stage, starts - DAY), inside(stage, ENTERED)
    inside(stage, starts - 2 * DAY)
    draft = second_version(stage, policy)

    assert sentence in journeymoves.moves(draft, starts).sentence
    planning.begin(draft, why="Version 2", staff=hire(), now=starts)
    stage.rebuild(starts)
    refold_all(now=starts)

    assert stage.ask(at_hint, at=starts).reason(HINT) == hint
    assert stage.ask(at_card, at=starts).reason(CARD) == card
    assert stage.ask(inside(stage, starts), at=starts).campaigns() == [HINT]
