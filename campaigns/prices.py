"""When does a plan have a price, and when not?

Pure. Periods are half-open and do not overlap (the database sees to that); None is "since ever" or "for ever".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

Period = tuple[datetime | None, datetime | None]

_EVER = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


def gaps(priced: Iterable[Period], first: datetime, last: datetime | None) -> list[Period]:
    """The parts of [first, last) without a price, in time order.

    ``last`` None means that nobody knows the end yet: then only what lies before the last known price counts, for
    the next price is usually set later; no price at all, or none any more, is one endless gap.
    """
    known = sorted((start or _EVER, end or _NEVER) for start, end in priced)
    until = max((end for _, end in known), default=_EVER) if last is None else last
    found: list[Period] = []
    reached = first
    for start, end in known:
        if start > reached and reached < until:
            found.append((reached, min(start, until)))
        reached = max(reached, end)
    if reached < until:
        found.append((reached, until))
    return found or ([(first, None)] if until <= first and last is None else [])
