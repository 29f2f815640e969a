"""What do others take for the same rules and the same people, in the same process?

Two questions. Which campaigns match: a campaign's rule becomes one flag that is on for those whom the rule admits, one
question per flag. Which is the first that matches: all rules stand in one flag as allocations in our order, and the
first is the end of it, whatever caps, prices and holdouts would say next; that is the kindest case for a flag service.
Nobody is measured before all have given the same answers. Our whole decision, with everything that a flag service does
not do, stands beside.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from time import thread_time_ns
from typing import Any

import eppo_client
from growthbook import GrowthBook

from benchmarks.releases import NOW, document, request, subjects
from benchmarks.report import Row, median
from merch.engine.call import Call
from merch.engine.compiled import Release
from merch.engine.compiling import compile_release
from merch.engine.decide import decide
from merch.engine.document import Pulse, ReleaseDoc
from merch.engine.facts import Subject
from merch.engine.index import each

RULES, PEOPLE, ROUNDS = 100, 20, 7
Conditions = dict[str, list[tuple[str, str, Any]]]
Matching = Callable[[int], set[str]]  # of a person's number to the campaigns that match


class Silent(eppo_client.AssignmentLogger):
    """Nobody wants to know."""

    def log_assignment(self, event: dict[str, Any]) -> None:
        """Not measured."""


def measure() -> list[Row]:
    """CPU microseconds for one person, medians of interleaved rounds."""
    made, people = document(RULES), subjects(PEOPLE)
    release, pulse = compile_release(made), Pulse()
    ours, asked = Ours(release, people), [request(number) for number in range(PEOPLE)]
    eppo = Eppo(_conditions(made), ours.names, _attributes(people))
    growthbook = _growthbook(_conditions(made), _attributes(people))
    _compare("Eppo", ours.matching, eppo.matching)
    _compare("GrowthBook", ours.matching, growthbook)
    _compare("Eppo's first", ours.first, eppo.first)
    steps: dict[str, Callable[[int], object]] = {
        "matching": ours.matching,
        "eppo": eppo.matching,
        "growthbook": growthbook,
        "first": ours.first,
        "eppo_first": eppo.first,
        "decide": lambda number: decide(release, pulse, asked[number], people[number], NOW),
    }
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS + 1):
        for name, step in steps.items():
            taken[name].append(_round(step))
    us = {name: median(rounds[1:]) for name, rounds in taken.items()}

    def beside(name: str, own: str) -> Row:
        return Row(f"engine.{name}_over_ours", us[name], "us CPU", f"engine.{own}_{RULES}", us[name] / us[own])

    return [
        *(Row(f"engine.{name}_{RULES}", us[name], "us CPU") for name in ("matching", "first", "decide")),
        beside("eppo", "matching"),
        beside("growthbook", "matching"),
        beside("eppo_first", "first"),
    ]


def _round(step: Callable[[int], object]) -> float:
    began = thread_time_ns()
    for number in range(PEOPLE):
        step(number)
    return (thread_time_ns() - began) / PEOPLE / 1_000


def _compare(name: str, ours: Callable[[int], object], theirs: Callable[[int], object]) -> None:
    """Raises RuntimeError where the two differ, or where nobody matches anything."""
    own, other = [ours(number) for number in range(PEOPLE)], [theirs(number) for number in range(PEOPLE)]
    if own != other or not any(own):
        raise RuntimeError(f"{name} answers otherwise: {other} and not {own}")


class Ours:
    """From the request to the campaigns: market, law and day of the call are worked out too."""

    def __init__(self, release: Release, people: list[Subject]) -> None:
        self.release, self.people, self.pulse = release, people, Pulse()
        self.plan = release.placements["home"]
        self.asked = [request(number) for number in range(PEOPLE)]
        self.names = [candidate.campaign.key for tier in self.plan.tiers.values() for candidate in tier]

    def call(self, number: int) -> Call:
        return Call(self.release, self.pulse, self.asked[number], self.people[number], NOW)

    def matching(self, number: int) -> set[str]:
        """All of them."""
        return {self.names[at] for at in each(self.plan.indexed.survivors(self.call(number)))}

    def first(self, number: int) -> str:
        """The first in arbitration order."""
        call = self.call(number)
        for tier in self.plan.tiers:
            for candidate in self.plan.matching(tier, call):
                return candidate.campaign.key
        return ""


def _attributes(people: list[Subject]) -> list[dict[str, Any]]:
    return [
        {name: value for name, (value, _) in who.record.traits.items()} | request(number).context | {"id": str(number)}
        for number, who in enumerate(people)
    ]


def _conditions(made: ReleaseDoc) -> Conditions:
    """By campaign: attribute, operator, value."""
    return {
        campaign.key: [
            (leaf.get("trait") or leaf["ctx"], leaf["op"], leaf["value"]) for leaf in campaign.rule["rule"]["all"]
        ]
        for campaign in made.campaigns
        if campaign.rule
    }


def _growthbook(conditions: Conditions, known: list[dict[str, Any]]) -> Matching:
    features = {
        key: {
            "defaultValue": False,
            "rules": [{"condition": {name: {f"${op}": value} for name, op, value in asked}, "force": True}],
        }
        for key, asked in conditions.items()
    }
    client = GrowthBook(attributes={}, features=features)

    def matching(number: int) -> set[str]:
        client.set_attributes(known[number])
        return {key for key in features if client.is_on(key)}

    return matching


class Eppo:
    """One flag for each campaign, and one for all of them in our order."""

    def __init__(self, conditions: Conditions, order: list[str], known: list[dict[str, Any]]) -> None:
        self.known, self.keys = known, list(conditions)
        flags = {key: _flag(key, {key: True}, {key: conditions[key]}) for key in conditions}
        flags["first"] = _flag("first", {key: key for key in order}, {key: conditions[key] for key in order})
        told = {
            "createdAt": "2026-11-22T00:00:00.000Z", "format": "SERVER", "environment": {"name": "bench"},
            "flags": flags,
        }  # fmt: skip
        self.client = eppo_client.init(
            eppo_client.ClientConfig(
                api_key="none",
                assignment_logger=Silent(),
                poll_interval_seconds=None,
                initial_configuration=eppo_client.Configuration(flags_configuration=json.dumps(told).encode()),
            )
        )

    def matching(self, number: int) -> set[str]:
        """All of them."""
        who, asked = self.known[number], self.client.get_boolean_assignment
        return {key for key in self.keys if asked(key, who["id"], who, False)}

    def first(self, number: int) -> str:
        """The first in our order."""
        who = self.known[number]
        return str(self.client.get_string_assignment("first", who["id"], who, ""))


def _flag(key: str, values: dict[str, Any], conditions: Conditions) -> dict[str, Any]:
    """Its allocations are asked in order; each gives everybody whom it admits its value."""
    whole = [{"salt": "s", "ranges": [{"start": 0, "end": 10_000}]}]
    return {
        "key": key, "enabled": True, "totalShards": 10_000,
        "variationType": "BOOLEAN" if True in values.values() else "STRING",
        "variations": {name: {"key": name, "value": value} for name, value in values.items()},
        "allocations": [
            {
                "key": name, "doLog": False, "rules": [{"conditions": [_condition(*one) for one in asked]}],
                "splits": [{"variationKey": name, "shards": whole}],
            }
            for name, asked in conditions.items()
        ],
    }  # fmt: skip


def _condition(name: str, op: str, value: Any) -> dict[str, Any]:
    operators = {"in": "ONE_OF", "eq": "ONE_OF", "gte": "GTE"}
    return {"attribute": name, "operator": operators[op], "value": [value] if op == "eq" else value}
