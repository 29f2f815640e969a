"""Assignments made elsewhere come in once, the earliest counts, and who got nothing is an arm too."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from audiences.models import Subject
from audiences.people import TraitChange, apply_changes
from experiments.models import Exposure
from tests.factories import ExperimentFactory, VariantFactory
from tests.merch.backfill.conftest import Bring, rejects

pytestmark = pytest.mark.usefixtures("trial", "whole_store")

MAPPING = """
experiment: wave
subject: who
where: {what: sent}
at: {column: hour, unit: hours, base: 2026-03-01T00:00:00Z}
arm: {column: offer, values: {x: big, y: small, z: strange}}
propensity: {small: 0.2}
"""
KNOWN = MAPPING.replace(", z: strange", "")
OTHERWISE = "otherwise: {arm: none, at: 2026-03-01T00:00:00Z, subject: id}\n"
SENT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def trial(db: None) -> None:
    experiment = ExperimentFactory(key="wave", running=True, external=True)
    for arm, propensity in (("none", 0.25), ("big", 0.5), ("small", 0.25)):
        VariantFactory(experiment=experiment, key=arm, propensity=propensity, is_control=arm == "none")


def row(who: str, offer: str | None, hour: int = 0, what: str = "sent") -> dict[str, Any]:
    return {"who": who, "offer": offer, "hour": hour, "what": what}


def arms() -> dict[str, tuple[str, float]]:
    rows = Exposure.objects.values_list("subject__key", "arm", "propensity")
    return {key: (arm, propensity) for key, arm, propensity in rows}


def know(*keys: str, kind: str = "a") -> None:
    apply_changes([TraitChange(kind=kind, key=key, observed_at=1) for key in keys], now=datetime.now(UTC))


def test_rows_that_fit_expose_with_their_probability(bring: Bring) -> None:
    assert bring("exposures", KNOWN, [row("ann", "x"), row("bob", "y"), row("ann", None, what="seen")]).code == 0

    assert arms() == {"ann": ("big", 0.5), "bob": ("small", 0.2)}
    assert set(Exposure.objects.values_list("at", "source", "version")) == {(SENT, "backfill", 1)}
    assert Subject.objects.get(key="ann").marks["experiment|wave"][:2] == [1, "big"]


def test_the_earliest_counts_whatever_the_order_of_rows(bring: Bring) -> None:
    rows = [row("ann", "x", 5), row("ann", "y", 2), row("ann", "x", 2)]

    plan = bring("exposures", KNOWN, rows, apply=False)
    assert "1 stand in several arms; the earliest counts." in plan.said

    bring("exposures", KNOWN, rows)
    assert arms() == {"ann": ("small", 0.2)}


def test_everybody_else_who_is_known_is_in_the_other_arm(bring: Bring) -> None:
    know("ann", "bob", "cyd")
    know("phone", kind="d")
    rows = [row("ann", "x")]

    plan = bring("exposures", KNOWN + OTHERWISE, rows, apply=False)
    assert "Others, for the arm of `otherwise`: 2." in plan.said
    assert arms() == {}

    for _ in range(2):
        assert bring("exposures", KNOWN + OTHERWISE, rows).code == 0
        assert arms() == {"ann": ("big", 0.5), "bob": ("none", 0.25), "cyd": ("none", 0.25)}


def test_everybody_may_stand_in_a_file_of_their_own(bring: Bring, tmp_path: Path) -> None:
    know("zoe")
    everybody = tmp_path / "everybody.csv"
    everybody.write_text("id,age\nann,1\nnew,2\nnew,3\n,4\n")
    rows = [row("ann", "y")]

    plan = bring("exposures", KNOWN + OTHERWISE, rows, subjects=everybody, apply=False)
    assert "Others, for the arm of `otherwise`: 1." in plan.said

    assert bring("exposures", KNOWN + OTHERWISE, rows, subjects=everybody).code == 0
    assert arms() == {"ann": ("small", 0.2), "new": ("none", 0.25)}


def test_rows_of_no_arm_are_rejected(bring: Bring, tmp_path: Path) -> None:
    assert bring("exposures", KNOWN, [row("ann", "q"), row("bob", None), row("cyd", "x")]).code == 1
    assert rejects(tmp_path) == [(1, "unmapped_value"), (2, "unknown_arm")]
    assert set(arms()) == {"cyd"}


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        (MAPPING, 'There is no arm "strange".'),
        (KNOWN.replace("wave", "weave"), 'There is no experiment "weave". Did you mean wave'),
        (f"{KNOWN}version: 3\n", "It has no version 3."),
        (KNOWN.replace("0.2}", "2}"), "2.0 is no probability."),
        (KNOWN + OTHERWISE.replace("none", "nothing"), 'There is no arm "nothing".'),
    ],
)
def test_a_mapping_that_does_not_fit_the_experiment_is_refused(bring: Bring, mapping: str, said: str) -> None:
    told = bring("exposures", mapping, [row("ann", "x")])

    assert told.code == 2
    assert said in told.said
    assert arms() == {}
