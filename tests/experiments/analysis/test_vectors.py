"""Do numbers that were computed elsewhere come out of rows in PostgreSQL, through the whole path?

Covered kinds: proportion_diff, mean_diff_welch, srm. A read-out makes no use of the others (ratio, CUPED, quantile,
non-inferiority, sizes, bounds, sequences, posteriors, off-policy); the pure statistics are held to those.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest

from config.env import PROJECT
from experiments.analysis import analyze
from experiments.models import Metric
from tests.experiments.rows import LATER, START, experiment, expose, happen, metric

FILE = PROJECT.parent / "shared" / "vectors" / "experiments_public.json"
CASES = json.loads(FILE.read_text())["cases"] if FILE.exists() else []

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not CASES, reason="../shared/vectors is not here"),
]


def of_kind(kind: str) -> Any:
    return pytest.mark.parametrize("case", [pytest.param(c, id=c["id"]) for c in CASES if c["kind"] == kind])


def close(case: dict[str, Any], name: str, got: Any) -> None:
    wanted = case["expected"][name]
    for one, other in zip(*([each] if not isinstance(each, list) else each for each in (got, wanted)), strict=True):
        assert abs(one - other) <= case["tolerance"] * (1 + abs(other)), (name, one, other)


@of_kind("proportion_diff")
def test_a_difference_of_shares(case: dict[str, Any]) -> None:
    asked = {arm: case["inputs"][arm] for arm in ("control", "treatment")}
    row = experiment(weights={"control": 1, "treatment": 1}, judged_by=(metric("share"),))
    expose(row, {arm: counts["n"] for arm, counts in asked.items()})
    for arm, counts in asked.items():
        happen(arm, 1, counts["x"], at=START)

    treated = analyze(row, as_of=LATER)["metrics"][0]["arms"][1]

    close(case, "diff", treated["difference"])
    close(case, "se_unpooled", treated["error"])
    close(case, "wald_ci", treated["interval"])
    close(case, "p_unpooled", treated["p"])
    close(case, "z_pooled", treated["pooled_statistic"])
    close(case, "p_pooled", treated["pooled_p"])
    close(case, "newcombe_ci", treated["newcombe"])
    close(case, "rel_lift", treated["lift"])
    close(case, "rel_lift_se_delta", treated["lift_error"])


@of_kind("mean_diff_welch")
def test_a_difference_of_means(case: dict[str, Any]) -> None:
    asked = {arm: case["inputs"][arm] for arm in ("control", "treatment")}
    spend = metric("spend", Metric.Kind.MEAN, field="amount")
    row = experiment(weights={"control": 1, "treatment": 1}, judged_by=(spend,))
    expose(row, {arm: given["n"] for arm, given in asked.items()})
    for arm, given in asked.items():
        # Half of them a step above the mean, half a step below, an odd one on it: this mean, this deviation.
        n, pairs = given["n"], given["n"] // 2
        step = Decimal(given["sd"] * math.sqrt((n - 1) / (2 * pairs))).quantize(Decimal("1e-15"))
        mean = Decimal(str(given["mean"]))
        happen(arm, 1, pairs, at=START, amount=mean + step)
        happen(arm, pairs + 1, 2 * pairs, at=START, amount=mean - step)
        happen(arm, 2 * pairs + 1, n, at=START, amount=mean)

    treated = analyze(row, as_of=LATER)["metrics"][0]["arms"][1]

    close(case, "diff", treated["difference"])
    close(case, "se", treated["error"])
    close(case, "t", treated["statistic"])
    close(case, "df", treated["degrees"])
    close(case, "p", treated["p"])
    close(case, "ci", treated["interval"])


@of_kind("srm")
@pytest.mark.parametrize("external", [False, True], ids=["own", "external"])
def test_a_ratio_check(case: dict[str, Any], external: bool) -> None:
    observed, weights = case["inputs"]["observed"], case["inputs"]["weights"]
    arms = [f"arm-{index}" for index in range(len(observed))]
    if external:
        row = experiment(propensities={arm: w / sum(weights) for arm, w in zip(arms, weights, strict=True)})
    else:
        row = experiment(weights=dict(zip(arms, weights, strict=True)))
    expose(row, dict(zip(arms, observed, strict=True)))

    check = analyze(row, as_of=LATER)["quality"]["ratio_check"]

    close(case, "chi2", check["statistic"])
    close(case, "p", check["p"])
    assert check["degrees"] == case["expected"]["df"]
    assert check["mismatch"] is case["expected"]["srm"]
    assert check["threshold"] == case["inputs"]["threshold"]
