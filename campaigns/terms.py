"""Which terms does an offer of this mechanic need, and which may it have?

Pure. Terms are plain JSON; the fields:

free_period     an ISO 8601 period of one unit: P7D, P1M
percent_off     1 to 100, of each of the cycles
cycles          billing periods that the discount or the amount covers, 1 to 60
amounts         {market: minor units}, for all the cycles together
reward          what is given, in the reward's own unit
difficulty      what must be done for it, in the same unit
duration_hours  how long there is time for it
channels        where it is announced
instead_of      a plan; what it costs over the same time is what the offer saves on
least_saving    1 to 99 percent of that: where it saves less, it is not shown
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from campaigns.problems import Problem

Terms = Mapping[str, Any]

PERIOD = re.compile(r"P([1-9]\d{0,2})[DWMY]", re.ASCII)
MOST_CYCLES = 60
MOST = 10**12  # minor units, points or hours: beyond this it is a slip of the keyboard


class Shape(NamedTuple):
    """``needed``: each of these. ``ways``: one of these groups, whole (an empty group: none is fine too)."""

    needed: frozenset[str]
    ways: tuple[frozenset[str], ...] = ()
    optional: frozenset[str] = frozenset()

    @property
    def allowed(self) -> frozenset[str]:
        return self.needed.union(self.optional, *self.ways)


FREE = frozenset({"free_period"})
PERCENT = frozenset({"percent_off", "cycles"})
AMOUNTS = frozenset({"amounts", "cycles"})
COMPARED = frozenset({"instead_of", "least_saving"})
PLAIN = frozenset[str]()

SHAPES: dict[str, Shape] = {
    "TRIAL": Shape(needed=FREE),
    "INTRO_PRICE": Shape(needed=PLAIN, ways=(AMOUNTS, PERCENT)),
    "PREPAID": Shape(needed=AMOUNTS),
    "DISCOUNT_N_CYCLES": Shape(needed=PERCENT),
    "UPGRADE": Shape(needed=PLAIN, ways=(PLAIN, FREE, PERCENT, AMOUNTS, COMPARED)),
    "ADD_ON": Shape(needed=PLAIN, ways=(PLAIN, FREE, PERCENT, AMOUNTS)),
    "SAVE": Shape(needed=PLAIN, ways=(FREE, PERCENT, AMOUNTS)),
    "WIN_BACK": Shape(needed=PLAIN, ways=(PLAIN, FREE, PERCENT, AMOUNTS)),
    "REWARD": Shape(needed=frozenset({"reward"}), optional=frozenset({"difficulty", "duration_hours", "channels"})),
}


def problems(mechanic: str, terms: object) -> list[Problem]:
    """Everything that is wrong with the terms; empty: they can be published."""
    shape = SHAPES.get(mechanic)
    if shape is None:
        return [Problem("terms.mechanic", f"{mechanic} is no mechanic.", f"Use one of {_listed(SHAPES)}.")]
    if not isinstance(terms, Mapping):
        return [Problem("terms.object", "Terms are a JSON object.", f"Write the fields {_listed(shape.allowed)}.")]
    given = {name for name, value in terms.items() if value is not None}
    return [*_unknown(mechanic, shape, given), *_missing(mechanic, shape, given), *_values(terms, given & set(CHECKS))]


def placeholders(terms: Terms) -> frozenset[str]:
    """Which placeholders a quote on a priced plan fills: {then} where the price changes, {saving} there and where it is
    compared with another plan's."""
    if terms.get("instead_of"):
        return frozenset({"price", "saving"})
    changes = any(terms.get(name) is not None for name in ("free_period", "percent_off", "amounts"))
    return frozenset({"price", "then", "saving"}) if changes else frozenset({"price"})


def markets_without_amount(terms: Terms, markets: set[str]) -> list[str]:
    """Markets for which the terms name amounts, but not this market's."""
    amounts = terms.get("amounts")
    return sorted(markets - set(amounts)) if isinstance(amounts, Mapping) else []


def _unknown(mechanic: str, shape: Shape, given: set[str]) -> list[Problem]:
    return [
        Problem(
            "terms.not_allowed",
            f"{mechanic} terms have no {name}.",
            f"Take it out; allowed: {_listed(shape.allowed) or 'no fields'}.",
        )
        for name in sorted(given - shape.allowed)
    ]


def _missing(mechanic: str, shape: Shape, given: set[str]) -> list[Problem]:
    missing = [
        Problem("terms.missing", f"{mechanic} terms need {name}.", f"Add {name}.")
        for name in sorted(shape.needed - given)
    ]
    if shape.ways:
        in_ways = given & frozenset().union(*shape.ways)
        if in_ways not in shape.ways:
            ways = " or ".join(_listed(way) for way in shape.ways if way)
            found = _listed(in_ways) or "none of them"
            missing.append(
                Problem("terms.way", f"{mechanic} terms need exactly one of: {ways}; they have {found}.", "Keep one.")
            )
    return missing


def _values(terms: Terms, given: set[str]) -> list[Problem]:
    return [
        Problem("terms.value", f"{name} is not {CHECKS[name][1]}.", f"Write {name} as {CHECKS[name][1]}.")
        for name in sorted(given)
        if not CHECKS[name][0](terms[name])
    ]


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _amounts(value: Any) -> bool:
    fits = _whole(0, MOST)
    return isinstance(value, Mapping) and bool(value) and all(isinstance(k, str) and fits(v) for k, v in value.items())


def _channels(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and 0 < len(each) <= 60 for each in value)


CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "free_period": (
        lambda value: isinstance(value, str) and PERIOD.fullmatch(value) is not None,
        "a period of one unit such as P7D or P1M",
    ),
    "percent_off": (_whole(1, 100), "a whole number from 1 to 100"),
    "cycles": (_whole(1, MOST_CYCLES), f"a whole number from 1 to {MOST_CYCLES}"),
    "amounts": (_amounts, 'amounts in minor units per market, such as {"SE": 11900}'),
    "reward": (_whole(0, MOST), "a whole number"),
    "difficulty": (_whole(0, MOST), "a whole number"),
    "duration_hours": (_whole(1, 24 * 3660), "a whole number of hours, up to ten years"),
    "channels": (_channels, "a list of short names"),
    "instead_of": (lambda value: isinstance(value, str) and bool(value), "the key of a plan"),
    "least_saving": (_whole(1, 99), "a whole number from 1 to 99"),
}


def _listed(names: Any) -> str:
    return ", ".join(sorted(names))
