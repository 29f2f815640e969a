"""What does a catalogue file say, in plain values? (YAML or JSON; nothing is guessed and nothing stands twice.)"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml


class Unreadable(ValueError):
    """The file, or what it holds, cannot be read at all; the sentence says where and the way out."""


class _Plain(yaml.SafeLoader):
    """YAML as most people expect it: NO is a text (Norway), 12:30 too, and a key stands once."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        self.flatten_mapping(node)
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                mark = key_node.start_mark
                raise Unreadable(f"Line {mark.line + 1}: {key} stands there twice. Keep one.")
            seen.add(key)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"true|false", "tf"),
    ("tag:yaml.org,2002:int", r"-?(0|[1-9][0-9]*)", "-0123456789"),
    ("tag:yaml.org,2002:float", r"-?(0|[1-9][0-9]*)\.[0-9]+", "-0123456789"),
    ("tag:yaml.org,2002:null", r"null|~|", "n~"),
    ("tag:yaml.org,2002:merge", r"<<", "<"),
):
    _Plain.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), list(_first))
_Plain.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^$"), [""])


def document_of(path: Path) -> Any:
    """The file's content. Raises Unreadable."""
    text = text_of(path)
    if path.suffix == ".json":
        return _json(text, path.name)
    if path.suffix not in (".yaml", ".yml"):
        raise Unreadable(f"{path.name}: a catalogue is .yaml, .yml or .json; rows (.csv, .parquet) need a --mapping.")
    return yaml_of(text, path.name)


def yaml_of(text: str, name: str) -> Any:
    """YAML in plain values. Raises Unreadable."""
    try:
        return yaml.load(text, _Plain)  # noqa: S506 - a SafeLoader with fewer guesses
    except Unreadable as bad:
        raise Unreadable(f"{name}: {bad}") from bad
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise Unreadable(f"{name}{where}: {problem}. Mend it there or a little above.") from error


def text_of(path: Path) -> str:
    """The file as UTF-8. Raises Unreadable."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path.name} is not UTF-8 at byte {error.start}. Save it as UTF-8.") from error
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.") from error


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise Unreadable(f"{name} in line {error.lineno}: {error.msg}. Mend it there or a little above.") from error
    except Unreadable as bad:
        raise Unreadable(f"{name}: {bad}") from bad


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Unreadable(f"{key} stands twice in one object. Keep one.")
        found[key] = value
    return found
