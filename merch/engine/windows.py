"""Which happenings does a window count, and when does it let go?

The windows of caps, as docs/algorithms/caps.md tells them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from merch.engine.clock import DAY, EPOCH, MICROSECONDS, resolve
from merch.engine.document import ZoneTable
from merch.engine.facts import HistoryCell

ROLLING, CALENDAR_LOCAL, SESSION, LIFETIME = "ROLLING", "CALENDAR_LOCAL", "SESSION", "LIFETIME"
SESSIONLESS = 30 * 60 * MICROSECONDS  # what stands for the session of a request that names none
MONDAY = 3  # days from a Monday to 1970-01-01
UNITS = {"DAY": "per day", "WEEK": "per week", "MONTH": "per month"}


class Moment(NamedTuple):
    """Now, where the account lives: its zone, the local day and its beginning; and the request's session (0: none)."""

    now: int
    table: ZoneTable
    today: int
    day_start: int
    session: int


class Window(NamedTuple):
    """A cap's window: ``length`` (microseconds) of a rolling one, ``unit`` of a calendar one."""

    kind: str = LIFETIME
    length: int | None = None
    unit: str = ""

    @classmethod
    def of(cls, kind: str, length: int | None, unit: str) -> Window:
        """A rolling window without a length is a lifetime."""
        return cls(LIFETIME) if kind == ROLLING and length is None else cls(kind, length, unit)

    @property
    def words(self) -> str:
        """As explain says it."""
        if self.kind == ROLLING:
            return f"in {(self.length or 0) / DAY:g} days"
        return {LIFETIME: "ever", SESSION: "per session"}.get(self.kind) or UNITS[self.unit]

    def counted(self, cell: HistoryCell, moment: Moment) -> tuple[int, ...]:
        """The instants that count, ascending. A lifetime's count is the cell's, not theirs."""
        if self.kind == SESSION and moment.session:
            pairs = zip(cell.instants, cell.sessions, strict=False)
            return tuple(instant for instant, session in pairs if session == moment.session)
        since = self._since(moment)
        return tuple(instant for instant in cell.instants if instant >= since)

    def how_many(self, cell: HistoryCell, moment: Moment) -> int:
        return cell.count if self.kind == LIFETIME else len(self.counted(cell, moment))

    def resets(self, cell: HistoryCell, limit: int, moment: Moment) -> int | None:
        """When fewer than ``limit`` will count, if nothing more happens; None: not by waiting."""
        if self.kind == CALENDAR_LOCAL:
            return _period(self.unit, moment, later=1)
        if self.kind == LIFETIME or (self.kind == SESSION and moment.session):
            return None
        counted = self.counted(cell, moment)
        length = SESSIONLESS if self.kind == SESSION else self.length or 0
        return counted[-limit] + length if len(counted) >= limit else None

    def _since(self, moment: Moment) -> int:
        """The first instant that counts."""
        if self.kind == ROLLING:
            return moment.now - (self.length or 0) + 1
        if self.kind == SESSION:
            return moment.now - SESSIONLESS + 1
        return _period(self.unit, moment) if self.kind == CALENDAR_LOCAL else 0


def _period(unit: str, moment: Moment, *, later: int = 0) -> int:
    """When the local day, week (from Monday) or month began, or the one ``later`` begins."""
    today = moment.today
    if unit == "DAY":
        return resolve(moment.table, (today + later) * DAY, last=False) if later else moment.day_start
    if unit == "WEEK":
        first = today - (today + MONDAY) % 7 + 7 * later
    else:
        date = EPOCH + timedelta(days=today)
        months = date.year * 12 + date.month - 1 + later
        first = (date.replace(year=months // 12, month=months % 12 + 1, day=1) - EPOCH) // timedelta(days=1)
    return resolve(moment.table, first * DAY, last=False)
