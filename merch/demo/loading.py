"""In which order does the demo come into being, and how does a load that was killed go on?

Each step leaves a line in the history when it is done; a step that stands there is not done again. All dates count from
the moment of the first load.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from functools import lru_cache
from io import StringIO
from typing import NamedTuple, Protocol

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import transaction

from audiences import membership
from audiences.membership.execution import execute
from audiences.models import Audience, AudienceRun, Revision, Subject, Suppression
from audiences.tiers import Tier
from campaigns import behaviours, importing
from campaigns.models import Campaign
from experiments.models import Experiment
from merch.demo import authoring, files, reaching, trials
from merch.demo.listeners import Listener, listeners
from merch.demo.staff import Staff, hire
from merch.demo.storing import store_listeners
from merch.demo.visiting import visit_all
from merch.releases import store as releases
from merch.releases.serving import Serving
from merch.subjects.publish import sweep
from merch.subjects.rebuilding import rebuild

OBJECT = "demo"
BEGAN = "catalogue"
PRESS = 150  # every so many listeners one is on the press list
CASES = 90  # and one has an open support case


class NotEmpty(Exception):
    """The database holds something that is not the demo."""


class NotLoaded(Exception):
    """A step could not be done; the sentence says which and why."""


class Shown(Protocol):
    """Whoever shows progress: a bar for a step, told how many of how many are done."""

    def __call__(self, step: str, total: int) -> AbstractContextManager[Callable[[int], None]]: ...


class Plan(NamedTuple):
    """What is loaded: fixed at the first load."""

    now: datetime
    listeners: int
    seed: str


def load(*, now: datetime, count: int, seed: str, shown: Shown) -> bool:
    """Load what is missing; False where nothing was. Raises NotEmpty, NotLoaded."""
    plan = _begun() or Plan(now, count, seed)
    done = _done()
    if not done and (Campaign.objects.exists() or Subject.objects.exists()):
        raise NotEmpty("The database holds campaigns or subjects of its own, so the demo is left out.")
    todo = [name for name in STEPS if name not in done]
    for name in todo:
        total = plan.listeners if name in COUNTED else 1
        with shown(STEPS[name].said, total) as progress:
            STEPS[name].do(plan, progress)
    if todo or not reaching.told().exists():
        with shown("Making keys and passwords", 1):
            reaching.open_doors(now=now)
        return True
    # The serving store forgets when it is restarted; the first question after that shall find it filled.
    sweep(now=now)
    return False


def _done() -> set[str]:
    return set(Revision.objects.filter(object_type=OBJECT).values_list("object_key", flat=True))


def _begun() -> Plan | None:
    first = Revision.objects.filter(object_type=OBJECT, object_key=BEGAN).first()
    if first is None or first.after is None:
        return None
    return Plan(datetime.fromisoformat(first.after["now"]), first.after["listeners"], first.after["seed"])


def _finish(step: str, plan: Plan, by: User) -> None:
    after = {"now": plan.now.isoformat(), "listeners": plan.listeners, "seed": plan.seed}
    Revision.objects.record(
        actor=by, verb="loaded", object_type=OBJECT, object_key=step, before=None, after=after, now=plan.now
    )


@lru_cache(maxsize=1)
def _people(plan: Plan) -> list[Listener]:
    return list(listeners(plan.listeners, plan.seed, plan.now))


@transaction.atomic
def _catalogue(plan: Plan, progress: Callable[[int], None]) -> None:
    staff = hire()
    found = importing.run(
        files.catalogue(plan.now), by=staff.editor, now=plan.now, apply=True, why="The demo's catalogue"
    )
    if found.problems:
        raise NotLoaded(" ".join(f"{each.where}: {each.sentence} {each.hint}" for each in found.problems))
    _finish(BEGAN, plan, staff.admin)


@transaction.atomic
def _campaigns(plan: Plan, progress: Callable[[int], None]) -> None:
    staff = hire()
    trials.prepare(by=staff.editor, now=plan.now, listeners=plan.listeners)
    authoring.write_all(files.campaigns(), staff=staff, now=plan.now)
    _finish("campaigns", plan, staff.admin)


@transaction.atomic
def _listeners(plan: Plan, progress: Callable[[int], None]) -> None:
    staff = hire()
    store_listeners(_people(plan), plan.seed, now=plan.now, progress=progress)
    press = Audience.objects.get(slug="press-list")
    keys = list(Subject.objects.order_by("key").values_list("key", flat=True))
    membership.replace_list(press, keys[::PRESS], plan.now, by=staff.editor)
    _open_cases(plan)
    _finish("listeners", plan, staff.admin)


def _open_cases(plan: Plan) -> None:
    """Some have asked support for help: nothing commercial until that is settled."""
    ids = list(Subject.objects.order_by("key").values_list("pk", flat=True))
    Suppression.objects.bulk_create(
        Suppression(
            subject_id=id_, key="support-case", reason="An open support case (made up)", source="tonika-support",
            tiers=[Tier.COMMERCIAL.value, Tier.LIFECYCLE.value], starts_at=plan.now,
        )
        for id_ in ids[7::CASES]
    )  # fmt: skip


def _audiences(plan: Plan, progress: Callable[[int], None]) -> None:
    behaviours.ensure()
    run = membership.start_run(plan.now)
    run = execute(run, f"demo:{os.getpid()}")
    if run.state != AudienceRun.State.PUBLISHED:
        raise NotLoaded(f"The audience run is {run.get_state_display().lower()}: {run.note}")
    _finish("audiences", plan, hire().admin)


@transaction.atomic
def _launch(plan: Plan, progress: Callable[[int], None]) -> None:
    staff: Staff = hire()
    trials.begin(Experiment.objects.get(key=trials.EXPERIMENT), by=staff.editor, now=plan.now)
    authoring.bring_about(files.campaigns(), staff=staff, now=plan.now)
    _finish("launch", plan, staff.admin)


def _publish(plan: Plan, progress: Callable[[int], None]) -> None:
    staff = hire()
    # The line first: the release then answers to everything that stands in the history.
    _finish("release", plan, staff.admin)
    published = releases.publish(by=staff.approver, now=plan.now, why="The demo's first release")
    if published.left_out:
        reasons = " ".join(f"{key}: {reason}" for key, reason in published.left_out.items())
        raise NotLoaded(f"The release leaves campaigns out: {reasons}")


@transaction.atomic
def _visits(plan: Plan, progress: Callable[[int], None]) -> None:
    state = Serving(follow=False).refresh()
    visit_all(_people(plan), state.release, state.pulse, plan.seed, now=plan.now, progress=progress)
    _finish("visits", plan, hire().admin)


@transaction.atomic
def _read_out(plan: Plan, progress: Callable[[int], None]) -> None:
    # By its command: what it computes with takes seconds to import, and most starts of the demo have nothing to read.
    call_command("analyze_experiment", trials.EXPERIMENT, as_of=plan.now.isoformat(), stdout=StringIO())
    _finish("read-out", plan, hire().admin)


def _serve(plan: Plan, progress: Callable[[int], None]) -> None:
    rebuild(now=plan.now, progress=lambda done, total: progress(done))
    _finish("serving", plan, hire().admin)


class Step(NamedTuple):
    """What is said while it is done, and what is done."""

    said: str
    do: Callable[[Plan, Callable[[int], None]], None]


STEPS: dict[str, Step] = {
    BEGAN: Step("Catalogue", _catalogue),
    "campaigns": Step("Writing campaigns", _campaigns),
    "listeners": Step("Listeners and what they did", _listeners),
    "audiences": Step("Audience run", _audiences),
    "launch": Step("Approving and launching", _launch),
    "release": Step("Publishing a release", _publish),
    "visits": Step("What listeners saw", _visits),
    "read-out": Step("Reading the experiment out", _read_out),
    "serving": Step("Filling the serving store", _serve),
}
COUNTED = frozenset({"listeners", "visits", "serving"})
