"""Is a variant shipped exactly when something got better, nothing worse, and the data are sound?"""

from dataclasses import replace

import pytest

from experiments.stats.ship_rule import (
    Criticals,
    Judged,
    Role,
    Verdict,
    criticals_at_look,
    fixed_criticals,
    recommend,
)

BETTER = Judged("trial-starts", Role.SUCCESS, 3.0, 1.0)
FLAT = Judged("upgrades", Role.SUCCESS, 0.1, 1.0)
WORSE = Judged("upgrades", Role.SUCCESS, -3.5, 1.0)
HOLDS = Judged("listening", Role.GUARDRAIL, -0.2, 1.0, margin=3.0)
UNPROVEN = Judged("listening", Role.GUARDRAIL, -0.2, 1.0, margin=1.0)
BROKEN = Judged("refunds", Role.GUARDRAIL, 3.5, 1.0, higher_is_better=False, margin=1.0)
UNKNOWN = Judged("churn", Role.GUARDRAIL, None, None, higher_is_better=False, margin=1.0)


@pytest.mark.parametrize(
    ("metrics", "final", "verdict"),
    [
        pytest.param([BETTER, HOLDS], False, Verdict.SHIP, id="better-and-safe"),
        pytest.param([BETTER, FLAT, HOLDS], False, Verdict.SHIP, id="one-success-is-enough"),
        pytest.param([BETTER], False, Verdict.SHIP, id="no-guardrails"),
        pytest.param([BETTER, UNPROVEN], False, Verdict.KEEP_RUNNING, id="guardrail-not-yet-shown"),
        pytest.param([BETTER, UNPROVEN], True, Verdict.DO_NOT_SHIP, id="guardrail-never-shown"),
        pytest.param([BETTER, UNKNOWN], False, Verdict.KEEP_RUNNING, id="guardrail-without-data"),
        pytest.param([FLAT, HOLDS], False, Verdict.KEEP_RUNNING, id="nothing-better-yet"),
        pytest.param([FLAT, HOLDS], True, Verdict.DO_NOT_SHIP, id="nothing-better"),
        pytest.param([BETTER, WORSE, HOLDS], False, Verdict.DO_NOT_SHIP, id="another-success-metric-got-worse"),
        pytest.param([BETTER, BROKEN], False, Verdict.DO_NOT_SHIP, id="guardrail-got-worse"),
        pytest.param([HOLDS], True, Verdict.DO_NOT_SHIP, id="nothing-that-could-be-better"),
        pytest.param([], False, Verdict.KEEP_RUNNING, id="no-metrics"),
    ],
)
def test_the_verdict_follows_the_rule(metrics: list[Judged], final: bool, verdict: Verdict) -> None:
    found = recommend(metrics, fixed_criticals(metrics), final=final)

    assert found.verdict is verdict
    assert found.because


def test_unsound_data_end_the_reading() -> None:
    found = recommend([BETTER, HOLDS], fixed_criticals([BETTER, HOLDS]), final=True, unsound=["The arms are unequal."])

    assert (found.verdict, found.because) == (Verdict.UNREADABLE, ("The arms are unequal.",))


def test_the_reasons_name_the_metrics() -> None:
    metrics = [BETTER, UNPROVEN]

    found = recommend(metrics, fixed_criticals(metrics), final=False)

    assert found.because == ("Superior: trial-starts.", "Not shown to be within its margin: listening.")


def test_error_is_split_over_success_metrics_only() -> None:
    one = fixed_criticals([BETTER, HOLDS, BROKEN])
    two = fixed_criticals([BETTER, FLAT, HOLDS])

    assert one.success == pytest.approx(1.959964)
    assert two.success == pytest.approx(2.241403)
    assert one.guardrail == two.guardrail == pytest.approx(1.644854)


def test_lower_may_be_better() -> None:
    fewer_skips = replace(BETTER, difference=-3.0, higher_is_better=False)

    assert recommend([fewer_skips], fixed_criticals([BETTER]), final=False).verdict is Verdict.SHIP


def test_an_early_look_asks_for_more_and_the_last_for_little_more() -> None:
    metrics = [BETTER, HOLDS]
    early = criticals_at_look(metrics, [2_000, 4_000], 10_000)
    last = criticals_at_look(metrics, [2_000, 4_000, 6_000, 8_000, 10_000], 10_000)

    assert early.success == pytest.approx(3.357012, abs=1e-5)
    assert last.success == pytest.approx(2.031032, abs=1e-5)
    assert last.guardrail == pytest.approx(1.7396, abs=1e-3)
    assert recommend(metrics, early, final=False).verdict is Verdict.KEEP_RUNNING
    assert recommend(metrics, last, final=True).verdict is Verdict.SHIP


def test_a_look_that_may_not_reject_ships_nothing() -> None:
    after_the_end = criticals_at_look([BETTER, HOLDS], [10_000, 12_000], 10_000)

    assert after_the_end == Criticals(None, None, None)
    assert recommend([BETTER, HOLDS], after_the_end, final=False).verdict is Verdict.KEEP_RUNNING
