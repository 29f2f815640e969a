"""Contests for tests of ranking and propensity: who competes, over which rows, and how a slot is then filled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from audiences.hashing import unit
from merch.engine.document import BanditRows, StrategyDoc
from merch.engine.propensity import EMPTY, Entered, Outcome, Round
from merch.engine.ranking import Draw, Entrant, ReadyRows, order

HALVES = (("a", 0.5, True), ("none", 0.5, False))
WEIGHTED = StrategyDoc(kind="WEIGHTED")
PRIORITY = StrategyDoc()


def bandit(floor: int = 0) -> StrategyDoc:
    return StrategyDoc(kind="BANDIT", floor=floor)


def entrants(*weights: int, scores: Sequence[float | None] = ()) -> list[Entrant]:
    """a/a, b/b, ... in arbitration order."""
    letters = "abcdefghijklmnopqrst"
    padded = [*scores, *[None] * len(weights)]
    return [Entrant(f"{letters[at]}/{letters[at]}", at, weight, padded[at]) for at, weight in enumerate(weights)]


def drawn_rows(items: Sequence[str], count: int = 1_000, coarse: int = 1_000_000, digest: str = "") -> ReadyRows:
    """Rows of hashed scores, each item a little better than the one before it; ``coarse`` steps give ties."""
    rows = tuple(
        tuple(int((unit(f"rows|{item}", str(row)) + at / 10) * coarse) for at, item in enumerate(items))
        for row in range(count)
    )
    return ReadyRows(BanditRows(digest=digest or f"{items}{count}{coarse}", items=tuple(items), rows=rows))


def outcome(rounds: Iterable[Round], subject: str) -> Outcome:
    """What a subject gets: everybody asked in order, arms drawn by hash as experiments draw them."""
    for each in rounds:
        by_name = {contender.entrant.name: contender for contender in each.contenders}
        draw = Draw(subject, "home", 0, 7)
        ranked = order([contender.entrant for contender in each.contenders], each.strategy, draw, each.rows)
        for entrant in ranked.entrants:
            contender = by_name[entrant.name]
            variant = arm(contender.test, subject)
            if contender.gone or (variant is not None and not variant[1]):
                continue
            return EMPTY if contender.empty else (entrant.name, variant[0] if variant else None)
    return EMPTY


def arm(test: Entered | None, subject: str) -> tuple[str, bool] | None:
    """Which arm of a test this subject is in, and whether that shows anything."""
    if test is None:
        return None
    point, reached = unit(f"exp:{test.key}", subject), 0.0
    for variant, probability, shows in test.arms:
        reached += probability
        if point < reached:
            return variant, shows
    return test.arms[-1][0], test.arms[-1][2]


def counted(rounds: Sequence[Round], subjects: int) -> Counter[Outcome]:
    return Counter(outcome(rounds, f"acc_{number}") for number in range(subjects))
