"""What is wrong with this rule, where, and what is the way out?"""

from collections.abc import Iterable
from difflib import get_close_matches

from msgspec import Struct


class Problem(Struct, frozen=True):
    """One thing to mend. ``where`` is a path such as ``$.rule.all[2].value[0]``."""

    id: str
    where: str
    sentence: str
    hint: str


class Findings:
    """Collects every problem of one document, so that nobody mends them one save at a time."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, id_: str, where: str, sentence: str, hint: str) -> None:
        self.problems.append(Problem(id_, where, sentence, hint))

    def unknown(self, what: str, name: object, known: Iterable[str], where: str) -> None:
        """A name that the catalogue does not have; offers the nearest ones."""
        self.add(
            f"rule.unknown_{what.replace(' ', '_')}",
            where,
            f"There is no {what} {shown(name)}.",
            nearest(name, known, what),
        )


def shown(value: object) -> str:
    """The value as it may stand in a sentence: short, and safe to print."""
    text = ascii(value) if not isinstance(value, str) or not value.isprintable() else f'"{value}"'
    return text if len(text) <= 60 else f"{text[:57]}..."


def nearest(name: object, known: Iterable[str], what: str) -> str:
    """A hint for a misspelt name: the closest known ones, else the first few of all."""
    names = sorted(known)
    if not names:
        return f"Declare a {what} first."
    close = get_close_matches(name, names, n=3) if isinstance(name, str) and len(name) <= 200 else []
    if close:
        return f"Did you mean {' or '.join(close)}?"
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"Known: {', '.join(names[:8])}{more}."
