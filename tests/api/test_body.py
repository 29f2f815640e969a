"""Is every malformed body refused by name, and nothing else? (Bad inputs of the doors, as a table.)"""

import gzip
import io
import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from merch.api.rest.body import decode, read_bytes
from merch.api.rest.limits import DEPTH, PASSED_OVER_BYTES, Attributes
from merch.api.rest.problems import Refused

LIMIT = 64 * 1024


class Inner(msgspec.Struct):
    day: str
    count: int = 0


class Sent(msgspec.Struct):
    account_id: str = ""
    many: list[Inner] = []
    context: Attributes = {}


def environ(raw: bytes, **headers: Any) -> dict[str, Any]:
    return {
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(raw)),
        "wsgi.input": io.BytesIO(raw),
    } | headers


def refused(raw: bytes) -> tuple[str, str]:
    """The one error's field and code."""
    with pytest.raises(Refused) as caught:
        decode(raw, Sent)
    assert caught.value.status == 400
    (error,) = caught.value.errors
    return error.field, error.code


@pytest.mark.parametrize(
    ("raw", "field", "code"),
    [
        pytest.param(b"", "body", "empty", id="empty"),
        pytest.param(b"  \n", "body", "empty", id="blank"),
        pytest.param(b"hello", "body", "invalid_json", id="no-json"),
        pytest.param(b'{"account_id": "a"', "body", "invalid_json", id="cut-short"),
        pytest.param(b"{}{}", "body", "invalid_json", id="two-documents"),
        pytest.param(b'{"account_id": "a",}', "body", "invalid_json", id="trailing-comma"),
        pytest.param(b"{'account_id': 1}", "body", "invalid_json", id="single-quotes"),
        pytest.param(b"\xef\xbb\xbf{}", "body", "invalid_json", id="byte-order-mark"),
        pytest.param(b"[]", "body", "invalid", id="array"),
        pytest.param(b"7", "body", "invalid", id="number"),
        pytest.param(b"null", "body", "invalid", id="null"),
        pytest.param(b'"text"', "body", "invalid", id="text"),
        pytest.param(b'{"context": {"a": NaN}}', "body", "invalid_json", id="nan"),
        pytest.param(b'{"context": {"a": -Infinity}}', "body", "invalid_json", id="infinity"),
        pytest.param(b'{"context": {"a": 1e999}}', "context[...]", "invalid", id="overflowing-float"),
        pytest.param(b'{"context": {"z": 1, "a": 9223372036854775808}}', "context.a", "invalid", id="2^63"),
        pytest.param(b'{"context": {"a": -9223372036854775809}}', "context.a", "invalid", id="-2^63-1"),
        pytest.param(b'{"context": {"a": ' + b"9" * 400 + b"}}", "context.a", "invalid", id="400-digits"),
        pytest.param(b'{"context": {"a": ' + b"9" * 9000 + b"}}", "context[...]", "invalid", id="9000-digits"),
        pytest.param(b'{"x":' * 33 + b"1" + b"}" * 33, "body", "too_deep", id="depth-33"),
        pytest.param(b"[" * 1000 + b"]" * 1000, "body", "too_deep", id="depth-1000"),
        pytest.param(b'{"x":' * 9000, "body", "too_deep", id="depth-9000-unclosed"),
        pytest.param(b'{"account_id": "a", "account_id": "b"}', "body", "duplicate_key", id="twice"),
        pytest.param(b'{"a": 1, "\\u0061": 2}', "body", "duplicate_key", id="twice-in-another-spelling"),
        pytest.param(b'{"context": {"a": 1, "a": 1}}', "body", "duplicate_key", id="twice-inside"),
        pytest.param(b'{"context":{"a":1,"a":1}}', "body", "duplicate_key", id="twice-without-a-space"),
        pytest.param(b'{"x":"a","x":"a"}', "body", "duplicate_key", id="the-same-twice"),
        pytest.param(b'{"account_id": "\\ud800"}', "body", "lone_surrogate", id="high-surrogate"),
        pytest.param(b'{"account_id": "\\udc00"}', "body", "lone_surrogate", id="low-surrogate"),
        pytest.param(b'{"account_id": "a\\u0000"}', "body", "nul", id="nul"),
        pytest.param(b'{"account_id": "\\\\\\u0000"}', "body", "nul", id="nul-after-a-backslash"),
        pytest.param(b'{"unknown": "\\u0000"}', "body", "nul", id="nul-in-an-unknown-field"),
        pytest.param(b'{"account_id": "\xff"}', "body", "invalid_utf8", id="no-utf8"),
        pytest.param(b'{"unknown": "\xc0\xaf"}', "body", "invalid_utf8", id="overlong-utf8"),
        pytest.param(b'{"account_id": "\xed\xa0\x80"}', "body", "invalid_utf8", id="surrogate-in-utf8"),
        pytest.param(b'{"account_id": "a\nb"}', "body", "invalid_json", id="raw-line-break"),
        pytest.param(b'{"account_id": 7}', "account_id", "invalid", id="wrong-type"),
        pytest.param(b'{"account_id": null}', "account_id", "invalid", id="null-for-text"),
        pytest.param(b'{"many": [{"day": "x"}, {"day": 1}]}', "many[1].day", "invalid", id="wrong-type-inside"),
        pytest.param(b'{"many": [{"count": 1}]}', "many[0].day", "required", id="missing-inside"),
        pytest.param(b'{"many": [{"day": "x", "count": "1"}]}', "many[0].count", "invalid", id="no-coercion"),
        pytest.param(b'{"many": [{"day": "x", "count": true}]}', "many[0].count", "invalid", id="true-is-no-1"),
        pytest.param(b'{"many": {"day": "x"}}', "many", "invalid", id="object-for-array"),
    ],
)
def test_a_malformed_body_is_refused_by_name(raw: bytes, field: str, code: str) -> None:
    assert refused(raw) == (field, code)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"unknown": ' + b"9" * 400 + b"}", id="unknown-fields-are-skipped"),
        pytest.param(b'{"__proto__": {}, "constructor": 1, "__class__": 2}', id="dangerous-names-are-only-names"),
        pytest.param(b'{"account_id": "\\\\u0000"}', id="a-backslash-and-u0000-is-no-nul"),
        pytest.param(b'{"account_id": "\\ud83d\\ude00"}', id="a-whole-surrogate-pair"),
        pytest.param(b'{"account_id": "' + b"[{" * 50 + b'"}', id="brackets-in-a-text"),
        pytest.param(json.dumps({"account_id": 'say "[[" \\'}).encode() + b" " * 99, id="quotes-in-a-text"),
        pytest.param(b'{"x":' * DEPTH + b"1" + b"}" * DEPTH, id="depth-32"),
        pytest.param(json.dumps({"many": [{"day": "x"}] * 100}).encode(), id="many-brackets-but-flat"),
    ],
)
def test_unusual_but_right_bodies_are_read(raw: bytes) -> None:
    assert isinstance(decode(raw, Sent), Sent)


@pytest.mark.parametrize(
    ("context", "why"),
    [
        ({f"k{n}": 1 for n in range(101)}, "100"),
        ({"k" * 129: 1}, "128"),
        ({"": 1}, "at least 1"),
        ({"k": "x" * 4097}, "4096"),
        ({"k": {"nested": 1}}, "object"),
    ],
)
def test_free_form_objects_have_limits(context: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused) as caught:
        decode(json.dumps({"context": context}).encode(), Sent)

    assert why in caught.value.detail
    assert len(caught.value.detail) < 200


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"CONTENT_TYPE": "text/plain"}, 415, "unsupported_media_type"),
        ({"CONTENT_TYPE": ""}, 415, "unsupported_media_type"),
        ({"CONTENT_TYPE": "application/json, text/html"}, 415, "unsupported_media_type"),
        ({"CONTENT_TYPE": "application/json; charset=utf-7"}, 415, "unsupported_media_type"),
        ({"CONTENT_TYPE": "application/jsonp"}, 415, "unsupported_media_type"),
        ({"HTTP_CONTENT_ENCODING": "br"}, 415, "unsupported_encoding"),
        ({"HTTP_CONTENT_ENCODING": "gzip, gzip"}, 415, "unsupported_encoding"),
        ({"HTTP_CONTENT_ENCODING": "gzip"}, 400, "invalid_gzip"),
        ({"CONTENT_LENGTH": "-1"}, 400, "invalid_length"),
        ({"CONTENT_LENGTH": "2e3"}, 400, "invalid_length"),
        ({"CONTENT_LENGTH": "\u0662"}, 400, "invalid_length"),
        ({"CONTENT_LENGTH": "9" * 5000}, 413, "too_large"),
        ({"CONTENT_LENGTH": str(LIMIT + 1)}, 413, "too_large"),
        ({"CONTENT_LENGTH": "100"}, 400, "truncated"),
        ({"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}, 411, "length_required"),
    ],
)
def test_headers_that_do_not_fit_are_refused(headers: dict[str, str], status: int, code: str) -> None:
    with pytest.raises(Refused) as caught:
        read_bytes(environ(b"{}", **headers), LIMIT)

    assert (caught.value.status, caught.value.code) == (status, code)


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_may_be_spelt_in_these_ways(kind: str) -> None:
    assert read_bytes(environ(b"{}", CONTENT_TYPE=kind), LIMIT) == b"{}"


@pytest.mark.parametrize(
    ("declared", "passed_over"),
    [(LIMIT + 1, LIMIT + 1), (2_000_000, 2_000_000), (PASSED_OVER_BYTES + 1, 0), (10**20, 0)],
)
def test_a_body_over_the_limit_is_passed_over_so_that_its_sender_reads_why(declared: int, passed_over: int) -> None:
    stream = io.BytesIO(b"x" * 2_000_000)

    with pytest.raises(Refused) as caught:
        read_bytes(environ(b"", **{"CONTENT_LENGTH": str(declared), "wsgi.input": stream}), LIMIT)

    assert (caught.value.status, stream.tell()) == (413, passed_over)


@pytest.mark.parametrize(("size", "fits"), [(LIMIT, True), (LIMIT + 1, False)])
def test_a_chunked_body_is_read_up_to_the_limit(size: int, fits: bool) -> None:
    headers = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    sent = environ(b"x" * size, **headers)

    if fits:
        assert len(read_bytes(sent, LIMIT)) == size
    else:
        with pytest.raises(Refused) as caught:
            read_bytes(sent, LIMIT)
        assert caught.value.status == 413


@pytest.mark.parametrize("keys", [200, 6_000])
def test_gzip_is_unpacked_and_the_limit_is_of_what_was_sent(keys: int) -> None:
    plain = json.dumps({f"key-{n * 7919}": n for n in range(keys)}).encode()

    assert read_bytes(environ(gzip.compress(plain), HTTP_CONTENT_ENCODING="gzip"), LIMIT) == plain


@pytest.mark.parametrize(
    ("packed", "status"),
    [
        pytest.param(gzip.compress(b" " * 50_000_000), 413, id="bomb"),
        pytest.param(gzip.compress(gzip.compress(b" " * 9_000_000)), 413, id="bomb-in-a-bomb"),
        pytest.param(gzip.compress(b" " * 5000), 413, id="more-than-8-times"),
        pytest.param(gzip.compress(bytes(range(256)) * 4, 0)[:-9], 400, id="cut-short"),
        pytest.param(gzip.compress(b"{}") + b"more", 400, id="something-follows"),
        pytest.param(b"", 400, id="empty"),
    ],
)
def test_gzip_is_bounded(packed: bytes, status: int) -> None:
    with pytest.raises(Refused) as caught:
        decode(read_bytes(environ(packed, HTTP_CONTENT_ENCODING="gzip"), LIMIT), Sent)

    assert caught.value.status == status


def answer(raw: bytes) -> Sent | Refused:
    try:
        return decode(raw, Sent)
    except Refused as refusal:
        return refusal


@given(st.binary(max_size=300))
@example(b'{"account_id": "\\ud800\\u0000"}')
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    found = answer(raw)

    assert isinstance(found, Sent) or (found.status == 400 and found.errors)


ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
DOCUMENTS = st.recursive(ATOMS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=40)


@given(DOCUMENTS)
def test_any_json_is_read_or_refused(value: object) -> None:
    found = answer(json.dumps(value).encode())

    assert isinstance(found, Sent) or all(error.field for error in found.errors)
