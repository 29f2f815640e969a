"""Why was a verb not carried out, and what is the way out?"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Problem(Struct, frozen=True):
    """One reason, with a stable id, one sentence and what to do about it."""

    id: str
    sentence: str
    hint: str


class Refused(Exception):
    """A verb was not carried out; ``problems`` holds every reason, never only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(" ".join(f"{problem.sentence} {problem.hint}" for problem in self.problems))


def refuse_if(problems: Iterable[Problem]) -> None:
    """Raise ``Refused`` with all of them, or go on when there is none."""
    found = list(problems)
    if found:
        raise Refused(found)
