"""What does a decoder's complaint mean, in words that say what to send instead?

msgspec names Python's types and its own bounds; who sent the value knows texts, lists and moments.
"""

import re
from collections.abc import Callable

KINDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "datetime": "a moment such as 2026-11-22T12:00:00Z",
}
MEMBERS = {"str": "characters", "array": "members", "object": "members"}
MOMENT = "Send a moment with its zone, such as 2026-11-22T12:00:00Z."


def sentence(complaint: str) -> str:
    """One sentence with the way out. ``complaint``: msgspec's, without the place; what is unknown stays as it is."""
    for pattern, say in _SAYINGS:
        if found := pattern.fullmatch(complaint):
            return say(found)
    return f"{complaint}."


def _type(found: re.Match[str]) -> str:
    wanted = [_kind(name) for name in found[1].split(" | ") if name != "null"]
    *most, last = wanted or ["null"]
    return f"Send {', '.join(most)}{' or ' if most else ''}{last}, not {_kind(found[2])}."


def _kind(name: str) -> str:
    return KINDS.get(name, name)


def _length(found: re.Match[str]) -> str:
    return f"Send {_kind(found[1])} of {_bound(found[2])} {found[3]} {MEMBERS.get(found[1], 'members')}."


def _range(found: re.Match[str]) -> str:
    return f"Send {_kind(found[1])} of {_bound(found[2])} {found[3]}."


def _bound(sign: str) -> str:
    return "at least" if sign == ">=" else "at most"


_SAYINGS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"Expected `([^`]+)`, got `([^`]+)`"), _type),
    (re.compile(r"Expected `([^`]+)` of length ([<>]=) (\d+)"), _length),
    (re.compile(r"Expected `([^`]+)` ([<>]=) (-?\d+)"), _range),
    (re.compile(r"Expected `str` matching regex '(.*)'"), lambda found: f"Use a text of the form {found[1]}."),
    (re.compile(r"Invalid enum value (.*)"), lambda found: f"{found[1]} is none of the values listed at /v1/docs."),
    (re.compile(r"Invalid RFC3339 encoded datetime|Expected `datetime` with a timezone component"), lambda _: MOMENT),
)
