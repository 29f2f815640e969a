"""Who stands for everybody? (A hashed sample of subjects, as PostgreSQL knows them.)"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from audiences.hashing import BUCKETS
from audiences.models import Subject as SubjectRow
from merch.engine.facts import NEW_SUBJECT, Subject
from merch.subjects.packing import unpack
from merch.subjects.rows import Packed, packed_sample

PAGE = 1_000
ENOUGH = 2_000  # subjects: then a share is known to about two points


class Person(NamedTuple):
    """Whom a decision would be for, and what is known of them."""

    kind: str
    key: str
    subject: Subject


def enough() -> float:
    """The share of all subjects that gives about as many as a share needs."""
    total = SubjectRow.objects.count()
    return 1.0 if total <= ENOUGH else ENOUGH / total


def sampled(share: float, layout: int, *, now: datetime) -> Iterator[Person]:
    """The subjects whose id hashes below ``share``: the same ones whoever asks, page by page."""
    below, after = max(round(share * BUCKETS), 1), 0
    while page := packed_sample(after, PAGE, below, now=now):
        yield from (_person(packed, layout) for packed in page)
        after = page[-1].subject_id


def _person(packed: Packed, layout: int) -> Person:
    """Bits of another layout say nothing to this release."""
    (name, record), *rest = packed.values
    bits = next((value for where, value in rest if where.startswith(f"m{layout}:".encode())), None)
    kind, _, key = name.decode()[len("s:{") : -1].partition(":")
    return Person(kind, key, unpack(None, record, bits) or NEW_SUBJECT)


def total() -> int:
    """How many subjects there are."""
    return SubjectRow.objects.count()
