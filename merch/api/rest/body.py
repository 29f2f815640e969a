"""What did the caller send? (Bytes within a limit, then strict JSON within limits, then values of a declared type.)

Whatever is wrong is a Refused that names the field; nothing here raises anything else for bad input.
"""

import json
import re
import zlib
from collections import Counter
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from django.http import HttpRequest

from merch import complaints
from merch.api.rest.limits import ATTRIBUTES, DEPTH, INFLATE_RATIO, INFLATED_BYTES, KEY_LENGTH, PASSED_OVER_BYTES
from merch.api.rest.problems import FieldError, Refused, bad

T = TypeVar("T")

GZIP = 16 + zlib.MAX_WBITS
PIECE = 256 * 1024  # bytes of a refused body that are held at a time
MOST_TRIED = 2 * ATTRIBUTES
SMALL = 4_096  # bytes of a body that is read twice to see whether it names a key twice

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SURROGATE = re.compile(rb"(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]")
_WHERE = re.compile(r" - at (?:`key` in )?`\$\.?(.*)`$")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
SOME_KEY = "[...]"  # how msgspec writes that a member of a free-form object is wrong, without saying which
_MISSING = re.compile(r"missing required field `([^`]+)`")
_UNKNOWN = re.compile(r"contains unknown field `([^`]+)`")
_JSON_TYPE = re.compile(r'application/json(?:\s*;\s*charset\s*=\s*"?utf-?8"?)?\s*', re.IGNORECASE)


def read_body(request: HttpRequest, limit: int, of: type[T]) -> T:
    """The body of ``request`` as a ``of``. ``limit``: bytes. Raises Refused."""
    return decode(read_bytes(request.META, limit), of)


def read_bytes(environ: Mapping[str, Any], limit: int) -> bytes:
    """The JSON bytes of a WSGI request, at most ``limit`` as sent, then unpacked. Raises Refused 400, 411, 413, 415.

    Too large a body is refused by its declared length; no more than a piece of it is ever kept.
    """
    if not _JSON_TYPE.fullmatch(environ.get("CONTENT_TYPE") or "") and not _is_empty(environ):
        raise bad("Content-Type", "unsupported_media_type", "Send application/json in UTF-8.", status=415)
    raw = _read(environ, limit)
    coding = (environ.get("HTTP_CONTENT_ENCODING") or "identity").strip().lower()
    if coding == "gzip":
        return _inflate(raw)
    if coding != "identity":
        raise Refused(
            415,
            "unsupported_encoding",
            "Send the body as it is, or packed with gzip.",
            [FieldError("Content-Encoding", "unsupported_encoding", "Use gzip or nothing.")],
            {"Accept-Encoding": "gzip, identity"},
        )
    return raw


def _is_empty(environ: Mapping[str, Any]) -> bool:
    """Nothing was sent, so that there is no type to speak of; "the body is empty" helps more."""
    return environ.get("CONTENT_LENGTH") in (None, "", "0") and "HTTP_TRANSFER_ENCODING" not in environ


def _read(environ: Mapping[str, Any], limit: int) -> bytes:
    declared = environ.get("CONTENT_LENGTH") or ""
    if declared:
        if not (declared.isascii() and declared.isdigit()):
            raise bad("Content-Length", "invalid_length", "Content-Length is not a number.")
        if len(declared) > 12 or int(declared) > limit:
            _pass_over(environ["wsgi.input"], declared)
            raise _too_large(limit)
        raw: bytes = environ["wsgi.input"].read(int(declared))
        if len(raw) < int(declared):
            raise bad("body", "truncated", "The body is shorter than its Content-Length.")
        return raw
    if "HTTP_TRANSFER_ENCODING" not in environ:
        return b""
    # Only a server that ends the stream by itself can be read without a length; any other would block here.
    if not environ.get("wsgi.input_terminated"):
        raise bad("Content-Length", "length_required", "Send a Content-Length.", status=411)
    raw = environ["wsgi.input"].read(limit + 1)
    if len(raw) > limit:
        raise _too_large(limit)
    return raw


def _pass_over(stream: Any, declared: str) -> None:
    """Let a sender finish, piece by piece: many read no answer before, and would only see a broken connection."""
    left = int(declared) if len(declared) <= 12 else PASSED_OVER_BYTES + 1
    while 0 < left <= PASSED_OVER_BYTES and (piece := stream.read(min(left, PIECE))):
        left -= len(piece)


def _too_large(limit: int) -> Refused:
    return bad("body", "too_large", f"Send at most {limit} bytes; split the call if need be.", status=413)


def _inflate(raw: bytes) -> bytes:
    bound = min(INFLATE_RATIO * len(raw), INFLATED_BYTES)
    inflater = zlib.decompressobj(GZIP)
    try:
        plain = inflater.decompress(raw, bound + 1)
    except zlib.error as error:
        raise bad("body", "invalid_gzip", "The body is not gzip.") from error
    if len(plain) > bound:
        sentence = (
            f"Unpacked, a body may have {INFLATE_RATIO} times its size, {INFLATED_BYTES} bytes at most; send it plain."
        )
        raise bad("body", "too_large", sentence, status=413)
    if not inflater.eof or inflater.unused_data:
        raise bad("body", "invalid_gzip", "The gzip body is cut short, or something follows it.")
    return plain


def decode(raw: bytes, of: type[T]) -> T:
    """JSON bytes as a ``of``; no coercion, and no object that names a key twice. Raises Refused 400."""
    check_text(raw)
    check_depth(raw)
    try:
        value: T = decoder(cast(Hashable, of)).decode(raw)
    except msgspec.ValidationError as error:
        found = field_error(error)
        field = _which(raw, of, found.field) if SOME_KEY in found.field else found.field
        raise bad(field, found.code, found.message) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_json(raw, error) from error
    check_keys(raw)
    return value


@cache
def decoder(of: Hashable) -> msgspec.json.Decoder[Any]:
    """The decoder of a declared type, made once."""
    return msgspec.json.Decoder(of)


def check_text(raw: bytes) -> None:
    """UTF-8 without NUL, which PostgreSQL cannot keep. Raises Refused 400."""
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise bad("body", "invalid_utf8", "The body is not UTF-8.") from error
    if b"\\u0000" in raw and _NUL.search(raw):
        raise bad("body", "nul", r"Leave out NUL (\u0000).")


def check_depth(raw: bytes) -> None:
    """At most DEPTH nested arrays and objects. Raises Refused 400."""
    if raw.count(b"{") + raw.count(b"[") <= DEPTH:
        return
    depth = 0
    for bracket in _STRING.sub(b"", raw).translate(None, _NOT_BRACKETS):
        if bracket in b"[{":
            depth += 1
            if depth > DEPTH:
                raise bad("body", "too_deep", f"Nest at most {DEPTH} arrays and objects.")
        else:
            depth -= 1


def check_keys(raw: bytes) -> None:
    """No object names a key twice, else two readers of one body may see two different things. Raises Refused 400."""
    if not _comes_back(raw):
        _UNIQUE.decode(raw.decode())


def _comes_back(raw: bytes) -> bool:
    """Is it spelled as we would spell it? Then nothing was said twice, as the second would have replaced the first.

    Most apps write JSON without a space, and then this is the whole check, at a third of its cost.
    """
    try:
        return len(raw) <= SMALL and msgspec.json.encode(msgspec.json.decode(raw)) == raw
    except (msgspec.MsgspecError, RecursionError):
        return False


def _distinct(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise bad("body", "duplicate_key", f"An object names the key {twice[:KEY_LENGTH]} twice; send it once.")


# Numbers are not made: a run of digits would be turned into an int at quadratic cost.
_UNIQUE = json.JSONDecoder(object_pairs_hook=_distinct, parse_int=len, parse_float=len)


def field_error(error: msgspec.ValidationError, inside: str = "") -> FieldError:
    """Which field, and why. ``inside``: the path of the part that was decoded, such as ``events[3]``."""
    text = str(error)
    where = _WHERE.search(text)
    path = ".".join(part for part in (inside, where[1] if where else "") if part).replace(".[", "[")
    sentence = text[: where.start()] if where else text
    if missing := _MISSING.search(sentence):
        return FieldError(f"{path}.{missing[1]}".lstrip("."), "required", "This field is required.")
    if unknown := _UNKNOWN.search(sentence):
        return FieldError(f"{path}.{unknown[1]}".lstrip("."), "unknown_field", "There is no such field.")
    return FieldError(path or "body", "invalid", complaints.sentence(sentence))


def _which(raw: bytes, of: Any, path: str) -> str:
    """``path`` with the name of the member in place of SOME_KEY: the one that is wrong even when it stands alone."""
    before, _, after = path.partition(SOME_KEY)
    try:
        document = msgspec.json.decode(raw)
        members = document
        for name, index in _STEP.findall(before):
            members = members[name or int(index)]
        alone = list(members.items())
    except (msgspec.MsgspecError, LookupError, AttributeError):
        return path
    for name, value in alone[:MOST_TRIED]:
        members.clear()
        members[name] = value
        try:
            msgspec.convert(document, of)
        except msgspec.ValidationError as again:
            if field_error(again).field.startswith(before + SOME_KEY):
                return f"{before}.{name[:KEY_LENGTH]}{after}"
    return path


def _not_json(raw: bytes, error: Exception) -> Refused:
    if not raw.strip():
        return bad("body", "empty", "The body is empty; send a JSON object.")
    if _SURROGATE.search(raw):
        return bad("body", "lone_surrogate", r"Half of a surrogate pair (\ud800 to \udfff) is no character.")
    reason = (
        str(error).removeprefix("JSON is malformed: ") if isinstance(error, msgspec.DecodeError) else "nested too deep"
    )
    return bad("body", "invalid_json", f"The body is not JSON: {reason}.")
