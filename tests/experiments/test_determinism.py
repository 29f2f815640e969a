"""Do a hundred thousand subjects stay where they are, in every process, and are they parted as promised?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from hashlib import sha256

import pytest
from scipy.stats import chisquare

from experiments.assignment import Allocation, ExperimentSpec, Variant, arm

PAIRS = 100_000
VARIANTS = (Variant("control", 50), Variant("b", 30), Variant("c", 20))
# What every version must say; it changes only if subjects are to be moved.
GOLDEN = "e844eb6f983517f84e4bda72286bf59dde8afc7cc18b0210676b7dfa85528661"


def experiment(buckets: int = 10_000) -> ExperimentSpec:
    return ExperimentSpec("price-page", 1, "exp:price-page:1", "layer:pages:1", (Allocation(0, buckets, 0),), VARIANTS)


def assigned(spec: ExperimentSpec) -> dict[str, str]:
    found = ((key, arm(spec, key, 0)) for key in (f"acc_{number}" for number in range(PAIRS)))
    return {key: given.variant for key, given in found if given is not None}


def fingerprint() -> str:
    """Of every subject's variant, in order."""
    return sha256("\n".join(f"{key} {variant}" for key, variant in assigned(experiment()).items()).encode()).hexdigest()


@pytest.mark.parametrize("seed", ["0", "31337", "random"])
def test_a_process_started_anew_gives_everybody_the_same_variant(seed: str) -> None:
    program = f"from {__name__} import fingerprint; print(fingerprint())"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    said = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)

    assert said.stdout.strip() == fingerprint() == GOLDEN


def test_the_split_is_as_weighted() -> None:
    counts = Counter(assigned(experiment()).values())
    observed = [counts[variant.key] for variant in VARIANTS]
    expected = [PAIRS * variant.weight / 100 for variant in VARIANTS]

    assert sum(observed) == PAIRS
    assert chisquare(observed, expected).pvalue > 0.001
    assert max(abs(seen - due) for seen, due in zip(observed, expected, strict=True)) / PAIRS < 0.005


def test_raising_ten_to_twenty_per_cent_moves_nobody() -> None:
    tenth, fifth = assigned(experiment(1_000)), assigned(experiment(2_000))

    assert tenth.items() <= fifth.items()
    assert abs(len(tenth) / PAIRS - 0.1) < 0.005
    assert abs(len(fifth) / PAIRS - 0.2) < 0.005
