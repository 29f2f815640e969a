"""Who are the demo's listeners? (Made up: nobody here lives, and every name is a number.)

Pure: a listener follows from the seed, the number and the day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from audiences.moments import DAY, micros
from merch.demo.chance import Chance

HOUR = 3_600_000_000  # microseconds
FIRST_OFFER = "trial-1-month"
GENRES = ("ambient", "classical", "electronic", "folk", "hiphop", "indie", "jazz", "metal", "pop", "rock")

MARKETS = (("SE", 0.30), ("GB", 0.26), ("US", 0.27), ("BR", 0.17))
ZONES: dict[str, tuple[tuple[str, float], ...]] = {
    "SE": (("Europe/Stockholm", 1.0),),
    "GB": (("Europe/London", 1.0),),
    "US": (("America/New_York", 0.5), ("America/Chicago", 0.25), ("America/Los_Angeles", 0.25)),
    "BR": (("America/Sao_Paulo", 0.85), ("America/Manaus", 0.15)),
}
STATES = (
    ("FREE", 0.47), ("ACTIVE", 0.32), ("TRIAL", 0.03), ("CHURNED_VOLUNTARY", 0.085), ("CHURNED_INVOLUNTARY", 0.02),
    ("CANCELLED_PENDING", 0.025), ("GRACE", 0.015), ("ON_HOLD", 0.01), ("PARTNER", 0.025),
)  # fmt: skip
PLANS = (("individual", 0.62), ("family", 0.14), ("duo", 0.10), ("student", 0.09), ("individual-yearly", 0.05))
AGES = ((13, 18, 0.07), (18, 25, 0.28), (25, 35, 0.31), (35, 50, 0.22), (50, 75, 0.12))
PAYING = frozenset({"ACTIVE", "TRIAL", "CANCELLED_PENDING", "GRACE", "ON_HOLD"})
LEFT = frozenset({"CHURNED_VOLUNTARY", "CHURNED_INVOLUNTARY"})
KEENNESS = ((0.03, 0.12), (0.15, 0.26), (0.40, 0.30), (0.70, 0.22), (0.92, 0.10))  # share of days, share of people
QUIET = 0.05  # of all, silent for a fortnight and more


class Subscription(Struct, frozen=True):
    """One conversion: when it began, of what, under which offer."""

    at: int
    plan: str
    offer: str
    months: int


class Listener(Struct, frozen=True, kw_only=True):
    """One made-up account. Instants in UTC microseconds; traits as {name: [stored value, observed at]}."""

    number: int
    key: str
    market: str
    zone: str
    state: str
    plan: str | None
    traits: dict[str, list[Any]]
    consent: dict[str, list[Any]]
    subscriptions: tuple[Subscription, ...]
    genres: tuple[str, ...]
    keenness: float
    quiet: bool
    short_of_streams: bool


def listeners(count: int, seed: str, now: datetime) -> Iterator[Listener]:
    """The first ``count`` of them, as they are at ``now``."""
    return (listener(number, seed, now) for number in range(1, count + 1))


def listener(number: int, seed: str, now: datetime) -> Listener:
    """Number ``number`` of the seed, as it is at ``now``."""
    key = f"listener-{number:05d}"
    chance = Chance(seed, key)
    market = chance.one("market", MARKETS)
    state = chance.one("state", STATES)
    plan = chance.one("plan", PLANS) if state in PAYING else None
    zone = chance.one("zone", ZONES[market])
    genres = _genres(chance)
    dates = _dates(chance, state, micros(now) // DAY)
    size = chance.one("household", ((1, 0.42), (2, 0.33), (3, 0.12), (4, 0.13)))
    return Listener(
        number=number,
        key=key,
        market=market,
        zone=zone,
        state=state,
        plan=plan,
        traits=_observed(
            chance,
            now,
            {
                "market": market,
                "time_zone": zone,
                "subscription_state": state,
                "plan": plan,
                "birth_date": _birth(chance, now),
                "genres": list(genres),
                "household_size": size,
                **dates,
                **_student(chance, plan, micros(now) // DAY),
            },
        )
        | _score(chance, now),
        consent=_consent(chance, now),
        subscriptions=_subscriptions(chance, plan, dates),
        genres=genres,
        keenness=chance.one("keenness", KEENNESS) if state not in LEFT else 0.05,
        quiet=chance.of("quiet") < QUIET,
        short_of_streams=state == "ACTIVE"
        and plan in ("individual", "duo")
        and size > 1
        and chance.of("streams") < 0.2,
    )


def _genres(chance: Chance) -> tuple[str, ...]:
    number = chance.within("genres", 1, 4)
    return tuple(sorted({GENRES[chance.within(f"genre {each}", 0, len(GENRES))] for each in range(number)}))


def _dates(chance: Chance, state: str, today: int) -> dict[str, Any]:
    """When they joined, subscribed, left; and months paid. Days since 1970."""
    joined = today - int(2_000 * chance.of("joined") ** 2)
    found: dict[str, Any] = {"joined_on": joined}
    if state == "PARTNER":
        return found
    if state in PAYING:
        since = min(today - joined, 30 if state == "TRIAL" else 1_500)
        began = today - (chance.within("subscribed", 0, since) if since else 0)
        return (
            found
            | {"subscribed_on": began, "paid_months": 0 if state == "TRIAL" else (today - began) // 30}
            | (
                {"payment_failed_on": today - chance.within("failed", 0, 7 if state == "GRACE" else 30)}
                if state in ("GRACE", "ON_HOLD")
                else {}
            )
        )
    if state in LEFT:
        expired = today - chance.within("expired", 1, 420)
        months = chance.within("paid", 1, 30)
        began = expired - 30 * months
        joined = min(joined, began)
        return {"joined_on": joined, "subscribed_on": began, "expired_on": expired, "paid_months": months}
    if chance.of("tried") < 0.15 and today - joined > 40:
        # Had a trial once, and went back to listening for free.
        return found | {"subscribed_on": today - chance.within("tried when", 40, max(today - joined, 41) + 1)}
    return found


def _birth(chance: Chance, now: datetime) -> int | None:
    """Days since 1970; unknown for one in eleven."""
    if chance.of("birth known") < 0.09:
        return None
    low, high = chance.one("age", tuple(((low, high), weight) for low, high, weight in AGES))
    return micros(now) // DAY - chance.within("birth", low * 366, high * 365)


def _student(chance: Chance, plan: str | None, today: int) -> dict[str, Any]:
    if plan != "student" and chance.of("student") > 0.10:
        return {}
    verified = plan == "student" or chance.of("verified") < 0.8
    return {"student_verified": verified, "student_until": today + chance.within("student until", -30, 330)}


def _observed(chance: Chance, now: datetime, values: dict[str, Any]) -> dict[str, list[Any]]:
    """Each as its system said it some hours or days ago."""
    said = micros(now) - HOUR * chance.within("observed", 2, 72)
    verified = micros(now) - DAY * chance.within("verified when", 1, 75)  # some are older than is tolerated
    return {
        name: [value, verified if name.startswith("student") else said]
        for name, value in values.items()
        if value is not None
    }


def _score(chance: Chance, now: datetime) -> dict[str, list[Any]]:
    """Nine in ten have a score, in thousandths; some are older than is tolerated."""
    if chance.of("scored") > 0.9:
        return {}
    return {
        "churn_risk": [int(1_000 * chance.of("risk") ** 1.5), micros(now) - DAY * chance.within("scored when", 1, 36)]
    }


def _consent(chance: Chance, now: datetime) -> dict[str, list[Any]]:
    said = chance.one("consent", ((True, 0.80), (False, 0.08), (None, 0.12)))
    return {} if said is None else {"personalisation": [said, micros(now) - DAY * chance.within("consented", 1, 400)]}


def _subscriptions(chance: Chance, plan: str | None, dates: dict[str, Any]) -> tuple[Subscription, ...]:
    began = dates.get("subscribed_on")
    if began is None:
        return ()
    at = began * DAY + HOUR * chance.within("subscribed hour", 6, 23)
    return (Subscription(at, plan or "individual", FIRST_OFFER, 1),)


def day_of(now: datetime) -> int:
    """Days since 1970."""
    return micros(now) // DAY


def start_of(day: int) -> datetime:
    """The UTC midnight that a day begins with."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
