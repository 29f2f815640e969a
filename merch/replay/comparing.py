"""What is different between two releases, and whom does it reach? (What commands and admin show of a diff.)"""

from __future__ import annotations

import zlib
from collections.abc import Container, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from audiences.moments import micros
from merch.engine.compiling import compile_release
from merch.engine.document import ReleaseDoc, parse_release
from merch.models import Publication
from merch.models import Release as ReleaseRow
from merch.releases import diff
from merch.releases.diff import Change
from merch.replay import blast
from merch.replay.blast import Blast
from merch.subjects import sampling
from merch.subjects.sampling import Person


class Comparison(NamedTuple):
    changes: list[Change]
    blast: Blast

    def as_json(self) -> dict[str, Any]:
        return {"changes": diff.as_json(self.changes), "blast_radius": blast.as_json(self.blast)}

    def lines(self, seen: Container[str] | None = None) -> list[str]:
        """As a person reads it; one line where nothing differs. ``seen``: campaigns that the person may see."""
        if not self.changes:
            return ["no difference"]
        return [*told(self.changes, seen), *blast.in_words(self.blast, seen)]


def told(changes: Iterable[Change], seen: Container[str] | None = None) -> list[str]:
    """Sentences; those of campaigns that a person may not see are only counted."""
    open_to = [each for each in changes if seen is None or each.area != "campaign" or each.key in seen]
    hidden = {each.key for each in changes if each not in open_to}
    rest = [f"{len(hidden)} more that you may not see: campaigns of other teams"] if hidden else []
    return [*(each.sentence for each in open_to), *rest]


def compare(before: ReleaseDoc, after: ReleaseDoc, *, now: datetime, sample: float | None = None) -> Comparison:
    """``sample`` is the share of subjects that are asked; None: about as many as a share needs, 0: none."""
    changes = diff.diff(before, after)
    people: Iterable[Person] = ()
    if changes and sample != 0:
        people = sampling.sampled(sample or sampling.enough(), after.layout, now=now)
    found = blast.blast(compile_release(before), compile_release(after), changes, people, micros(now))
    return Comparison(changes, found)


def document_of(row: ReleaseRow) -> ReleaseDoc:
    """As it was published."""
    return parse_release(zlib.decompress(bytes(row.document)))


def before(publication: Publication) -> list[Change]:
    """What this publication changed against the one before it; everything, for the first."""
    earlier = Publication.objects.select_related("release").filter(number__lt=publication.number).first()
    after = document_of(ReleaseRow.objects.get(pk=publication.release_id))
    was = document_of(earlier.release) if earlier else ReleaseDoc(deployment=after.deployment, tzdata=after.tzdata)
    return diff.diff(was, after)


def served() -> ReleaseDoc | None:
    """The document of the newest publication; None before the first."""
    newest = Publication.objects.select_related("release").order_by("-number").first()
    return document_of(newest.release) if newest else None
