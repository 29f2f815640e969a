"""Do the experiments of a campaign compare what they say?"""

from __future__ import annotations

from collections.abc import Iterator

from campaigns.case import Case
from campaigns.models import CampaignItem
from campaigns.problems import Problem
from experiments.models import Experiment


def experiment_problems(case: Case) -> Iterator[Problem]:
    for item in case.items:
        if item.experiment is not None:
            yield from _design(item.experiment)
            yield from _arms(item, item.experiment)
        elif item.arms.all():
            sentence = f"item {item.key} has arms but no experiment."
            yield Problem("experiment.none", sentence, "Choose the experiment, or remove the arms.")


def _design(experiment: Experiment) -> Iterator[Problem]:
    name = f"The experiment {experiment.key}"
    if experiment.kind == Experiment.Kind.PLACEMENT:
        yield Problem("experiment.kind", f"{name} varies a way of ranking.", "Choose it in a placement instead.")
    yield from own_design_problems(experiment)


def own_design_problems(experiment: Experiment) -> Iterator[Problem]:
    """What keeps an experiment from assigning anybody, whatever its arms do."""
    name = f"The experiment {experiment.key}"
    variants = list(experiment.variants.all())
    if experiment.assignment == Experiment.AssignedBy.EXTERNAL:
        yield Problem("experiment.external", f"{name} was assigned elsewhere.", "Use an experiment that Merch assigns.")
    elif experiment.layer_id is None or not experiment.salt:
        yield Problem("experiment.layer", f"{name} has no layer or no salt.", "Give it both.")
    if len(variants) < 2:
        yield Problem("experiment.variants", f"{name} has fewer than two variants.", "Add a variant.")
    if sum(variant.is_control for variant in variants) != 1:
        yield Problem("experiment.control", f"{name} has no control.", "Mark one variant as the control.")
    if variants and not sum(variant.weight for variant in variants):
        yield Problem("experiment.weights", f"All weights of {name[4:]} are 0.", "Give each variant a weight.")
    if experiment.state in (Experiment.State.STOPPED, Experiment.State.CONCLUDED):
        yield Problem("experiment.over", f"{name} is over.", "Take it off; everybody then gets what stands without it.")


def _arms(item: CampaignItem, experiment: Experiment) -> Iterator[Problem]:
    arms = {arm.variant_id: arm for arm in item.arms.all()}
    for variant in experiment.variants.all():
        arm = arms.pop(variant.pk, None)
        shows = arm is not None and (arm.nothing or arm.creative_id is not None or arm.offer_id is not None)
        if not shows and not variant.is_control:
            yield Problem(
                "experiment.arm_empty",
                f"item {item.key}: the variant {variant.key} of {experiment.key} shows the same as the item.",
                "Give its arm a creative or an offer, or let it show nothing.",
            )
    for arm in arms.values():
        yield Problem(
            "experiment.arm_foreign",
            f"item {item.key} has an arm {arm.variant.key} of another experiment.",
            "Remove the arm.",
        )
