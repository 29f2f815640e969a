"""A mapping is read as it is meant, and every mistake in it is told at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from audiences.rules.problems import Findings
from campaigns.importing.documents import yaml_of
from merch.backfill.mapping import (
    Cell,
    EventsMapping,
    ExposuresMapping,
    TraitsMapping,
    When,
    Who,
    columns_of,
    mapping_of,
)


def read(text: str, type_: Any) -> tuple[Any, list[str]]:
    findings = Findings()
    return mapping_of(yaml_of(text, "m.yaml"), type_, findings), [f"{p.id} {p.where}" for p in findings.problems]


def test_short_forms_are_written_out() -> None:
    found, problems = read(
        """
        subject: person
        observed_at: 2026-03-01T00:00:00Z
        where: {event: bought, hour: [0, 1]}
        traits:
          income: income
          age: {column: age, missing: [118, ""]}
          gender: {column: gender, values: {F: female, 1: male}}
          market: {constant: "NO"}
        """,
        TraitsMapping,
    )

    assert problems == []
    assert found.subject == Who("person")
    assert found.observed_at == When(constant=datetime(2026, 3, 1, tzinfo=UTC))
    assert found.where == {"event": {"bought"}, "hour": {"0", "1"}}
    assert found.traits["income"] == Cell(column="income")
    assert found.traits["age"].missing == {"118", ""}
    assert found.traits["gender"].values == {"F": "female", "1": "male"}
    assert columns_of(found) == {"person", "event", "hour", "income", "age", "gender"}


def test_columns_are_all_that_are_read_of_the_file_itself() -> None:
    found, problems = read(
        """
        experiment: wave
        subject: {column: dev, kind: device}
        at: {column: hour, unit: hours, base: 2026-03-01T00:00:00Z, order: seq}
        arm: {column: offer, values: {x: b}}
        otherwise: {arm: none, at: 2026-03-01T00:00:00Z, subject: other_files_column}
        """,
        ExposuresMapping,
    )

    assert problems == []
    assert found.otherwise.subject == Who("other_files_column")
    assert columns_of(found) == {"dev", "hour", "seq", "offer"}


def test_every_mistake_is_told_at_once() -> None:
    found, problems = read(
        """
        subject: {column: person, kind: household}
        occured_at: ts
        name: {column: event, constant: both}
        properties:
          amount: {column: amount, place: 2}
          reward: {places: 2}
        where: 7
        """,
        EventsMapping,
    )

    assert found is None
    assert problems == [
        "mapping.unknown occured_at",
        "mapping.missing occurred_at",
        "mapping.value subject",
        "mapping.shape where",
        "mapping.source name",
        "mapping.value properties.amount",
        "mapping.source properties.reward",
    ]


@pytest.mark.parametrize(
    ("at", "problem"),
    [
        ("2026-03-01T00:00:00", "mapping.moment at"),
        ("{column: h, base: 2026-03-01T00:00:00Z}", "mapping.unit at"),
        ("{column: h, unit: fortnights}", "mapping.value at"),
        ("{column: h, zone: Mars/Olympus}", "mapping.zone at"),
        ("{unit: hours}", "mapping.source at"),
    ],
)
def test_a_moment_that_could_mean_two_things_is_refused(at: str, problem: str) -> None:
    _, problems = read(f"{{experiment: e, subject: s, arm: {{constant: b}}, at: {at}}}", ExposuresMapping)

    assert problems == [problem]


def test_a_mapping_is_a_list_of_names() -> None:
    assert read("[subject]", TraitsMapping) == (None, ["mapping.shape $"])
