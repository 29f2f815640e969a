"""Do the formulas give the numbers that other implementations gave?

The full file of vectors lies beside the repository; a few of its numbers are kept here, so that something is checked
without it.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from audiences.hashing import bucket
from experiments.stats.always_valid import confidence_sequence, log_mixture_ratio, p_of_log_ratio
from experiments.stats.cuped import compare_adjusted
from experiments.stats.estimates import Estimate, Interval
from experiments.stats.group_sequential import (
    boundaries,
    crossing_probabilities,
    obrien_fleming_constant,
    pocock_constant,
)
from experiments.stats.means import compare_means
from experiments.stats.multiplicity import benjamini_hochberg, bonferroni, holm
from experiments.stats.non_inferiority import non_inferior
from experiments.stats.power import (
    Wanted,
    size_for_means,
    size_for_means_t,
    size_for_proportions,
    size_for_proportions_pooled,
    whole,
)
from experiments.stats.proportions import compare_proportions, newcombe_interval, pooled_test
from experiments.stats.quantiles import quantile_interval
from experiments.stats.ratio_check import ratio_check
from experiments.stats.ratios import compare_ratios
from experiments.stats.spending import SPENDING
from experiments.stats.summaries import Counts, Moments, PairTotals
from experiments.stats.thompson import best_arm

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "experiments_public.json"

# Replaying other policies on logged decisions belongs to merch.replay.
ELSEWHERE = {"off_policy_value"}

Given = dict[str, Any]


def ends(interval: Interval | None) -> list[float]:
    assert interval is not None
    return [interval.low, interval.high]


def proportion_diff(given: Given) -> Given:
    control, treatment = (Counts(given[arm]["x"], given[arm]["n"]) for arm in ("control", "treatment"))
    found, pooled = compare_proportions(control, treatment, given["alpha"]), pooled_test(control, treatment)
    assert found
    assert pooled
    return {
        "diff": found.difference,
        "se_unpooled": found.error,
        "wald_ci": ends(found.interval),
        "z_pooled": pooled.statistic,
        "p_pooled": pooled.p,
        "p_unpooled": found.p,
        "newcombe_ci": ends(newcombe_interval(control, treatment, given["alpha"])),
        "rel_lift": found.lift,
        "rel_lift_se_delta": found.lift_error,
    }


def mean_diff_welch(given: Given) -> Given:
    control, treatment = (
        Moments(given[a]["n"], given[a]["mean"], given[a]["sd"] ** 2) for a in ("control", "treatment")
    )
    found = compare_means(control, treatment, given["alpha"])
    assert found
    return {
        "diff": found.difference,
        "se": found.error,
        "t": found.statistic,
        "df": found.degrees,
        "p": found.p,
        "ci": ends(found.interval),
    }


def ratio_delta(given: Given) -> Given:
    order = ("n", "sum_num", "sum_den", "sum_num2", "sum_den2", "sum_numden")
    control, treatment = (PairTotals(*(given[arm][total] for total in order)) for arm in ("control", "treatment"))
    found = compare_ratios(control, treatment, given["alpha"])
    assert found
    return {
        "ratio_control": found.control,
        "ratio_treatment": found.treatment,
        "diff": found.difference,
        "se": found.error,
        "z": found.statistic,
        "p": found.p,
        "ci": ends(found.interval),
        "rel_lift": found.lift,
        "rel_lift_se": found.lift_error,
    }


def totals_of(pairs: list[tuple[float, float]]) -> PairTotals:
    return PairTotals(
        len(pairs),
        math.fsum(y for y, _ in pairs),
        math.fsum(x for _, x in pairs),
        math.fsum(y * y for y, _ in pairs),
        math.fsum(x * x for _, x in pairs),
        math.fsum(y * x for y, x in pairs),
    )


def cuped_mean(given: Given) -> Given:
    rows = list(zip(given["arm"], given["y"], given["x_pre"], strict=True))
    control, treatment = (totals_of([(y, x) for at, y, x in rows if at == arm]) for arm in (0, 1))
    found = compare_adjusted(control, treatment)
    assert found
    return {
        "theta": found.theta,
        "diff_unadjusted": found.unadjusted_difference,
        "diff": found.estimate.difference,
        "se": found.estimate.error,
        "p_z": found.estimate.p,
        "variance_ratio": found.variance_ratio,
    }


def srm(given: Given) -> Given:
    found = ratio_check(given["observed"], given["weights"], given["threshold"])
    assert found
    return {"chi2": found.statistic, "df": found.degrees, "p": found.p, "srm": found.mismatch}


def sample_size_proportion(given: Given) -> Given:
    wanted = Wanted(given["alpha"], given["power"], given["sides"], given["ratio"])
    target = given["baseline"] * (1 + given["relative_mde"])
    pooled = size_for_proportions_pooled(given["baseline"], target, wanted)
    unpooled = size_for_proportions(given["baseline"], target, wanted)
    assert pooled
    assert unpooled
    return {
        "n_per_arm_pooled_null": whole(pooled),
        "n_per_arm_unpooled": whole(unpooled),
        "n_pooled_raw": pooled,
        "n_unpooled_raw": unpooled,
    }


def sample_size_mean(given: Given) -> Given:
    wanted = Wanted(given["alpha"], given["power"], 2, given["ratio"])
    normal = size_for_means(given["sd"], given["abs_mde"], wanted)
    student = size_for_means_t(given["sd"], given["abs_mde"], wanted)
    adjusted = size_for_means(given["sd"], given["abs_mde"], wanted, rho=given["cuped_rho"])
    assert normal
    assert student
    assert adjusted
    return {
        "n_per_arm_normal": whole(normal),
        "n_per_arm_t": whole(student),
        "n_per_arm_cuped_normal": whole(adjusted),
    }


def non_inferiority(given: Given) -> Given:
    found = non_inferior(given["diff"], given["se"], given["margin"], alpha=given["alpha_one_sided"])
    assert found
    return {"z": found.statistic, "p": found.p, "lower_bound": found.worst, "non_inferior": found.holds}


def gst_boundary(given: Given) -> Given:
    looks = boundaries(
        given["information"],
        1.0,
        alpha=given["alpha"],
        spending=SPENDING[given["family"]],
        sides=given["sides"],
    )
    assert looks
    return {"z": [look.bound for look in looks], "cumulative_alpha": [look.spent for look in looks]}


def gst_classic_constant(given: Given) -> Given:
    solve = {"pocock": pocock_constant, "obf": obrien_fleming_constant}[given["kind"]]
    return {"C": solve(given["K"], given["alpha"])}


def naive_peeking_type1(given: Given) -> Given:
    looks = given["looks"]
    stops = crossing_probabilities([k / looks for k in range(1, looks + 1)], [given["z"]] * looks)
    assert stops
    return {"type1": sum(stops)}


def asymptotic_confidence_sequence(given: Given) -> Given:
    found = confidence_sequence(
        given["diff"], given["var_of_diff"], given["n_total"], alpha=given["alpha"], tuned_for=given["n_star"]
    )
    assert found
    return {
        "rho": found.rho,
        "z_multiplier": found.multiplier,
        "ci": ends(found.interval),
        "always_valid_p": found.p,
    }


def msprt_normal_mixture(given: Given) -> Given:
    ratio = log_mixture_ratio(given["diff"], given["var_of_diff"], given["tau2"])
    return {"likelihood_ratio": math.exp(ratio), "p_at_this_look": p_of_log_ratio(ratio)}


def thompson_prob_best(given: Given) -> Given:
    found = best_arm([Counts(a["successes"], a["successes"] + a["failures"]) for a in given["arms"]])
    assert found
    return {
        "prob_best": [arm.probability_best for arm in found],
        "expected_loss": [arm.expected_loss for arm in found],
    }


def quantile_order_stat_ci(given: Given) -> Given:
    found = quantile_interval(given["values"], given["q"], given["alpha"])
    assert found
    return {
        "quantile_linear": found.value,
        "rank_low": found.ranks.low,
        "rank_high": found.ranks.high,
        "ci": ends(found.interval),
        "coverage": found.ranks.coverage,
    }


def multiple_testing(given: Given) -> Given:
    methods = {"bonferroni": bonferroni, "holm": holm, "bh": benjamini_hochberg}
    return {name: list(method(given["p"])) for name, method in methods.items()}


def bucket_md5_15hex_mod10000(given: Given) -> Given:
    return {"buckets": [bucket(item["salt"], item["unit"]) for item in given["items"]]}


ANSWERS: dict[str, Callable[[Given], Given]] = {
    answer.__name__: answer
    for answer in (
        proportion_diff,
        mean_diff_welch,
        ratio_delta,
        cuped_mean,
        srm,
        sample_size_proportion,
        sample_size_mean,
        non_inferiority,
        gst_boundary,
        gst_classic_constant,
        naive_peeking_type1,
        asymptotic_confidence_sequence,
        msprt_normal_mixture,
        thompson_prob_best,
        quantile_order_stat_ci,
        multiple_testing,
        bucket_md5_15hex_mod10000,
    )
}


def leaves(value: object, path: str = "") -> dict[str, float]:
    if isinstance(value, dict):
        return {at: leaf for key, inner in value.items() for at, leaf in leaves(inner, f"{path}.{key}").items()}
    if isinstance(value, list):
        return {at: leaf for i, inner in enumerate(value) for at, leaf in leaves(inner, f"{path}[{i}]").items()}
    assert isinstance(value, bool | int | float), path
    return {path: float(value)}


def cases() -> list[Given]:
    return json.loads(VECTORS.read_text())["cases"] if VECTORS.exists() else []


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared vectors are not beside this repository")
def test_every_kind_of_vector_is_answered_here_or_elsewhere() -> None:
    assert {case["kind"] for case in cases()} <= ANSWERS.keys() | ELSEWHERE


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case["id"]) for case in cases() if case["kind"] not in ELSEWHERE]
)
def test_a_vector_is_reproduced_within_its_tolerance(case: Given) -> None:
    got, expected = leaves(ANSWERS[case["kind"]](case["inputs"])), leaves(case["expected"])

    assert got.keys() == expected.keys()
    off = {
        at: (got[at], wanted)
        for at, wanted in expected.items()
        if not abs(got[at] - wanted) <= case["tolerance"] * (1 + abs(wanted))
    }
    assert off == {}


def found_p(found: Estimate | None) -> float:
    assert found
    return found.p


def test_numbers_kept_here_are_reproduced() -> None:
    looks = boundaries([0.2, 0.4, 0.6, 0.8, 1.0], 1.0)
    arms = best_arm([Counts(20, 200), Counts(30, 200)])
    check = ratio_check([10_250, 9_700, 40_050], [1, 1, 4])

    assert looks
    assert arms
    assert check
    assert [look.bound for look in looks] == pytest.approx([4.876885, 3.357012, 2.68028, 2.289817, 2.031032], abs=2e-6)
    assert [arm.probability_best for arm in arms] == pytest.approx([0.0666947068, 0.9333052932], abs=1e-9)
    assert check.p == pytest.approx(0.00047307813161271843)
    assert found_p(compare_proportions(Counts(800, 10_000), Counts(872, 10_000))) == pytest.approx(0.06583622283971106)
    assert found_p(compare_means(Moments(40, 3.0, 1.21), Moments(25, 3.9, 5.76))) == pytest.approx(0.08798101925526847)
    assert bucket("exp:hero-2026q4:a1b2", "user-00000042") == 5013


@pytest.mark.parametrize(
    ("looks", "pocock", "obrien_fleming"),
    [(2, 2.1783, 1.9774), (3, 2.2895, 2.0040), (4, 2.3613, 2.0243), (5, 2.4132, 2.0401), (20, 2.6720, 2.1257)],
)
def test_the_classic_constants_are_those_of_the_book(looks: int, pocock: float, obrien_fleming: float) -> None:
    """Jennison and Turnbull (2000), tables 2.1 and 2.3, two-sided 5 %."""
    assert pocock_constant(looks) == pytest.approx(pocock, abs=1e-4)
    assert obrien_fleming_constant(looks) == pytest.approx(obrien_fleming, abs=1e-4)


def test_one_look_is_a_plain_test() -> None:
    looks = boundaries([1.0], 1.0)

    assert looks
    assert looks[0].bound == pytest.approx(stats.norm.isf(0.025))
