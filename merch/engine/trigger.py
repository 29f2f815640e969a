"""It would have won: is this subject withheld, or which arm applies?

Asked only of a candidate that has earned the slot, so that everybody who is asked would have been treated. Each test
leaves at most one exposure per call, the same for those who see something and those who do not.
"""

from __future__ import annotations

from typing import NamedTuple

from audiences.hashing import bucket
from experiments.assignment import Arm, arm
from merch.engine import eligibility
from merch.engine.call import Call
from merch.engine.compiled import Candidate, Content, PlacementPlan, ReadyExperiment, ReadyHoldout
from merch.engine.document import DrawDoc
from merch.engine.eligibility import Objection, first_objection
from merch.engine.facts import Exposure
from merch.engine.law import Traits
from merch.engine.law import objection as legal_objection
from merch.engine.reasons import Reason

ANYBODY = Traits(tier="COMMERCIAL", profiled=False, urgent=False, trial=False)
CODES = {"GLOBAL": Reason.HOLDOUT_GLOBAL, "DOMAIN": Reason.HOLDOUT_DOMAIN, "CAMPAIGN": Reason.HOLDOUT_CAMPAIGN}


class Assigned(NamedTuple):
    """The arm, and what it shows; None is nothing."""

    arm: Arm
    content: Content | None


def withheld(candidate: Candidate, call: Call) -> Objection | None:
    """Row 14, first half: the holdouts over this candidate, widest first; each leaves an exposure."""
    for holdout in candidate.holdouts:
        draw, member = _drawn_by(holdout, call)
        if draw is None:
            continue
        _expose(candidate.item.placement, call, holdout.exposures[draw.number, member])
        if member:
            return Objection(CODES[holdout.doc.scope], holdout.doc.key)
    return None


def held_out(candidate: Candidate, call: Call) -> bool:
    """Would any holdout withhold it? Nothing is exposed by asking."""
    return any(_drawn_by(holdout, call)[1] for holdout in candidate.holdouts)


def _drawn_by(holdout: ReadyHoldout, call: Call) -> tuple[DrawDoc | None, bool]:
    """The first draw that withholds the subject now, else the last that runs, and whether it does."""
    latest = None
    for draw in holdout.draws:
        if _running(draw, call.now):
            if bucket(draw.salt, call.request.key) < draw.size:
                return draw, True
            latest = draw
    return latest, False


def _running(draw: DrawDoc, now: int) -> bool:
    return draw.start_at <= now and (draw.end_at is None or now < draw.end_at)


class StrategyArm(NamedTuple):
    """The arm of a placement experiment that ranks this placement for this subject."""

    experiment: ReadyExperiment
    arm: Arm

    def expose(self, slug: str, call: Call) -> None:
        """The arms' winners differ: the subject could have been affected."""
        drawn = self.arm
        exposure = Exposure(
            test=f"experiment|{drawn.experiment}", version=drawn.version, arm=drawn.variant, ghost=False,
            propensity=drawn.propensity,
        )  # fmt: skip
        _expose(slug, call, exposure)


def strategy_arm(plan: PlacementPlan, call: Call) -> StrategyArm | None:
    """Which arm of the placement's experiment ranks it; None: its own strategy does."""
    experiment = plan.experiment
    if experiment is None or not experiment.running or not _rule_admits(experiment, ANYBODY, call, plan.slug):
        return None
    drawn = _drawn(experiment, call)
    return StrategyArm(experiment, drawn) if drawn else None


def _drawn(experiment: ReadyExperiment, call: Call) -> Arm | None:
    mark = call.record.marks.get(f"experiment|{experiment.spec.key}")
    marks = ((experiment.spec.key, mark[0]),) if mark else ()
    return arm(experiment.spec, call.request.key, call.now, marks)


def arm_of(candidate: Candidate, call: Call) -> Arm | None:
    """The arm that would be drawn at its turn, None where it enters no experiment; nothing is exposed by asking."""
    experiment = candidate.experiment
    if experiment is None or not _may_enter(experiment, candidate, call):
        return None
    return _drawn(experiment, call)


def assign(candidate: Candidate, call: Call) -> Assigned | None:
    """Row 14, second half: the arm of the item's experiment, or None when it wins with its own content."""
    drawn = arm_of(candidate, call)
    if drawn is None:
        return None
    content = candidate.arms[drawn.variant]
    _expose(
        candidate.item.placement,
        call,
        Exposure(
            test=f"experiment|{drawn.experiment}",
            version=drawn.version,
            arm=drawn.variant,
            ghost=content is None,
            propensity=drawn.propensity,
        ),
    )
    return Assigned(drawn, content)


def _may_enter(experiment: ReadyExperiment, candidate: Candidate, call: Call) -> bool:
    """Running, its rule holds, and every arm could be shown to this subject: else the arms would not compare."""
    if not experiment.running or not _rule_admits(experiment, candidate.content.legal, call, candidate.name):
        return False
    contents = [content for content in candidate.arms.values() if content is not None]
    return all(
        content is candidate.content or first_objection(eligibility.OF_AN_ARM, candidate, content, call) is None
        for content in contents
    )


def _rule_admits(experiment: ReadyExperiment, legal: Traits, call: Call, owner: str) -> bool:
    """An experiment's rule may profile only where a campaign's may, and never judges a record that nobody read.

    One that raises lets nobody in; the candidate wins with its own content.
    """
    rule = experiment.rule
    if rule is None:
        return True
    if rule.reads_record and not call.readable:
        return False
    if rule.profiles and legal_objection(call.law, legal._replace(profiled=True)) is not None:
        return False
    try:
        return rule.holds(call.env)
    except Exception as error:
        call.errors.append(f"{owner}: {type(error).__name__}")
        return False


def _expose(slug: str, call: Call, exposure: Exposure) -> None:
    """Once per call, and by name for each placement in which it triggered: of a prefetched call only some are seen."""
    here = call.triggered.setdefault(slug, [])
    if exposure.test not in here:
        here.append(exposure.test)
    if exposure.test not in call.tests:
        call.tests.add(exposure.test)
        call.exposures.append(exposure)
