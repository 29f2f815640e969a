"""How is a case written down, so that any language can read it, and how is it decided again?

Everything by name, nothing left out because it is the default; tests/golden/README.md is the description.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from merch.answering import body_of
from merch.engine.compiled import Release
from merch.engine.compiling import compile_release, name_of
from merch.engine.decide import decide
from merch.engine.document import Pulse, ReleaseDoc, canonical
from merch.engine.facts import Request, Subject, SubjectRecord
from tests.golden.sealing import resealed

CASES = Path(__file__).parent / "cases"
Json = dict[str, Any]


def text(document: Any) -> str:
    """The one spelling of a file."""
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def named(value: Any) -> Any:
    """A value with every field of every struct by its name."""
    if isinstance(value, Struct):
        return {name: named(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {key: named(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [named(each) for each in value]
    return sorted(value) if isinstance(value, frozenset) else value


def unnamed(kind: Any, value: Any) -> Any:
    """The value of type ``kind`` that ``named`` wrote; one that is broken on purpose comes back broken."""
    origin, inside = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Struct) and isinstance(value, dict):
        hints = get_type_hints(kind)
        return kind(**{name: unnamed(hints[name], each) for name, each in value.items()})
    if origin is tuple:
        kinds = [inside[0]] * len(value) if inside[-1] is Ellipsis else inside
        return tuple(unnamed(of, each) for of, each in zip(kinds, value, strict=True))
    if origin is dict:
        return {key: unnamed(inside[1], each) for key, each in value.items()}
    if origin is frozenset:
        return frozenset(value)
    if origin in (Union, UnionType):
        return None if value is None else unnamed(inside[0], value)
    return value


def written_release(doc: ReleaseDoc) -> Json:
    data = canonical(doc)
    return {"digest": name_of(data), "release": msgspec.json.decode(data)}


def written_inputs(pulse: Pulse, request: Request, subject: Subject | None, now: int) -> Json:
    """``subject`` None: it could not be read. Behaviour bits are hexadecimal, as no JSON number holds them."""
    known = None if subject is None else {"record": named(subject.record), "bits": f"{subject.bits:x}"}
    return {"pulse": named(pulse), "request": named(request), "subject": known, "now": now}


def read_release(file: Json) -> Release:
    """Under the name on file: a later version of the document would write more fields."""
    return compile_release(msgspec.convert(file["release"], ReleaseDoc), file["digest"])


def answered(release: Release, case: Json) -> Json:
    """The case with what is decided: explained, and as a client gets it."""
    known = case["subject"]
    subject = known and Subject(unnamed(SubjectRecord, known["record"]), int(known["bits"], 16))
    pulse, request = unnamed(Pulse, case["pulse"]), unnamed(Request, case["request"])
    explained = decide(release, pulse, request, subject, case["now"], explain=True)
    served = decide(release, pulse, request, subject, case["now"])
    return case | {"decision": named(explained), "answer": resealed(body_of(served, request))}


def again(file: Json) -> Json:
    """A whole file, decided again from its inputs."""
    release = read_release(file)
    return file | {"cases": [answered(release, case) for case in file["cases"]]}


def codes_of(case: Json) -> set[str]:
    """Every reason code that a decided case shows."""
    answers = case["decision"]["answers"]
    lost = {loss["reason"] for answer in answers for loss in answer["losses"]}
    return lost | {answer["reason"] for answer in answers} | {code for each in answers for code in each["degraded"]}
