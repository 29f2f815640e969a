"""Does one MGET say the right thing about a subject in every state of the store?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merch.engine.facts import NEW_SUBJECT, HistoryCell, Subject, SubjectRecord, SuppressionFact
from merch.subjects.packing import Unreadable, bits_key, pack_bits, pack_record, record_key, unpack

RECORD = SubjectRecord(
    version=7,
    traits={"plan": ("free", 5), "genres": (["jazz", "pop"], 6)},
    consent={"personalisation": (True, 4)},
    suppressions=(SuppressionFact("case", ("COMMERCIAL",), 1, None),),
    history={"offer|trial|impression": HistoryCell(2, 3, 9, (3, 9), (0, 77))},
    marks={"experiment|hero": (1, "b", 8)},
)
BITS = (0b1010_0000_0001).to_bytes(2, "little")


@pytest.mark.parametrize(
    ("epoch", "record", "bits", "known"),
    [
        pytest.param(
            b"3", pack_record(RECORD, 3), pack_bits(BITS, 3, 1), Subject(RECORD, 0b1010_0000_0001), id="whole"
        ),
        pytest.param(b"3", pack_record(RECORD, 4), None, Subject(RECORD, 0), id="written-during-a-rebuild"),
        pytest.param(b"3", pack_record(RECORD, 2), None, NEW_SUBJECT, id="left-over-from-an-older-epoch"),
        pytest.param(b"3", pack_record(RECORD, 3), pack_bits(BITS, 2, 9), Subject(RECORD, 0), id="left-over-bits"),
        pytest.param(b"3", None, None, NEW_SUBJECT, id="missing-under-an-epoch-is-new"),
        pytest.param(b"3", None, pack_bits(b"\x01", 3, 1), Subject(SubjectRecord(), 1), id="bits-alone"),
        pytest.param(None, None, None, None, id="missing-without-epoch-is-unknown"),
        pytest.param(None, None, pack_bits(BITS, 3, 1), None, id="bits-alone-without-epoch-are-unknown"),
        pytest.param(None, pack_record(RECORD, 3), None, Subject(RECORD, 0), id="present-without-epoch-is-used"),
        pytest.param(
            None, pack_record(RECORD, 3), pack_bits(BITS, 3, 1), Subject(RECORD, 0b1010_0000_0001), id="with-its-bits"
        ),
    ],
)
def test_what_a_read_means(
    epoch: bytes | None, record: bytes | None, bits: bytes | None, known: Subject | None
) -> None:
    assert unpack(epoch, record, bits) == known


@given(st.binary(max_size=200))
def test_rubbish_is_unreadable_and_never_a_crash_or_a_guess(rubbish: bytes) -> None:
    try:
        found = unpack(None, b"\0" * 12 + rubbish, None)
    except Unreadable:
        return
    assert found is not None
    assert isinstance(found.record, SubjectRecord)


def test_a_record_of_a_later_format_with_more_fields_is_still_read() -> None:
    longer = pack_record(RECORD, 3)
    fields = len(SubjectRecord.__struct_fields__)
    later = longer[:12] + bytes([0x90 | (fields + 2)]) + longer[13:] + b"\xa1x\xa1y"  # an array of two fields more

    assert longer[12] == 0x90 | fields
    assert unpack(b"3", later, None) == Subject(RECORD, 0)


def test_both_keys_of_a_subject_stand_on_one_node_and_name_its_kind() -> None:
    assert record_key("a", "acc_1") == b"s:{a:acc_1}"
    assert bits_key("d", "å", 2) == "m2:{d:å}".encode()
