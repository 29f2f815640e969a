"""Can a placement rank as it says, and what does a change of that mean for a test that compares ways of ranking?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from audiences.rules import Vocabulary
from campaigns import formula
from campaigns.experimentchecks import own_design_problems
from campaigns.models import Placement, PlacementArm, RankingChoice
from campaigns.problems import Problem, Refused
from experiments import operations
from experiments.models import Experiment
from experiments.problems import Refused as ExperimentRefused

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=31)
FIELDS = ("strategy", "formula", "draw_window", "exploration")
Strategy = RankingChoice.Strategy
By = dict[str, Any]  # arm -> how it ranks; "" is the placement's own way


def choice_problems(choice: RankingChoice, words: Vocabulary) -> Iterator[tuple[str, Problem]]:
    """(field, problem) of one way of ranking; only what its strategy reads is asked."""
    if choice.strategy == Strategy.FORMULA:
        found = formula.read(choice.formula, words)
        for problem in found if isinstance(found, list) else []:
            where = "" if problem.where == "the formula" else f"At {problem.where}: "
            yield "formula", Problem(problem.id, f"{where}{problem.sentence}", problem.hint)
    if choice.strategy in (Strategy.WEIGHTED, Strategy.BANDIT) and not SHORTEST <= choice.draw_window <= LONGEST:
        sentence = f"A draw that holds {choice.draw_window} is too short or too long."
        yield (
            "draw_window",
            Problem("placement.draw_window", sentence, "Use 1 minute to 31 days; 1 hour suits most."),
        )


def test_problems(placement: Placement, arms: Iterable[PlacementArm]) -> list[Problem]:
    """What keeps the placement's experiment from comparing ways of ranking; ``arms`` as they would be saved."""
    given = list(arms)
    test = placement.experiment
    if test is None:
        sentence = "It has arms but no experiment."
        return [Problem("placement.no_experiment", sentence, "Choose the experiment, or remove the arms.")] * bool(
            given
        )
    if test.kind != Experiment.Kind.PLACEMENT:
        sentence = f"The experiment {test.key} varies what an item shows."
        return [Problem("placement.experiment_kind", sentence, "Choose one that varies a way of ranking.")]
    problems = list(own_design_problems(test))
    for arm in given:
        if arm.variant.experiment_id != test.pk:
            sentence = f"The arm {arm.variant.key} is of another experiment."
            problems.append(Problem("placement.arm_foreign", sentence, "Remove the line."))
    own = _way(placement)
    differing = {arm.variant_id for arm in given if _way(arm) != own}
    for variant in test.variants.all():
        if not variant.is_control and variant.pk not in differing:
            sentence = f"The arm {variant.key} ranks as the placement does."
            problems.append(Problem("placement.arm_same", sentence, "Add a line for it with another strategy."))
    return problems


def ways(placement: Placement) -> By:
    """How the placement and each arm rank, as stored; what a running test may not see changed."""
    arms = PlacementArm.objects.filter(placement=placement).select_related("variant").order_by("variant__key")
    return {"": _way(placement)} | {arm.variant.key: _way(arm) for arm in arms}


def _way(choice: RankingChoice) -> dict[str, Any]:
    """What its strategy reads; two that rank alike are equal."""
    way: dict[str, Any] = {"strategy": str(choice.strategy)}
    if choice.strategy == Strategy.FORMULA:
        way["formula"] = choice.formula
    if choice.strategy in (Strategy.WEIGHTED, Strategy.BANDIT):
        way["draw_window"] = int(choice.draw_window.total_seconds())
    if choice.strategy == Strategy.BANDIT:
        way["exploration"] = choice.exploration
    return way


def changed(placement: Placement, before: Mapping[str, Any], *, by: User | None, now: datetime, why: str = "") -> None:
    """Call after a save, in its transaction. A test that runs refuses; of a paused one a new version begins.

    Raises Refused.
    """
    if placement.experiment is None:
        return
    try:
        operations.arms_ranked_otherwise(placement.experiment, dict(before), ways(placement), by=by, now=now, why=why)
    except ExperimentRefused as refused:
        raise Refused(Problem(each.id, each.sentence, each.hint) for each in refused.problems) from refused
