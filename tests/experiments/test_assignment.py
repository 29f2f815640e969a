"""Is everybody in exactly the arm, layer and holdout that their id and the date say?"""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import duckdb
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare

from audiences.hashing import bucket
from audiences.tiers import Tier
from experiments.assignment import (
    Allocation,
    Arm,
    ExperimentSpec,
    HoldoutPeriod,
    HoldoutScope,
    HoldoutSpec,
    Variant,
    arm,
    held_out,
    propensity,
    withholds_from,
)

DAY = 86_400_000_000
SUBJECTS = [f"acc_{number}" for number in range(20_000)]
HALVES = (Variant("control", 1), Variant("b", 1))
COMMERCIAL = frozenset({Tier.COMMERCIAL, Tier.LIFECYCLE})


def experiment(*ranges: Allocation, **changes: object) -> ExperimentSpec:
    spec = ExperimentSpec("hero-copy", 1, "exp:hero-copy:a1", "layer:home:1", ranges, HALVES)
    return msgspec.structs.replace(spec, **changes)


def variants_of(spec: ExperimentSpec, now_us: int = 0, subjects: list[str] = SUBJECTS) -> dict[str, str]:
    arms = {subject: arm(spec, subject, now_us) for subject in subjects}
    return {subject: given.variant for subject, given in arms.items() if given}


EVERYBODY = Allocation(0, 10_000, 0)
OWN_BUCKET = bucket("layer:home:1", "acc_7")


@pytest.mark.parametrize(
    ("allocation", "now_us", "inside"),
    [
        pytest.param(Allocation(OWN_BUCKET, OWN_BUCKET + 1, 10, 20), 10, True, id="start-is-in"),
        pytest.param(Allocation(OWN_BUCKET, OWN_BUCKET + 1, 10, 20), 19, True, id="last-microsecond-is-in"),
        pytest.param(Allocation(OWN_BUCKET, OWN_BUCKET + 1, 10, 20), 20, False, id="end-is-out"),
        pytest.param(Allocation(OWN_BUCKET, OWN_BUCKET + 1, 10, 20), 9, False, id="before-is-out"),
        pytest.param(Allocation(OWN_BUCKET, OWN_BUCKET + 1, 10), 10**18, True, id="no-end"),
        pytest.param(Allocation(OWN_BUCKET - 5, OWN_BUCKET, 10), 10, False, id="end-bucket-is-out"),
        pytest.param(Allocation(OWN_BUCKET + 1, 10_000, 10), 10, False, id="bucket-below-start"),
    ],
)
def test_ranges_of_buckets_and_of_time_are_half_open(allocation: Allocation, now_us: int, inside: bool) -> None:
    assert (arm(experiment(allocation), "acc_7", now_us) is not None) is inside


def test_a_subject_exposed_before_a_down_ramp_stays_in_its_arm() -> None:
    before = arm(experiment(EVERYBODY), "acc_7", 5)
    narrowed = experiment(Allocation(0, 10_000, 0, 10))

    assert before is not None
    assert arm(narrowed, "acc_7", 11) is None
    assert arm(narrowed, "acc_7", 11, {("hero-copy", 1)}) == before


def test_an_exposure_mark_of_another_version_counts_for_nothing() -> None:
    narrowed = experiment(Allocation(0, 10_000, 0, 10), version=2)

    assert arm(narrowed, "acc_7", 11, {("hero-copy", 1), ("other", 2)}) is None


def test_an_external_experiment_assigns_nobody_and_declares_its_propensities() -> None:
    elsewhere = experiment(EVERYBODY, external=True, propensities=(("control", 0.9), ("b", 0.1)))

    assert arm(elsewhere, "acc_7", 5, {("hero-copy", 1)}) is None
    assert propensity(elsewhere, "b") == 0.1
    assert propensity(elsewhere, "c") is None


def test_propensity_is_the_share_of_the_weights() -> None:
    spec = experiment(EVERYBODY, variants=(Variant("control", 3), Variant("b", 2), Variant("c", 2)))

    assert [propensity(spec, key) for key in ("control", "b", "c", "d")] == [3 / 7, 2 / 7, 2 / 7, None]
    assert {arm(spec, subject, 5) for subject in SUBJECTS[:100]} == {
        Arm("hero-copy", 1, key, weight / 7) for key, weight in (("control", 3), ("b", 2), ("c", 2))
    }


def test_an_experiment_without_weights_assigns_nobody() -> None:
    spec = experiment(EVERYBODY, variants=(Variant("control", 0),))

    assert arm(spec, "acc_7", 5) is None
    assert propensity(spec, "control") is None


@pytest.mark.parametrize("weights", [(1, 1), (9, 1), (1, 1, 4), (3333, 3333, 3334), (0, 1, 1), (999_999, 1)])
def test_variants_are_as_uniform_as_their_weights(weights: tuple[int, ...]) -> None:
    spec = experiment(EVERYBODY, variants=tuple(Variant(str(i), w) for i, w in enumerate(weights)))
    given_variants = list(variants_of(spec).values())
    counts = np.array([given_variants.count(str(i)) for i in range(len(weights))])
    expected = np.array(weights) / sum(weights) * len(SUBJECTS)

    assert counts.sum() == len(SUBJECTS)
    assert (counts[expected == 0] == 0).all()
    assert chisquare(counts[expected > 0], expected[expected > 0]).pvalue > 0.001


def test_two_experiments_in_different_layers_are_independent() -> None:
    one = variants_of(experiment(EVERYBODY))
    other = variants_of(experiment(EVERYBODY, salt="exp:hero-copy:a2", layer_salt="layer:home:2"))
    pairs = Counter((one[subject], other[subject]) for subject in SUBJECTS)
    table = [[pairs[a, b] for a in ("control", "b")] for b in ("control", "b")]

    assert chi2_contingency(table, correction=False).pvalue > 0.001


def test_the_variant_does_not_depend_on_the_layer_bucket() -> None:
    low = variants_of(experiment(Allocation(0, 2_000, 0)))
    share = list(low.values()).count("b") / len(low)

    assert abs(share - 0.5) < 4 * 0.5 / len(low) ** 0.5


@dataclass(frozen=True)
class Ramp:
    smaller: tuple[Allocation, ...]
    larger: tuple[Allocation, ...]


@st.composite
def ramps(draw: st.DrawFn) -> Ramp:
    cuts = draw(st.lists(st.integers(0, 10_000), min_size=2, max_size=8, unique=True).map(sorted))
    pieces = [Allocation(a, b, 0) for a, b in pairwise(cuts)]
    keep = draw(st.integers(1, len(pieces)))
    return Ramp(tuple(pieces[:keep]), tuple(pieces))


@given(ramp=ramps(), weights=st.lists(st.integers(1, 1_000), min_size=2, max_size=5))
def test_a_ramp_adds_subjects_and_moves_none(ramp: Ramp, weights: list[int]) -> None:
    variants = tuple(Variant(str(i), w) for i, w in enumerate(weights))
    before = variants_of(experiment(*ramp.smaller, variants=variants), subjects=SUBJECTS[:200])
    after = variants_of(experiment(*ramp.larger, variants=variants), subjects=SUBJECTS[:200])

    assert before.items() <= after.items()


def holdout(*periods: HoldoutPeriod, **changes: object) -> HoldoutSpec:
    spec = HoldoutSpec("global", HoldoutScope.GLOBAL, "", COMMERCIAL, periods)
    return msgspec.structs.replace(spec, **changes)


UPSELL_DOMAIN = holdout(scope=HoldoutScope.DOMAIN, scope_key="upsell")
TRIAL_CAMPAIGN = holdout(scope=HoldoutScope.CAMPAIGN, scope_key="trial")


def withheld(spec: HoldoutSpec, at_us: int) -> set[str]:
    return {subject for subject in SUBJECTS if held_out(spec, subject, at_us)}


@given(sizes=st.lists(st.integers(0, 10_000), min_size=2, max_size=2).map(sorted))
def test_growing_a_holdout_adds_subjects_and_removes_none(sizes: list[int]) -> None:
    spec = holdout(HoldoutPeriod("q4", 0, 10, sizes[0]), HoldoutPeriod("q4", 10, None, sizes[1]))
    some = SUBJECTS[:300]

    assert {s for s in some if held_out(spec, s, 9)} <= {s for s in some if held_out(spec, s, 10)}


def test_two_percent_grown_to_three_keeps_the_two_percent() -> None:
    spec = holdout(HoldoutPeriod("q4", 0, 10, 200), HoldoutPeriod("q4", 10, None, 300))
    before, after = withheld(spec, 9), withheld(spec, 10)

    assert before < after
    assert abs(len(before) - 400) < 80
    assert abs(len(after) - 600) < 100


def test_a_new_quarter_is_a_new_draw_and_the_past_stays_answerable() -> None:
    third = HoldoutPeriod("holdout:2026Q3", 0, 90 * DAY, 200)
    asked_then = withheld(holdout(third), 45 * DAY)
    grown = holdout(third, HoldoutPeriod("holdout:2026Q4", 90 * DAY, 180 * DAY, 200))

    assert withheld(grown, 45 * DAY) == asked_then
    # 2 % of 2 % of 20,000 is 8: the second draw is no copy of the first.
    assert len(withheld(grown, 90 * DAY) & asked_then) < 25
    assert withheld(grown, 180 * DAY) == set()


def test_a_group_kept_into_the_next_quarter_is_held_out_beside_the_new_one() -> None:
    old, new = HoldoutPeriod("q3", 0, 118 * DAY, 200), HoldoutPeriod("q4", 90 * DAY, None, 200)

    both = withheld(holdout(old, new), 100 * DAY)

    assert both == withheld(holdout(old), 100 * DAY) | withheld(holdout(new), 100 * DAY)


@pytest.mark.parametrize(
    ("spec", "tier", "domain", "campaign", "speaks"),
    [
        pytest.param(holdout(), Tier.COMMERCIAL, None, "any", True, id="global"),
        pytest.param(holdout(), Tier.HOUSE, None, "any", False, id="tier-not-listed"),
        pytest.param(holdout(tiers=frozenset(Tier)), Tier.LEGAL, None, "any", False, id="never-legal"),
        pytest.param(holdout(tiers=frozenset(Tier)), Tier.SERVICE, None, "any", False, id="never-service"),
        pytest.param(UPSELL_DOMAIN, Tier.COMMERCIAL, "upsell", "x", True, id="domain"),
        pytest.param(UPSELL_DOMAIN, Tier.COMMERCIAL, None, "upsell", False, id="no-domain"),
        pytest.param(TRIAL_CAMPAIGN, Tier.COMMERCIAL, None, "trial", True, id="campaign"),
        pytest.param(TRIAL_CAMPAIGN, Tier.COMMERCIAL, "trial", "other", False, id="other-campaign"),
    ],
)
def test_a_holdout_speaks_only_about_its_scope_and_tiers(
    spec: HoldoutSpec, tier: Tier, domain: str | None, campaign: str, speaks: bool
) -> None:
    assert withholds_from(spec, tier, domain, campaign) is speaks


# Frozen answers: a change here reassigns every live experiment.
GOLDEN = ["control", "b", "b", "b", "control", "control", "b", "control"]

PROGRAM = """
from experiments.assignment import Allocation, ExperimentSpec, Variant, arm
spec = ExperimentSpec("hero-copy", 1, "exp:hero-copy:a1", "layer:home:1", (Allocation(0, 10_000, 0),),
                      (Variant("control", 1), Variant("b", 1)))
print([arm(spec, f"acc_{number}", 0).variant for number in range(500)])
"""


def test_assignment_is_the_same_in_every_process_whatever_the_hash_seed() -> None:
    answers = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1", "4242")
    }

    here = list(variants_of(experiment(EVERYBODY), subjects=SUBJECTS[:500]).values())
    assert answers == {str(here)}
    assert here[:8] == GOLDEN


def test_the_same_cut_in_sql_gives_the_same_variants() -> None:
    spec = experiment(EVERYBODY, variants=(Variant("control", 3), Variant("b", 2), Variant("c", 2)))
    query = """
        SELECT 'acc_' || n, ((('0x' || left(md5('exp:hero-copy:a1:acc_' || n), 15))::BIGINT >> 7)
                             / 9007199254740992.0::DOUBLE) * 7 AS point,
               CASE WHEN point < 3 THEN 'control' WHEN point < 5 THEN 'b' ELSE 'c' END
        FROM range(20000) AS subjects (n)
    """

    assert {subject: variant for subject, _, variant in duckdb.connect().execute(query).fetchall()} == variants_of(spec)


def test_descriptions_survive_a_release() -> None:
    spec = experiment(EVERYBODY, propensities=(("b", 0.5),))
    quarter = holdout(HoldoutPeriod("q4", 0, None, 200))

    assert msgspec.json.decode(msgspec.json.encode(spec), type=ExperimentSpec) == spec
    assert msgspec.json.decode(msgspec.json.encode(quarter), type=HoldoutSpec) == quarter
