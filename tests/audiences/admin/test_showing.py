"""Do values read on a page as they were meant, and can they be entered as people write them?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from audiences.admin.fields import SpanField, WordsField, at_wall, instant
from audiences.admin.revising import differences, in_words
from audiences.admin.showing import ago, moment, span

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        pytest.param("UTC", "22 Nov 2026, 12:00 UTC", id="utc"),
        pytest.param("Europe/Stockholm", "22 Nov 2026, 13:00 Europe/Stockholm", id="zone-is-named"),
    ],
)
def test_a_moment_names_its_zone(zone: str, said: str) -> None:
    assert moment(NOON, zone) == said


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(days=7), "7 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(seconds=61), "61 seconds"),
        (timedelta(0), "0 seconds"),
    ],
)
def test_a_length_of_time_is_said_in_the_unit_that_fits_it_whole(length: timedelta, said: str) -> None:
    assert span(length) == said


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("7 days", timedelta(days=7)),
        ("1 day", timedelta(days=1)),
        ("36 hours", timedelta(hours=36)),
        (" 2 Weeks ", timedelta(weeks=2)),
        ("", None),
    ],
)
def test_a_length_of_time_is_entered_in_words(text: str, length: timedelta | None) -> None:
    assert SpanField(required=False).clean(text) == length


@pytest.mark.parametrize("text", ["7", "0 days", "-1 day", "soon", "7 days 3 hours"])
def test_what_could_mean_something_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match="7 days"):
        SpanField().clean(text)


def test_words_are_split_by_commas_and_lines() -> None:
    assert WordsField(upper=True).clean("se, gb\nus") == ["SE", "GB", "US"]


def test_wall_times_keep_their_hands_across_a_zone() -> None:
    wall = at_wall(NOON, "Europe/Stockholm")

    assert wall == datetime(2026, 11, 22, 13)  # noqa: DTZ001 - a wall time
    assert instant(wall, "Europe/Stockholm") == NOON


def test_how_long_ago_is_one_unit() -> None:
    assert [ago(NOON - gone, NOON) for gone in (timedelta(seconds=5), timedelta(minutes=1), timedelta(days=3))] == [
        "just now",
        "1 minute ago",
        "3 days ago",
    ]


def test_rows_of_a_list_are_compared_by_their_key_not_by_their_place() -> None:
    before = {"items": [{"key": "a", "weight": 1}, {"key": "b", "weight": 1}]}
    after = {"items": [{"key": "b", "weight": 2}, {"key": "a", "weight": 1}]}

    assert list(differences(before, after)) == [("items › b › weight", 1, 2)]


def test_a_change_is_told_with_both_values() -> None:
    assert in_words({"priority": 50, "markets": ["SE"]}, {"priority": 70, "markets": ["SE", "GB"]}) == [
        ("priority", "50", "70"),
        ("markets", "SE", "SE, GB"),
    ]
