"""Does the one hash give the values that other engines and other years must reproduce?"""

from itertools import pairwise

import duckdb
import pytest

from audiences import hashing
from audiences.tiers import DECISION_ORDER, RANK, Tier

GOLDEN = [
    ("exp:hero-2026q4:a1b2", "user-00000042", 5013),
    ("exp:hero-2026q4:a1b2", "u-ÅÄÖ-🎧", 5729),
    ("layer:premium-upsell:1", "550e8400-e29b-41d4-a716-446655440000", 3962),
    ("holdout:2026Q4", "1", 6207),
    ("holdout:2026Q4", "", 9275),
]


@pytest.mark.parametrize(("salt", "key", "expected"), GOLDEN)
def test_bucket_keeps_its_golden_values(salt: str, key: str, expected: int) -> None:
    assert hashing.bucket(salt, key) == expected


@pytest.mark.parametrize(("salt", "key", "expected"), GOLDEN)
def test_bucket_agrees_with_the_sql_of_duckdb(salt: str, key: str, expected: int) -> None:
    sql = "SELECT ('0x' || left(md5($1 || ':' || $2), 15))::BIGINT % 10000"

    row = duckdb.connect().execute(sql, [salt, key]).fetchone()

    assert row == (expected,)


def test_unit_never_reaches_one_even_for_the_largest_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "_hash60", lambda salt, key: (1 << 60) - 1)

    assert 0.999_999_999 < hashing.unit("any", "key") < 1.0


def test_unit_and_bucket_spread_evenly_over_many_keys() -> None:
    keys = [f"user-{n:08d}" for n in range(20_000)]

    mean_unit = sum(hashing.unit("spread", key) for key in keys) / len(keys)
    low_tenth = sum(hashing.bucket("spread", key) < 1_000 for key in keys) / len(keys)

    # Four standard errors: 0.2887 / sqrt(20,000) and sqrt(0.1 * 0.9 / 20,000).
    assert abs(mean_unit - 0.5) < 4 * 0.002_041
    assert abs(low_tenth - 0.1) < 4 * 0.002_121


def test_another_salt_deals_the_same_keys_anew() -> None:
    keys = [f"user-{n:08d}" for n in range(20_000)]

    both = sum(hashing.unit("salt-a", key) < 0.5 and hashing.unit("salt-b", key) < 0.5 for key in keys)

    assert abs(both / len(keys) - 0.25) < 4 * 0.003_062


def test_tiers_rank_in_decision_order() -> None:
    assert [tier.value for tier in DECISION_ORDER] == ["LEGAL", "SERVICE", "LIFECYCLE", "COMMERCIAL", "HOUSE"]
    assert all(RANK[earlier] < RANK[later] for earlier, later in pairwise(Tier))
