"""How does a price from a file fit between those that there are?

A price of the past stays as it was: quotes were given on it. A change closes the price that holds at its date and opens
the new one there. All intervals are half-open.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from campaigns import money, schedule
from campaigns.importing.desk import Desk, Skipped
from campaigns.importing.entries import PriceEntry
from campaigns.importing.lines import Difference
from campaigns.importing.shaping import Placed
from campaigns.models import Market, Plan, Price

_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class Wanted(NamedTuple):
    """The entry in stored form."""

    plan: Plan
    market: Market
    amount: int
    period: str
    starts: datetime | None
    ends: datetime | None

    def says(self, row: Price) -> bool:
        return row.amount == self.amount and row.period == self.period


def price(desk: Desk, at: Placed, entry: PriceEntry) -> None:
    wanted = _wanted(desk, at, entry)
    rows = list(Price.objects.filter(plan=wanted.plan, market=wanted.market).order_by("effective"))
    holds = next((row for row in rows if _holds(row, wanted.starts)), None)
    if holds is not None and wanted.says(holds) and wanted.ends in (None, holds.effective.upper):
        desk.line(at, False, ())
    elif holds is None:
        _open(desk, at, wanted, _next_start(rows, wanted))
    elif holds.effective.lower == wanted.starts:
        _correct(desk, at, wanted, holds)
    else:
        _succeed(desk, at, wanted, holds)


def _wanted(desk: Desk, at: Placed, entry: PriceEntry) -> Wanted:
    plan = desk.one(Plan, "plans", "key", entry.plan, f"{at.where}.plan")
    market = desk.one(Market, "markets", "code", entry.market, f"{at.where}.market")
    starts = _moment(desk, f"{at.where}.from", entry.starts, market)
    ends = _moment(desk, f"{at.where}.until", entry.ends, market)
    if starts is not None and ends is not None and ends <= starts:
        desk.wrong("price.period", at.where, "It ends before it begins.", "Write a later until, or leave it out.")
        raise Skipped
    return Wanted(plan, market, _minor(desk, at, entry.amount, market), entry.period, starts, ends)


def _minor(desk: Desk, at: Placed, text: str, market: Market) -> int:
    digits = money.exponent(market.currency)
    hint = f'Write it as people do in {market.currency}, in quotes: "{Decimal(119):.{digits}f}".'
    minor = Decimal(text).scaleb(digits) if _AMOUNT.fullmatch(text) else Decimal("0.5")
    if minor != minor.to_integral_value():
        desk.wrong("price.amount", f"{at.where}.amount", f'"{text}" cannot be charged in {market.currency}.', hint)
        raise Skipped
    return int(minor)


def _moment(desk: Desk, where: str, text: str | None, market: Market) -> datetime | None:
    """A moment with its zone, or the beginning of a day (or a wall time) in the market's zone."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=schedule.zone(market.time_zone))
    except (ValueError, KeyError):
        hint = 'Write a day of the market such as "2027-03-01", or a moment with its zone.'
        desk.wrong("price.date", where, f'"{text}" is no date.', hint)
        raise Skipped from None


def _holds(row: Price, moment: datetime | None) -> bool:
    lower, upper = row.effective.lower, row.effective.upper
    if moment is None:
        return lower is None
    return (lower is None or lower <= moment) and (upper is None or moment < upper)


def _next_start(rows: list[Price], wanted: Wanted) -> datetime | None:
    """When the price after the wanted one begins."""
    after = [row.effective.lower for row in rows if row.effective.lower is not None]
    return min((start for start in after if wanted.starts is None or start > wanted.starts), default=None)


def _open(desk: Desk, at: Placed, wanted: Wanted, until: datetime | None) -> None:
    if wanted.starts is None and until is not None:
        sentence = f"{at.key} has prices since {_day(until)} already."
        desk.wrong("price.undated", at.where, sentence, "A price beside others needs the date from which it holds.")
        raise Skipped
    _refuse_overlap(desk, at, wanted, until)
    row = Price(plan=wanted.plan, market=wanted.market)
    values = _values(wanted, DateTimeTZRange(wanted.starts, wanted.ends or until, "[)"))
    desk.line(at, True, _shown(desk.save(row, values, at)))


def _correct(desk: Desk, at: Placed, wanted: Wanted, row: Price) -> None:
    """The same start with another amount: only while nobody can have been quoted it."""
    if wanted.starts is None or wanted.starts <= desk.now:
        since = f"since {_day(wanted.starts)}" if wanted.starts else "so far"
        sentence = f"{at.key} costs {_said(row)} {since}, and quotes were given on it."
        desk.wrong("price.past", at.where, sentence, "Leave that entry and add one with a later from.")
        raise Skipped
    upper = row.effective.upper
    _refuse_overlap(desk, at, wanted, upper)
    values = _values(wanted, DateTimeTZRange(wanted.starts, wanted.ends or upper, "[)"))
    desk.line(at, False, _shown(desk.save(row, values, at)))


def _succeed(desk: Desk, at: Placed, wanted: Wanted, row: Price) -> None:
    """Close the price that holds then, and open the new one at that very moment."""
    if wanted.starts is None or wanted.starts <= desk.now:
        sentence = f"{at.key} costs {_said(row)} until then; a change of the past would deny quotes that were given."
        desk.wrong("price.past", f"{at.where}.from", sentence, "Let the new price begin in the future.")
        raise Skipped
    upper = row.effective.upper
    _refuse_overlap(desk, at, wanted, upper)
    desk.save(row, {"effective": DateTimeTZRange(row.effective.lower, wanted.starts, "[)")}, at)
    opened = Price(plan=wanted.plan, market=wanted.market)
    values = _values(wanted, DateTimeTZRange(wanted.starts, wanted.ends or upper, "[)"))
    created = desk.save(opened, values, at)
    before = Difference("price before", _said(row), f"ends {_day(wanted.starts)}")
    desk.line(at, False, (before, *_shown(created)))


def _refuse_overlap(desk: Desk, at: Placed, wanted: Wanted, until: datetime | None) -> None:
    if wanted.ends is not None and until is not None and wanted.ends > until:
        sentence = f"It would run into the price of {at.key} that begins on {_day(until)}."
        desk.wrong("price.overlap", f"{at.where}.until", sentence, "Two prices never hold at one moment; end it there.")
        raise Skipped


def _values(wanted: Wanted, effective: DateTimeTZRange) -> dict[str, object]:
    return {
        "amount": wanted.amount,
        "currency": wanted.market.currency,
        "period": wanted.period,
        "effective": effective,
    }


def _shown(found: tuple[Difference, ...]) -> tuple[Difference, ...]:
    return tuple(
        Difference(each.field, _range(each.before), _range(each.after)) if each.field == "effective" else each
        for each in found
    )


def _range(value: DateTimeTZRange | None) -> str | None:
    if value is None:
        return None
    since = f"from {_day(value.lower)}" if value.lower else "since ever"
    return f"{since} until {_day(value.upper)}" if value.upper else since


def _said(row: Price) -> str:
    digits = money.exponent(row.currency)
    return f"{Decimal(row.amount).scaleb(-digits):,.{digits}f} {row.currency}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M %Z}"
