"""Does the first impression pin offer and price, in whichever order impressions arrive?"""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from audiences.moments import micros
from merch.engine.facts import PinFact
from tests.merch.intake.arriving import DECISION, NOW, seen, send, served

DAY = timedelta(days=1)
UNTIL = micros(NOW + 3 * DAY)


def pinning(minutes: int, until: int = UNTIL, **said: Any) -> dict[str, Any]:
    """An impression that pins, of a decision of its own, so many minutes before NOW."""
    decision = f"{DECISION[:-2]}{minutes % 100:02d}"
    at = NOW - timedelta(minutes=minutes)
    facts: dict[str, Any] = {"pin": "campaign|first-trial", "pinned_until": until, "plan_group": "main", "price_id": 7}
    return seen(at=at, decision_id=decision, decided_at=at - timedelta(minutes=1), **facts | said)


def pinned() -> PinFact:
    return served().pins["campaign|first-trial"]


def test_an_impression_pins_by_the_claims_of_its_token() -> None:
    send(pinning(5))

    assert pinned() == PinFact(
        campaign="first-trial", item="hero", offer="trial-30@3", start=micros(NOW - timedelta(minutes=5)), end=UNTIL,
        price_id=7, plan_group="main",
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["click", "dismissal"])
def test_nothing_else_does(kind: str) -> None:
    send(seen(kind, pin="campaign|first-trial", pinned_until=UNTIL))

    assert served().pins == {}


def test_a_token_that_pins_nothing_pins_nothing() -> None:
    send(seen())

    assert served().pins == {}


@pytest.mark.parametrize("order", list(permutations((30, 20, 10))))
def test_the_first_of_overlapping_impressions_decides_in_any_order_of_arrival(order: tuple[int, ...]) -> None:
    for minutes in order:
        send(pinning(minutes, until=UNTIL + minutes, price_id=minutes))

    assert (pinned().price_id, pinned().end) == (30, UNTIL + 30)


def test_when_a_pin_is_over_the_next_impression_makes_another() -> None:
    over = micros(NOW - timedelta(minutes=20))
    send(pinning(30, until=over, price_id=1))
    send(pinning(20, price_id=2))

    assert (pinned().price_id, pinned().start) == (2, over)


def test_an_impression_that_came_after_its_pins_end_pins_nothing() -> None:
    send(pinning(5, until=micros(NOW - timedelta(minutes=5))))

    assert served().pins == {}


def test_the_same_impression_twice_changes_nothing() -> None:
    send(pinning(5))
    before = pinned()
    send(pinning(5))

    assert pinned() == before
