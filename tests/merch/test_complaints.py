"""Does a decoder's complaint reach the sender in words that say what to send?"""

import enum
from datetime import datetime
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta, Struct

from merch.complaints import sentence


class Tier(enum.StrEnum):
    LEGAL = "LEGAL"


class Sent(Struct):
    names: Annotated[list[Annotated[str, Meta(min_length=1, max_length=3)]], Meta(min_length=1)] | None = None
    slots: Annotated[int, Meta(ge=1, le=20)] | None = None
    at: Annotated[datetime, Meta(tz=True)] | None = None
    tier: Tier | None = None
    traits: Annotated[dict[str, str | int | None], Meta(max_length=1)] = {}
    consent: dict[Annotated[str, Meta(pattern="^[a-z]+$")], bool] = {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"names": []}', "Send a list of at least 1 members."),
        ('{"names": ["abcd"]}', "Send a text of at most 3 characters."),
        ('{"names": [5]}', "Send a text, not a whole number."),
        ('{"names": "a"}', "Send a list, not a text."),
        ('{"slots": 0}', "Send a whole number of at least 1."),
        ('{"slots": 21}', "Send a whole number of at most 20."),
        ('{"slots": 1.5}', "Send a whole number, not a number."),
        ('{"at": "2026-11-22"}', "Send a moment with its zone, such as 2026-11-22T12:00:00Z."),
        ('{"at": "2026-11-22T12:00:00"}', "Send a moment with its zone, such as 2026-11-22T12:00:00Z."),
        ('{"tier": "LEGALLY"}', "'LEGALLY' is none of the values listed at /v1/docs."),
        ('{"traits": {"a": {}}}', "Send a whole number or a text, not an object."),
        ('{"traits": {"a": 1, "b": 2}}', "Send an object of at most 1 members."),
        ('{"consent": {"A": true}}', "Use a text of the form ^[a-z]+$."),
        ('{"consent": {"a": null}}', "Send true or false, not null."),
        ("[]", "Send an object, not a list."),
    ],
)
def test_a_complaint_says_what_to_send(body: str, said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(body, type=Sent)

    assert sentence(str(refused.value).partition(" - at ")[0]) == said


def test_what_is_not_known_is_passed_on() -> None:
    assert sentence("Object missing required field `x`") == "Object missing required field `x`."
