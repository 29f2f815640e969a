"""How probable was each outcome of one slot?

Exact, never sampled; the formulas and a worked table stand in docs/algorithms/ranking.md. Who is withheld, pinned or
excluded is a fact; chance is the strategy's draw and the arms of experiments. The probabilities add up to 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from math import inf, prod
from typing import NamedTuple

from merch.engine.document import StrategyDoc
from merch.engine.ranking import BANDIT, FORMULA, WEIGHTED, Entrant, ReadyRows, share_of_floor

Outcome = tuple[str, str | None]  # campaign/item, and the variant that was shown
EMPTY: Outcome = ("", None)
MOST_REMEMBERED = 4_096


class Entered(NamedTuple):
    """An experiment that the subject has entered, as it is for one candidate: (variant, probability, shows)."""

    key: str
    arms: tuple[tuple[str, float, bool], ...]

    @property
    def showing(self) -> float:
        return sum(probability for _, probability, shows in self.arms if shows)


class Contender(NamedTuple):
    """One who competes. ``gone``: it would be refused at its turn; ``empty``: it takes the slot to show nothing."""

    entrant: Entrant
    test: Entered | None = None
    gone: bool = False
    empty: bool = False


class Round(NamedTuple):
    """Those who compete together: a tier, or the fallbacks. What they leave goes to the next round."""

    contenders: Sequence[Contender]
    strategy: StrategyDoc
    rows: ReadyRows | None = None


class _Unit(NamedTuple):
    """What competes as one: a candidate, or an exclusive category.

    ``shows``: the probability that somebody of it does; ``best``: its members of the lowest stratum, which say where it
    stands; ``weight``: theirs together.
    """

    members: tuple[int, ...]
    shows: float
    best: tuple[Entrant, ...]
    weight: int


def distribution(rounds: Sequence[Round]) -> dict[Outcome, float]:
    """The probability of each outcome of one slot, EMPTY among them."""
    found: dict[Outcome, float] = {}
    for probability, arms in _joint(rounds):
        left = probability
        for each in rounds:
            left = _play(each, arms, left, found)
            if not left:
                break
        if left:
            found[EMPTY] = found.get(EMPTY, 0.0) + left
    return found


def _joint(rounds: Sequence[Round]) -> Iterator[tuple[float, Mapping[str, str]]]:
    """Each way in which the experiments that several candidates share, and that may show nothing, can fall."""
    tests: dict[str, list[Entered]] = {}
    for each in rounds:
        for contender in each.contenders:
            if contender.test is not None and not contender.gone:
                tests.setdefault(contender.test.key, []).append(contender.test)
    shared = [
        [(key, variant, probability) for variant, probability, _ in found[0].arms]
        for key, found in tests.items()
        if len(found) > 1 and not all(shows for test in found for _, _, shows in test.arms)
    ]
    for way in product(*shared):
        yield prod(probability for _, _, probability in way), {key: variant for key, variant, _ in way}


def _play(each: Round, arms: Mapping[str, str], left: float, found: dict[Outcome, float]) -> float:
    """Give ``left`` to the contenders of a round; what none of them takes is returned."""
    shows = [_shows(contender, arms) for contender in each.contenders]
    for units in _strata(each.contenders, shows):
        for index, probability in _taken(units, shows, each):
            _give(each.contenders[index], arms, left * probability, found)
        left *= prod(1.0 - unit.shows for unit in units)
        if not left:
            break
    return left


def _shows(contender: Contender, arms: Mapping[str, str]) -> float:
    test = contender.test
    if contender.gone:
        return 0.0
    if test is None or all(shows for _, _, shows in test.arms):
        return 1.0
    if test.key in arms:
        return float(any(shows for variant, _, shows in test.arms if variant == arms[test.key]))
    return test.showing


def _give(contender: Contender, arms: Mapping[str, str], mass: float, found: dict[Outcome, float]) -> None:
    """To the outcomes of one contender that took the slot: one per arm that it may show."""
    name, test = contender.entrant.name, contender.test
    if not mass:
        return
    if contender.empty:
        shares = [(EMPTY, 1.0)]
    elif test is None:
        shares = [((name, None), 1.0)]
    elif test.key in arms:
        shares = [((name, arms[test.key]), 1.0)]
    else:
        showing = test.showing
        shares = [((name, variant), probability / showing) for variant, probability, shows in test.arms if shows]
    for outcome, share in shares:
        found[outcome] = found.get(outcome, 0.0) + mass * share


def _strata(contenders: Sequence[Contender], shows: Sequence[float]) -> list[list[_Unit]]:
    """The units that compete with each other, those preferred first; a category counts where its best member stands."""
    groups: dict[str, list[int]] = {}
    for index, contender in enumerate(contenders):
        entrant = contender.entrant
        groups.setdefault(f"|{entrant.category}" if entrant.category else entrant.name, []).append(index)
    found: dict[int, list[_Unit]] = {}
    for members in groups.values():
        entrants = [contenders[index].entrant for index in members]
        stratum = min(each.stratum for each in entrants)
        best = tuple(each for each in entrants if each.stratum == stratum)
        inside = sorted(members, key=lambda index: (contenders[index].entrant.inside, contenders[index].entrant.place))
        somebody = 1.0 - prod(1.0 - shows[index] for index in members)
        weight = sum(max(each.weight, 0) for each in best)
        found.setdefault(stratum, []).append(_Unit(tuple(inside), somebody, best, weight))
    return [found[stratum] for stratum in sorted(found)]


def _taken(units: Sequence[_Unit], shows: Sequence[float], each: Round) -> Iterator[tuple[int, float]]:
    """(index of a contender, probability that it takes the slot), inside each unit in order."""
    for unit, probability in zip(units, _by_strategy(units, each), strict=True):
        if not probability:
            continue
        inside = _one_after_another([shows[index] for index in unit.members])
        for index, share in zip(unit.members, inside, strict=True):
            yield index, probability * share / unit.shows


def _by_strategy(units: Sequence[_Unit], each: Round) -> Sequence[float]:
    """The probability that each unit takes the slot."""
    kind = each.strategy.kind
    if kind == WEIGHTED:
        return _lottery(units, [unit.weight for unit in units])
    if kind == BANDIT and each.rows is not None:
        asked = tuple((tuple((one.name, one.place) for one in unit.best), unit.shows) for unit in units)
        by_rows, floor = _over_rows(each.rows, asked), share_of_floor(each.strategy)
        by_chance = _lottery(units, [len(unit.best) for unit in units])
        return [(1.0 - floor) * row + floor * chance for row, chance in zip(by_rows, by_chance, strict=True)]
    best_first = sorted(range(len(units)), key=lambda index: _stands(units[index], scored=kind == FORMULA))
    taken = _one_after_another([units[index].shows for index in best_first])
    return [probability for _, probability in sorted(zip(best_first, taken, strict=True))]


def _stands(unit: _Unit, *, scored: bool) -> tuple[float, int]:
    return min((-one.score if scored and one.score is not None else inf, one.place) for one in unit.best)


def _one_after_another(shows: Sequence[float]) -> list[float]:
    """In this order: it shows, and nobody before it did."""
    taken, left = [], 1.0
    for probability in shows:
        taken.append(left * probability)
        left *= 1.0 - probability
    return taken


def _lottery(units: Sequence[_Unit], weights: Sequence[int]) -> list[float]:
    """By weight among those that show; those without a weight after them, in arbitration order."""
    taken = [0.0] * len(units)
    drawn = [index for index, weight in enumerate(weights) if weight > 0]
    certain = sum(weights[index] for index in drawn if units[index].shows == 1.0)
    unsure = [index for index in drawn if 0.0 < units[index].shows < 1.0]
    for index in drawn:
        own, shows = weights[index], units[index].shows
        others = certain - (own if shows == 1.0 else 0)
        sums = _sums([(weights[other], units[other].shows) for other in unsure if other != index])
        taken[index] = shows * sum(chance * own / (own + others + more) for more, chance in sums.items())
    left = prod(1.0 - units[index].shows for index in drawn)
    rest = sorted((index for index, weight in enumerate(weights) if weight <= 0), key=lambda at: _place(units[at]))
    for index, probability in zip(rest, _one_after_another([units[at].shows for at in rest]), strict=True):
        taken[index] = left * probability
    return taken


def _place(unit: _Unit) -> int:
    return min(one.place for one in unit.best)


def _sums(unsure: Sequence[tuple[int, float]]) -> dict[int, float]:
    """The probability of each total weight of those that show, each by itself."""
    sums = {0: 1.0}
    for weight, shows in unsure:
        after: dict[int, float] = {}
        for total, chance in sums.items():
            after[total] = after.get(total, 0.0) + chance * (1.0 - shows)
            after[total + weight] = after.get(total + weight, 0.0) + chance * shows
        sums = after
    return sums


@lru_cache(maxsize=MOST_REMEMBERED)
def _over_rows(rows: ReadyRows, asked: tuple[tuple[tuple[tuple[str, int], ...], float], ...]) -> tuple[float, ...]:
    """The mean over all rows, each in its own order; units without an entry come last, in arbitration order."""
    shows = [probability for _, probability in asked]
    unit_of: dict[int, int] = {}
    places: dict[int, int] = {}
    for number, (best, _) in enumerate(asked):
        for name, place in best:
            if name in rows.index:
                unit_of[rows.index[name]], places[rows.index[name]] = number, place
    taken, left = [0.0] * len(asked), 0.0
    for best_first, count in _orders(rows, places):
        left += _walk(best_first, unit_of, shows, float(count), taken)
    there = set(unit_of.values())
    absent = [number for number in range(len(asked)) if number not in there]
    absent.sort(key=lambda number: min(place for _, place in asked[number][0]))
    for number, probability in zip(absent, _one_after_another([shows[at] for at in absent]), strict=True):
        taken[number] = left * probability
    return tuple(mass / len(rows.rows) for mass in taken)


def _orders(rows: ReadyRows, places: Mapping[int, int]) -> Iterator[tuple[Sequence[int], int]]:
    """Each order of items, and how many rows have it."""
    yield from rows.orders.items()
    for row in rows.tied:
        yield sorted(places, key=lambda at: (-row[at], places[at])), 1


def _walk(
    best_first: Sequence[int], unit_of: Mapping[int, int], shows: Sequence[float], left: float, taken: list[float]
) -> float:
    """Give the rows of one order to the units met in it; what none of them takes is returned."""
    met: list[int] = []
    for item in best_first:
        number = unit_of.get(item)
        if number is None or number in met:
            continue
        taken[number] += left * shows[number]
        left *= 1.0 - shows[number]
        if not left:
            return 0.0
        met.append(number)
    return left
