"""Do terms say exactly what their mechanic needs?"""

from typing import Any

import pytest

from campaigns.models import Mechanic
from campaigns.terms import SHAPES, markets_without_amount, placeholders, problems

AMOUNTS = {"amounts": {"SE": 9_900}, "cycles": 3}
PERCENT = {"percent_off": 50, "cycles": 3}
COMPARED = {"instead_of": "individual", "least_saving": 10}


def test_every_mechanic_has_a_shape() -> None:
    assert set(SHAPES) == set(Mechanic.values)


@pytest.mark.parametrize(
    ("mechanic", "terms"),
    [
        ("TRIAL", {"free_period": "P30D"}),
        ("TRIAL", {"free_period": "P1M", "cycles": None}),
        ("INTRO_PRICE", AMOUNTS),
        ("INTRO_PRICE", PERCENT),
        ("PREPAID", AMOUNTS),
        ("DISCOUNT_N_CYCLES", PERCENT),
        ("UPGRADE", {}),
        ("UPGRADE", {"free_period": "P7D"}),
        ("ADD_ON", AMOUNTS),
        ("SAVE", PERCENT),
        ("UPGRADE", {"instead_of": "individual", "least_saving": 10}),
        ("WIN_BACK", {"free_period": "P1M"}),
        ("WIN_BACK", {}),
        ("REWARD", {"reward": 0}),
        ("REWARD", {"reward": 5, "difficulty": 20, "duration_hours": 240, "channels": ["email", "web"]}),
    ],
)
def test_good_terms(mechanic: str, terms: dict[str, Any]) -> None:
    assert problems(mechanic, terms) == []


@pytest.mark.parametrize(
    ("mechanic", "terms", "expected"),
    [
        pytest.param("TRIAL", {}, ["terms.missing"], id="trial-without-period"),
        pytest.param("TRIAL", {"free_period": "P30D", "cycles": 1}, ["terms.not_allowed"], id="trial-with-cycles"),
        pytest.param("TRIAL", {"free_period": "30 days"}, ["terms.value"], id="period-in-words"),
        pytest.param("TRIAL", {"free_period": "P0D"}, ["terms.value"], id="period-of-nothing"),
        pytest.param("TRIAL", {"free_period": "P1M\n"}, ["terms.value"], id="period-line-end"),
        pytest.param("TRIAL", {"free_period": "P١M"}, ["terms.value"], id="period-other-digits"),
        pytest.param("TRIAL", {"free_period": 30}, ["terms.value"], id="period-number"),
        pytest.param("INTRO_PRICE", {}, ["terms.way"], id="intro-without-price"),
        pytest.param("INTRO_PRICE", {"cycles": 3}, ["terms.way"], id="intro-cycles-alone"),
        pytest.param("INTRO_PRICE", AMOUNTS | PERCENT, ["terms.way"], id="two-prices"),
        pytest.param("SAVE", PERCENT | {"free_period": "P1M"}, ["terms.way"], id="free-and-percent"),
        pytest.param("PREPAID", {"amounts": {"SE": 1}}, ["terms.missing"], id="prepaid-without-cycles"),
        pytest.param("UPGRADE", {"instead_of": "individual"}, ["terms.way"], id="compared-without-a-bound"),
        pytest.param("UPGRADE", {"least_saving": 10}, ["terms.way"], id="bound-without-a-plan"),
        pytest.param("UPGRADE", PERCENT | COMPARED, ["terms.way"], id="percent-and-compared"),
        pytest.param("UPGRADE", COMPARED | {"least_saving": 0}, ["terms.value"], id="saves-at-least-nothing"),
        pytest.param("UPGRADE", COMPARED | {"least_saving": 100}, ["terms.value"], id="saves-everything"),
        pytest.param("UPGRADE", COMPARED | {"instead_of": 7}, ["terms.value"], id="plan-number"),
        pytest.param("SAVE", COMPARED, ["terms.not_allowed"] * 2 + ["terms.way"], id="save-compared"),
        pytest.param("DISCOUNT_N_CYCLES", PERCENT | {"percent_off": 0}, ["terms.value"], id="nothing-off"),
        pytest.param("DISCOUNT_N_CYCLES", PERCENT | {"percent_off": 101}, ["terms.value"], id="more-than-all-off"),
        pytest.param("DISCOUNT_N_CYCLES", PERCENT | {"percent_off": 99.99}, ["terms.value"], id="part-of-a-percent"),
        pytest.param("DISCOUNT_N_CYCLES", PERCENT | {"percent_off": True}, ["terms.value"], id="bool"),
        pytest.param("DISCOUNT_N_CYCLES", PERCENT | {"cycles": 0}, ["terms.value"], id="no-cycles"),
        pytest.param("PREPAID", AMOUNTS | {"amounts": {}}, ["terms.value"], id="no-amounts"),
        pytest.param("PREPAID", AMOUNTS | {"amounts": {"SE": 99.0}}, ["terms.value"], id="float-amount"),
        pytest.param("PREPAID", AMOUNTS | {"amounts": {"SE": -1}}, ["terms.value"], id="negative-amount"),
        pytest.param("PREPAID", AMOUNTS | {"amounts": {"SE": "1,00"}}, ["terms.value"], id="text-amount"),
        pytest.param("PREPAID", AMOUNTS | {"amounts": {"SE": 10**13}}, ["terms.value"], id="overflowing-amount"),
        pytest.param("PREPAID", AMOUNTS | {"amounts": [1]}, ["terms.value"], id="list-amount"),
        pytest.param("REWARD", {"reward": 5, "channels": "email"}, ["terms.value"], id="channels-text"),
        pytest.param("REWARD", {"difficulty": 5}, ["terms.missing"], id="reward-without-reward"),
        pytest.param("TRIAL", [], ["terms.object"], id="list"),
        pytest.param("TRIAL", None, ["terms.object"], id="null"),
        pytest.param("BARTER", {}, ["terms.mechanic"], id="unknown-mechanic"),
        pytest.param(
            "TRIAL",
            {"cycles": 3, "colour": "red"},
            ["terms.not_allowed", "terms.not_allowed", "terms.missing"],
            id="all",
        ),
    ],
)
def test_bad_terms(mechanic: str, terms: object, expected: list[str]) -> None:
    assert [problem.id for problem in problems(mechanic, terms)] == expected


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        ({}, {"price"}),
        ({"free_period": "P1M"}, {"price", "then", "saving"}),
        (PERCENT, {"price", "then", "saving"}),
        (AMOUNTS, {"price", "then", "saving"}),
    ],
)
def test_what_a_quote_can_say(terms: dict[str, Any], names: set[str]) -> None:
    assert placeholders(terms) == names


def test_amounts_are_named_per_market() -> None:
    assert markets_without_amount(AMOUNTS, {"SE", "NO", "DK"}) == ["DK", "NO"]
    assert markets_without_amount(PERCENT, {"SE"}) == []
