"""How does a journey of a release document become something that can be asked?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from merch.engine.compiled import Journeys, ReadyJourney, ReadyRule, ReadyStep, ReadyVersion
from merch.engine.document import Rule, TraitDoc
from merch.engine.journeydoc import END, JourneyDoc, JourneyVersionDoc
from merch.engine.journeys import units_of
from merch.engine.stays import standing_in

Compile = Callable[[Rule, Mapping[str, Rule | None], str], ReadyRule]


def ready_journeys(
    journeys: Mapping[str, JourneyDoc], traits: Mapping[str, TraitDoc], compile_rule: Compile
) -> Journeys:
    """Raises BadRelease, by ``compile_rule``, for a rule that cannot be asked."""
    units = units_of(journeys.values())
    return Journeys(
        by_key={key: _journey(doc, traits, compile_rule) for key, doc in journeys.items()},
        units=units,
        dated=tuple(unit for unit in units if any(_is_dated(journey) for journey in unit)),
    )


def bad_branch(version: JourneyVersionDoc) -> str | None:
    """A step that names one that is not there, or leads back: time would have no end."""
    positions = {step.key: position for position, step in enumerate(version.steps)}
    for position, step in enumerate(version.steps):
        if step.otherwise and step.otherwise not in positions:
            return f"{step.key}: no step {step.otherwise}"
        for to in (step.then, *(leave.to for leave in step.leaves)):
            if to not in ("", END) and positions.get(to, -1) <= position:
                return f"{step.key}: no later step {to}"
    return None


def _is_dated(journey: JourneyDoc) -> bool:
    return any(version.anchor.kind == "DATE" for version in journey.versions)


def _journey(doc: JourneyDoc, traits: Mapping[str, TraitDoc], compile_rule: Compile) -> ReadyJourney:
    versions = {version.number: _version(doc, version, compile_rule) for version in doc.versions}
    return ReadyJourney(doc, versions, any(_profiles(version, traits) for version in doc.versions))


def _version(journey: JourneyDoc, doc: JourneyVersionDoc, compile_rule: Compile) -> ReadyVersion:
    def ready(rule: Rule | None, of: str) -> ReadyRule | None:
        return compile_rule(rule, doc.audiences, f"journey {journey.key}, {of}") if rule else None

    rules = {step.key: ready(step.rule, f"step {step.key}") for step in doc.steps}
    steps = tuple(
        ReadyStep(step, tuple((each, rules[each.key]) for each in standing_in(doc, step))) for step in doc.steps
    )
    return ReadyVersion(ready(doc.gate, "gate"), ready(doc.exit_rule, "exit"), steps)


def _profiles(version: JourneyVersionDoc, traits: Mapping[str, TraitDoc]) -> bool:
    """Marks of events are behaviour, as history is; a date is as its trait."""
    if version.anchor.kind == "EVENT":
        return True
    trait = traits.get(version.anchor.trait)
    return trait is None or trait.profiling


def rules_of(journeys: Journeys) -> Iterable[ReadyRule]:
    """Every rule that any journey asks."""
    for journey in journeys.by_key.values():
        for version in journey.versions.values():
            found = [version.gate, version.exit_rule]
            found += [rule for step in version.steps for _, rule in step.alternates]
            yield from (rule for rule in found if rule is not None)
