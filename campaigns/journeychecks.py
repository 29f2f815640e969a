"""Why may a version of a journey not be published yet, and why can a campaign not lean on a journey?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from django.utils.functional import cached_property

from audiences.models import EventDefinition
from audiences.rules import Type, Vocabulary
from audiences.tiers import Tier
from campaigns import journeydocs, rulechecks
from campaigns.case import Case
from campaigns.models import (
    Campaign,
    Domain,
    Journey,
    JourneyVersion,
    Mechanic,
    Offer,
    Placement,
    PlacementFormat,
    Plan,
    PlanGroup,
)
from campaigns.problems import Problem

END = "end"
SHOWN = frozenset({"impression", "click", "dismissal"})
# What may be counted of each scope: the cells that intake folds (docs/algorithms/subject-records.md).
HAPPENINGS: dict[str, frozenset[str]] = {
    "event": frozenset({"custom"}),
    "campaign": SHOWN,
    "tier": SHOWN,
    "offer": SHOWN | {"conversion"},
    "placement": SHOWN | {"viewed"},
    "format": SHOWN,
    "mechanic": SHOWN | {"conversion"},
    "plan": frozenset({"conversion", "trial", "paid"}),
    "plan_group": frozenset({"conversion", "trial", "paid"}),
    "all": SHOWN | {"viewed", "conversion"},
}
PROTECTED = frozenset({Tier.LEGAL.value, Tier.SERVICE.value})


class Draft:
    """A version under review: its content, and the names that it may use."""

    def __init__(self, version: JourneyVersion) -> None:
        self.version = version
        self.content = journeydocs.content(version)
        self.doc = self.content["version"]
        self.steps: list[journeydocs.Document] = self.doc["steps"]
        self.positions = {step["key"]: position for position, step in enumerate(self.steps)}

    @cached_property
    def words(self) -> Vocabulary:
        return rulechecks.words()

    @cached_property
    def names(self) -> dict[str, frozenset[str]]:
        """By scope, what there is of it."""
        return {
            "event": frozenset(EventDefinition.objects.values_list("name", flat=True)),
            "campaign": frozenset(Campaign.objects.values_list("key", flat=True)),
            "tier": frozenset(tier.value for tier in Tier),
            "offer": frozenset(Offer.objects.values_list("key", flat=True)),
            "mechanic": frozenset(Mechanic.values),
            "placement": frozenset(Placement.objects.values_list("slug", flat=True)),
            "format": frozenset(PlacementFormat.objects.values_list("key", flat=True)),
            "plan": frozenset(Plan.objects.values_list("key", flat=True)),
            "plan_group": frozenset(PlanGroup.objects.values_list("key", flat=True)),
            "domain": frozenset(Domain.objects.values_list("key", flat=True)),
            "all": frozenset({""}),
        }

    def cell_problems(self, cell: str, of: str) -> Iterator[Problem]:
        """Why no event can ever be this one."""
        scope, _, rest = cell.partition("|")
        key, _, happening = rest.rpartition("|")
        if scope not in HAPPENINGS:
            hint = f"Write scope|key|what, with a scope of {', '.join(sorted(HAPPENINGS))}."
            yield Problem("journey.event", f'{of}: "{cell}" names no event.', hint)
            return
        if happening not in HAPPENINGS[scope]:
            hint = f"Use {' or '.join(sorted(HAPPENINGS[scope]))}."
            yield Problem("journey.event", f'{of}: "{cell}": {scope} has no "{happening}".', hint)
        if key not in self.names[scope]:
            sentence = f'{of}: "{cell}": there is no {scope.replace("_", " ")} "{key}".'
            yield Problem("journey.event_unknown", sentence, "Choose one that exists.")


def problems(version: JourneyVersion) -> list[Problem]:
    """Everything in the way of sending a version to review; empty: nothing is."""
    draft = Draft(version)
    return list(dict.fromkeys(problem for check in CHECKS for problem in check(draft)))


def has_entry(draft: Draft) -> Iterator[Problem]:
    anchor = draft.doc["anchor"]
    if anchor["kind"] == "DATE":
        known = draft.words.traits.get(anchor["trait"])
        if known is None or known.type is not Type.DATE:
            sentence = f'"{anchor["trait"]}" is no trait that holds a date.'
            yield Problem("journey.date", sentence, "Choose a declared trait of the type date.")
        return
    yield from draft.cell_problems(anchor["cell"], "Entry")
    if anchor["local_day"] and anchor["window"] is not None:
        yield Problem(
            "journey.window", "The entry counts in two windows.", "Clear the length, or untick the local day."
        )


def has_steps(draft: Draft) -> Iterator[Problem]:
    if not draft.steps:
        yield Problem("journey.no_steps", "The journey has no steps.", "Add the first one.")
    for step in draft.steps:
        if step["key"] == END:
            yield Problem("journey.step_key", 'No step may be called "end".', "Choose another key.")
        if step["since"] == "ENTRY" and step["after"] >= draft.doc["length"]:
            sentence = f"The step {step['key']} opens when the journey is over."
            yield Problem("journey.step_late", sentence, "Make the journey longer, or open the step earlier.")
        if step["closes"] is not None and step["closes"] <= 0:
            sentence = f"The step {step['key']} closes when it opens."
            yield Problem("journey.step_empty", sentence, "Give it some time, or leave the field empty.")


def branches_lead_forward(draft: Draft) -> Iterator[Problem]:
    for position, step in enumerate(draft.steps):
        if step["otherwise"] and step["otherwise"] not in draft.positions:
            sentence = f'Step {step["key"]}: there is no step "{step["otherwise"]}" to stand in.'
            yield Problem("journey.step_unknown", sentence, "Choose one of the steps.")
        for to in (step["then"], *(leave["to"] for leave in step["leaves"])):
            if to not in ("", END) and draft.positions.get(to, -1) <= position:
                sentence = f'Step {step["key"]}: "{to}" is no later step.'
                yield Problem("journey.branch", sentence, 'Choose a step below it, or "end".')


def can_be_left(draft: Draft) -> Iterator[Problem]:
    if not draft.doc["exits"] and not draft.doc["exit_rule"]:
        hint = "Name the events that end it at once, e.g. a conversion in the plan group."
        yield Problem("journey.no_exit", "Nothing ends the journey but time.", hint)


def events_exist(draft: Draft) -> Iterator[Problem]:
    for cell in draft.doc["exits"]:
        yield from draft.cell_problems(cell, "Exit")
    for step in draft.steps:
        for leave in step["leaves"]:
            yield from draft.cell_problems(leave["cell"], f"Step {step['key']}")


def names_exist(draft: Draft) -> Iterator[Problem]:
    for step in draft.steps:
        for key in step["prefer"]:
            if key not in draft.names["campaign"]:
                sentence = f'Step {step["key"]} prefers "{key}", which is no campaign.'
                yield Problem("journey.campaign", sentence, "Choose the key of a campaign.")
        for name in step["suppress"]:
            yield from _suppress_problems(draft, name, step["key"])


def _suppress_problems(draft: Draft, name: str, step: str) -> Iterator[Problem]:
    scope, _, key = name.partition("|")
    if scope not in ("tier", "domain", "campaign") or key not in draft.names[scope]:
        hint = "Write tier|COMMERCIAL, domain|key or campaign|key."
        yield Problem("journey.suppress", f'Step {step} keeps quiet "{name}", which is nothing.', hint)
    elif scope == "tier" and key in PROTECTED:
        sentence = f"Step {step} keeps {key} quiet, which nothing may."
        yield Problem("journey.suppress_protected", sentence, "Take it out.")


def rules_parse(draft: Draft) -> Iterator[Problem]:
    named = {"the gate": draft.doc["gate"], "the exit rule": draft.doc["exit_rule"]}
    named |= {f"the rule of step {step['key']}": step["rule"] for step in draft.steps}
    for of, rule in named.items():
        yield from rulechecks.rule_problems(rule or {}, draft.words, of)
    yield from rulechecks.archived_problems(journeydocs.rules_of(draft.content))


Check = Callable[[Draft], Iterable[Problem]]

CHECKS: tuple[Check, ...] = (
    has_entry,
    has_steps,
    branches_lead_forward,
    can_be_left,
    events_exist,
    names_exist,
    rules_parse,
)


def campaign_problems(case: Case) -> Iterator[Problem]:
    """The campaign's side: its journey is there, and so are its steps."""
    campaign, journey = case.campaign, case.campaign.journey
    if journey is None:
        if campaign.steps:
            yield Problem("journey.steps_alone", "It names steps of no journey.", "Choose the journey, or clear them.")
        return
    if journey.state not in (Journey.State.LIVE, Journey.State.PAUSED):
        sentence = f"The journey {journey.key} is {journey.get_state_display().lower()}."
        yield Problem("journey.not_live", sentence, "Publish a version of it, or choose another journey.")
        return
    newest = journey.versions.filter(state=JourneyVersion.State.PUBLISHED).order_by("-number").first()
    steps = [step["key"] for step in (newest.content or {})["version"]["steps"]] if newest else []
    for key in campaign.steps:
        if key not in steps:
            sentence = f'The journey {journey.key} has no step "{key}".'
            yield Problem("journey.step_unknown", sentence, f"Its steps are {', '.join(steps)}.")
