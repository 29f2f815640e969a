"""Is each type's value stored in one form, and read back as it was written?"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiences.rules import BadValue, Type, ValueType, decode_trait, encode_trait

CLOSED = ValueType(Type.STRING, frozenset({"free", "premium"}))


def typed(name: str) -> ValueType:
    return ValueType(Type(name))


@pytest.mark.parametrize(
    ("of", "written", "stored", "read"),
    [
        (typed("string"), "Å 🎧", "Å 🎧", "Å 🎧"),
        (CLOSED, "free", "free", "free"),
        (typed("int"), -(2**63) + 1, -(2**63) + 1, -(2**63) + 1),
        (typed("decimal"), "9.99", 999, "9.99"),
        (typed("decimal"), 9.99, 999, "9.99"),
        (typed("decimal"), "-0.05", -5, "-0.05"),
        (typed("decimal"), 12, 1200, "12.00"),
        (typed("decimal"), "1.500", 150, "1.50"),
        (ValueType(Type.DECIMAL, scale=0), "7", 7, "7"),
        (typed("bool"), True, True, True),
        (typed("date"), "1970-01-01", 0, "1970-01-01"),
        (typed("date"), "2024-02-29", 19_782, "2024-02-29"),
        (typed("timestamp"), "1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
        (typed("timestamp"), "1970-01-01T01:00:00.5+01:00", 500_000, "1970-01-01T00:00:00.500000Z"),
        (typed("timestamp"), "1969-12-31T23:59:59.999999Z", -1, "1969-12-31T23:59:59.999999Z"),
        (typed("set"), ["pop", "jazz", "pop"], ["jazz", "pop"], ["jazz", "pop"]),
        (typed("set"), [], [], []),
        (typed("version"), "8.9.12", ((8 << 14 | 9) << 14 | 12) << 20, "8.9.12"),
        (typed("version"), "8.9", (8 << 14 | 9) << 34, "8.9.0"),
        (typed("version"), "16383.16383.16383.1048575", 2**62 - 1, "16383.16383.16383.1048575"),
    ],
)
def test_a_value_has_one_stored_form(of: ValueType, written: Any, stored: Any, read: Any) -> None:
    assert encode_trait(of, written) == stored
    assert decode_trait(of, stored) == read
    assert encode_trait(of, read) == stored


@pytest.mark.parametrize(
    ("of", "written"),
    [
        (typed("string"), 1),
        (typed("string"), None),
        (typed("string"), "a\0b"),
        (typed("string"), "\udc80"),
        (typed("string"), "x" * 1025),
        (CLOSED, "Free"),
        (typed("int"), True),
        (typed("int"), 1.0),
        (typed("int"), "1"),
        (typed("int"), 2**63),
        (typed("decimal"), "1,00"),
        (typed("decimal"), "1e3"),
        (typed("decimal"), "9.999"),
        (typed("decimal"), float("nan")),
        (typed("decimal"), float("inf")),
        (typed("decimal"), 0.1 + 0.2),
        (typed("decimal"), 1e300),
        (typed("decimal"), "99999999999999999.99"),
        (typed("decimal"), True),
        (typed("bool"), 1),
        (typed("bool"), "true"),
        (typed("date"), "2026-02-29"),
        (typed("date"), "2026-W01-1"),
        (typed("date"), "2026-11-22T00:00:00Z"),
        (typed("date"), "٢٠٢٦-11-22"),
        (typed("timestamp"), "2026-11-22 12:00:00Z"),
        (typed("timestamp"), "2026-11-22T12:00:00"),
        (typed("timestamp"), "2026-11-22T24:01:00Z"),
        (typed("timestamp"), "0001-01-01T00:00:00+14:00"),
        (typed("timestamp"), 1_700_000_000),
        (typed("set"), "pop"),
        (typed("set"), ["pop", 1]),
        (typed("version"), "8.9.12-beta"),
        (typed("version"), "8..9"),
        (typed("version"), "1.2.3.4.5"),
        (typed("version"), "16384"),
        (typed("version"), 8),
    ],
)
def test_another_value_is_refused_with_a_way_out(of: ValueType, written: Any) -> None:
    with pytest.raises(BadValue) as refused:
        encode_trait(of, written)

    assert refused.value.sentence.endswith(".")
    assert refused.value.hint.endswith((".", "?"))


@given(
    st.lists(st.integers(0, 16_383), min_size=1, max_size=3), st.lists(st.integers(0, 16_383), min_size=1, max_size=3)
)
def test_versions_are_stored_in_their_order(one: list[int], other: list[int]) -> None:
    def padded(numbers: list[int]) -> list[int]:
        return numbers + [0] * (4 - len(numbers))

    stored = [encode_trait(typed("version"), ".".join(map(str, numbers))) for numbers in (one, other)]

    assert (stored[0] < stored[1]) == (padded(one) < padded(other))


@given(st.datetimes().map(lambda moment: moment.isoformat(timespec="microseconds") + "Z"))
def test_every_moment_survives_the_way_there_and_back(moment: str) -> None:
    of = typed("timestamp")

    assert encode_trait(of, decode_trait(of, encode_trait(of, moment))) == encode_trait(of, moment)
