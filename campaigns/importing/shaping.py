"""Is each entry of the file of the shape that its section wants? Every problem with its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import NODEFAULT

from audiences.rules.problems import Findings, nearest, shown
from campaigns.importing.entries import SECTIONS, Entry

# What people write in the file, where it is no name in Python.
WRITTEN = {"starts": "from", "ends": "until"}
READ = {written: name for name, written in WRITTEN.items()}


class Placed(NamedTuple):
    """A well-shaped entry and where it stands: ``offers[2] (trial-30)``."""

    section: str
    key: str
    where: str
    entry: Entry


def shape(document: Any, findings: Findings) -> list[Placed]:
    """Every well-shaped entry, in the order of writing; what is wrong goes to ``findings``."""
    if not isinstance(document, dict):
        findings.add("file.shape", "the file", "It is not an object.", f"Write sections: {', '.join(SECTIONS)}.")
        return []
    for name in document:
        if name not in SECTIONS:
            hint = nearest(name, SECTIONS, "section")
            findings.add("file.section", str(name), f"There is no section {shown(name)}.", hint)
    return [each for name in SECTIONS if name in document for each in _section(name, document[name], findings)]


def _section(name: str, entries: Any, findings: Findings) -> Iterator[Placed]:
    if not isinstance(entries, list):
        findings.add("file.section", name, f"{name} is not a list.", "Begin each entry with a dash.")
        return
    seen: dict[str, str] = {}
    for at, raw in enumerate(entries):
        placed = _placed(name, at, raw, findings)
        if placed is None:
            continue
        if name != "prices" and placed.key in seen:
            sentence = f"{placed.key} stands at {seen[placed.key]} already."
            findings.add("entry.twice", placed.where, sentence, "Keep one of the two.")
            continue
        seen[placed.key] = placed.where
        yield placed


def _placed(section: str, at: int, raw: Any, findings: Findings) -> Placed | None:
    of = SECTIONS[section]
    key = key_of(section, raw)
    where = f"{section}[{at}] ({key})" if key else f"{section}[{at}]"
    entry = read(of, raw, where, findings)
    return Placed(section, key, where, entry) if entry is not None else None


def key_of(section: str, raw: Any) -> str:
    """How the entry is called in plans and problems; empty where it names none."""
    if not isinstance(raw, dict):
        return ""
    if section == "prices":
        return f"{raw.get('plan', '?')} in {raw.get('market', '?')}"
    return str(raw.get(SECTIONS[section].__struct_fields__[0], ""))


def read(of: type[Entry], raw: Any, where: str, findings: Findings) -> Any:
    """The entry, read field by field so that all its problems are named; None after reporting them."""
    if not isinstance(raw, dict):
        findings.add("entry.shape", where, f"{shown(raw)} is not an object.", "Write field: value lines.")
        return None
    before = len(findings.problems)
    fields = {field.name: field for field in msgspec.structs.fields(of)}
    values: dict[str, Any] = {}
    for written, value in raw.items():
        name = READ.get(written, written)
        if name not in fields or written in WRITTEN:
            hint = nearest(written, [WRITTEN.get(each, each) for each in fields], "field")
            findings.add("entry.unknown_field", where, f"There is no field {shown(written)}.", hint)
        else:
            values[name] = _value(fields[name].type, value, f"{where}.{written}", findings)
    for field in fields.values():
        if field.required and field.default is NODEFAULT and WRITTEN.get(field.name, field.name) not in raw:
            written = WRITTEN.get(field.name, field.name)
            findings.add("entry.missing", where, f"{written} is missing.", f"Add {written}.")
    return of(**values) if len(findings.problems) == before else None


def _value(of: Any, value: Any, where: str, findings: Findings) -> Any:
    try:
        return msgspec.convert(value, of)
    except msgspec.ValidationError as error:
        sentence, _, inner = str(error).partition(" - at `$")
        hint = "Put it in quotes." if "Expected `str" in sentence and isinstance(value, int | float) else "Mend it."
        findings.add("entry.type", where + inner.rstrip("`"), f"{sentence}: {shown(value)}.", hint)
        return None
