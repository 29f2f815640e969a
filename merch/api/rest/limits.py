"""How large may what a caller sends be? (Every figure of the doors in one place; docs/api.md repeats them.)"""

from typing import Annotated

from msgspec import Meta

DECISION_BYTES = 64 * 1024  # as sent, like the next three
EVENTS_BYTES = 1024 * 1024
SUBJECTS_BYTES = 1024 * 1024
SUBJECT_BYTES = 64 * 1024
ASKED_BYTES = 2 * 1024  # of a decision's call, packed, as far as its placements read it: it is kept with the answer
PASSED_OVER_BYTES = 16 * 1024 * 1024  # of a refused body; whoever declares more is cut off

INFLATE_RATIO = 8  # a gzip body may grow by this much ...
INFLATED_BYTES = 8 * 1024 * 1024  # ... and to this size, whatever its door takes plain

DEPTH = 32  # of nested arrays and objects
ITEMS = 500  # events or subjects of one call
PLACEMENTS = 20
ATTRIBUTES = 100  # of one free-form object: context, traits, properties
KEY_LENGTH = 128  # characters
TEXT_LENGTH = 4096  # characters

SMALLEST_INT, LARGEST_INT = -(2**63), 2**63 - 1  # what PostgreSQL and every rule can hold

# The same limits as types, so that decoding enforces them and the OpenAPI document tells them.
Key = Annotated[str, Meta(min_length=1, max_length=KEY_LENGTH)]
Text = Annotated[str, Meta(max_length=TEXT_LENGTH)]
Id = Annotated[str, Meta(min_length=1, max_length=200)]
Int = Annotated[int, Meta(ge=SMALLEST_INT, le=LARGEST_INT)]
Scalar = Text | Int | float | bool | None
Value = Scalar | Annotated[list[Scalar], Meta(max_length=1000)]
Attributes = Annotated[dict[Key, Value], Meta(max_length=ATTRIBUTES)]
