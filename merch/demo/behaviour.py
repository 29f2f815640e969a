"""What did a listener do in the last four weeks? (Pure, as merch.demo.listeners.)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from audiences.moments import DAY
from merch.demo.chance import Chance, split
from merch.demo.listeners import HOUR, Listener

DAYS = 28
BLOCK = 5  # a draw has 53 bits: five thousandths
HOURS_WEST = {"SE": -1, "GB": 0, "US": 6, "BR": 3}  # roughly, so that people listen in their own evening
SURFACES = ("home", "player", "search")
QUIET_DAYS = 16


class Deed(NamedTuple):
    """One custom event. ``id`` is unique within the listener; ``app``: the app sent it, not a backend."""

    id: str
    name: str
    at: int
    properties: dict[str, Any]
    app: bool = True


def active_days(listener: Listener, seed: str, now_us: int) -> list[int]:
    """Days since 1970 on which they listened, oldest first, today included."""
    today = now_us // DAY
    first = max(today - DAYS, listener.traits["joined_on"][0])
    last = today - QUIET_DAYS if listener.quiet else today
    keen = _keen_days(listener, seed, today)
    return [day for day in range(first, last + 1) if day in keen]


def _keen_days(listener: Listener, seed: str, today: int) -> set[int]:
    """One draw answers for a block of days: hashing is what making up listeners costs most."""
    chance = Chance(seed, listener.key)
    found = set()
    for block in range((today - DAYS) // BLOCK, today // BLOCK + 1):
        draw = chance.of(f"active {block}")
        for day in range(block * BLOCK, (block + 1) * BLOCK):
            thousandth, draw = split(draw, 1_000)
            if thousandth < 1_000 * listener.keenness:
                found.add(day)
    return found


def evening(listener: Listener, day: int, draw: float) -> int:
    """A moment of that day between five in the afternoon and eleven at night, roughly on their own clock."""
    return day * DAY + (17 + HOURS_WEST[listener.market]) * HOUR + int(draw * 6 * HOUR)


def deeds(listener: Listener, seed: str, now_us: int) -> Iterator[Deed]:
    """Everything they did, up to now."""
    chance = Chance(seed, listener.key)
    for day in active_days(listener, seed, now_us):
        for deed in _of_day(listener, day, chance.of(f"day {day}")):
            if deed.at < now_us:
                yield deed
    if listener.state == "CANCELLED_PENDING":
        at = now_us - HOUR * chance.within("cancelled", 3, 24 * 20)
        yield Deed(
            "cancel", "cancel", at, {"reason": ("price", "time", "other")[chance.within("reason", 0, 3)]}, app=False
        )


def _of_day(listener: Listener, day: int, draw: float) -> Iterator[Deed]:
    """One draw is split into all that chance decides that day."""
    hour, draw = split(draw, 1_000)
    minutes, draw = split(draw, 1_000)
    at = evening(listener, day, hour / 1_000)
    genre = listener.genres[minutes % len(listener.genres)]
    yield Deed(f"listen-{day}", "listen", at, {"minutes": 4 + int(170 * (minutes / 1_000) ** 2), "genre": genre})
    if listener.state == "FREE":
        skips, draw = split(draw, 5)
        if skips == 0:
            yield Deed(f"skip-{day}", "skip_limit", at + HOUR // 4, {"surface": SURFACES[minutes % 3]})
        ads, draw = split(draw, 6)
        if ads == 0:
            yield Deed(f"ad-{day}", "ad_skip", at + HOUR // 3, {})
        walls, draw = split(draw, 12)
        if walls == 0:
            yield Deed(f"wall-{day}", "paywall_view", at + HOUR // 2, {"surface": SURFACES[minutes % 3]})
    if listener.short_of_streams and draw < 0.5:
        yield Deed(f"stream-{day}", "stream_refused", at + HOUR // 2, {}, app=False)
