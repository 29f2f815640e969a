"""When has a plan no price?"""

from datetime import UTC, datetime

import pytest

from campaigns.prices import Period, gaps


def day(number: int) -> datetime:
    return datetime(2026, 6, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("priced", "last", "expected"),
    [
        pytest.param([(None, None)], day(20), [], id="always"),
        pytest.param([(day(1), day(20))], day(20), [], id="exactly"),
        pytest.param([(day(10), None), (None, day(10))], day(20), [], id="two-prices-touching"),
        pytest.param([], day(20), [(day(5), day(20))], id="never"),
        pytest.param([(day(7), None)], day(20), [(day(5), day(7))], id="begins-late"),
        pytest.param([(None, day(15))], day(20), [(day(15), day(20))], id="ends-early"),
        pytest.param([(None, day(8)), (day(9), None)], day(20), [(day(8), day(9))], id="hole"),
        pytest.param([(None, day(2)), (day(25), None)], day(20), [(day(5), day(20))], id="before-and-after"),
        pytest.param([(None, None)], None, [], id="open-always"),
        pytest.param([(None, day(15))], None, [], id="open-until-the-next-is-set"),
        pytest.param([(None, day(8)), (day(9), None)], None, [(day(8), day(9))], id="open-hole"),
        pytest.param([], None, [(day(5), None)], id="open-never"),
        pytest.param([(None, day(2))], None, [(day(5), None)], id="open-no-more"),
    ],
)
def test_gaps_of_a_flight_from_the_fifth(priced: list[Period], last: datetime | None, expected: list[Period]) -> None:
    assert gaps(priced, day(5), last) == expected
