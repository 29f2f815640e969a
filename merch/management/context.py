"""What does an engineer mean by platform=ios on the command line?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from audiences.rules import BadValue, Type, ValueType, encode_trait
from merch.engine.compiled import Release

YES, NO = ("true", "yes", "1"), ("false", "no", "0")


def context_of(pairs: list[str], release: Release) -> dict[str, Any]:
    """Stored forms by declared type, of NAME=VALUE. Raises CommandError."""
    found = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        of = release.context_types.get(name)
        if not equals or of is None:
            known = ", ".join(sorted(release.context_types))
            raise CommandError(f"--context takes NAME=VALUE with a declared name ({known}), not {pair!r}.")
        try:
            found[name] = encode_trait(of, from_text(of, text))
        except (BadValue, ValueError) as error:
            raise CommandError(f"--context {pair}: {error}") from error
    return found


def from_text(of: ValueType, text: str) -> Any:
    """A value as JSON would carry it, from what a person types."""
    if of.type is Type.INT:
        return int(text)
    if of.type is Type.BOOL:
        if text.lower() not in YES + NO:
            raise ValueError("Write yes or no.")
        return text.lower() in YES
    if of.type is Type.SET:
        return [part.strip() for part in text.split(",")]
    return text
