"""Which events of which subjects count?"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from audiences.models import MoneyEvent
from experiments.analysis import analyze
from experiments.models import Experiment, Exposure, Metric
from tests.experiments.rows import DAY, LATER, START, experiment, expose, happen, metric

pytestmark = pytest.mark.django_db

TICK = timedelta(microseconds=1)


def arms_of(row: Experiment, as_of: datetime = LATER, key: str | None = None) -> dict[str, Any]:
    metrics = analyze(row, as_of=as_of)["metrics"]
    chosen = metrics[0] if key is None else next(each for each in metrics if each["key"] == key)
    return {arm["arm"]: arm for arm in chosen["arms"]}


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        pytest.param(START - TICK, 0, id="before"),
        pytest.param(START, 1, id="start-is-included"),
        pytest.param(START + 7 * DAY - TICK, 1, id="last-moment"),
        pytest.param(START + 7 * DAY, 0, id="end-is-exclusive"),
    ],
)
@pytest.mark.parametrize("money", [False, True], ids=["partitioned", "money"])
def test_a_window_starts_with_the_exposure_and_ends_before_its_end(at: datetime, counts: int, money: bool) -> None:
    row = experiment(judged_by=(metric("week", window_hours=168),))
    expose(row, {"a": 3, "b": 3})
    happen("b", 1, 1, at=at, money=money)

    assert arms_of(row)["b"]["did"] == counts


@pytest.mark.parametrize(
    ("as_of", "counted", "waiting"),
    [
        pytest.param(START + 7 * DAY, 2, 0, id="complete"),
        pytest.param(START + 7 * DAY - TICK, 0, 2, id="not-yet"),
        pytest.param(START + TICK, 0, 2, id="just-exposed"),
        pytest.param(START, 0, 0, id="not-exposed-yet"),
    ],
)
def test_only_complete_windows_count_and_the_others_are_told(as_of: datetime, counted: int, waiting: int) -> None:
    row = experiment(judged_by=(metric("week", window_hours=168),))
    expose(row, {"a": 2, "b": 2})
    happen("b", 1, 2, at=START)

    treated = arms_of(row, as_of)["b"]

    assert (treated["n"], treated["immature"], treated["did"]) == (counted, waiting, counted)


def test_metrics_with_other_windows_ripen_apart() -> None:
    row = experiment(judged_by=(metric("day", window_hours=24), metric("week", window_hours=168)))
    expose(row, {"a": 2, "b": 2})

    waiting = {each["key"]: each["immature"] for each in analyze(row, as_of=START + 2 * DAY)["metrics"]}

    assert waiting == {"day": 0, "week": 4}


def test_a_mean_sums_per_subject_and_counts_silent_subjects_as_zero() -> None:
    row = experiment(judged_by=(metric("spend", Metric.Kind.MEAN, field="amount"),))
    expose(row, {"a": 4, "b": 4})
    happen("b", 1, 2, at=START, amount="10.10")
    happen("b", 1, 1, at=START + DAY, amount="0.20")

    treated = arms_of(row)["b"]

    assert (treated["n"], treated["did"]) == (4, 2)
    assert Decimal(treated["sum"]) == Decimal("20.40")
    assert Decimal(treated["sum_of_squares"]) == Decimal("10.30") ** 2 + Decimal("10.10") ** 2
    assert treated["value"] == 5.1


def test_a_mean_without_a_field_counts_events() -> None:
    row = experiment(judged_by=(metric("visits", Metric.Kind.MEAN),))
    expose(row, {"a": 2, "b": 2})
    happen("b", 1, 2, at=START)
    happen("b", 1, 1, at=START + DAY)

    assert arms_of(row)["b"]["value"] == 1.5


def test_large_amounts_are_summed_without_rounding() -> None:
    row = experiment(judged_by=(metric("spend", Metric.Kind.MEAN, field="amount"),))
    expose(row, {"a": 2, "b": 2})
    happen("b", 1, 1, at=START, amount="9007199254740993.01")
    happen("b", 2, 2, at=START, amount="9007199254740993.03")

    treated = arms_of(row)["b"]

    assert treated["sum"] == "18014398509481986.04"
    assert treated["deviation"] == pytest.approx(0.02 / 2**0.5)


@pytest.mark.parametrize(
    ("said", "total", "unreadable"),
    [
        pytest.param("12.5", 12.5, 0, id="number"),
        pytest.param('"12.5"', 12.5, 0, id="decimal-as-text"),
        pytest.param('"-3"', -3.0, 0, id="negative"),
        pytest.param('"a lot"', 0.0, 1, id="words"),
        pytest.param("null", 0.0, 1, id="null"),
        pytest.param("true", 0.0, 1, id="yes"),
        pytest.param('"NaN"', 0.0, 1, id="not-a-number"),
        pytest.param(None, 0.0, 1, id="absent"),
    ],
)
def test_a_value_that_is_no_number_adds_nothing_and_is_told(said: str | None, total: float, unreadable: int) -> None:
    row = experiment(judged_by=(metric("spend", Metric.Kind.MEAN, field="amount"),))
    expose(row, {"a": 2, "b": 2})
    happen("b", 1, 1, at=START, amount=said)

    result = analyze(row, as_of=LATER)["metrics"][0]

    assert float(result["arms"][1]["sum"]) == total
    assert result["unreadable"] == unreadable


def test_events_of_another_name_or_subject_do_not_count() -> None:
    row = experiment(judged_by=(metric("share"),))
    expose(row, {"a": 2, "b": 2})
    expose(experiment("other"), {"c": 2})
    happen("b", 1, 2, at=START, event="skip")
    happen("c", 1, 2, at=START)

    assert {arm["did"] for arm in arms_of(row).values()} == {0}


def test_a_subject_counts_from_its_own_exposure() -> None:
    row = experiment(judged_by=(metric("day", window_hours=24),))
    expose(row, {"a": 2, "b": 2})
    Exposure.objects.filter(subject__key="b-2").update(at=START + 3 * DAY)
    happen("b", 1, 2, at=START + 3 * DAY)

    assert arms_of(row)["b"]["did"] == 1


def test_a_token_event_counts_although_its_day_is_the_one_of_its_token() -> None:
    row = experiment(judged_by=(metric("share"),))
    expose(row, {"a": 2, "b": 2})
    happen("b", 1, 1, at=START - 20 * DAY, money=True)
    MoneyEvent.objects.update(occurred_at=START)

    assert arms_of(row)["b"]["did"] == 1
