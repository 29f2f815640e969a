"""How does a holdout begin a draw, grow it, and end it, so that membership of any past date stays answerable?

Draws are only added and ended, never moved: who is withheld on a date follows from id and date. Sizes are of 10,000.
Each verb is one transaction and one line of history; what is not carried out raises ``Refused`` with every reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from audiences.moments import micros
from audiences.tiers import Tier
from experiments import assignment
from experiments.models import BUCKETS, Holdout, HoldoutPeriod
from experiments.problems import Problem, refuse_if
from experiments.recording import Values, may, note

_EVER = -(2**63)


@transaction.atomic
def draw(
    holdout: Holdout,
    size: int,
    *,
    by: User | None,
    now: datetime,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    keep_previous_until: datetime | None = None,
    why: str = "",
) -> HoldoutPeriod:
    """Begin a new draw, with a salt of its own, at ``starts_at`` (default: now) until ``ends_at`` (default: open).

    Draws that would run on end when the new one starts, or at ``keep_previous_until``: both groups are dark meanwhile.
    A draw that has not begun is replaced.
    """
    row, draws = _locked(holdout)
    begins = starts_at or now
    handover = keep_previous_until or begins
    refuse_if(
        [
            *may(by, row),
            *_size_problems(size),
            *_date_problems(now, begins, ends_at, handover),
        ]
    )
    before = _values(draws)
    for earlier in draws:
        _end(earlier, handover if _begun(earlier, now) else now)
    number = draws[-1].number + 1 if draws else 1
    new = HoldoutPeriod.objects.create(
        holdout=row,
        number=number,
        salt=f"holdout:{row.key}:{number}",
        size=size,
        period=DateTimeTZRange(begins, ends_at, "[)"),
    )
    note(row, "drawn", before, _values(row.periods.all()), by=by, now=now, why=why)
    return new


@transaction.atomic
def grow(holdout: Holdout, size: int, *, by: User | None, now: datetime, why: str = "") -> HoldoutPeriod:
    """Withhold more subjects from now on: the same salt and a larger size under the next number. Nobody is released."""
    row, draws = _locked(holdout)
    newest = draws[-1] if draws else None
    refuse_if([*may(by, row), *_size_problems(size), *_growth_problems(newest, size, now)])
    running = draws[-1]
    before = _values(draws)
    until = running.period.upper
    _end(running, now)
    grown = HoldoutPeriod.objects.create(
        holdout=row,
        number=running.number + 1,
        salt=running.salt,
        size=size,
        period=DateTimeTZRange(now, until, "[)"),
    )
    note(row, "grown", before, _values(row.periods.all()), by=by, now=now, why=why)
    return grown


@transaction.atomic
def end_draws(holdout: Holdout, *, by: User | None, now: datetime, why: str = "") -> Holdout:
    """Withhold nobody any more; draws that have not begun are dropped."""
    row, draws = _locked(holdout)
    refuse_if(may(by, row))
    before = _values(draws)
    for each in draws:
        _end(each, now)
    note(row, "ended", before, _values(row.periods.all()), by=by, now=now, why=why)
    return row


def spec_of(holdout: Holdout) -> assignment.HoldoutSpec:
    """Every draw there ever was, for ``assignment.held_out``: who was withheld on a date, from id and date alone."""
    draws = tuple(
        assignment.HoldoutPeriod(
            salt=draw.salt,
            from_us=_EVER if draw.period.lower is None else micros(draw.period.lower),
            to_us=None if draw.period.upper is None else micros(draw.period.upper),
            size_per_10000=draw.size,
            number=draw.number,
        )
        for draw in holdout.periods.order_by("number")
    )
    scope, tiers = assignment.HoldoutScope(holdout.scope), frozenset(Tier(tier) for tier in holdout.tiers)
    return assignment.HoldoutSpec(holdout.key, scope, holdout.scope_key, tiers, draws)


def _locked(holdout: Holdout) -> tuple[Holdout, list[HoldoutPeriod]]:
    row = Holdout.objects.select_for_update().get(pk=holdout.pk)
    return row, list(row.periods.order_by("number"))


def _begun(draw: HoldoutPeriod, now: datetime) -> bool:
    return draw.period.lower is None or bool(draw.period.lower < now)


def _covers(draw: HoldoutPeriod, moment: datetime) -> bool:
    lower, upper = draw.period.lower, draw.period.upper
    return (lower is None or lower <= moment) and (upper is None or moment < upper)


def _end(draw: HoldoutPeriod, at: datetime) -> None:
    """End it at ``at`` unless it ends earlier; one that would never have run says nothing about anybody."""
    lower, upper = draw.period.lower, draw.period.upper
    if upper is not None and upper <= at:
        return
    if lower is not None and lower >= at:
        draw.delete()
        return
    draw.period = DateTimeTZRange(lower, at, "[)")
    draw.save(update_fields=["period"])


def _size_problems(size: int) -> Iterator[Problem]:
    if not 0 < size < BUCKETS:
        hint = f"Give 1 to {BUCKETS - 1:,} of 10,000; 200 are 2 percent."
        yield Problem("holdout.size", f"The size is {size}.", hint)


def _date_problems(now: datetime, begins: datetime, ends_at: datetime | None, handover: datetime) -> Iterator[Problem]:
    if begins < now:
        sentence = "The draw would begin in the past, when its members were not withheld."
        yield Problem("holdout.past", sentence, "Begin now or later.")
    if ends_at is not None and ends_at <= begins:
        yield Problem("holdout.empty", "The draw would end before it begins.", "Choose a later end, or leave it open.")
    if handover < begins:
        sentence = "The previous group would be released before the new draw begins."
        yield Problem("holdout.handover", sentence, "Keep it at least until then.")


def _growth_problems(newest: HoldoutPeriod | None, size: int, now: datetime) -> Iterator[Problem]:
    # Only the newest: exposures of the treated name the newest draw, so its numbers must rise with time.
    if newest is None or not _covers(newest, now):
        yield Problem("holdout.not_running", "The newest draw is not running.", "Begin a new draw instead.")
    elif size <= newest.size:
        sentence = f"The draw already withholds {newest.size} of 10,000."
        yield Problem("holdout.shrink", sentence, "Give a larger size; to withhold fewer, begin a new draw.")


def _values(draws: Iterable[HoldoutPeriod]) -> Values:
    rows = sorted(draws, key=lambda each: each.number)
    return {f"draw {each.number}": f"{each.size} of 10,000, {_words(each)}, salt {each.salt}" for each in rows}


def _words(draw: HoldoutPeriod) -> str:
    lower, upper = draw.period.lower, draw.period.upper
    start = "ever" if lower is None else lower.isoformat()
    return f"from {start} to {'further notice' if upper is None else upper.isoformat()}"
